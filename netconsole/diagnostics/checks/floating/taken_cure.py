"""The cure where rules of others take packets: our jumps before them, or an exception from them."""

from collections.abc import Iterator, Sequence
from typing import Final

from netconsole.backend.filtering.nat_order import PRIORITIES
from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.filtering.walk import Decision
from netconsole.backend.model.table_names import Kind
from netconsole.backend.plan.nat_ways import IN, NatWay
from netconsole.backend.plan.standing_rules import change
from netconsole.backend.steps import InsertNftRule, Plan, RunProgram
from netconsole.backend.steps import Step as PlanStep
from netconsole.diagnostics.reasoning.taken import Taken

_AT_ONCE: Final = 500
"""Addresses in one rule: an argument of a program has 128 KiB at most."""
_MOVED = (
    "Our jumps move before the rule, which stays where it is and serves whatever else it is for. "
    "What set it may set it again, before ours: change it there, so that it leaves out {range}."
)
_EXCEPTED = (
    "The rule stays, and one right before it leaves these addresses to the next chain, ours: an "
    "accept decides nothing in a chain that translates. It lasts until the table is loaded anew. "
    "For good, leave {range} out where the rule is written"
)
_LOCKED = (
    "The table is locked by the program that made it (flags owner), which alone can change it: "
    "leave {range} out there, or give the chain a priority over {priority}"
)


def cure(ours: FilterChain, taken: Sequence[Taken], way: NatWay) -> Plan | None:
    """Return the steps after which none of it takes the packets; None where a table is locked."""
    if any(_is_locked(each) for each in taken):
        return None
    entries = [each.decision.entry for each in taken if each.other is None]
    moved = _moved(ours, min(entries), way) if entries else ()
    backwards = sorted(taken, key=lambda each: -each.decision.place)
    excepted = (step for each in backwards for step in _excepted(each, way))
    return Plan((*moved, *dict.fromkeys(excepted)))


def remedy(taken: Sequence[Taken], way: NatWay) -> str:
    """Say what the steps do, and what is to be done by hand."""
    words = {
        "range": "the floating addresses" if way is IN else "the instances' range",
        "priority": str(PRIORITIES[way.hook]),
    }
    others = [each for each in taken if each.other is not None]
    said = [_MOVED.format(**words)] if len(others) < len(taken) else []
    if any(_is_locked(each) for each in others):
        said.append(f"{_LOCKED.format(**words)}: {_shown(others[0])} has it.")
    elif others:
        is_native = any(each.other and each.other.table for each in others)
        more = f", or give its chain a priority over {words['priority']}" if is_native else ""
        said.append(f"{_EXCEPTED.format(**words)}{more}; {_shown(others[0])} shows it.")
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


def _excepted(taken: Taken, way: NatWay) -> Iterator[PlanStep]:
    """Leave those whose packets are taken to the next chain, and nobody else.

    Rules above the one that takes them still decide first. The last place of a chain comes first,
    so that none moves before it is its turn.
    """
    if taken.other is None:
        return
    table, decision = taken.other.table, taken.decision
    addresses: dict[str, list[str]] = {}
    for each in taken.victims:
        own = each.address if way is IN else each.fixed_address or ""
        addresses.setdefault(each.interface, []).append(own)
    for interface, every in addresses.items():
        if table is None:
            for address in every:
                yield _exception(taken.kind, decision, address, interface, way)
            continue
        place = (table.family, table.name, decision.chain)
        for some in (every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE)):
            yield InsertNftRule(*place, *_native(some, interface, way), taken.handle)


def _native(addresses: Sequence[str], interface: str, way: NatWay) -> tuple[str, str]:
    """A rule of nft that takes nothing of these addresses, and what it is known by."""
    first, *others = addresses
    those = f"{{ {', '.join(addresses)} }}" if others else first
    who = f"{first} and {len(others)} more" if others else first
    if way is IN:
        rule = f'ip daddr {those} iifname "{interface}" accept'
        verb = "come in" if others else "comes in"
    else:
        rule = f'ip saddr {those} oifname "{interface}" accept'
        verb = "leave" if others else "leaves"
    return rule, f"netconsole: {who} {verb} by {interface}"


def _exception(
    kind: Kind, decision: Decision, address: str, interface: str, way: NatWay
) -> RunProgram:
    program = (f"iptables-{kind}", "-w", "-t", "nat")
    chain, place = decision.chain, str(decision.place + 1)
    condition = ("-d", address, "-i") if way is IN else ("-s", address, "-o")
    accept = (*condition, interface, "-j", "ACCEPT")
    return RunProgram((*program, "-I", chain, place, *accept), (*program, "-D", chain, *accept))


def _moved(ours: FilterChain, first: int, way: NatWay) -> tuple[PlanStep, ...]:
    """Move our jumps before the rule at a place, from 0; the rules of others stay."""
    now = [rule.spec for rule in ours.rules]
    jumps = [spec for spec in now[first:] if spec in way.jumps]
    others = [spec for spec in now[first:] if spec not in way.jumps]
    before, after = {way.chain: now}, {way.chain: [*now[:first], *jumps, *others]}
    moved = change("ipv4", "nat", before, after)
    return (moved,) if moved else ()
