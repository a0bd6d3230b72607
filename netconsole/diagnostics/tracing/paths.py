"""Which paths matter on a host, and whose are tried where there are many. Pure."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from netconsole.backend.model.group_rules import Attempt, admits, is_within
from netconsole.backend.model.subject import METADATA, METADATA_ADDRESS
from netconsole.backend.survey.status import Allocation, NetworkStatus, Status
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.journeys import Purpose
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.route_lookup import default_route
from netconsole.diagnostics.tracing.ends import DNS_PORT, HOST, OUTSIDE, TraceRequest

MOST_INSTANCES: Final = 6
"""Whose paths are tried."""
BURST: Final = 3
"""Echo requests at once from outside: what counts them lets the first by."""
_NEIGHBOURS_OF_TARGET: Final = 2
"""So that one that is at fault itself is told from the instance that is asked about."""
_MOST_SERVERS: Final = 3
_MOST_SOURCES: Final = 4
"""Of those that are asked for, tried."""
_WEB: Final = 80
_WORLD_PORTS: Final = (80, 443, 47_808)
"""What everybody needs, and what nobody names: who may use which, is an admin's choice. The
first is what proxies take from guests."""
_DATA_PORTS: Final = (443, 47_808)
"""Those of them that are tried with data as well."""
_PORTS: Final = (_WEB, 22)
"""Of TCP: what groups admit most often comes first."""
_REQUEST: Final = b"GET / HTTP/1.0\r\nUser-Agent: " + b"x" * 900 + b"\r\n\r\n"
"""As long as requests of browsers are: filters look into them, and at how long they are."""


@dataclass(frozen=True, slots=True)
class TriedPath:
    """One that is to be tried, for whom, and with which packet."""

    purpose: Purpose
    instance: str
    network: str
    request: TraceRequest


@dataclass(frozen=True, slots=True)
class ChosenPaths:
    """All that are to be tried."""

    paths: tuple[TriedPath, ...]
    untried: int
    beyond: str
    """The router that this host asks itself as well; empty where it has none."""


@dataclass(frozen=True, slots=True)
class PathEnds:
    """What is known of whom to try."""

    silent: Container[str] = ()
    """Addresses of instances that did not answer."""
    sources: Sequence[str] = ()
    """Addresses outside from which floating ones are to be reached."""
    servers: Sequence[tuple[str, str]] = ()
    """Networks, each with a name server that its dnsmasq asks."""


def paths(status: Status, routing: Routing, target: Target | None, ends: PathEnds) -> ChosenPaths:
    """Return the paths of the target, or of instances that stand for all of the host.

    Those whose addresses do not answer come first, then those whose ports were changed by others,
    then one for each network and set of groups, with and without a floating address. From outside
    the router sends, and each of the sources.
    """
    default = default_route(routing)
    beyond = default.gateway if default else ""
    here = [each for each in status.allocations if _is_here(each)]
    chosen = _chosen(here, status, target, ends.silent)
    found = tuple(
        path
        for each in chosen
        for path in _of_instance(
            *(each, here, status, beyond, ends.sources),
            neighbours=_NEIGHBOURS_OF_TARGET if target and target.instance else 1,
        )
    )
    if found:
        found += tuple(_to_servers(ends.servers, {each.network for each in chosen}))
    asked = len(here) if target is None else len(chosen)
    return ChosenPaths(found, max(0, asked - len(chosen)), beyond)


def _to_servers(
    servers: Iterable[tuple[str, str]], networks: Container[str]
) -> Iterator[TriedPath]:
    """What dnsmasq asks for guests, it asks as this host."""
    asked = {server: network for network, server in servers if network in networks}
    for server, network in islice(asked.items(), _MOST_SERVERS):
        yield TriedPath("servers", "", network, TraceRequest(HOST, server, "dns", DNS_PORT))


def _is_here(each: Allocation) -> bool:
    return each.allocated and bool(each.device) and each.device_state == "up"


def _chosen(
    here: Sequence[Allocation], status: Status, target: Target | None, silent: Container[str]
) -> Sequence[Allocation]:
    if target is not None and target.instance:
        return [each for each in here if each.instance == target.instance]
    asked = [
        each
        for each in here
        if target is None or not target.network or each.network == target.network
    ]
    if len(asked) <= MOST_INSTANCES:
        return asked
    alike = _likeness(asked, status)
    first = {alike[each.instance, each.address]: each for each in reversed(asked)}
    drifted = _drifted(status)
    ordered = sorted(
        asked,
        key=lambda each: (
            each.address not in silent,
            each.device not in drifted,
            each not in first.values(),
        ),
    )
    return ordered[:MOST_INSTANCES]


def _likeness(
    asked: Iterable[Allocation], status: Status
) -> dict[tuple[str, str], tuple[str, bool, frozenset[int]]]:
    """What decides over an instance's packets: its network, its groups, and how it goes out."""
    groups: dict[tuple[str, str], set[int]] = {}
    for group in status.security_groups:
        for instance in group.instances:
            groups.setdefault((group.project, instance), set()).add(group.id)
    return {
        (each.instance, each.address): (
            each.network,
            bool(each.floating),
            frozenset(groups.get((each.project, each.instance), ())),
        )
        for each in asked
    }


