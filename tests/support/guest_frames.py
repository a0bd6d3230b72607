"""Frames of a guest, made by scapy: lies that its guard has to stop, and what is honest."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

BROADCAST = "ff:ff:ff:ff:ff:ff"
OTHER_MAC = "02:de:ad:be:ef:01"
ALL_NODES = "33:33:00:00:00:01"
UNSET = str(IPv4Address(0))


@dataclass(frozen=True)
class Identity:
    """Who someone is on the network."""

    mac: str
    address: str
    address_v6: str
    link_local: str


@dataclass(frozen=True)
class World:
    """The guest that sends, its neighbour, and the gateway of both."""

    me: Identity
    other: Identity
    gateway: Identity
    floating: str


@dataclass(frozen=True)
class Lie:
    """A frame that must not pass; `counter` is what counts it."""

    kind: str
    counter: str
    frame: bytes
    passes_bridges: bool = True
    """Whether a bridge without guards hands it on to other ports."""


def lies(world: World) -> tuple[Lie, ...]:
    """Every kind of lie, in its order."""
    return (
        *_ethernet(world),
        *_arp(world),
        *_ipv4(world),
        *_ipv4_messages(world),
        *_ipv6(world),
        *_discovery(world),
        *_hidden(world),
        *_macs(world),  # the last: a bridge that believes them sends no more to whom they name
    )


def _ethernet(w: World) -> Iterator[Lie]:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import LLC, SNAP, STP, Dot1AD, Dot1Q, Dot3, Ether

    for last in range(16):
        frame = bytes(
            Ether(src=w.me.mac, dst=f"01:80:c2:00:00:{last:02x}", type=0x88CC) / (b"x" * 40)
        )
        yield Lie(f"frame to 01:80:c2:00:00:{last:02x}", "reserved_destination", frame, False)
    bpdu = Dot3(src=w.me.mac, dst="01:80:c2:00:00:00") / LLC(dsap=0x42, ssap=0x42, ctrl=3) / STP()
    yield Lie("BPDU", "reserved_destination", bytes(bpdu), False)
    to_other = Ether(src=w.me.mac, dst=w.other.mac)
    inner = IP(src=w.me.address, dst=w.other.address) / UDP(dport=9)
    snap = LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(code=0x0800) / inner
    yield Lie("IPv4 in SNAP", "llc", bytes(Dot3(src=w.me.mac, dst=w.other.mac) / snap))
    pvst = Dot3(src=w.me.mac, dst="01:00:0c:cc:cc:cd") / LLC(dsap=0xAA, ssap=0xAA, ctrl=3)
    yield Lie("PVST+ BPDU", "llc", bytes(pvst / SNAP(OUI=0xC, code=0x010B) / STP()))
    yield Lie("LLC without SNAP", "llc", bytes(Dot3(src=w.me.mac, dst=w.other.mac) / LLC() / b"x"))
    for kind, tag in (
        ("802.1Q tag", Dot1Q(vlan=7)),
        ("priority tag of VLAN 0", Dot1Q(vlan=0, prio=5)),
        ("two 802.1Q tags", Dot1Q(vlan=0) / Dot1Q(vlan=7)),
        ("802.1ad tag", Dot1AD(vlan=7)),
        ("802.1ad and 802.1Q tag", Dot1AD(vlan=7) / Dot1Q(vlan=8)),
    ):
        yield Lie(kind, "vlan_tag", bytes(to_other / tag / inner))
    for number in (0x9100, 0x9200, 0x9300):
        framed = Ether(src=w.me.mac, dst=w.other.mac, type=number) / (b"\0\7\x08\0" + bytes(inner))
        yield Lie(f"tag of ethertype {number:04x}", "vlan_tag", bytes(framed))
    for kind, number in (
        ("RARP", 0x8035),
        ("LLDP to the neighbour", 0x88CC),
        ("PPPoE discovery", 0x8863),
        ("PPPoE session", 0x8864),
        ("MPLS", 0x8847),
        ("EAPOL", 0x888E),
        ("AoE", 0x88A2),
        ("local experiment", 0x88B5),
        ("ethertype 0x0600", 0x0600),
        ("batman-adv", 0x4305),
    ):
        framed = Ether(src=w.me.mac, dst=BROADCAST, type=number) / (b"x" * 46)
        yield Lie(kind, "ethertype", bytes(framed))


def _macs(w: World) -> Iterator[Lie]:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    def mac(kind: str, source: str, target: str = w.other.mac) -> Lie:
        datagram = IP(src=w.me.address, dst=w.other.address) / UDP(dport=9)
        return Lie(kind, "spoofed_mac", bytes(Ether(src=source, dst=target) / datagram))

    yield mac("source MAC of the gateway", w.gateway.mac)
    yield mac("source MAC of nobody", OTHER_MAC)
    yield mac("source MAC with one bit of its own changed", f"{w.me.mac[:-1]}{_next(w.me.mac)}")
    yield mac("source MAC of the host's end of the port", f"fe{w.me.mac[2:]}")
    yield mac("broadcast from another MAC", OTHER_MAC, BROADCAST)
    yield mac("source MAC of the neighbour", w.other.mac, BROADCAST)


def _next(mac: str) -> str:
    return f"{(int(mac[-1], 16) ^ 1):x}"


def _arp(w: World) -> Iterator[Lie]:
    from scapy.layers.l2 import ARP, Ether

    def arp(kind: str, target: str = BROADCAST, **fields: Any) -> Lie:
        told: dict[str, Any] = {
            "hwsrc": w.me.mac,
            "psrc": w.me.address,
            "pdst": w.other.address,
            **fields,
        }
        return Lie(kind, "arp_spoof", bytes(Ether(src=w.me.mac, dst=target) / ARP(**told)))

    yield arp("ARP reply for the gateway", w.other.mac, op=2, psrc=w.gateway.address)
    yield arp("ARP reply for the neighbour", op=2, psrc=w.other.address)
    yield arp("ARP reply for a floating address", op=2, psrc=w.floating)
    yield arp("ARP request from the gateway's address", op=1, psrc=w.gateway.address)
    yield arp("ARP request from the neighbour's address", op=1, psrc=w.other.address)
    yield arp("gratuitous ARP for the gateway", psrc=w.gateway.address, pdst=w.gateway.address)
    yield arp(
        "gratuitous ARP reply for the gateway", op=2, psrc=w.gateway.address, pdst=w.gateway.address
    )
    yield arp("own address at another MAC", op=2, hwsrc=OTHER_MAC)
    yield arp("own address at the neighbour's MAC", op=2, hwsrc=w.other.mac)
    yield arp("ARP probe for the neighbour's address", psrc=UNSET)
    yield arp("ARP probe for the gateway's address", psrc=UNSET, pdst=w.gateway.address)
    yield arp("ARP reply from 0.0.0.0", op=2, psrc=UNSET, pdst=w.me.address)
    yield arp("ARP probe of another MAC", psrc=UNSET, hwsrc=OTHER_MAC, pdst=w.me.address)
    yield arp("reverse ARP request as ARP", op=3)
    yield arp("inverse ARP", op=8)
    yield arp("ARP of another hardware", hwtype=6)
    yield arp("ARP of another protocol", ptype=0x86DD)
    yield arp("ARP with addresses of odd length", hwlen=8, hwsrc=b"\1" * 8, hwdst=b"\2" * 8)
    cut = bytes(Ether(src=w.me.mac, dst=BROADCAST, type=0x0806)) + b"\0\1\x08\0\6\4\0\2"
    yield Lie("ARP reply that is cut off", "arp_spoof", cut)


def _ipv4(w: World) -> Iterator[Lie]:
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.l2 import Ether

    def ip(kind: str, packet: Any, counter: str = "spoofed_ipv4", to: str = w.other.mac) -> Lie:
        return Lie(kind, counter, bytes(Ether(src=w.me.mac, dst=to) / packet))

    def source(address: str, **fields: Any) -> Any:
        return IP(src=address, dst=w.other.address, **fields)

    yield ip("IPv4 source of the neighbour", source(w.other.address) / UDP(dport=9))
    yield ip("IPv4 source of the gateway", source(w.gateway.address) / ICMP())
    yield ip("IPv4 source of a floating address", source(w.floating) / UDP(dport=9))
    yield ip("IPv4 source of nobody", source("198.51.100.7") / TCP(dport=22))
    yield ip("IPv4 source of loopback", source("127.0.0.1") / UDP(dport=9))
    yield ip("IPv4 source of multicast", source("224.0.0.5") / UDP(dport=9))
    yield ip("IPv4 source of broadcast", source("255.255.255.255") / UDP(dport=9))
    yield ip("IPv4 source of link-local", source("169.254.7.7") / UDP(dport=9))
    yield ip("IPv4 source of the metadata service", source("169.254.169.254") / TCP(sport=80))
    yield ip("IPv4 source 0.0.0.0 to a port", source(UNSET) / UDP(sport=68, dport=9))
    yield ip("IPv4 source 0.0.0.0 of IGMP", IP(src=UNSET, dst="224.0.0.22", proto=2) / b"\x16")
    yield ip("IPv4 source 0.0.0.0 of TCP", source(UNSET) / TCP(dport=22))
    yield ip("another's TCP segment", source(w.other.address) / TCP(dport=22, flags="R"))
    yield ip("another's source in a later fragment", source(w.other.address, frag=9) / (b"x" * 64))
    yield ip(
        "another's source with options",
        IP(src=w.other.address, dst=w.other.address, ihl=6, options=b"\x94\4\0\0") / UDP(),
    )
    yield ip(
        "DHCP from 0.0.0.0 to one address",
        IP(src=UNSET, dst=w.other.address) / UDP(sport=68, dport=67) / (b"\1" * 240),
        "spoofed_dhcp",
    )
    for kind, source_address in ((UNSET, UNSET), ("its own address", w.me.address)):
        yield ip(
            f"DHCP request of another MAC, from {kind}",
            IP(src=source_address, dst="255.255.255.255")
            / UDP(sport=68, dport=67)
            / _dhcp(1, w.other.mac),
            "spoofed_dhcp",
            BROADCAST,
        )
    yield ip(
        "another's DHCP release",
        IP(src=w.me.address, dst=w.gateway.address)
        / UDP(sport=68, dport=67)
        / _dhcp(1, w.other.mac),
        "spoofed_dhcp",
    )


def _dhcp(operation: int, mac: str) -> bytes:
    client = bytes.fromhex(mac.replace(":", ""))
    head = bytes((operation, 1, 6, 0)) + b"\1\2\3\4" + b"\0" * 20
    return head + client + b"\0" * 10 + b"\0" * 192 + b"\x63\x82\x53\x63\x35\1\1\xff"


def _ipv4_messages(w: World) -> Iterator[Lie]:
    from scapy.layers.inet import ICMP, IP, UDP
    from scapy.layers.l2 import Ether

    def ip(kind: str, counter: str, packet: Any, to: str = w.other.mac) -> Lie:
        return Lie(kind, counter, bytes(Ether(src=w.me.mac, dst=to) / packet))

    head = IP(src=w.me.address, dst=w.other.address)
    everybody = IP(src=w.me.address, dst="255.255.255.255")
    offer = _dhcp(2, w.other.mac)
    yield ip("DHCP offer", "rogue_dhcp", everybody / UDP(sport=67, dport=68) / offer, BROADCAST)
    yield ip("DHCP answer to one guest", "rogue_dhcp", head / UDP(sport=67, dport=68) / offer)
    yield ip(
        "DHCP answer from another port", "rogue_dhcp", head / UDP(sport=4011, dport=68) / offer
    )
    yield ip("DHCP relay", "rogue_dhcp", head / UDP(sport=67, dport=67) / _dhcp(1, w.me.mac))
    in_pieces = bytes(UDP(sport=67, dport=68, len=8 + len(offer)) / offer)
    first = IP(src=w.me.address, dst=w.other.address, flags="MF", proto=17, id=77)
    yield ip("DHCP answer in fragments", "rogue_dhcp", first / in_pieces[:64])
    for size in (0, 1, 3):
        yield ip(f"first fragment with {size} bytes", "fragment", first / in_pieces[:size])
    yield ip("first fragment of ports alone", "fragment", first / in_pieces[:4])
    tiny = IP(src=w.me.address, dst=w.other.address, flags="MF", proto=1, id=78)
    yield ip("ICMP fragment without a type", "fragment", tiny)
    redirect = ICMP(type=5, code=1, gw=w.me.address) / bytes(IP(src=w.other.address))
    yield ip("ICMP redirect", "icmp_redirect", head / redirect)
    advert = ICMP(type=9, code=0) / b"\1\2\0\0\x0a\0\0\2\0\0\0\1"
    yield ip("ICMP router advertisement", "icmp_redirect", head / advert)
    with_options = IP(src=w.me.address, dst=w.other.address, ihl=7, options=b"\1" * 8)
    yield ip("ICMP redirect behind IP options", "icmp_redirect", with_options / redirect)
    yield ip(
        "DHCP answer behind IP options",
        "rogue_dhcp",
        with_options / UDP(sport=67, dport=68) / offer,
    )


def _ipv6(w: World) -> Iterator[Lie]:
    from scapy.layers.inet import TCP, UDP
    from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_RS, IPv6
    from scapy.layers.l2 import Ether

    def ip(kind: str, packet: Any, counter: str = "spoofed_ipv6", to: str = w.other.mac) -> Lie:
        return Lie(kind, counter, bytes(Ether(src=w.me.mac, dst=to) / packet))

    def source(address: str) -> Any:
        return IPv6(src=address, dst=w.other.link_local)

    yield ip("IPv6 source of the neighbour", source(w.other.address_v6) / UDP(dport=9))
    yield ip("IPv6 link-local source of the neighbour", source(w.other.link_local) / UDP(dport=9))
    yield ip("IPv6 source of the gateway", source(w.gateway.address_v6) / ICMPv6EchoRequest())
    yield ip("IPv6 source of nobody", source("2001:db8::7") / TCP(dport=22))
    yield ip("IPv6 source of another interface id", source("fe80::1") / UDP(dport=9))
    yield ip("IPv6 source ::1", source("::1") / UDP(dport=9))
    yield ip("IPv6 source of multicast", source("ff02::1") / UDP(dport=9))
    yield ip("IPv6 source :: of UDP", source("::") / UDP(dport=9))
    yield ip("IPv6 source :: of an echo", source("::") / ICMPv6EchoRequest())
    yield ip("router solicitation from ::", source("::") / ICMPv6ND_RS())
    server = IPv6(src=w.me.link_local, dst=w.other.link_local)
    yield ip("DHCPv6 answer", server / UDP(sport=547, dport=546) / (b"\2" * 8), "rogue_dhcpv6")
    yield ip(
        "DHCPv6 answer from another port",
        server / UDP(sport=999, dport=546) / (b"\2" * 8),
        "rogue_dhcpv6",
    )
    yield ip("DHCPv6 relay", server / UDP(sport=547, dport=547) / (b"\x0c" * 8), "rogue_dhcpv6")


def _discovery(w: World) -> Iterator[Lie]:
    from scapy.layers.inet6 import (
        ICMPv6MLReport2,
        ICMPv6ND_NA,
        ICMPv6ND_NS,
        ICMPv6ND_RA,
        ICMPv6ND_Redirect,
        ICMPv6ND_RS,
        ICMPv6NDOptDstLLAddr,
        ICMPv6NDOptMTU,
        ICMPv6NDOptPrefixInfo,
        ICMPv6NDOptSrcLLAddr,
        ICMPv6NIQueryName,
        IPv6,
    )
    from scapy.layers.l2 import Ether

    def ip(
        kind: str,
        message: Any,
        counter: str = "nd_spoof",
        source: str = w.me.link_local,
        **fields: Any,
    ) -> Lie:
        head = IPv6(src=source, dst="ff02::1", hlim=255, **fields)
        return Lie(kind, counter, bytes(Ether(src=w.me.mac, dst=ALL_NODES) / head / message))

    def mine(option: Any) -> Any:
        return option(lladdr=w.me.mac)

    def others(option: Any) -> Any:
        return option(lladdr=w.other.mac)

    yield ip(
        "NA for the neighbour", ICMPv6ND_NA(tgt=w.other.link_local) / mine(ICMPv6NDOptDstLLAddr)
    )
    yield ip(
        "NA for the gateway", ICMPv6ND_NA(tgt=w.gateway.link_local) / mine(ICMPv6NDOptDstLLAddr)
    )
    yield ip("NA for the gateway's address", ICMPv6ND_NA(tgt=w.gateway.address_v6))
    yield ip(
        "NA for itself at another MAC",
        ICMPv6ND_NA(tgt=w.me.link_local) / others(ICMPv6NDOptDstLLAddr),
    )
    yield ip(
        "NA with two link-layer addresses",
        ICMPv6ND_NA(tgt=w.me.link_local)
        / mine(ICMPv6NDOptDstLLAddr)
        / others(ICMPv6NDOptDstLLAddr),
    )
    yield ip(
        "NA with its MAC in an option of another kind",
        ICMPv6ND_NA(tgt=w.me.link_local) / others(ICMPv6NDOptSrcLLAddr),
    )
    yield ip(
        "NA from the neighbour's address",
        ICMPv6ND_NA(tgt=w.other.link_local),
        "spoofed_ipv6",
        w.other.link_local,
    )
    yield ip("NA from ::", ICMPv6ND_NA(tgt=w.me.link_local), "spoofed_ipv6", "::")
    yield ip(
        "NS that says another MAC",
        ICMPv6ND_NS(tgt=w.other.link_local) / others(ICMPv6NDOptSrcLLAddr),
    )
    yield ip(
        "NS with a second MAC",
        ICMPv6ND_NS(tgt=w.other.link_local)
        / mine(ICMPv6NDOptSrcLLAddr)
        / others(ICMPv6NDOptSrcLLAddr),
    )
    yield ip(
        "NS from the neighbour's address",
        ICMPv6ND_NS(tgt=w.gateway.link_local),
        "spoofed_ipv6",
        w.other.link_local,
    )
    yield ip("DAD for the neighbour's address", ICMPv6ND_NS(tgt=w.other.link_local), source="::")
    yield ip("DAD for the gateway's address", ICMPv6ND_NS(tgt=w.gateway.address_v6), source="::")
    yield ip(
        "DAD that says a MAC",
        ICMPv6ND_NS(tgt=w.me.link_local) / others(ICMPv6NDOptSrcLLAddr),
        source="::",
    )
    yield ip("RS that says another MAC", ICMPv6ND_RS() / others(ICMPv6NDOptSrcLLAddr))
    yield ip(
        "RS with a second MAC",
        ICMPv6ND_RS() / mine(ICMPv6NDOptSrcLLAddr) / others(ICMPv6NDOptSrcLLAddr),
    )
    route = ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64)
    yield ip("RA", ICMPv6ND_RA() / route, "rogue_ra")
    yield ip("RA that ends a router's life", ICMPv6ND_RA(routerlifetime=0), "rogue_ra")
    yield ip("RA with an MTU", ICMPv6ND_RA() / ICMPv6NDOptMTU(mtu=1280), "rogue_ra")
    yield ip("RA as the gateway", ICMPv6ND_RA() / route, "spoofed_ipv6", w.gateway.link_local)
    redirect = ICMPv6ND_Redirect(tgt=w.me.link_local, dst="2001:db8::1")
    yield ip("redirect", redirect, "icmpv6_redirect")
    yield ip("redirect as the gateway", redirect, "spoofed_ipv6", w.gateway.link_local)
    yield ip("node information query", ICMPv6NIQueryName(), "icmpv6_type")
    for kind, number in (
        ("router renumbering", 138),
        ("inverse neighbour advertisement", 142),
        ("certification path advertisement", 149),
        ("multicast router advertisement", 151),
    ):
        yield ip(kind, bytes((number, 0, 0, 0)) + b"\0" * 12, "icmpv6_type", nh=58)
    yield ip("MLD report from the neighbour", ICMPv6MLReport2(), "spoofed_ipv6", w.other.link_local)


def _hidden(w: World) -> Iterator[Lie]:
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import (
        ICMPv6ND_NA,
        ICMPv6ND_NS,
        ICMPv6ND_RA,
        ICMPv6NDOptDstLLAddr,
        IPv6,
        IPv6ExtHdrDestOpt,
        IPv6ExtHdrFragment,
        IPv6ExtHdrHopByHop,
        IPv6ExtHdrRouting,
        PadN,
    )
    from scapy.layers.l2 import Ether

    head = IPv6(src=w.me.link_local, dst="ff02::1", hlim=255)
    options = IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
    hops = IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)])
    claim = ICMPv6ND_NA(tgt=w.other.link_local) / ICMPv6NDOptDstLLAddr(lladdr=w.me.mac)

    def ip(kind: str, counter: str, packet: Any) -> Lie:
        return Lie(kind, counter, bytes(Ether(src=w.me.mac, dst=ALL_NODES) / packet))

    yield ip("RA behind destination options", "rogue_ra", head / options / ICMPv6ND_RA())
    yield ip("RA behind hop-by-hop options", "rogue_ra", head / hops / ICMPv6ND_RA())
    yield ip("RA behind a routing header", "rogue_ra", head / IPv6ExtHdrRouting() / ICMPv6ND_RA())
    yield ip("RA behind ten headers", "rogue_ra", _under(head, [options] * 10, ICMPv6ND_RA()))
    yield ip("NA for the neighbour behind options", "nd_spoof", head / options / claim)
    yield ip("own NA behind options", "nd_spoof", head / options / ICMPv6ND_NA(tgt=w.me.link_local))
    yield ip("NS behind options", "nd_spoof", head / hops / ICMPv6ND_NS(tgt=w.other.link_local))
    yield ip(
        "DHCPv6 answer behind options",
        "rogue_dhcpv6",
        head / options / UDP(sport=547, dport=546) / b"\2",
    )
    whole = IPv6ExtHdrFragment(offset=0, m=0, id=5)
    first, later = IPv6ExtHdrFragment(offset=0, m=1, id=6), IPv6ExtHdrFragment(offset=1, m=0, id=6)
    yield ip("RA in one fragment", "fragment", head / whole / ICMPv6ND_RA())
    yield ip("RA in the first fragment", "fragment", head / first / ICMPv6ND_RA() / (b"\0" * 8))
    yield ip("NA for the neighbour in one fragment", "fragment", head / whole / claim)
    yield ip("own NA in one fragment", "fragment", head / whole / ICMPv6ND_NA(tgt=w.me.link_local))
    yield ip(
        "RA behind options in a fragment", "hidden_header", head / first / options / ICMPv6ND_RA()
    )
    yield ip(
        "options that leave the type to the next fragment", "hidden_header", head / first / options
    )
    yield ip(
        "DHCPv6 answer in one fragment",
        "rogue_dhcpv6",
        head / whole / UDP(sport=547, dport=546) / b"\2",
    )
    yield ip(
        "first fragment without a type",
        "fragment",
        head / IPv6ExtHdrFragment(nh=58, offset=0, m=1, id=7),
    )
    yield ip(
        "first fragment without ports",
        "fragment",
        head / IPv6ExtHdrFragment(nh=17, offset=0, m=1, id=8) / b"\0\0",
    )
    yield ip("fragment in a fragment", "hidden_header", head / whole / first / ICMPv6ND_RA())
    yield ip(
        "a later fragment that begins with options",
        "hidden_header",
        head / IPv6ExtHdrFragment(nh=60, offset=1, m=0, id=6) / (b"\0" * 16),
    )
    for number in (135, 139, 140):
        under = IPv6(src=w.me.link_local, dst="ff02::1", hlim=255, nh=number)
        hidden = bytes((58, 0, 0, 0, 0, 0, 0, 0)) + bytes(ICMPv6ND_RA())
        yield ip(f"RA behind a header of kind {number}", "hidden_header", under / hidden)
    yield ip(
        "DAD in a fragment",
        "fragment",
        IPv6(src="::", dst="ff02::1", hlim=255) / later / (b"\0" * 16),
    )


def _under(head: Any, between: list[Any], last: Any) -> Any:
    for each in (*between, last):
        head = head / each.copy()
    return head


def honest(w: World) -> tuple[tuple[str, bytes], ...]:
    """What a guest may send, all of it to be seen by its neighbour."""
    made = (*_honest_ipv4(w), *_honest_ipv6(w))
    return tuple((kind, bytes(frame)) for kind, frame in made)


def _honest_ipv4(w: World) -> Iterator[tuple[str, Any]]:
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.l2 import ARP, Ether

    everybody, one = Ether(src=w.me.mac, dst=BROADCAST), Ether(src=w.me.mac, dst=w.other.mac)
    own: dict[str, Any] = {"hwsrc": w.me.mac, "psrc": w.me.address}
    head = IP(src=w.me.address, dst=w.other.address)
    yield "ARP request", everybody / ARP(op=1, pdst=w.other.address, **own)
    yield "ARP reply", one / ARP(op=2, pdst=w.other.address, hwdst=w.other.mac, **own)
    yield "gratuitous ARP", everybody / ARP(op=1, pdst=w.me.address, **own)
    yield "gratuitous ARP reply", everybody / ARP(op=2, pdst=w.me.address, **own)
    probe: dict[str, Any] = {"hwsrc": w.me.mac, "psrc": UNSET, "pdst": w.me.address}
    yield "own ARP probe", everybody / ARP(op=1, **probe)
    yield "echo request", one / head / ICMP() / (b"x" * 56)
    yield "TCP segment", one / head / TCP(dport=22, flags="S")
    yield "datagram", one / head / UDP(sport=5000, dport=53) / b"x"
    yield "unreachable", one / head / ICMP(type=3, code=4) / bytes(head)
    yield (
        "first fragment",
        one
        / IP(src=w.me.address, dst=w.other.address, flags="MF", id=9)
        / UDP(sport=5, dport=6, len=100)
        / (b"x" * 64),
    )
    yield (
        "later fragment",
        one / IP(src=w.me.address, dst=w.other.address, frag=4, id=9, proto=17) / (b"x" * 24),
    )
    for kind, address in (("DHCP discover", UNSET), ("DHCP inform", w.me.address)):
        asked = IP(src=address, dst="255.255.255.255") / UDP(sport=68, dport=67)
        yield kind, everybody / asked / _dhcp(1, w.me.mac)
    mdns = IP(src=w.me.address, dst="224.0.0.251", ttl=255) / UDP(sport=5353, dport=5353)
    yield "mDNS", Ether(src=w.me.mac, dst="01:00:5e:00:00:fb") / mdns / b"x"
    igmp = IP(src=w.me.address, dst="224.0.0.22", ttl=1, proto=2) / b"\x22\0\xdd\xff\0\0\0\0"
    yield "IGMP report", Ether(src=w.me.mac, dst="01:00:5e:00:00:16") / igmp
    yield (
        "VRRP",
        Ether(src=w.me.mac, dst="01:00:5e:00:00:12")
        / IP(src=w.me.address, dst="224.0.0.18", proto=112)
        / (b"x" * 20),
    )
    yield "GRE", one / IP(src=w.me.address, dst=w.other.address, proto=47) / (b"\0" * 8)
    yield "ESP", one / IP(src=w.me.address, dst=w.other.address, proto=50) / (b"\0" * 16)


def _honest_ipv6(w: World) -> Iterator[tuple[str, Any]]:
    from scapy.layers.inet import TCP, UDP
    from scapy.layers.inet6 import (
        ICMPv6EchoRequest,
        ICMPv6MLReport2,
        ICMPv6ND_NA,
        ICMPv6ND_NS,
        ICMPv6ND_RS,
        ICMPv6NDOptDstLLAddr,
        ICMPv6NDOptSrcLLAddr,
        IPv6,
        IPv6ExtHdrDestOpt,
        IPv6ExtHdrFragment,
        IPv6ExtHdrHopByHop,
        PadN,
        RouterAlert,
    )
    from scapy.layers.l2 import Ether

    one, everybody = Ether(src=w.me.mac, dst=w.other.mac), Ether(src=w.me.mac, dst=ALL_NODES)
    head = IPv6(src=w.me.address_v6, dst=w.other.address_v6, hlim=255)
    local = IPv6(src=w.me.link_local, dst="ff02::1", hlim=255)
    nothing = IPv6(src="::", dst="ff02::1", hlim=255)
    source, target = (
        option(lladdr=w.me.mac) for option in (ICMPv6NDOptSrcLLAddr, ICMPv6NDOptDstLLAddr)
    )
    alert = IPv6ExtHdrHopByHop(options=[RouterAlert(), PadN(optdata=b"")])
    yield "echo over IPv6", one / head / ICMPv6EchoRequest() / (b"x" * 56)
    yield "TCP over IPv6", one / head / TCP(dport=22, flags="S")
    yield "UDP over IPv6", one / local / UDP(sport=5353, dport=5353) / b"x"
    yield "NS", everybody / local / ICMPv6ND_NS(tgt=w.other.link_local) / source
    yield "NS without an option", one / head / ICMPv6ND_NS(tgt=w.other.address_v6)
    yield "NA", everybody / local / ICMPv6ND_NA(tgt=w.me.address_v6) / target
    yield "NA without an option", one / head / ICMPv6ND_NA(tgt=w.me.address_v6)
    yield "DAD", everybody / nothing / ICMPv6ND_NS(tgt=w.me.address_v6)
    yield (
        "DAD with a nonce",
        everybody / nothing / ICMPv6ND_NS(tgt=w.me.link_local) / (b"\x0e\1abcdef"),
    )
    yield "MLD report from ::", everybody / nothing / alert / ICMPv6MLReport2()
    yield "MLD report", everybody / local / alert / ICMPv6MLReport2()
    yield "RS", everybody / local / ICMPv6ND_RS() / source
    yield "RS without an option", everybody / local / ICMPv6ND_RS()
    yield "DHCPv6 solicit", everybody / local / UDP(sport=546, dport=547) / (b"\1" * 8)
    first, later = (IPv6ExtHdrFragment(offset=at, m=not at, id=3, nh=17) for at in (0, 4))
    yield "first fragment over IPv6", one / head / first / UDP(dport=9, len=99) / (b"x" * 24)
    yield "later fragment over IPv6", one / head / later / (b"x" * 24)
    ping = IPv6ExtHdrFragment(offset=0, m=1, id=4)
    yield "echo in fragments", one / head / ping / ICMPv6EchoRequest() / (b"x" * 24)
    options = IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)])
    yield "datagram behind options", one / head / options / UDP(dport=9) / b"x"
