"""The cure of `egress_source`: our jumps before what takes the packets, or an exception from it."""

from collections.abc import Iterator, Sequence
from typing import Final

from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.filtering.translation import Decision
from netconsole.backend.model.hoststate import Kind
from netconsole.backend.plan.egress import CHAIN, OUR_JUMP
from netconsole.backend.plan.standing_rules import change
from netconsole.backend.steps import InsertNftRule, Plan, RunProgram
from netconsole.backend.steps import Step as PlanStep
from netconsole.diagnostics.reasoning.taken_sources import Taken

OUR_JUMPS: Final = (f"-j {CHAIN_PREFIX}{CHAIN}", OUR_JUMP)
"""In this order: what is not to be translated comes first."""
_AT_ONCE: Final = 500
"""Addresses in one rule: an argument of a program has 128 KiB at most."""
_MOVED = (
    "Our jumps move before the rule, which stays where it is and serves whatever else it is for. "
    "What set it may set it again, before ours: change it there, so that it leaves out the "
    "instances' range."
)
_EXCEPTED = (
    "The rule stays, and one right before it leaves these instances to the next chain, ours: an "
    "accept decides nothing in a chain that translates. It lasts until the table is loaded anew. "
    "For good, leave the instances' range out where the rule is written"
)
_LOCKED = (
    "The table is locked by the program that made it (flags owner), which alone can change it: "
    "leave the instances' range out there, or give the chain a priority over 100"
)


def cure(ours: FilterChain, taken: Sequence[Taken]) -> Plan | None:
    """Return the steps after which none of it takes the packets; None where a table is locked."""
    if any(_is_locked(each) for each in taken):
        return None
    entries = [each.decision.entry for each in taken if each.other is None]
    moved = _moved(ours, min(entries)) if entries else ()
    backwards = sorted(taken, key=lambda each: -each.decision.place)
    excepted = (step for each in backwards for step in _excepted(each))
    return Plan((*moved, *dict.fromkeys(excepted)))


def remedy(taken: Sequence[Taken]) -> str:
    """Say what the steps do, and what is to be done by hand."""
    others = [each for each in taken if each.other is not None]
    said = [_MOVED] if len(others) < len(taken) else []
    if any(_is_locked(each) for each in others):
        said.append(f"{_LOCKED}: {_shown(others[0])} has it.")
    elif others:
        is_native = any(each.other and each.other.table for each in others)
        more = ", or give its chain a priority over 100" if is_native else ""
        said.append(f"{_EXCEPTED}{more}; {_shown(others[0])} shows it.")
    return " ".join(said)


def _is_locked(taken: Taken) -> bool:
    table = taken.other.table if taken.other else None
    return table is not None and "owner" in table.flags


def _shown(taken: Taken) -> str:
    """The command that shows the rule, with what it is known by."""
    table = taken.other.table if taken.other else None
    chain = taken.decision.chain
    if table is None:
        return f"`iptables-{taken.kind} -t nat -S {chain} {taken.decision.place + 1}`"
    handle = f" (handle {taken.handle})" if taken.handle else ""
    return f"`nft -a list chain {table.family} {table.name} {chain}`{handle}"


def _excepted(taken: Taken) -> Iterator[PlanStep]:
    """Leave those whose packets are taken to the next chain, and nobody else.

    Rules above the one that takes them still decide first. The last place of a chain comes first,
    so that none moves before it is its turn.
    """
    if taken.other is None:
        return
    table, decision = taken.other.table, taken.decision
    addresses: dict[str, list[str]] = {}
    for each in taken.victims:
        addresses.setdefault(each.interface, []).append(each.fixed_address or "")
    for interface, fixed in addresses.items():
        if table is not None:
            for some in (fixed[at : at + _AT_ONCE] for at in range(0, len(fixed), _AT_ONCE)):
                those = f"{{ {', '.join(some)} }}" if some[1:] else some[0]
                more = f" and {len(some) - 1} more leave" if some[1:] else " leaves"
                rule = f'ip saddr {those} oifname "{interface}" accept'
                words = f"netconsole: {some[0]}{more} by {interface}"
                place = (table.family, table.name, decision.chain)
                yield InsertNftRule(*place, rule, words, taken.handle)
        else:
            for address in fixed:
                yield _exception(taken.kind, decision, address, interface)


def _exception(kind: Kind, decision: Decision, address: str, interface: str) -> RunProgram:
    program = (f"iptables-{kind}", "-w", "-t", "nat")
    chain, place = decision.chain, str(decision.place + 1)
    accept = ("-s", address, "-o", interface, "-j", "ACCEPT")
    return RunProgram((*program, "-I", chain, place, *accept), (*program, "-D", chain, *accept))


def _moved(ours: FilterChain, first: int) -> tuple[PlanStep, ...]:
    """Move our jumps before the rule at a place, from 0; the rules of others stay."""
    now = [rule.spec for rule in ours.rules]
    jumps = [spec for spec in now[first:] if spec in OUR_JUMPS]
    others = [spec for spec in now[first:] if spec not in OUR_JUMPS]
    before, after = {CHAIN: now}, {CHAIN: [*now[:first], *jumps, *others]}
    moved = change("ipv4", "nat", before, after)
    return (moved,) if moved else ()
