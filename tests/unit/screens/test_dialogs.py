"""What a dialog shows of a plan that is to be agreed to."""

from netconsole.backend.plan.agreement import Preview
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.screens.pages.dialogs import UNDONE, plan_entries

STEPS = (SetSysctl("net/ipv4/ip_forward", "1", "0"),)


def test_what_is_to_be_known_of_a_plan_stands_before_its_commands() -> None:
    alone = plan_entries(Plan(STEPS), UNDONE)
    assert plan_entries(Preview(STEPS), UNDONE) == alone
    noted = plan_entries(Preview(STEPS, ("mind that",)), UNDONE)
    assert noted[0].text == "mind that"
    assert noted[2:] == alone
    assert plan_entries(Preview((), ("mind that",)), UNDONE)[0].text == "mind that"
