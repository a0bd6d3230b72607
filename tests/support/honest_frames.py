"""What a guest may send, as frames made by scapy."""

from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Any

from guest_world import ALL_NODES, BROADCAST, UNSET, World, dhcp_message


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
        yield kind, everybody / asked / dhcp_message(1, w.me.mac)
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
    for kind, address, option in (
        ("DAD", w.me.address_v6, b""),
        ("DAD with a nonce", w.me.link_local, b"\x0e\1abcdef"),
    ):
        asked = f"ff02::1:ff{IPv6Address(address).exploded[-7:]}"  # RFC 4291 section 2.7.1
        yield (
            kind,
            everybody / IPv6(src="::", dst=asked, hlim=255) / ICMPv6ND_NS(tgt=address) / option,
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
