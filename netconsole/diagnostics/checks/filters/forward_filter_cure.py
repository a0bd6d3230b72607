"""The cure of `forward_filter`: an ACCEPT in the very table that drops, no wider than needed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.model.hoststate import Kind
from netconsole.backend.steps import ChangeRules, InsertNftRule, Plan
from netconsole.backend.steps import Step as PlanStep
from netconsole.diagnostics.reasoning.filter_walk import Drop, Ruleset, WalkStep, drops

DOCKER_USER = "DOCKER-USER"
"""Docker jumps to it first and leaves its rules alone (Docker's documentation)."""

REMEDY = (
    "It lets through whatever this table would refuse the guests' bridges, so look at the commands "
    "first. Where a program keeps the table, say the same in its own words: it forgets these."
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

_TableName = Literal["filter", "mangle", "security"]
FILTER_TABLES: Mapping[str, _TableName] = {
    "filter": "filter",
    "mangle": "mangle",
    "security": "security",
}


def cure(found: Sequence[Drop], command: Kind) -> Plan | None:
    """Return the steps that let these flows through; None where a table is locked.

    `command` is the kind of which `iptables` is on the host.
    """
    if any(drop.ruleset.locked for drop in found):
        return None
    tables: dict[tuple[str, ...], list[Drop]] = {}
    for drop in found:
        table = drop.ruleset
        tables.setdefault((table.kind, table.family, table.table, table.entry), []).append(drop)
    return Plan(tuple(step for each in tables.values() for step in _accept(each, command)))


def _accept(found: Sequence[Drop], command: Kind) -> Iterator[PlanStep]:
    """Accept what one table drops, at the guests' interfaces and in these directions alone."""
    ruleset = found[0].ruleset
    flows = tuple(dict.fromkeys(drop.flow for drop in found))
    ways = tuple(dict.fromkeys((_way(flow), flow.bridge) for flow in flows))
    if ruleset.kind == "native":
        for way, bridge in ways:
            yield InsertNftRule(
                ruleset.family,
                ruleset.table,
                ruleset.entry,
                f'{way}ifname "{bridge}" accept',
                f"netconsole: {way}ifname {bridge}",
            )
        return
    rules = tuple(f"-{way} {bridge} -j ACCEPT" for way, bridge in ways)
    chain = _chain(ruleset, flows, rules)
    yield ChangeRules(
        "ipv4",
        FILTER_TABLES[ruleset.table],
        tuple(f"-I {chain} {place} {rule}" for place, rule in enumerate(rules, start=1)),
        tuple(f"-D {chain} {rule}" for rule in reversed(rules)),
        "" if ruleset.kind == command else ruleset.kind,
    )


def _way(flow: Flow) -> str:
    return "i" if flow.into == flow.bridge else "o"


def _chain(ruleset: Ruleset, flows: Sequence[Flow], rules: Sequence[str]) -> str:
    """Return the admin's own chain where rules in it come soon enough, else FORWARD itself."""
    if DOCKER_USER not in ruleset.chains:
        return ruleset.entry
    former = ruleset.chains[DOCKER_USER]
    steps = (*(WalkStep(rule) for rule in rules), *former.steps)
    tried = {**ruleset.chains, DOCKER_USER: replace(former, steps=steps)}
    after = replace(ruleset, chains=tried)
    late = any(drop.certain for drop in drops(after, flows))
    return ruleset.entry if late else DOCKER_USER
