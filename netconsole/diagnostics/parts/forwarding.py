"""What bridges know of MAC addresses and VLANs: which is behind which port (bridge(8), fdb)."""

from dataclasses import dataclass
from typing import Literal

EntryState = Literal["learned", "static", "permanent"]
"""`learned` from frames that came in, and forgotten again; `static`: entered by hand, and moved
only by a frame that comes in elsewhere; `permanent`: taken for an address of this host."""


@dataclass(frozen=True, slots=True)
class ForwardingEntry:
    """One MAC address behind one port."""

    mac: str
    port: str
    bridge: str
    state: EntryState = "learned"
    sticky: bool = False
    """Whether it stays, wherever frames from the address come in."""
    vlan: int | None = None

    @property
    def is_own(self) -> bool:
        """Whether frames for it go up into this host, as for the MAC addresses of its links."""
        return self.state == "permanent"


@dataclass(frozen=True, slots=True)
class Move:
    """A MAC address that was behind one port and then behind another."""

    mac: str
    bridge: str
    ports: tuple[str, ...]
    """In the order in which it was seen behind them; each change is one more."""

    @property
    def times(self) -> int:
        """How often it moved."""
        return len(self.ports) - 1


@dataclass(frozen=True, slots=True)
class ForwardingTable:
    """The table of every bridge, and what moved in it while it was watched."""

    entries: tuple[ForwardingEntry, ...]
    moves: tuple[Move, ...] = ()
    seconds: float = 0.0
    """How long it was watched."""


@dataclass(frozen=True, slots=True)
class PortVlan:
    """That a port, or a bridge itself, is a member of a VLAN (bridge(8), vlan)."""

    port: str
    vlan: int
    pvid: bool
    """Whether frames that come in without a tag are of this VLAN."""
    untagged: bool
    """Whether its frames go out without a tag."""


@dataclass(frozen=True, slots=True)
class PortVlans:
    """All of them; a bridge that does not filter takes no notice of them."""

    members: tuple[PortVlan, ...]

    def of(self, port: str) -> tuple[PortVlan, ...]:
        """Return those of a port."""
        return tuple(each for each in self.members if each.port == port)

    def pvid(self, port: str) -> int | None:
        """Return the VLAN of frames without a tag, None where such frames are dropped."""
        return next((each.vlan for each in self.of(port) if each.pvid), None)
