"""Differences: in which facilities two surveys of a host are not the same. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from netconsole.backend.model.facility import Facility
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule
from netconsole.backend.survey.survey import Survey

_APART: Final = (".leases", ".pid")
"""Files of dnsmasq's that have a reader of their own, or say nothing but which process it is."""


def differing(was: Survey, now: Survey) -> frozenset[Facility]:
    """Return where they differ; what of the host no plan compares counts as well."""
    found = set(differing_host(was.observed, now.observed))
    if (was.records, was.usage, was.wanted_unknown) != (now.records, now.usage, now.wanted_unknown):
        found.add(Facility.STORE)
    if was.wanted is not now.wanted and was.wanted != now.wanted:
        found.add(Facility.STORE)
    if was.another != now.another:
        found.add(Facility.MARK)
    if was.unfinished != now.unfinished:
        found.add(Facility.JOURNAL)
    return frozenset(found)


def differing_host(was: Observed, now: Observed) -> frozenset[Facility]:
    """Return where the host differs, also by what no plan compares: a carrier, a process'
    number."""
    found = {
        facility
        for facility, (fields, told) in _TOLD.items()
        if any(getattr(was, each) is not getattr(now, each) for each in fields)
        and told(was) != told(now)
    }
    found.update(_unread(was.unreadable, now.unreadable))
    if Facility.RULES not in found and _have_moved(was.chains, now.chains):
        found.add(Facility.COUNTERS)
    return frozenset(found)


def _links(seen: Observed) -> object:
    return {
        name: (each, each.carrier, each.forwarding, each.other_names)
        for name, each in seen.links.items()
    }


def _rules(seen: Observed) -> object:
    others = seen.other_chains, seen.other_kind, seen.missing_program
    return seen.chains, *others, seen.leading_maps


def _processes(seen: Observed) -> object:
    return [(each, each.pids, each.stopped, each.configured) for each in seen.dnsmasq]


def _files(seen: Observed) -> object:
    told = {path: file for path, file in seen.files.items() if not path.endswith(_APART)}
    return told, seen.directories, seen.networks_unfit


_TOLD: Final[Mapping[Facility, tuple[tuple[str, ...], Callable[[Observed], object]]]] = {
    Facility.LINKS: (("links",), _links),
    Facility.ADDRESSES: (("addresses",), lambda seen: seen.addresses),
    Facility.ROUTES: (("belongings",), lambda seen: seen.belongings),
    Facility.RULES: (
        ("chains", "other_chains", "other_kind", "missing_program", "leading_maps"),
        _rules,
    ),
    Facility.GUARDS: (("guard_table",), lambda seen: seen.guard_table),
    Facility.SETTINGS: (("sysctls",), lambda seen: seen.sysctls),
    Facility.LISTENERS: (("listening",), lambda seen: seen.listening),
    Facility.DNSMASQ: (("dnsmasq",), _processes),
    Facility.HOSTS: (("dhcp_hosts",), lambda seen: seen.dhcp_hosts),
    Facility.FILES: (("files", "directories", "networks_unfit"), _files),
    Facility.LEASES: (("leases",), lambda seen: seen.leases),
    Facility.MARK: (("mark",), lambda seen: seen.mark),
}
"""Of each facility the fields of what is observed, and what of them counts. Fields that are the
very same object in both need no comparison."""


def _unread(was: Mapping[str, str], now: Mapping[str, str]) -> Iterable[Facility]:
    """Of which facilities it differs what could not be read, or why."""
    named = {
        "rules": Facility.RULES,
        "guards": Facility.GUARDS,
        "mark": Facility.MARK,
        "journal": Facility.JOURNAL,
        "store": Facility.STORE,
        "plan": Facility.STORE,
    }
    parts = {*was, *now}
    return {named.get(each, Facility.FILES) for each in parts if was.get(each) != now.get(each)}


def _have_moved(
    was: Mapping[ChainKey, tuple[Rule, ...]], now: Mapping[ChainKey, tuple[Rule, ...]]
) -> bool:
    """Whether counters of the same rules have."""
    return any(
        (then.packets, then.bytes) != (since.packets, since.bytes)
        for key, rules in now.items()
        if rules is not was[key]
        for then, since in zip(was[key], rules, strict=True)
    )
