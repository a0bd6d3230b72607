"""What stands where a packet was seen last, or was to be seen next, and takes packets. Pure.

Of these the packet filter's trace tells nothing: programs of XDP and tc, queueing disciplines, and
what a bridge thinks of its ports.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netconsole.diagnostics.parts.journey import Hop
from netconsole.diagnostics.parts.links import KernelLink, Links

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
) -> Iterator[str]:
    """Yield what stands there, each as a part of a sentence.

    `arrived` tells whether it was seen where it came in last: XDP takes it before that. `length` is
    its own there, in bytes.
    """
    last, onward = links.get(stopped.last), links.get(stopped.onward)
    found = attached.get(stopped.last, Attached())
    for name, each in attached.items():
        if each.unread:
            yield f"what is attached to {name} could not be read ({each.unread})"
    if found.xdp:
        yield f"a program of XDP ({found.xdp}) is attached to {stopped.last}, before all else"
    if arrived and last is not None:
        if found.ingress:
            yield f"filters of tc stand at ingress of {stopped.last} ({', '.join(found.ingress)})"
        bridge = links.get(last.master)
        if bridge is not None and not bridge.up:
            yield f"{last.master}, the bridge of {last.name}, is down"
        yield from _of_port(last, onward)
    if onward is not None:
        out = attached.get(stopped.onward, Attached())
        if out.egress:
            yield f"filters of tc stand at egress of {stopped.onward} ({', '.join(out.egress)})"
        if out.queue.partition(" ")[0] not in _USUAL:
            yield f"the queueing discipline (qdisc) of {stopped.onward} is {out.queue}"
        if onward.port is not None and onward.port.state != "forwarding":
            yield f"{stopped.onward} is in state {onward.port.state} in its bridge {onward.master}"
        if 0 < onward.mtu < length:
            yield f"{stopped.onward} takes {onward.mtu} bytes at most (MTU), and it has {length}"
        if not onward.carrier:
            yield without_carrier(onward)


def without_carrier(link: KernelLink) -> str:
    """Say why an interface passes nothing on."""
    if not link.up:
        return f"{link.name} is down"
    return f"{link.name} has no carrier: nobody is at its other end"


def _of_port(link: KernelLink, onward: KernelLink | None) -> Iterator[str]:
    port = link.port
    if port is None:
        return
    if port.state != "forwarding":
        yield f"{link.name} is in state {port.state} in its bridge {link.master}"
    if port.locked:
        yield (
            f"{link.name} is locked: {link.master} takes frames there only from addresses that it "
            "knows (bridge link)"
        )
    if port.isolated and onward is not None and onward.port is not None and onward.port.isolated:
        yield f"{link.name} and {onward.name} are isolated from each other (bridge link)"
