"""Collecting: the evidence, which only its collectors and probes get from the host.

Each part that the checks need is collected once, all at the same time, each within a limit. What a
look at the host sees anyway is seen once for all of them (`SharedLook`). Then the probes send their
packets, where that was agreed to, knowing what was collected.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from netconsole.backend.model.errors import NetconsoleError, NotFound, said
from netconsole.backend.model.facility import Facility
from netconsole.diagnostics.evidence import (
    backend,
    connections,
    counters,
    dnsmasq,
    dnsmasq_files,
    drop_ins,
    forwarding,
    guest_routes,
    links,
    listeners,
    log,
    modules,
    owners,
    packet_filter,
    queues,
    reverse_paths,
    routing,
    settings,
    state_holders,
    storage,
    virtual_machines,
    xtables_lock,
)
from netconsole.diagnostics.evidence.shared_look import SharedLook
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import NOT_SENT, Snapshot, Unread
from netconsole.diagnostics.model.target import resolve
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.parts.connections import Connections
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.dhcp import DhcpAnswers
from netconsole.diagnostics.parts.dns import DnsAnswers
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcesses
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles
from netconsole.diagnostics.parts.forwarding import ForwardingTable, PortVlans
from netconsole.diagnostics.parts.guest_routes import GuestRoutes
from netconsole.diagnostics.parts.guests import GuestAnswers
from netconsole.diagnostics.parts.journeys import Journeys
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.listeners import Listeners
from netconsole.diagnostics.parts.log import SystemLog
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.pings import DetourPings, FloatingPings, SizePings
from netconsole.diagnostics.parts.queues import Queues
from netconsole.diagnostics.parts.reverse_paths import EchoProbes, ReversePaths
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.parts.state_holders import StateHolders
from netconsole.diagnostics.parts.storage import StateStorage
from netconsole.diagnostics.parts.traffic import Traffic
from netconsole.diagnostics.parts.virtual_machines import VirtualMachines
from netconsole.diagnostics.parts.xtables_lock import XtablesLock
from netconsole.diagnostics.probes import arp, dhcp_probe, dns_probe, echo, guests, pings, traffic
from netconsole.diagnostics.tracing import journeys

__all__ = ["COLLECTORS", "PROBES", "Collector", "Probe", "Request", "aimed", "collect"]


@dataclass(frozen=True, slots=True)
class Collector:
    """Looks at one part of the host, and changes and sends nothing."""

    read: Callable[[Request], object]
    limit: float
    """Seconds, after which the part counts as unread."""


@dataclass(frozen=True, slots=True)
class Looker:
    """Makes a part of the look at the host that the run shares, and of what it asks besides."""

    read: Callable[[Request, SharedLook], object]
    facilities: frozenset[Facility]
    """What has to be seen now; the rest is as who looks at the host anyway knows it."""
    limit: float
    """Seconds, after which the part counts as unread."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Sends packets, or watches traffic, knowing what was collected."""

    send: Callable[[Request, Snapshot], object]
    limit: float
    needs: frozenset[type[object]]
    """The parts by which it knows what to send, collected with it whoever asks for it."""
    alone: bool = False
    """Not at the same time as another: it watches what others would move."""


COLLECTORS: Mapping[type[object], Collector | Looker] = {
    Backend: Looker(backend.read_host, frozenset(), 30.0),
    ConfiguredOptions: Collector(lambda request: backend.read_configuration(request.service), 5.0),
    Listeners: Collector(lambda request: listeners.read_listeners(), 5.0),
    Sysctls: Collector(lambda request: settings.read_sysctls(), 5.0),
    DropIns: Collector(lambda request: drop_ins.read_drop_ins(), 5.0),
    ReversePaths: Collector(
        lambda request: reverse_paths.read_reverse_paths(request.sources), 10.0
    ),
    Links: Looker(
        lambda request, shared: links.read_links(shared.seen(Facility.LINKS), features=True),
        frozenset({Facility.LINKS}),
        30.0,
    ),
    ForwardingTable: Collector(lambda request: forwarding.read_forwarding_table(), 10.0),
    PortVlans: Collector(lambda request: forwarding.read_port_vlans(), 10.0),
    Queues: Collector(lambda request: queues.read_queues(), 10.0),
    Routing: Looker(
        lambda request, shared: routing.read_routing(shared.seen(Facility.ADDRESSES)),
        frozenset({Facility.ADDRESSES}),
        30.0,
    ),
    GuestRoutes: Collector(lambda request: guest_routes.read_guest_routes(), 10.0),
    Counters: Collector(lambda request: counters.read_counters(), 5.0),
    Connections: Collector(lambda request: connections.read_connections(), 15.0),
    PacketFilter: Looker(
        lambda request, shared: packet_filter.read_packet_filter(shared.seen(Facility.RULES)),
        frozenset({Facility.COUNTERS}),
        30.0,
    ),
    XtablesLock: Collector(lambda request: xtables_lock.read_xtables_lock(), 5.0),
    Owners: Collector(lambda request: owners.read_owners(), 5.0),
    Modules: Collector(lambda request: modules.read_modules(), 5.0),
    VirtualMachines: Collector(lambda request: virtual_machines.read_virtual_machines(), 5.0),
    DnsmasqProcesses: Looker(
        lambda request, shared: dnsmasq.read_dnsmasq(shared.seen(Facility.DNSMASQ)),
        frozenset({Facility.DNSMASQ}),
        30.0,
    ),
    DnsmasqFiles: Collector(lambda request: dnsmasq_files.read_dnsmasq_files(), 5.0),
    StateHolders: Collector(lambda request: state_holders.read_state_holders(request.service), 5.0),
    StateStorage: Collector(lambda request: storage.read_storage(request.service), 5.0),
    SystemLog: Collector(lambda request: log.read_log(), 8.0),
}

