"""Metrics: what Prometheus is told of a host, as families of samples. Pure.

Names follow Prometheus' conventions: base units, `_total` for what only grows, a label for what
divides a sum. What is not known has no sample, so that no alert rests on a guess.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isinf
from typing import Final, get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from netconsole import __version__
from netconsole.agent.answer_times import AnswerTime
from netconsole.agent.tallies import Restarts
from netconsole.backend.model.step_kind import STEP_KINDS
from netconsole.backend.model.text import visible
from netconsole.backend.steps.kinds import kind_of
from netconsole.backend.survey.status import FloatingState, NetworkStatus, Status
from netconsole.metadata.tally import Counted
from netconsole.watch.picture import Picture

_SERVING: Final = ("running", "stopped", "missing", "stale")
"""Of a dnsmasq that a network wants."""
_STORE: Final = "store"


@dataclass(frozen=True, slots=True)
class Told:
    """All that the metrics are made of, of one moment."""

    picture: Picture | None
    """None before the first look."""
    looks: int = 0
    looking_seconds: float = 0.0
    """For how long a look has been under way."""
    has_failed: bool = False
    """Whether the latest look did."""
    restarts: Restarts = field(default_factory=Restarts)
    changes: Mapping[str, int] = field(default_factory=dict)
    """Since the agent's start, by outcome."""
    stopped: Mapping[str, int] = field(default_factory=dict)
    """Frames of guests that the guards have dropped, by kind."""
    counters: Mapping[str, int] = field(default_factory=dict)
    """The kernel's, as `eth0.rx_dropped`."""
    metadata: Counted = field(default_factory=Counted)
    answers: tuple[AnswerTime, ...] = ()
    """Of each dnsmasq, to what it was asked just now."""


def families(told: Told) -> Iterator[Metric]:
    """Yield each family with its samples."""
    yield from _of_agent(told)
    yield from _of_metadata(told.metadata)
    if told.picture is not None:
        status = told.picture.status
        yield from _of_host(told.picture, status)
        if _STORE not in status.host.unreadable:
            yield from _of_networks(status)
            yield from _of_floating(status)
            yield from _of_dnsmasq(status, told.restarts)
            yield from _of_answers(told.answers)
        yield from _of_guards(told.stopped)
        yield _of_hops({*told.picture.survey.wanted.links, status.host.public_interface}, told)
        yield from _of_findings(told.picture)


def _of_agent(told: Told) -> Iterator[Metric]:
    build = _gauge("build_info", "The version of netconsole; always 1.", "version")
    build.add_metric([__version__], 1)
    yield build
    yield _counted("looks", "Looks at the host, whole or in part.", told.looks)
    yield _single(
        "look_under_way_seconds",
        "For how long a look has been under way; one that goes on and on is stuck.",
        told.looking_seconds,
    )
    yield _single("look_failed", "Whether the latest look failed.", told.has_failed)
    changes = _counter("changes", "Changes asked for, since the agent's start.", "outcome")
    for outcome, count in sorted(told.changes.items()):
        changes.add_metric([outcome], count)
    yield changes


def _of_metadata(counted: Counted) -> Iterator[Metric]:
    requests = _counter("metadata_requests", "Guests' requests, by HTTP status.", "status")
    for status, count in sorted(counted.statuses.items()):
        requests.add_metric([str(status)], count)
    yield requests
    yield _counted(
        "metadata_impostors",
        "Requests by an address of an instance that did not come from it.",
        counted.impostors,
    )
    yield _counted(
        "metadata_connections_turned_away",
        "Connections that were not taken, as their guest had or made too many.",
        counted.turned_away,
    )
    yield _single(
        "metadata_silent_instances",
        "Instances that got their address since the agent's start, and have asked for nothing.",
        counted.silent,
    )
    took = HistogramMetricFamily(
        "netconsole_metadata_request_seconds", "How long a guest waited for its answer."
    )
    if counted.buckets:
        named = [("+Inf" if isinf(most) else str(most), count) for most, count in counted.buckets]
        took.add_metric([], named, counted.seconds)
    yield took


def _of_host(picture: Picture, status: Status) -> Iterator[Metric]:
    yield _single(
        "picture_timestamp_seconds",
        "When the look began that last found something different, since the epoch.",
        picture.taken.timestamp(),
    )
    unreadable = _gauge("unreadable", "A part that could not be read; always 1.", "part")
    for part in status.host.unreadable:
        unreadable.add_metric([visible(part)], 1)
    yield unreadable
    if not status.host.unreadable and status.host.another is None:
        drift = _gauge("drift_steps", "Steps that the host is away from the store.", "kind")
        counted = Counter(kind_of(step) for step in picture.survey.plan.steps)
        for kind in STEP_KINDS:
            drift.add_metric([kind], counted[kind])
        yield drift
    yield _single(
        "obstacles",
        "What the store asks for and the host cannot have as it is.",
        len(status.host.obstacles),
    )
    yield _single(
        "unfinished_changes", "Changes that were cut off half done.", len(status.host.unfinished)
    )


