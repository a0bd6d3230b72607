"""Sends a packet along each path that matters, all at the same time, and follows them."""

from collections.abc import Sequence

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.probes.silence import silent_addresses
from netconsole.diagnostics.tracing.ends import HOST, TraceRequest
from netconsole.diagnostics.tracing.paths import MOST_INSTANCES, paths
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
    chosen = paths(host.status, routing, snapshot.target, silent, _of_ipv4(request.sources))
    if not chosen.paths:
        return Journeys()
    own = (TraceRequest(HOST, chosen.beyond),) if chosen.beyond else ()
    requests = (*own, *(each.request for each in chosen.paths))
    told = trace_all(requests, host.status, links, routing)
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