_WAYS: frozenset[type[object]] = frozenset({Backend, Links, Routing})
PROBES: Mapping[type[object], Probe] = {
    Journeys: Probe(journeys.follow_paths, journeys.SECONDS, _WAYS),
    GuestAnswers: Probe(guests.ask_guests, 15.0, _WAYS),
    Traffic: Probe(traffic.watch, 660.0, frozenset({Backend, Links}), alone=True),
    ArpAnswers: Probe(lambda request, snapshot: arp.ask(snapshot), 10.0, _WAYS),
    SizePings: Probe(lambda request, snapshot: pings.ping_sizes(snapshot), 15.0, _WAYS),
    DetourPings: Probe(
        lambda request, snapshot: pings.ping_detours(snapshot),
        15.0,
        frozenset({Links, ReversePaths, Routing}),
    ),
    FloatingPings: Probe(lambda request, snapshot: pings.ping_from_floating(snapshot), 15.0, _WAYS),
    EchoProbes: Probe(
        lambda request, snapshot: echo.probe_suspects(snapshot),
        15.0,
        frozenset({ReversePaths}),
        alone=True,
    ),
    DhcpAnswers: Probe(
        lambda request, snapshot: dhcp_probe.ask(snapshot), 15.0, frozenset({Backend})
    ),
    DnsAnswers: Probe(
        lambda request, snapshot: dns_probe.ask(snapshot), 10.0, frozenset({Backend})
    ),
}


def collect(request: Request, wanted: Iterable[type[object]]) -> Snapshot:
    """Collect these parts, then, where the request allows it, send the probes among them.

    Raises NotFound for a target that means nothing on this host.
    """
    asked = frozenset(wanted) | (frozenset({Backend}) if request.target else frozenset())
    if request.probe:
        asked = asked.union(*(PROBES[kind].needs for kind in asked if kind in PROBES))
    chosen = {kind: found for kind, found in COLLECTORS.items() if kind in asked}
    shared = _shared(request, chosen)
    jobs = {kind: _Job(kind, _with_shared(each, shared), request) for kind, each in chosen.items()}
    parts = {kind: job.result() for kind, job in jobs.items()}
    snapshot = aimed(Snapshot(parts, None, datetime.now(UTC)), request.target)
    if request.probe:
        return _probed(snapshot, request, asked)
    unsent = {kind: NOT_SENT for kind in PROBES if kind in asked}
    return replace(snapshot, parts={**snapshot.parts, **unsent})


def _shared(request: Request, chosen: Mapping[type[object], Collector | Looker]) -> SharedLook:
    lookers = [each for each in chosen.values() if isinstance(each, Looker)]
    facilities = frozenset[Facility]().union(*(each.facilities for each in lookers))
    return SharedLook(request, facilities, of_whole_host=Backend in chosen)


def _with_shared(collector: Collector | Looker, shared: SharedLook) -> Collector:
    if isinstance(collector, Collector):
        return collector
    return Collector(lambda request: collector.read(request, shared), collector.limit)


def aimed(snapshot: Snapshot, target: str) -> Snapshot:
    """Return it about a target; empty for the whole host.

    Raises NotFound where that means nothing on this host.
    """
    if not target:
        return snapshot
    host, found = snapshot.get(Backend), snapshot.get(Links)
    if host is None:
        reason = snapshot.unread(Backend)
        raise NotFound(f"target {target!r}: {reason.because if reason else 'nothing is known'}")
    names = frozenset(link.name for link in found.links) if found else frozenset()
    return replace(snapshot, target=resolve(target, host.status, names))


def _probed(snapshot: Snapshot, request: Request, wanted: frozenset[type[object]]) -> Snapshot:
    together = [kind for kind, probe in PROBES.items() if kind in wanted and not probe.alone]
    alone = [kind for kind, probe in PROBES.items() if kind in wanted and probe.alone]
    for group in (together, *([kind] for kind in alone)):
        jobs = {kind: _Job(kind, _sent(PROBES[kind], snapshot), request) for kind in group}
        found = {kind: job.result() for kind, job in jobs.items()}
        snapshot = replace(snapshot, parts={**snapshot.parts, **found})
    return snapshot


def _sent(probe: Probe, snapshot: Snapshot) -> Collector:
    return Collector(lambda request: probe.send(request, snapshot), probe.limit)


class _Job:
    """A collector at work in a thread that does not keep the program from ending."""

    def __init__(self, kind: type[object], collector: Collector, request: Request) -> None:
        self._name = kind.__name__
        self._limit = collector.limit
        self._future: Future[object] = Future()
        arguments = (self._future, collector.read, request)
        threading.Thread(target=_run, args=arguments, daemon=True).start()

    def result(self) -> object:
        """Wait for the part, as long as its limit allows."""
        try:
            return self._future.result(self._limit)
        except TimeoutError:
            return Unread(f"{self._name} was not collected within {self._limit:.0f} s")
        except (NetconsoleError, OSError) as error:
            return Unread(said(error))


def _run(future: "Future[object]", read: Callable[[Request], object], request: Request) -> None:
    try:
        future.set_result(read(request))
    except BaseException as error:  # noqa: BLE001  handed to the thread that waits for it
        future.set_exception(error)
