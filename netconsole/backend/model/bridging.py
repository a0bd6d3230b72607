"""Bridging: what a bridge is set to, and each of its ports (ip-link(8), bridge(8))."""

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
    neigh_suppress: bool = False
    """Whether the bridge answers ARP and neighbour discovery itself instead of asking here."""
    proxy_arp: bool = False
    """Whether it answers ARP that comes in here for guests behind other ports."""
