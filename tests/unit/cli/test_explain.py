"""`explain` and `playbook show` as JSON: all that their pages say."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from netconsole.cli.explain import explain
from netconsole.cli.playbook import playbook
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.playbooks import PLAYBOOKS

LISTED = {"check", "catalogue", "title"}


def said(*words: str) -> Any:
    command = {"explain": explain, "playbook": playbook}[words[0]]
    done = CliRunner().invoke(command, [*words[1:], "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_checks_are_listed_without_and_with_their_pages() -> None:
    listed, pages = said("explain"), said("explain", "--all")
    assert [each["check"] for each in listed] == [each["check"] for each in pages] == list(CHECKS)
    assert {frozenset(each) for each in listed} == {frozenset(LISTED)}
    assert {frozenset(each) for each in pages} == {frozenset({*LISTED, "page"})}


def test_a_page_has_every_section_as_it_is_printed() -> None:
    (page, printed) = said("explain", "rp_filter")["page"], CHECKS["rp_filter"].page
    for name in ("symptom", "cause", "evidence", "cure", "source"):
        assert page[name] == getattr(printed, name)
    assert [tuple(each.values()) for each in page["look_alikes"]] == list(printed.look_alikes)
    assert said("explain", "A1") == said("explain", "rp_filter")


@pytest.mark.parametrize("name", ["floating-unreachable", "hairpin"])
def test_a_playbook_has_its_stages_in_their_order(name: str) -> None:
    shown = said("playbook", "show", name)
    assert shown["name"] == name
    assert all(stage["page"]["cause"] for stage in shown["stages"])
    wanted = [stage.check for stage in PLAYBOOKS[name].stages] if name in PLAYBOOKS else [name]
    assert [stage["check"] for stage in shown["stages"]] == wanted
