"""The interfaces of the host, with what their kind and their bridge say of them (ip-link(8))."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """What a bridge is set to."""

    stp: bool
    forward_delay: int
    """Hundredths of a second that a port listens, and then learns, before it forwards."""
    ageing_time: int
    """Hundredths of a second after which an address is forgotten; 0 floods everything."""
    vlan_filtering: bool
    mcast_snooping: bool
    mcast_querier: bool
    mcast_query_interval: int
    """Hundredths of a second between two questions who listens to which group."""
    mcast_response_interval: int
    """Hundredths of a second within which listeners answer."""
    mcast_membership_interval: int
    """Hundredths of a second after which a listener that has not answered is forgotten."""
    nf_call_iptables: bool
    nf_call_ip6tables: bool
    nf_call_arptables: bool


@dataclass(frozen=True, slots=True)
class PortSettings:
    """What a port of a bridge is set to."""

    state: str
    """disabled, listening, learning, forwarding or blocking."""
    hairpin: bool
    isolated: bool
    learning: bool
    flood: bool
    """Whether frames for an address that the bridge does not know are sent out here."""
    mcast_flood: bool
    bcast_flood: bool
    locked: bool
    """Whether frames from an address that the bridge does not know are dropped."""


@dataclass(frozen=True, slots=True)
class LinkCounters:
    """Packets since the link was made (rtnl_link_stats64)."""

    rx_packets: int = 0
    tx_packets: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0
    rx_errors: int = 0
    tx_errors: int = 0


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
    alias: str = ""
    queue: str = ""
    """Its queueing discipline."""
    queue_length: int = 0
    bridge: BridgeSettings | None = None
    port: PortSettings | None = None
    counters: LinkCounters = LinkCounters()
    arp: bool = True
    """Whether it asks and answers by ARP; not with the flag NOARP."""
    features: tuple[str, ...] | None = None
    """The offloads that are on, as ethtool(8) names them; None where that was not asked."""

    @property
    def ours(self) -> bool:
        """Whether netconsole made it."""
        return self.alias.startswith("netconsole:")


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
