"""B11: does a hop of the guests' frames drop packets now, as its queue is full?"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.queues import Queue, Queues
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_ports
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "drops"
TITLE = "No hop drops packets"
STRANGE = 20
"""Frames a second that an interface may drop as nobody here speaks their protocol: switches send
some that are not for hosts."""
GUEST = (
    "The guest does not take its frames as fast as they come: look at its processor, at vhost_net, "
    "and at the queue of its port (`ip link set dev PORT txqueuelen 1000`)."
)
HARDWARE = (
    "Look at `ethtool -S INTERFACE` and `ethtool -g INTERFACE`: the card's ring is too short for "
    "the load, or its interrupts are served by a busy processor."
)
BACKLOG = (
    "What interfaces count as dropped no processor had room for: `saturation` has it, and no queue "
    "of an interface is full."
)
_COUNTED_LIMITS = ("pfifo", "bfifo")
_OF_FILTERS = ("clsact", "ingress")
"""What is no queue, and only has filters (tc(8))."""
LIMITS = (*_COUNTED_LIMITS, "tbf")
"""Queues that are a limit and nothing else, so that it can be said how to put one back."""


class Losing(NamedTuple):
    """A hop that loses packets."""

    link: KernelLink
    queue: Queue | None
    """The one that drops them, where it is known."""
    sending: int
    receiving: int


def judge(snapshot: Snapshot) -> Finding:
    """See which counters of dropped packets rise."""
    wiring, counters = Wiring.of(snapshot), snapshot.part(Counters)
    queues, seconds = _by_interface(snapshot.part(Queues)), snapshot.part(Queues).seconds
    hops = wiring.hops
    if not wiring.bridges:
        return Finding(ID, TITLE, "not-applicable", "No network has a bridge on this host.")
    if closed := [each for hop in hops for each in queues.get(hop.name, ()) if _is_closed(each)]:
        return _closed(closed, wiring)
    losing = [found for hop in hops if (found := _losing(hop, counters, queues))]
    rows = tuple(row for hop in hops for row in _rows(hop, counters, queues))
    if not losing:
        because = f"No counter of dropped packets rises at any of the {len(hops)} interfaces."
        return Finding(ID, TITLE, "ok", because, rows)
    if all(_is_backlog(each, counters) for each in losing):
        return Finding(ID, TITLE, "info", BACKLOG, rows)
    first = max(losing, key=lambda each: (each.queue is not None, each.sending, each.receiving))
    where = wiring.whose(first.link.name)
    if first.queue is not None:
        return _by_queue(first.queue, first, losing, where, seconds, rows)
    if first.sending:
        because = (
            f"{first.sending} packets that should leave by {where} were dropped in "
            f"{counters.seconds:.1f} s: whoever is behind it does not take them in time."
        )
        remedy = GUEST if first.link.name in wiring.guests else HARDWARE
        return Finding(ID, TITLE, "fail", because, rows, remedy=remedy, confidence="likely")
    because = (
        f"{first.receiving} frames that came in at {where} were dropped in {counters.seconds:.1f} "
        "s, before a rule or a route could ask for them: the host has no room or no use for them."
    )
    return Finding(ID, TITLE, "warn", because, rows, remedy=HARDWARE, confidence="possible")


def _is_closed(queue: Queue) -> bool:
    """Whether it lets nothing through, and was set up so."""
    if not queue.root:
        return False
    return queue.kind == "blackhole" or (
        queue.kind in _COUNTED_LIMITS and queue.options.get("limit") == 0
    )


def _closed(closed: Sequence[Queue], wiring: Wiring) -> Finding:
    first = closed[0]
    of_none = " with room for nothing" if first.kind in _COUNTED_LIMITS else ""
    because = (
        f"The queueing discipline (qdisc) in front of {wiring.whose(first.interface)} is "
        f"{first.kind}{of_none}: whatever is sent there is dropped. It has dropped {first.drops} "
        "packets so far."
    )
    if closed[1:]:
        because += f" So it is at {len(closed) - 1} more."
    rows = tuple(
        Evidence(
            f"queue of {each.interface}", each.kind, "noqueue or fq_codel", f"{each.drops} dropped"
        )
        for each in closed
    )
    remedy = (
        "Somebody has set it up, perhaps to take an instance off the network: ask why. Where "
        f"nobody wants it: `tc qdisc delete dev {first.interface} root`."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


def _is_backlog(losing: Losing, counters: Counters) -> bool:
    """Whether it may have lost only what the processors dropped: a veth counts that once more."""
    lost = max(losing.sending, losing.receiving)
    return losing.queue is None and lost <= counters.rise("softnet.dropped")


def _by_interface(queues: Queues) -> Mapping[str, list[Queue]]:
    found: dict[str, list[Queue]] = {}
    for queue in queues.queues:
        found.setdefault(queue.interface, []).append(queue)
    return found


def _losing(
    hop: KernelLink, counters: Counters, queues: Mapping[str, list[Queue]]
) -> Losing | None:
    full = next((each for each in queues.get(hop.name, ()) if each.rise), None)
    sending = counters.rise(f"{hop.name}.tx_dropped")
    receiving = counters.rise(f"{hop.name}.rx_dropped")
    if receiving <= STRANGE * counters.seconds:
        receiving = 0
    if counters.rise(f"{hop.name}.carrier_changes"):
        sending = 0  # nobody was there meanwhile, as `uplink` says
    if full is None and not (hop.carrier and sending) and not receiving:
        return None
    return Losing(hop, full, sending, receiving)


def _by_queue(
    queue: Queue,
    first: Losing,
    losing: Sequence[Losing],
    where: str,
    seconds: float,
    rows: tuple[Evidence, ...],
) -> Finding:
    lost = f"{queue.rise} packets in {seconds:.1f} s"
    because = (
        f"Filters of tc at {where} ({queue.kind}) have dropped {lost}."
        if queue.kind in _OF_FILTERS
        else f"The queue in front of {where} ({queue.kind}) has dropped {lost}: more is sent there "
        "than it lets through."
    )
    if rest := len(losing) - 1:
        because += f" {rest} other interfaces lose packets as well."
    excluded = (
        "saturation: the packets had come as far as the queue",
        "the guest: it is not asked for what is dropped before its port",
    )
    remedy = f"Somebody has set up {queue.kind} at {first.link.name}: ask why."
    if queue.kind in _OF_FILTERS:
        shown = f"`tc filter show dev {first.link.name}"
        remedy += f" {shown} ingress` and {shown} egress` list its filters."
    if queue.root and queue.kind in LIMITS and (words := _arguments(queue)):
        place = f"dev {queue.interface} root"
        remedy += (
            f" Where nobody wants it: `tc qdisc delete {place}`, and back again `tc qdisc add "
            f"{place} handle {queue.handle} {' '.join(words)}`."
        )
    return Finding(ID, TITLE, "fail", because, rows, excluded, remedy=remedy)


def _arguments(queue: Queue) -> tuple[str, ...]:
    """Return the words of tc(8) that make such a queue, nothing where they are not all known."""
    told = queue.options
    if queue.kind == "tbf":
        if not {"rate", "burst", "limit"} <= told.keys() or told.keys() & {"peakrate", "mtu"}:
            return ()
        rate, burst, limit = 8 * told["rate"], told["burst"], told["limit"]
        return ("tbf", "rate", f"{rate}bit", "burst", str(burst), "limit", str(limit))
    return (queue.kind, "limit", str(told["limit"])) if "limit" in told else ()


def _rows(hop: KernelLink, counters: Counters, queues: Mapping[str, list[Queue]]) -> list[Evidence]:
    rows = []
    for way, words in (("tx_dropped", "sending"), ("rx_dropped", "receiving")):
        if total := counters.total(f"{hop.name}.{way}"):
            rise = counters.rise(f"{hop.name}.{way}")
            rows.append(Evidence(f"dropped {words} at {hop.name}", f"+{rise}", "", f"{total} ever"))
    for queue in queues.get(hop.name, ()):
        if queue.drops:
            label, note = f"dropped by {queue.kind} of {hop.name}", f"{queue.drops} ever"
            rows.append(Evidence(label, f"+{queue.rise}", "+0", note))
    return rows


PAGE = Explanation(
    symptom="Packets are lost under load, and none or few when little is sent.",
    cause="In front of every interface stands a queue. When more comes than goes, it fills, and "
    "what does not fit is dropped. A guest that does not read fills the queue of its port, a link "
    "that is too slow, or a limit that somebody has set, that of the uplink.",
    evidence="The counters of every interface that carries guests' frames, and of their queues, "
    "read twice: a rise says at which hop packets are lost now. Those counted long ago are shown "
    "beside it and mean nothing by themselves. A few frames a second that are dropped on arrival "
    "are of protocols that nobody here speaks, as switches send them. A queue that was set up "
    "without room for anything is a fault whatever it has counted.",
    look_alikes=(
        ("saturation", "the processors do not keep up: softnet_stat counts, no queue does."),
        ("conntrack", "only new connections fail, and a table is full."),
        ("mtu", "long packets are lost always, short ones never."),
        ("multicast", "only packets to a group are lost, and no counter moves."),
    ),
    cure="A limit (tbf, pfifo, bfifo) was set by somebody and drops as was asked: it is left "
    "alone, and the finding says how to take it away and put it back where nobody wants it. "
    "libvirt sets one for <bandwidth>. A guest that does not read needs vhost_net or a processor; "
    "a card whose ring is full a longer ring.",
    source="tc(8), tc-tbf(8); Linux Documentation/networking/statistics.rst",
)

CHECK = Check(
    ID,
    ("B11",),
    TITLE,
    frozenset({Backend, Links, Counters, Queues}),
    0.7,
    judge,
    PAGE,
    narrow=narrowed(of_ports, of_networks),
    wrong="A hop drops packets",
)
