"""The pane of groups, and what a guest's page says may reach it."""

from dataclasses import replace

from evidence_samples import HEALTHY

from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.survey.status import GroupRuleStatus, SecurityGroupStatus, Status
from netconsole.screens.panes import allocations, groups
from netconsole.screens.rows.marks import glyphs_for

GLYPHS = glyphs_for({"LANG": "C.UTF-8"})
SSH = GroupRuleStatus(
    SecurityGroupRule(1, 1, "tcp", 22, 22, "::/0"), None, None, "tcp 22 from ::/0"
)
ALL = GroupRuleStatus(
    SecurityGroupRule(2, 2, group_id=1), "web", "demo", "everything from group web"
)
WEB = SecurityGroupStatus(1, "web", "demo", (SSH,), ("web1",), lets_everything_in=False)
DB = SecurityGroupStatus(2, "db", "demo", (ALL,), (), lets_everything_in=False)


def status(*shown: SecurityGroupStatus) -> Status:
    return replace(HEALTHY, security_groups=shown)


def test_a_group_is_shown_with_what_it_lets_in_and_by_whom_it_is_let_in() -> None:
    seen = status(WEB, replace(DB, lets_everything_in=True))
    first, second = groups.rows(seen, None, GLYPHS)
    assert first.cells == ("web", "demo", "1", "tcp 22 from ::/0", "1")
    assert (first.attention, second.attention) == (False, True)
    told = {entry.label: entry.text for entry in groups.describe(seen, "1", GLYPHS)}
    assert told["let in by"] == "db of demo"
    assert groups.describe(seen, "3", GLYPHS) == ()


def test_a_guests_page_says_what_may_reach_it() -> None:
    (allocation,) = allocations.rows(status(WEB, DB), None, GLYPHS)

    def texts(*shown: SecurityGroupStatus) -> list[str]:
        return [each.text for each in allocations.describe(status(*shown), allocation.key, GLYPHS)]

    assert texts(WEB, DB)[-2:] == ["What may reach it", "tcp 22 from ::/0"]
    assert texts(DB)[-1].startswith("nothing: no rule")
    seen = status(WEB, replace(DB, instances=("web1",)))
    told = {e.label: e.text for e in allocations.describe(seen, allocation.key, GLYPHS)}
    assert told["groups"] == "web, db"
    off = replace(seen, host=replace(seen.host, groups_off=True))
    assert allocations.describe(off, allocation.key, GLYPHS)[-1].text.startswith("everything:")
