"""The interfaces of the host, with what their kind and their bridge say of them (ip-link(8))."""

from collections.abc import Iterator
from dataclasses import dataclass

from netconsole.backend.model.bridging import BridgeSettings, PortSettings


@dataclass(frozen=True, slots=True)
class KernelLink:
    """One interface."""

    index: int
    name: str
    kind: str
    """bridge, vlan, veth, tun, ...; empty for hardware."""
    up: bool
    carrier: bool
    """Whether its other end is there and up (LOWER_UP)."""
    mac: str
    mtu: int
    master: str = ""
    parent: str = ""
    """Of a VLAN device, the interface whose tagged frames it carries."""
    vlan: int | None = None
    vlan_protocol: str = ""
    settled: bool = True
    """Whether the kernel has told its bridge of the carrier by now (RUNNING)."""
    mode: str = ""
    """Of a macvlan: private, vepa, bridge, passthru or source."""
    promiscuity: int = 0
    """How many ask for every frame: one for each bridge that it is a port of."""
    has_xdp: bool = False
    """Whether a program of XDP is attached, which is given frames before all else."""
    alias: str = ""
    queue: str = ""
    """Its queueing discipline."""
    queue_length: int = 0
    bridge: BridgeSettings | None = None
    port: PortSettings | None = None
    dropped: int = 0
    """Packets since it was made, in both directions (/proc/net/dev, proc(5))."""
    arp: bool = True
    """Whether it asks and answers by ARP; not with the flag NOARP."""
    features: tuple[str, ...] | None = None
    """The offloads that are on, as ethtool(8) names them; None where that was not asked."""

    @property
    def ours(self) -> bool:
        """Whether netconsole made it."""
        return self.alias.startswith("netconsole:")


def without_carrier(link: KernelLink) -> str:
    """Say why an interface passes nothing on."""
    if not link.up:
        return f"{link.name} is down"
    return f"{link.name} has no carrier: nobody is at its other end"


@dataclass(frozen=True, slots=True)
class Links:
    """Every interface of the network namespace, in the kernel's order."""

    links: tuple[KernelLink, ...]

    def get(self, name: str) -> KernelLink | None:
        """Return the interface of that name, or None."""
        return next((link for link in self.links if link.name == name), None)

    def ports_of(self, bridge: str) -> tuple[KernelLink, ...]:
        """Return the ports of a bridge."""
        return tuple(link for link in self.links if link.master == bridge)

    @property
    def bridges(self) -> Iterator[KernelLink]:
        """Return the bridges."""
        return (link for link in self.links if link.kind == "bridge")

    @property
    def bridge_of(self) -> dict[str, str]:
        """Return the bridge of each port, by name."""
        return {link.name: link.master for link in self.links if link.master}
