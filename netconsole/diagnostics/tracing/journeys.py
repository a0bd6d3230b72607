"""Sends a packet along each path that matters, all at the same time, and follows them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.probes.dns_probe import servers
from netconsole.diagnostics.probes.silence import silent_addresses
from netconsole.diagnostics.tracing.ends import HOST, TraceRequest
from netconsole.diagnostics.tracing.paths import MOST_INSTANCES, PathEnds, paths
from netconsole.diagnostics.tracing.trace import trace_all

SECONDS = 20.0
"""In which all have ended, also on a busy host."""


def follow_paths(request: Request, snapshot: Snapshot) -> Journeys:
    """Follow the paths of the target, or of instances that stand for all of the host.

    From outside, the sources of the request are tried as well.

    Raises Unavailable where this host traces nothing.
    """
    host, links = snapshot.get(Backend), snapshot.get(Links)
    routing = snapshot.get(Routing)
    if host is None or links is None or routing is None:
        raise Unavailable("it is not known which paths there are")
    here = [each.address for each in host.status.allocations if each.device and each.allocated]
    silent = silent_addresses(here) if len(here) > MOST_INSTANCES else frozenset[str]()
    tried = PathEnds(silent, _of_ipv4(request.sources), tuple(_name_servers(host.status)))
    chosen = paths(host.status, routing, snapshot.target, tried)
    if not chosen.paths:
        return Journeys()
    own = (TraceRequest(HOST, chosen.beyond),) if chosen.beyond else ()
    requests = (*own, *(each.request for each in chosen.paths))
    told = trace_all(requests, host.status, links, routing, request.cancelled)
    reached = [
        each.destination
        for each in told[: len(own)]
        if not isinstance(each, NetconsoleError) and each.reached
    ]
    found, unsent = list[PathJourney](), dict[str, None]()
    for path, journey in zip(chosen.paths, told[len(own) :], strict=True):
        if isinstance(journey, NetconsoleError):
            unsent[str(journey)] = None
            continue
        has_data = bool(path.request.data)
        found.append(PathJourney(path.purpose, path.instance, path.network, journey, has_data))
    return Journeys(tuple(found), chosen.untried, tuple(unsent), tuple(reached))


def _of_ipv4(sources: Sequence[str]) -> tuple[str, ...]:
    return tuple(each for each in sources if ":" not in each)


def _name_servers(status: Status) -> Iterator[tuple[str, str]]:
    """Yield each network whose dnsmasq runs with each server of IPv4 that it asks."""
    for each in status.dnsmasq:
        for server in servers(each.argv) if each.state == "running" else ():
            with suppress(ValueError):  # with a port or an interface, or of IPv6
                yield each.network, str(IPv4Address(server))
