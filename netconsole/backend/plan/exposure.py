"""Exposure: ports that are in a bridge though what holds their guests is not all there. Pure.

So a repair that fails leaves them, as where somebody flushed the packet filter and it takes no
rules. Taken down, they pass nothing until a repair comes through.
"""

from collections.abc import Iterable

from netconsole.backend.filtering import rules
from netconsole.backend.model import subject
from netconsole.backend.model.guards import BY_EBTABLES, of_devices
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.subject import HOST, Subject
from netconsole.backend.plan import guards, moves
from netconsole.backend.plan.guests import filtering
from netconsole.backend.steps import Plan, SetLink
from netconsole.backend.wording.bridge_guards import state_of_port
from netconsole.backend.wording.groups import ways_to_guests


def exposed(observed: Observed, wanted: Wanted) -> tuple[str, ...]:
    """Return the ports that are exposed; what could not be read exposes none."""
    unfiltered = frozenset() if "rules" in observed.unreadable else _unfiltered(observed, wanted)
    return tuple(
        name
        for name, link in wanted.links.items()
        for found in (observed.links.get(name),)
        if link.kind in ("tap", "veth") and found is not None and found.up and found.master
        if not unfiltered.isdisjoint((HOST, subject.port(name)))
        or _is_unguarded(name, observed, wanted)
    )


def closing(ports: Iterable[str], wanted: Wanted) -> Plan:
    """Return the steps that take ports down."""
    links = (wanted.links[name] for name in ports)
    return Plan(
        tuple(
            SetLink(link.name, "up", "0", "1", kind=link.kind, subjects=link.subjects)
            for link in links
        )
    )


def _is_unguarded(name: str, observed: Observed, wanted: Wanted) -> bool:
    if name not in wanted.guards or "guards" in observed.unreadable:
        return False
    if BY_EBTABLES in wanted.unsupported:
        is_read = "rules" not in observed.unreadable
        return is_read and state_of_port(observed.chains, wanted.chains, name) != "on"
    return not of_devices(wanted.guard_table, ("", name)) <= observed.guard_table


def _unfiltered(observed: Observed, wanted: Wanted) -> frozenset[Subject]:
    """The ports of guests whom not all filters that should, the host where that is so of all.

    What a group lets in is not among that: without it the guest is more closed, not less.
    """
    chains = filtering(wanted.chains)
    for family in {key.family for key in chains}:
        chains |= {
            ChainKey(family, "filter", chain): tuple(jumps)
            for chain, jumps in ways_to_guests().items()
        }
    lacking: dict[ChainKey, list[Rule]] = {}
    for key, found in chains.items():
        held = frozenset(rules.specs(observed.chains.get(key, ())))
        if lost := [rule for rule in found if rule.spec not in held and _holds(rule)]:
            lacking[key] = lost
    about = {rule.subject for lost in lacking.values() for rule in lost}
    ways = (  # an instance has one chain, and may have several ports
        (rule.subject, key._replace(chain=rule.spec.rpartition("-j ")[2]))
        for key, found in chains.items()
        for rule in found
    )
    about |= {each for each, to in ways if to in lacking and each != HOST}
    return frozenset(each for each in about if each is not None)


def _holds(rule: Rule) -> bool:
    return rule.subject is not None and rule.subject.kind != "group"


def needs_mending(observed: Observed, wanted: Wanted) -> bool:
    """Whether it is to be asked what was wanted before a change of the whole host.

    Ports that it removes, and guards that it takes off, are there until then, and are there again
    when it is taken back.
    """
    return (
        moves.ports_leave(observed, wanted)
        or bool(guards.taken_off(observed, wanted))
        or bool(exposed(observed, wanted))
    )
