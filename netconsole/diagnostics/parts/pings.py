"""What came back of a few echo requests, sent to tell one cause from another."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ping:
    """Echo requests of one kind to one target."""

    target: str
    interface: str = ""
    """That they were sent out of; empty where the route chose."""
    source: str = ""
    """The address that they were sent from; empty where the kernel chose."""
    size: int = 0
    """Of the IP packet, in bytes, which no router may fragment; 0 is ping's own choice."""
    sent: int = 0
    replies: int = 0
    problem: str = ""
    """Why they could not be sent; the counts mean nothing then."""
    left: bool | None = None
    """Whether a request was seen to leave by the interface; None where that was not looked for."""
    arrived: bool | None = None
    """Whether a reply was seen to come in there."""
    asked: bool | None = None
    """Whether somebody was seen to ask there by ARP who has the source."""
    strayed: str = ""
    """The hardware address of another machine to which a reply was seen to go there."""

    @property
    def answered(self) -> bool:
        """Whether any reply came back."""
        return self.replies > 0

    @property
    def lost(self) -> bool:
        """Whether they were sent and none came back."""
        return not self.problem and not self.replies

    @property
    def told(self) -> str:
        """Return the outcome in words."""
        return self.problem or f"{self.replies} of {self.sent} answered"


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """The largest packet that was answered on a way where larger ones are not."""

    target: str
    interface: str
    size: int
    """Bytes of the IP packet."""


@dataclass(frozen=True, slots=True)
class SizePings:
    """Pairs to instances and to the next routers: small ones, and ones as large as the MTU."""

    pings: tuple[Ping, ...] = ()
    limits: tuple[SizeLimit, ...] = ()
    """Of those that answered small ones alone."""


@dataclass(frozen=True, slots=True)
class DetourPings:
    """Pairs to sources whose replies leave by another interface: out of the one where they come
    in, and the way that the replies take, from the address that they would be answered from."""

    pings: tuple[Ping, ...] = ()


@dataclass(frozen=True, slots=True)
class FloatingPings:
    """To the router of a public interface: from the interface's own address, and from the
    floating addresses on it. Both leave the same way; what differs is where the replies go."""

    pings: tuple[Ping, ...] = ()
