"""The cure of `forward_filter`: an ACCEPT in the very table that drops, no wider than needed."""

from collections.abc import Sequence
from dataclasses import replace

from netconsole.backend.model.table_names import Kind
from netconsole.backend.steps import Plan
from netconsole.diagnostics.reasoning.acceptance import (
    Acceptance,
    acceptance,
)
from netconsole.diagnostics.reasoning.displaced import let_pass_or_move
from netconsole.diagnostics.reasoning.filter_walk import (
    Drop,
    WalkPlace,
    WalkStep,
    drops,
)

DOCKER_USER = "DOCKER-USER"
"""Docker jumps to it first and leaves its rules alone (Docker's documentation)."""

REMEDY = (
    "It lets the guests pass right before what drops them, by our jumps where these stand behind "
    "it: the rules above still decide first, so look at the commands. Where a program keeps the "
    "table, say the same in its own words: it forgets these."
)
LOCKED = (
    "The table is locked by the program that made it (flags owner), which alone can change it: "
    "`firewall-cmd --zone=trusted --add-interface=BRIDGE` and a policy that lets in what comes for "
    "the guests, both with --permanent as well."
)
AT_NEXT_START = (
    "not kept: the program that made the rule makes it again at its next start or reload, and "
    "only its own configuration can say otherwise"
)


def cure(found: Sequence[Drop], command: Kind) -> Plan | None:
    """Return the steps that let these flows through; None where a table is locked.

    `command` is the kind of which `iptables` is on the host.
    """
    return let_pass_or_move(found, command, elsewhere=_in_docker_user)


def _in_docker_user(drop: Drop) -> Acceptance | None:
    """Return the rule in the admin's own chain where it comes soon enough, and not too soon.

    It stands before the first rule that returns the flow, behind those of the admin. Too soon it
    would come for rules further on that drop some packets of the flow.
    """
    ruleset, flow = drop.ruleset, drop.flow
    chain = ruleset.chains.get(DOCKER_USER)
    if chain is None or ruleset.kind == "native":
        return None
    readings = enumerate((ruleset.read(step.text, flow) for step in chain.steps), start=1)
    position = next((n for n, rule in readings if rule.fit and rule.action == "return"), 0)
    step = chain.steps[position - 1] if position else WalkStep("the end")
    found = acceptance(drop, WalkPlace(DOCKER_USER, position, step))
    steps = list(chain.steps)
    steps.insert(position - 1 if position else len(steps), WalkStep(found.rule))
    tried = {**ruleset.chains, DOCKER_USER: replace(chain, steps=tuple(steps))}
    after = drops(replace(ruleset, chains=tried), (flow,))
    late = any(each.certain for each in after)
    return None if late or _picks(after) != _picks(drops(ruleset, (flow,))) else found


def _picks(found: Sequence[Drop]) -> list[tuple[str, str]]:
    """The rules that drop some packets of a flow."""
    return [(each.chain, each.text) for each in found if not each.certain]
