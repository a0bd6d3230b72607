"""What answered the DHCP requests that a probe made."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Discover:
    """One DISCOVER."""

    network: str
    bridge: str
    mac: str
    """The client hardware address in it: an instance's, or one that nobody has."""
    instance: str = ""
    """Whose it is; empty for that of nobody, to which only a server of others answers."""
    address: str = ""
    """That the instance should be offered."""


@dataclass(frozen=True, slots=True)
class DhcpAnswer:
    """One message of a server."""

    bridge: str
    mac: str
    """The client that it is for."""
    kind: str
    """OFFER, ACK or NAK."""
    address: str
    """That it offers."""
    server: str
    """Its server identifier (RFC 2132, option 54)."""
    source: str
    """The hardware address that it came from."""
    port: str
    """The port of the bridge behind which that is; the bridge itself for this host."""
    milliseconds: int
    """After the question."""
    message: str = ""
    """The server's own words in a NAK (option 56)."""


@dataclass(frozen=True, slots=True)
class DhcpAnswers:
    """The questions and answers of one probe."""

    seconds: float
    """How long answers were waited for."""
    asked: tuple[Discover, ...] = ()
    answers: tuple[DhcpAnswer, ...] = ()
    overheard: tuple[DhcpAnswer, ...] = ()
    """Broadcast to others meanwhile, or the late answers of a slow server to earlier questions."""
    held_off: tuple[DhcpAnswer, ...] = ()
    """That came in at the port of an instance, and did not get out of the bridge again."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """By bridge: why nobody was asked there."""

    def to(self, asked: Discover) -> tuple[DhcpAnswer, ...]:
        """Return what came back for one question."""
        wanted = (asked.bridge, asked.mac)
        return tuple(each for each in self.answers if (each.bridge, each.mac) == wanted)
