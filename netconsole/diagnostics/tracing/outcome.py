"""All that is known of how a packet ended, and where it ended, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from netconsole.diagnostics.parts.journey import End, Hop, KernelDrop, Protocol, Reply, is_rejected


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where this host's routes send the packet on, asked after it was sent."""

    interface: str = ""
    address: str = ""
    """Of the router, or of the destination itself where that is on the link."""
    mac_state: str = ""
    """What the kernel knows of its MAC address: REACHABLE, STALE, FAILED, INCOMPLETE, empty."""
    refusal: str = ""
    """Why there is no route, in words with the kernel's own."""
    is_here: bool = False
    """Whether this host itself is who it is for."""
    remedy: str = ""
    """What to type next where there is no route."""
    destination: str = ""
    """For which its route was asked: as rules had translated it by then."""

    @property
    def is_untold(self) -> bool:
        """Whether the kernel does not know its MAC address by now, whatever it asked before."""
        return bool(self.interface) and self.mac_state in ("", "FAILED", "INCOMPLETE", "NONE")

    @property
    def is_silent(self) -> bool:
        """Whether it was asked for its MAC address by ARP, and did not say it."""
        return self.mac_state in ("FAILED", "INCOMPLETE")


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Something that stands where a packet was seen last, or was to be seen next."""

    says: str
    """A part of a sentence."""
    remedy: str = ""
    """The command that shows it, or that takes it away."""
    is_cause: bool = True
    """Whether nothing gets past it; else it takes some, or nobody knows what it does."""


@dataclass(frozen=True, slots=True)
class PortAnswer:
    """What was heard of a guest that was asked for an address by ARP, at its own port."""

    port: str
    address: str
    macs: tuple[str, ...] = ()
    """The MAC addresses that it said to have with it; none where it said nothing."""


def until_end(hops: Sequence[Hop], reply: Reply, is_handed: bool) -> tuple[Hop, ...]:
    """Return the hops without the ICMP error by which this host told that one went no further."""
    if is_rejected(reply, hops, is_handed):
        return tuple(hop for hop in hops if hop.way == "there")
    came = [
        at
        for at, hop in enumerate(hops)
        if (hop.way, hop.kind) == ("back", "arrived") and hop.reply != "error"
    ]
    is_told = bool(came) and hops[-1].way == "back" and hops[-1].reply == "error"
    return tuple(hops[: came[-1] + 1] if is_told else hops)


@dataclass(frozen=True, slots=True)
class TraceOutcome:
    """All that is known of how it ended."""

    hops: tuple[Hop, ...]
    reply: Reply
    answered_by: str
    error: tuple[int, int] | None
    """Type and code of an error of ICMP that came back."""
    protocol: Protocol
    port: int
    destination: str
    sender: str
    first: str
    """The interface that it comes in by first; empty of what this host sends itself."""
    receiver: str
    """The port of the instance that it is for; empty of others."""
    next_hop: NextHop
    """Of what was sent, or of the answer where one came in."""
    is_handed: bool = False
    """Whether the packet filter has let it in to this host itself."""
    receiver_address: str = ""
    """The fixed address of the instance that it is for."""
    is_for_router: bool = False
    """Whether it is for the router of the default route, which is not this host."""
    unanswered: str = ""
    """The address that the sender asks for by ARP where it comes in, and nobody says it has."""
    is_unmarked: bool = False
    """Whether it was not marked, among too many of its kind, so that no rule was told."""
    asks_instead: str = ""
    """Another address that it asks for by ARP, and nobody says it has."""
    is_near: bool = False
    """Whether no router is next on its way, but who it is for."""
    is_for_host: bool = False
    """Whether it is for this host itself."""
    receiver_asks: str = ""
    """The address that the instance that it is for asks for by ARP, and nobody says it has."""
    is_unresolved: bool = False
    """Whether the sender's kernel gave it up, as ARP had no answer when it was asked before."""
    hindrances: tuple[Hindrance, ...] = ()
    """What stands where it was seen last, and takes packets without a trace."""
    bridge_of: Mapping[str, str] = field(default_factory=dict)
    """The bridge of each port."""
    is_written: bool = False
    """Whether the host wrote it where it was to come in, in the sender's stead."""
    kernel_drop: KernelDrop | None = None
    """Where the kernel says that it gave it up."""
    asked: PortAnswer | None = None
    """What the guest at the last port said by ARP; None where it was not asked."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Where it ended, and why, as far as that is known."""

    kind: End
    where: str
    why: str = ""
    evidence: tuple[str, ...] = ()
    remedy: str = ""
    """What to type next."""

    @property
    def because(self) -> str:
        """Return a sentence: where, then why, then what else is known."""
        begins = f"{self.where}: {self.why}" if self.why else self.where
        return "; ".join((begins, *self.evidence))