def _of_networks(status: Status) -> Iterator[Metric]:
    addresses = _gauge("network_addresses", "Fixed addresses of a network.", "network", "state")
    leased = _gauge("network_leased_addresses", "Those with a DHCP lease.", "network")
    ports = _gauge("network_ports", "Ports of instances on a network.", "network")
    in_line = _gauge("network_in_line", "Whether it is as the store says.", "network")
    for network in status.networks:
        label = visible(network.label)
        for state, count in _shares(network):
            addresses.add_metric([label, state], count)
        leased.add_metric([label], network.leased)
        ports.add_metric([label], network.ports)
        if network.state != "unknown":
            in_line.add_metric([label], network.state == "ok")
    yield from (addresses, leased, ports, in_line)


def _shares(network: NetworkStatus) -> Iterator[tuple[str, int]]:
    """Into which states the addresses of a network fall, each into one."""
    yield "allocated", network.allocated
    yield "reserved", network.reserved
    yield "free", max(0, network.total - network.allocated - network.reserved)


def _of_floating(status: Status) -> Iterator[Metric]:
    addresses = _gauge("floating_addresses", "Floating addresses of a pool.", "pool", "state")
    counted = Counter((each.pool, each.state) for each in status.floating_ips)
    for pool in sorted({each.pool for each in status.floating_ips}):
        for state in get_args(FloatingState):
            addresses.add_metric([visible(pool), state], counted[pool, state])
    yield addresses
    packets = _counter(
        "floating_address_rule_packets",
        "Packets that met a NAT rule of a floating address: the first of each connection.",
        *("address", "chain"),
    )
    met: Counter[tuple[str, str]] = Counter()
    for rule in status.nat:
        if rule.subject is not None and rule.subject.kind == "floating":
            met[rule.subject.name, rule.chain] += rule.packets
    for (address, chain), count in sorted(met.items()):
        packets.add_metric([address, visible(chain)], count)
    yield packets


def _of_dnsmasq(status: Status, restarts: Restarts) -> Iterator[Metric]:
    up = _gauge("dnsmasq_up", "Whether the dnsmasq that a network wants serves it.", "network")
    leases = _gauge("dnsmasq_leases", "Leases in the file of a network's dnsmasq.", "network")
    begun = _counter("dnsmasq_restarts", "Starts after the first that was seen.", "network")
    serving: dict[str, bool] = {}
    held: dict[str, int] = {}
    for server in status.dnsmasq:
        if server.network and server.state in _SERVING:
            up_now = server.state == "running"
            serving[server.network] = serving.get(server.network, False) or up_now
            held[server.network] = server.leases
    for network, is_up in serving.items():
        label = visible(network)
        up.add_metric([label], is_up)
        leases.add_metric([label], held[network])
        begun.add_metric([label], restarts.of(network))
    yield from (up, leases, begun)


def _of_answers(answers: Iterable[AnswerTime]) -> Iterator[Metric]:
    labels = ("network", "service")
    came = _gauge("dnsmasq_answers", "Whether dnsmasq answers what this host asks it.", *labels)
    took = _gauge("dnsmasq_answer_seconds", "How long its latest answer took.", *labels)
    for each in answers:
        about = [visible(each.network), each.service]
        came.add_metric(about, each.seconds is not None)
        if each.seconds is not None:
            took.add_metric(about, each.seconds)
    yield from (came, took)


def _of_guards(stopped: Mapping[str, int]) -> Iterator[Metric]:
    """Told from when their table came: as of any counter, a fall means that it began anew."""
    dropped = _counter("guard_dropped_frames", "Frames of guests that guards dropped.", "kind")
    for kind, count in sorted(stopped.items()):
        dropped.add_metric([kind], count)
    yield dropped


def _of_hops(hops: Iterable[str], told: Told) -> Metric:
    """Where on the way of guests' frames some vanish: at interfaces of ours and the uplink."""
    dropped = _counter(
        "hop_dropped_packets",
        "Packets that an interface on the way of guests' frames dropped.",
        *("interface", "direction"),
    )
    for hop in sorted(hops):
        for direction, name in (("receive", "rx_dropped"), ("transmit", "tx_dropped")):
            count = told.counters.get(f"{hop}.{name}")
            if count is not None:
                dropped.add_metric([visible(hop), direction], count)
    return dropped


def _of_findings(picture: Picture) -> Iterator[Metric]:
    if picture.findings is None:
        return
    found = _gauge("finding", "The verdict of a check; always 1.", "check", "verdict")
    for finding in picture.findings:
        found.add_metric([finding.check, finding.verdict], 1)
    yield found


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"netconsole_{name}", says, labels=labels)


def _single(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"netconsole_{name}", says, value=value)


def _counter(name: str, says: str, *labels: str) -> CounterMetricFamily:
    """Its samples end in `_total`."""
    return CounterMetricFamily(f"netconsole_{name}", says, labels=labels)


def _counted(name: str, says: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"netconsole_{name}", says, value=value)