def _drifted(status: Status) -> frozenset[str]:
    """The ports that are not as they should be, as something has changed them since."""
    return frozenset(
        about.name
        for step in status.drift
        for subjects in step.subjects
        for about in subjects
        if about.kind == "port"
    )


def _of_instance(
    each: Allocation,
    here: Iterable[Allocation],
    status: Status,
    beyond: str,
    sources: Sequence[str],
    neighbours: int,
) -> Iterator[TriedPath]:
    network = next((one for one in status.networks if one.label == each.network), None)
    if network is None:
        return
    for purpose, request in (
        *_on_network(each, network, status),
        *(_to_world(each, beyond) if beyond else ()),
        *_from_outside(each, status, beyond),
        *_from_sources(each, status, sources),
        *_to_neighbours(each, here, neighbours),
    ):
        yield TriedPath(purpose, each.instance, each.network, request)


def _on_network(
    each: Allocation, network: NetworkStatus, status: Status
) -> Iterator[tuple[Purpose, TraceRequest]]:
    if network.gateway:
        yield "gateway", TraceRequest(each.instance, network.gateway, "arp")
        yield "gateway", TraceRequest(each.instance, network.gateway)
    if any(one.network == network.label and one.state == "running" for one in status.dnsmasq):
        yield "lease", TraceRequest(each.instance, "", "dhcp")
        server = network.dhcp_server or network.gateway
        if server:
            yield "names", TraceRequest(each.instance, server, "dns", DNS_PORT)
            yield "names", TraceRequest(each.instance, server, "tcp", DNS_PORT)
    if any(rule.subject == METADATA and rule.state == "present" for rule in status.nat):
        yield "metadata", TraceRequest(each.instance, METADATA_ADDRESS, "tcp", _WEB)


def _to_world(each: Allocation, beyond: str) -> Iterator[tuple[Purpose, TraceRequest]]:
    yield "world", TraceRequest(each.instance, beyond)
    for port in _WORLD_PORTS:
        yield "world", TraceRequest(each.instance, beyond, "tcp", port)
    for port in _DATA_PORTS:
        yield "world", TraceRequest(each.instance, beyond, "tcp", port, data=_REQUEST)


def _from_outside(
    each: Allocation, status: Status, beyond: str
) -> Iterator[tuple[Purpose, TraceRequest]]:
    source = beyond or "0.0.0.0"  # noqa: S104  of a range: whoever is outside
    for address in each.floating[:1]:
        if _admits(each, status, Attempt("icmp"), source):
            for _ in range(BURST):
                yield "floating", TraceRequest(OUTSIDE, address)
        ports = (port for port in _PORTS if _admits(each, status, Attempt("tcp", port), source))
        for port in ports:
            yield "floating", TraceRequest(OUTSIDE, address, "tcp", port)
            if port == _WEB:
                yield "floating", TraceRequest(OUTSIDE, address, "tcp", port, data=_REQUEST)


def _from_sources(
    each: Allocation, status: Status, sources: Sequence[str]
) -> Iterator[tuple[Purpose, TraceRequest]]:
    for source in sources[:_MOST_SOURCES]:
        if each.floating and _admits(each, status, Attempt("icmp"), source):
            yield "floating", TraceRequest(source, each.floating[0])


def _admits(each: Allocation, status: Status, attempt: Attempt, source: str) -> bool:
    """Whether a rule for a range lets it in, by the store; of rules for groups nothing is asked."""
    if status.host.groups_off:
        return True
    mine = (group for group in status.security_groups if each.instance in group.instances)
    return any(
        one.rule.cidr is not None
        and is_within(source, one.rule.cidr)
        and admits(one.rule, attempt, source)
        for group in mine
        if group.project == each.project
        for one in group.rules
    )


def _to_neighbours(
    each: Allocation, here: Iterable[Allocation], most: int
) -> Iterator[tuple[Purpose, TraceRequest]]:
    """To the next on the same network, so that each of them is asked once."""
    others = [one for one in here if one.network == each.network and one != each]
    after = sorted(others, key=lambda one: one.address <= each.address)
    for other in after[:most]:
        yield from _to_neighbour(each, other)


def _to_neighbour(each: Allocation, other: Allocation) -> Iterator[tuple[Purpose, TraceRequest]]:
    yield "neighbour", TraceRequest(each.instance, other.instance, "arp")
    yield "neighbour", TraceRequest(each.instance, other.instance)
    yield "neighbour", TraceRequest(each.instance, other.instance, "tcp", _WEB)
    yield (
        "neighbour",
        TraceRequest(each.instance, other.instance, "tcp", _WEB, data=_REQUEST),
    )
