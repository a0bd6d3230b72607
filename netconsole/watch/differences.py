"""Differences: in which facilities two surveys of a host are not the same. Pure."""

from collections.abc import Mapping

from netconsole.backend.model.facility import Facility
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule
from netconsole.backend.survey.survey import Survey


def differing(before: Survey, now: Survey) -> frozenset[Facility]:
    """Where they differ.

    What cannot be read is a difference of the store: there is no telling of which part it is.
    """
    was, seen = before.observed, now.observed
    pairs: dict[Facility, tuple[object, object]] = {
        Facility.LINKS: (_links(was), _links(seen)),
        Facility.ADDRESSES: (was.addresses, seen.addresses),
        Facility.ROUTES: (was.belongings, seen.belongings),
        Facility.RULES: (
            (was.chains, was.other_chains, was.other_kind, was.missing_program, was.leading_maps),
            (
                *(seen.chains, seen.other_chains),
                *(seen.other_kind, seen.missing_program, seen.leading_maps),
            ),
        ),
        Facility.GUARDS: (was.guard_table, seen.guard_table),
        Facility.SETTINGS: (was.sysctls, seen.sysctls),
        Facility.DNSMASQ: (_processes(was), _processes(seen)),
        Facility.FILES: (
            (was.dhcp_hosts, was.files, was.directories),
            (seen.dhcp_hosts, seen.files, seen.directories),
        ),
        Facility.LEASES: (was.leases, seen.leases),
        Facility.MARK: ((was.mark, before.another), (seen.mark, now.another)),
        Facility.STORE: (
            (before.records, before.usage, before.wanted, was.unreadable),
            (now.records, now.usage, now.wanted, seen.unreadable),
        ),
        Facility.JOURNAL: (before.unfinished, now.unfinished),
    }
    found = {facility for facility, (then, since) in pairs.items() if then != since}
    if Facility.RULES not in found and _counted(was.chains) != _counted(seen.chains):
        found.add(Facility.COUNTERS)
    return frozenset(found)


def _links(seen: Observed) -> list[tuple[object, ...]]:
    """With what no plan compares of a link: whether somebody is at its other end, say."""
    return [(each, each.carrier, each.forwarding, each.other_names) for each in seen.links.values()]


def _processes(seen: Observed) -> list[tuple[object, ...]]:
    return [(each, each.pids, each.stopped, each.configured) for each in seen.dnsmasq]


def _counted(chains: Mapping[ChainKey, tuple[Rule, ...]]) -> list[tuple[int, int]]:
    return [(rule.packets, rule.bytes) for rules in chains.values() for rule in rules]
