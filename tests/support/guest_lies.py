"""Lies of a guest that its guard has to stop, as frames made by scapy."""

from collections.abc import Iterator
from typing import Any

from guest_lies_ipv6 import lies_ipv6
from guest_world import BROADCAST, OTHER_MAC, UNSET, Lie, World, dhcp_message


def lies(world: World) -> tuple[Lie, ...]:
    """Every kind of lie, in its order."""
    return (
        *_ethernet(world),
        *_arp(world),
        *_ipv4(world),
        *_ipv4_messages(world),
        *lies_ipv6(world),
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
    for place, what, mark in ((18, "MAC addresses of 8 bytes", "8"), (19, "addresses of 16", "16")):
        true = arp("", hwdst=f"02:00:00:00:00:{mark:0>2}").frame
        length = bytes([int(mark)])
        yield Lie(f"ARP that tells {what}", "arp_spoof", true[:place] + length + true[place + 1 :])
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
            / dhcp_message(1, w.other.mac),
            "spoofed_dhcp",
            BROADCAST,
        )
    yield ip(
        "another's DHCP release",
        IP(src=w.me.address, dst=w.gateway.address)
        / UDP(sport=68, dport=67)
        / dhcp_message(1, w.other.mac),
        "spoofed_dhcp",
    )


def _ipv4_messages(w: World) -> Iterator[Lie]:
    from scapy.layers.inet import ICMP, IP, UDP
    from scapy.layers.l2 import Ether

    def ip(kind: str, counter: str, packet: Any, to: str = w.other.mac) -> Lie:
        return Lie(kind, counter, bytes(Ether(src=w.me.mac, dst=to) / packet))

    head = IP(src=w.me.address, dst=w.other.address)
    everybody = IP(src=w.me.address, dst="255.255.255.255")
    offer = dhcp_message(2, w.other.mac)
    yield ip("DHCP offer", "rogue_dhcp", everybody / UDP(sport=67, dport=68) / offer, BROADCAST)
    yield ip("DHCP answer to one guest", "rogue_dhcp", head / UDP(sport=67, dport=68) / offer)
    yield ip(
        "DHCP answer from another port", "rogue_dhcp", head / UDP(sport=4011, dport=68) / offer
    )
    yield ip("DHCP relay", "rogue_dhcp", head / UDP(sport=67, dport=67) / dhcp_message(1, w.me.mac))
    in_pieces = bytes(UDP(sport=67, dport=68, len=8 + len(offer)) / offer)
    first = IP(src=w.me.address, dst=w.other.address, flags="MF", proto=17, id=77)
    yield ip("DHCP answer in fragments", "rogue_dhcp", first / in_pieces[:64])
    over_own = IP(src=w.me.address, dst=w.other.address, flags="MF", proto=17, id=9)
    yield ip("DHCP answer over its own fragment", "rogue_dhcp", over_own / in_pieces[:64])
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
