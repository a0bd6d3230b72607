"""What people and programs read: tables, fields and JSON."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from netconsole.backend.model.codec import as_json
from netconsole.backend.model.errors import ExitStatus
from netconsole.backend.model.phrases import count
from netconsole.backend.model.records import FixedIP
from netconsole.cli.frame import output

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Nested:
    zebra: int
    ape: tuple[FixedIP, ...]


def test_json_keeps_the_order_of_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json([Nested(1, (FixedIP(7, "10.0.0.2", 1, leased=True, updated_at=AT),))])
    text = capsys.readouterr().out
    (read,) = json.loads(text)
    assert list(read) == ["zebra", "ape"]
    assert list(read["ape"][0])[:4] == ["id", "address", "network_id", "allocated"]
    assert read["ape"][0]["leased"] is True
    assert read["ape"][0]["host"] is None
    assert read["ape"][0]["updated_at"] == "2026-01-02T03:04:05.678901+00:00"
    assert text.endswith("]\n")


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (ExitStatus.REFUSED, 2),
        (frozenset({"b", "a"}), ["a", "b"]),
        ({1: (True, None)}, {"1": [True, None]}),
    ],
)
def test_encode(value: object, encoded: object) -> None:
    assert json.loads(as_json(value)) == encoded


def test_encode_refuses_what_has_no_form() -> None:
    with pytest.raises(TypeError, match="object"):
        as_json({"key": object()})


def test_table_aligns_words_left_and_numbers_right() -> None:
    rows = [("web1", 5, True), ("a", 1000, False), (None, 0, True)]
    assert list(output.table(("name", "packets", "leased"), rows)) == [
        "NAME  PACKETS  LEASED",
        "web1        5  yes",
        "a        1000  no",
        "-           0  yes",
    ]


def test_table_without_rows_is_its_heading() -> None:
    assert list(output.table(("fixed_address", "pool"), [])) == ["FIXED ADDRESS  POOL"]


def test_a_long_table_comes_while_it_is_made_and_grows_where_it_must() -> None:
    asked = []

    def rows() -> Iterator[tuple[str, int]]:
        for number in range(3 * output.BLOCK):
            asked.append(number)
            yield ("a much longer name" if number == 2 * output.BLOCK else "a", number)

    lines = output.table(("name", "number"), rows())
    assert [next(lines), next(lines)] == ["NAME  NUMBER", "a          0"]
    assert len(asked) == output.BLOCK
    rest = list(lines)
    assert rest[0] == "a          1"
    assert rest[2 * output.BLOCK - 1] == "a much longer name    2000"
    assert rest[-1] == f"a{' ' * 21}2999"


@pytest.mark.parametrize("items", [[], [1], [{"a": [1, "x\ny"]}, {}, [], "é"]])
def test_items_that_come_one_by_one_make_the_json_of_their_list(
    items: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    output.print_json(items)
    whole = capsys.readouterr().out
    output.print_json(iter(items))
    assert capsys.readouterr().out == whole


def test_table_counts_wide_letters_twice() -> None:
    _, first, second = output.table(("a", "b"), [("網路", "x"), ("ab", "x")])
    assert first == "網路  x"
    assert second == "ab    x"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((), "-"),
        ("", "-"),
        (("203.0.113.129", "203.0.113.130"), "203.0.113.129, 203.0.113.130"),
        (AT, "2026-01-02 03:04:05+00:00"),
        ("evil\x1b]0;title\x07\x9b\u202e", r"evil\x1b]0;title\a\u009b\u202e"),
    ],
)
def test_shown(value: object, text: str) -> None:
    assert output.shown(value) == text


def test_count() -> None:
    assert [count(n, "address") for n in (0, 1, 2)] == [
        "0 addresses",
        "1 address",
        "2 addresses",
    ]
