"""Parts: what the whole host holds, one reader a facility, each read anew by itself."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

from netconsole.backend.host import dnsmasq, filters, guards, mark
from netconsole.backend.kernel import links, settings
from netconsole.backend.kernel.listeners import tcp_listeners
from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.facility import EVERYTHING_AGAIN, Again, Facility
from netconsole.backend.model.hoststate import Observed, ObservedLink
from netconsole.backend.system import files
from netconsole.backend.wording import dhcp

Parts = Mapping[Facility, Observed]
"""What the reader of each facility said; each has filled in what is its own."""

MOST_LINKS: Final = 32
"""Asked for one by one; of more, the host is asked for all that there are."""
_PROGRAMS: Final = (Facility.RULES, Facility.ADDRESSES)
"""Of many rules and addresses the programs take the longest: the rest is seen meanwhile."""


def read(
    networks_path: str,
    sysctl_keys: Iterable[str],
    former: Parts | None = None,
    again: Again = EVERYTHING_AGAIN,
) -> Parts:
    """Read the host: all of it, or, over what was seen before, what is to be read again.

    Rules that were seen before are true as long as the packet filter has their generation, unless
    their counters are asked for.
    """
    former = former or {}
    readers = _readers(networks_path, tuple(sysctl_keys), former, again)
    due = [each for each in readers if each not in former or each in again.facilities]
    if Facility.COUNTERS in again.facilities and Facility.RULES not in due:
        due.append(Facility.RULES)
    aside = [each for each in _PROGRAMS if each in due] if len(due) > 1 else []
    with ThreadPoolExecutor(max_workers=len(_PROGRAMS)) as threads:
        asked = {each: threads.submit(readers[each]) for each in aside}
        found = {each: readers[each]() for each in due if each not in asked}
        found |= {each: answer.result() for each, answer in asked.items()}
    return {**former, **found}


def _readers(
    networks_path: str, sysctl_keys: tuple[str, ...], former: Parts, again: Again
) -> dict[Facility, Callable[[], Observed]]:
    counted = Facility.COUNTERS in again.facilities
    known = Observed() if counted else former.get(Facility.RULES, Observed())
    linked = former.get(Facility.LINKS)
    return {
        Facility.RULES: partial(rules, known),
        Facility.ADDRESSES: lambda: Observed(addresses=links.observe_addresses()),
        Facility.LINKS: lambda: Observed(links=_links(linked, again.links)),
        Facility.SETTINGS: lambda: Observed(sysctls=settings.observe(sysctl_keys)),
        Facility.LISTENERS: _listeners,
        Facility.DNSMASQ: lambda: Observed(dnsmasq=dnsmasq.observe(networks_path)),
        Facility.HOSTS: partial(_hosts, networks_path),
        Facility.FILES: partial(_files, networks_path),
        Facility.LEASES: partial(_leases, networks_path),
        Facility.GUARDS: guards.observe,
        Facility.MARK: marked,
    }


def together(parts: Parts) -> Observed:
    """Put the parts together. What could not be read in one is told of in the whole."""
    if not parts:
        return Observed()
    filtered, guarded = parts[Facility.RULES], parts[Facility.GUARDS]
    hosts, own = parts[Facility.HOSTS], parts[Facility.FILES]
    leased, marking = parts[Facility.LEASES], parts[Facility.MARK]
    return Observed(
        links=parts[Facility.LINKS].links,
        sysctls=parts[Facility.SETTINGS].sysctls,
        addresses=parts[Facility.ADDRESSES].addresses,
        chains=filtered.chains,
        generation=filtered.generation,
        other_kind=filtered.other_kind,
        other_chains=filtered.other_chains,
        missing_program=filtered.missing_program,
        listening=parts[Facility.LISTENERS].listening,
        dnsmasq=parts[Facility.DNSMASQ].dnsmasq,
        dhcp_hosts=hosts.dhcp_hosts,
        files=own.files,
        directories=own.directories,
        networks_unfit=own.networks_unfit,
        leases=leased.leases,
        guards=guarded.guards,
        guard_table=guarded.guard_table,
        mark=marking.mark,
        unreadable={
            **filtered.unreadable,
            **hosts.unreadable,
            **own.unreadable,
            **leased.unreadable,
            **guarded.unreadable,
            **marking.unreadable,
        },
    )


def _links(former: Observed | None, names: frozenset[str] | None) -> Mapping[str, ObservedLink]:
    """Every link; only some of those that were seen before are asked for again.

    Of one that is gone, others may have told: those that were its ports, or stood on it. The
    carrier of a bridge turns on its ports, and the kernel tells of it later.
    """
    if former is None or names is None or len(names) > MOST_LINKS:
        return links.observe_links()
    bridges = (former.links[each].master for each in names if each in former.links)
    names |= {each for each in bridges if each is not None}
    found, _ = links.observe_some(names)
    gone = names - found.keys()
    beside = {
        each.name
        for each in former.links.values()
        if not gone.isdisjoint((each.master, each.peer, each.parent)) and each.name not in names
    }
    if len(beside) > MOST_LINKS:
        return links.observe_links()
    if beside:
        found |= links.observe_some(beside)[0]
    stay = {name: each for name, each in former.links.items() if name not in names | beside}
    order = former.links if found.keys() <= former.links.keys() else links.in_kernels_order()
    return {name: link for name in order if (link := found.get(name) or stay.get(name))}


def _listeners() -> Observed:
    """At which ports somebody listens: nothing else turns on that, so it may stay unknown."""
    try:
        return Observed(listening=tcp_listeners())
    except OSError:
        return Observed()


def _hosts(networks_path: str) -> Observed:
    is_ours = partial(dhcp.bridge_of, networks_path)
    seen = files.observe_all(sorted(filter(is_ours, files.directories(networks_path))))
    return Observed(dhcp_hosts=seen.files, unreadable=seen.unread)


def _files(networks_path: str) -> Observed:
    is_ours = partial(dhcp.bridge_of, networks_path)
    seen = files.observe(networks_path, is_ours, dhcp.is_of_hosts)
    there = files.directories(networks_path)
    unfit = files.unfit_directory(networks_path)
    return Observed(
        files=seen.files, directories=there, networks_unfit=unfit, unreadable=seen.unread
    )


def _leases(networks_path: str) -> Observed:
    seen = dnsmasq.observe_leases(networks_path)
    return Observed(leases=seen.of_bridges, unreadable=seen.unread)


def marked() -> Observed:
    """From which store the host was configured."""
    try:
        return Observed(mark=mark.read())
    except Unavailable as error:
        return Observed(unreadable={"mark": str(error)})


def rules(known: Observed, *, only_ipv4: bool = False) -> Observed:
    """Return the chains of every family; none of what is `known` is asked for as long as it is
    true."""
    try:
        seen = filters.observe(known)
        if only_ipv4:
            return seen
        bridge = filters.observe_bridge()
        ipv6 = filters.observe_ipv6(needed=False)
        other = filters.observe_other()
    except NetconsoleError as error:
        return Observed(unreadable={"rules": str(error)})
    return replace(
        other,
        chains={**seen.chains, **ipv6.chains, **bridge.chains},
        generation=seen.generation,
        saved=(*seen.saved, *other.saved),
        unreadable={
            **other.unreadable,
            **bridge.unreadable,
            **ipv6.unreadable,
            **seen.unreadable,
        },
    )
