"""Lies of a guest in IPv6: of its address, of neighbours, of routers, and behind headers."""

from collections.abc import Iterator
from typing import Any

from guest_world import ALL_NODES, Lie, World


def lies_ipv6(world: World) -> Iterator[Lie]:
    """Every kind, in its order."""
    yield from _sources(world)
    yield from _discovery(world)
    yield from _hidden(world)


def _sources(w: World) -> Iterator[Lie]:
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
    over_own = IPv6ExtHdrFragment(offset=0, m=1, id=3)
    answer = UDP(sport=547, dport=546, len=99) / b"\2"
    yield ip("DHCPv6 answer over its own fragment", "rogue_dhcpv6", head / over_own / answer)
    yield ip("RA over its own fragment", "fragment", head / over_own / ICMPv6ND_RA())
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
    for number, more in ((0, 0), (43, 0), (51, 1), (135, 0), (139, 0), (140, 0)):
        piece = IPv6ExtHdrFragment(nh=number, offset=0, m=0, id=20 + number)
        hidden = bytes((58, more, *(0,) * (6 + 4 * more))) + bytes(ICMPv6ND_RA())
        kind = f"RA behind a header of kind {number} in a fragment"
        yield ip(kind, "hidden_header", head / piece / hidden)
    yield ip(
        "what is sent to DHCPv6 clients, in one fragment",
        "rogue_dhcpv6",
        head / whole / UDP(sport=1000, dport=546) / b"\3",
    )
    yield ip(
        "DAD in a fragment",
        "fragment",
        IPv6(src="::", dst="ff02::1", hlim=255) / later / (b"\0" * 16),
    )


def _under(head: Any, between: list[Any], last: Any) -> Any:
    for each in (*between, last):
        head = head / each.copy()
    return head
