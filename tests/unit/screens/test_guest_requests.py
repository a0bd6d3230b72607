"""The pane of what instances ask the metadata service: its rows, its words, its order."""

from datetime import UTC, datetime, timedelta

import pytest

from netconsole.backend.model.guest_requests import GuestRequest, GuestRequests
from netconsole.screens.panes.guest_requests import COLUMNS, age, describe, remark, rows
from netconsole.screens.rows.marks import glyphs_for
from netconsole.screens.rows.pane import Row

GLYPHS = glyphs_for({"LANG": "C.UTF-8"})
NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def request(status: int, path: str = "/openstack", seconds_ago: float = 7) -> GuestRequest:
    return GuestRequest(NOW - timedelta(seconds=seconds_ago), "GET", path, status, 0.00234)


def asked(instance: str, *recent: GuestRequest, refused: int = 0) -> GuestRequests:
    return GuestRequests(instance, len(recent), refused, recent[-1], recent)


SILENT = GuestRequests("web9", is_silent=True)
WITHOUT_LEASE = GuestRequests("db1")
WEB1 = asked("web1", request(200), request(404, "/nothing"), refused=1)


def cells(row: Row) -> dict[str, str]:
    return {column.title: cell for column, cell in zip(COLUMNS, row.cells, strict=True)}


def test_who_has_a_lease_and_is_silent_comes_first_and_in_words() -> None:
    silent, waiting, asking = rows((WEB1, WITHOUT_LEASE, SILENT), NOW, GLYPHS)
    assert (silent.key, waiting.key, asking.key) == ("web9", "db1", "web1")
    told = cells(silent)
    assert told["status"] == "silent ?"
    assert told["last request"] == "none since its lease"
    assert (silent.tone, silent.attention) == ("warning", True)
    assert "no lease" in cells(waiting)["last request"]
    assert (waiting.tone, waiting.attention) == ("quiet", False)


def test_a_row_is_the_last_request_with_how_many_there_were() -> None:
    (row,) = rows((WEB1,), NOW, GLYPHS)
    assert cells(row) == {
        "instance": "web1",
        "status": "404",
        "requests": "2",
        "refused": "1",
        "age": "7s",
        "ms": "2.3",
        "last request": "GET /nothing",
    }


@pytest.mark.parametrize(
    ("status", "tone", "attention"),
    [(200, "good", False), (404, "plain", False), (429, "plain", False), (500, "bad", True)],
)
def test_what_failed_is_loud_and_what_is_not_there_is_not(
    status: int, tone: str, attention: bool
) -> None:
    (row,) = rows((asked("web1", request(status)),), NOW, GLYPHS)
    assert (row.tone, row.attention) == (tone, attention)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (90000, "1d")],
)
def test_an_age_is_in_its_largest_unit(seconds: float, shown: str) -> None:
    assert age(timedelta(seconds=seconds)) == shown


def test_a_page_tells_the_last_requests_the_newest_first() -> None:
    texts = [entry.text for entry in describe((SILENT, WEB1), "web1")]
    told = [text for text in texts if " GET " in text]
    assert [text.partition(" GET ")[2] for text in told] == ["/nothing", "/openstack"]
    assert any(text.startswith("2, of which 1 refused") for text in texts)
    assert describe((WEB1,), "gone") == ()


def test_the_page_of_a_silent_one_says_how_to_go_on() -> None:
    commands = [entry.text for entry in describe((SILENT,), "web9") if entry.command]
    assert commands == ["netconsole playbook run no-metadata"]
    assert not any(entry.command for entry in describe((WITHOUT_LEASE,), "db1"))


def test_silent_ones_are_counted() -> None:
    assert remark((WEB1, WITHOUT_LEASE)) == ""
    assert remark((WEB1, SILENT)).startswith("1 instance has a lease and has asked for nothing")
    two = (SILENT, GuestRequests("web8", is_silent=True))
    assert remark(two).startswith("2 instances have a lease and have asked for nothing")
