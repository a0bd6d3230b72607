"""What stands where a packet was seen last, or was to be seen next, and takes packets. Pure.

Of these the packet filter's trace tells nothing: programs of XDP and tc, queueing disciplines, and
what a bridge thinks of its ports.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netconsole.diagnostics.parts.journey import Hop
from netconsole.diagnostics.parts.links import KernelLink, Links, without_carrier
from netconsole.diagnostics.tracing.outcome import Hindrance

_USUAL: Final = frozenset(
    {"", "noqueue", "mq", "fq", "fq_codel", "pfifo_fast", "clsact", "ingress"}
)
"""Queueing disciplines that keep what they can; others are told of (tc(8))."""


@dataclass(frozen=True, slots=True)
class Attached:
    """What is attached to an interface, beside the packet filter."""

    xdp: str = ""
    """How a program of XDP is attached, in the words of ip(8); empty where none is."""
    ingress: tuple[str, ...] = ()
    egress: tuple[str, ...] = ()
    """Kinds of tc's filters there: u32, bpf, flower, ..."""
    queue: str = ""
    """The root queueing discipline with its options, in the words of tc(8)."""
    unread: str = ""
    """Why nothing of this is known."""


@dataclass(frozen=True, slots=True)
class BridgeEntry:
    """Where a bridge sends frames for a MAC address."""

    bridge: str
    mac: str
    port: str
    """Empty where it does not know: then they go out by all ports that flood."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """Where it was seen last, and where it was to be seen next."""

    last: str
    """Interface where it came in and from which it went no further; empty where nowhere."""
    onward: str
    """Interface by which it was to leave; empty where that is not known."""


def standstill(hops: Sequence[Hop], first: str, onward: str) -> Standstill:
    """Return where a packet stopped that no rule has dropped.

    `first` is where it comes in, `onward` where it goes by route, or to whose port.
    """
    seen = [hop for hop in hops if hop.kind in ("arrived", "left")]
    if not seen:
        return Standstill(first, onward)
    last = seen[-1]
    return Standstill(last.interface, onward if onward != last.interface else "")


def concerned(stopped: Standstill) -> tuple[str, ...]:
    """Return the interfaces at which something may stand."""
    return tuple(name for name in (stopped.last, stopped.onward) if name)


def hindrances(
    stopped: Standstill,
    arrived: bool,
    links: Links,
    attached: Mapping[str, Attached],
    length: int,
    entry: BridgeEntry | None = None,
) -> Iterator[Hindrance]:
    """Yield what stands there; what nothing gets past comes first.

    `arrived` tells whether it was seen where it came in last: XDP takes it before that. `length` is
    its own there, in bytes, and `entry` where the bridge sends frames for whom it is.
    """
    last, onward = links.get(stopped.last), links.get(stopped.onward)
    if arrived and last is not None:
        yield from _of_port(last, onward, links)
    if onward is not None:
        yield from _of_way_out(onward, links, last)
        if entry is not None:
            yield from _of_entry(entry, onward)
    found = attached.get(stopped.last, Attached())
    if found.xdp:
        says = f"a program of XDP ({found.xdp}) is attached to {stopped.last}, before all else"
        yield Hindrance(says, f"`ip -details link show dev {stopped.last}`", is_cause=False)
    if arrived and found.ingress:
        says = f"filters of tc stand at ingress of {stopped.last} ({', '.join(found.ingress)})"
        yield Hindrance(says, f"`tc filter show dev {stopped.last} ingress`", is_cause=False)
    out = attached.get(stopped.onward, Attached())
    if out.egress:
        says = f"filters of tc stand at egress of {stopped.onward} ({', '.join(out.egress)})"
        yield Hindrance(says, f"`tc filter show dev {stopped.onward} egress`", is_cause=False)
    if out.queue.partition(" ")[0] not in _USUAL:
        says = f"the queueing discipline (qdisc) of {stopped.onward} is {out.queue}"
        yield Hindrance(says, f"`tc -s qdisc show dev {stopped.onward}`", is_cause=False)
    if onward is not None and 0 < onward.mtu < length:
        says = f"{onward.name} takes {onward.mtu} bytes at most (MTU), and it has {length}"
        yield Hindrance(says, f"`ip link show dev {onward.name}`", is_cause=False)
    for name, each in attached.items():
        if each.unread:
            says = f"what is attached to {name} could not be read ({each.unread})"
            yield Hindrance(says, is_cause=False)


def _of_port(link: KernelLink, onward: KernelLink | None, links: Links) -> Iterator[Hindrance]:
    """What a port takes that comes in there."""
    if (down := _down_bridge(link, links)) is not None:
        yield down
        return
    port = link.port
    if port is None:
        return
    if port.state != "forwarding":
        yield _in_state(link, port.state)
    if port.locked:
        says = (
            f"{link.name} is locked: {link.master} takes frames there only from addresses that it "
            "knows (bridge link)"
        )
        yield Hindrance(says, f"`bridge link set dev {link.name} locked off`")
    if port.isolated and onward is not None and onward.port is not None and onward.port.isolated:
        says = f"{link.name} and {onward.name} are isolated from each other (bridge link)"
        yield Hindrance(says, f"`bridge link set dev {onward.name} isolated off`")


def _down_bridge(link: KernelLink, links: Links) -> Hindrance | None:
    bridge = links.get(link.master)
    if bridge is None or bridge.up:
        return None
    says = f"{bridge.name}, the bridge of {link.name}, is down"
    return Hindrance(says, f"`ip link set dev {bridge.name} up`")


def _in_state(link: KernelLink, state: str) -> Hindrance:
    says = f"{link.name} is in state {state} in its bridge {link.master}"
    return Hindrance(says, f"`bridge -details link show dev {link.name}`")


def _of_way_out(onward: KernelLink, links: Links, last: KernelLink | None) -> Iterator[Hindrance]:
    """What keeps frames from going out by an interface."""
    down = _down_bridge(onward, links)
    if not onward.up:
        yield Hindrance(without_carrier(onward), f"`ip link set dev {onward.name} up`")
    elif not onward.carrier:
        yield Hindrance(without_carrier(onward), f"`ip link show dev {onward.name}`")
    elif down is not None:
        if last is None or last.master != onward.master:  # else it is told of already
            yield down
    elif onward.port is not None and onward.port.state != "forwarding":
        yield _in_state(onward, onward.port.state)


def _of_entry(entry: BridgeEntry, onward: KernelLink) -> Iterator[Hindrance]:
    """Where the bridge sends the frame instead."""
    shown = f"`bridge fdb get {entry.mac} br {entry.bridge}`"
    if entry.port == entry.bridge:
        return  # for this host itself, and routed
    if entry.port and entry.port != onward.name:
        says = f"{entry.bridge} has its MAC address {entry.mac} at {entry.port} (bridge fdb)"
        yield Hindrance(says, shown)
    elif not entry.port and onward.port is not None and not onward.port.flood:
        says = (
            f"{entry.bridge} does not know where {entry.mac} is, and sends nothing unknown out "
            f"by {onward.name} (bridge link: flood off)"
        )
        yield Hindrance(says, f"`bridge -details link show dev {onward.name}`")
