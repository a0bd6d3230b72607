"""Guards in the words of nft(8): one table of the family netdev, and one chain a port. Pure.

A frame meets them where it comes in, before the bridge learns a MAC address or any other filter
sees it. A port's own chain drops all that the shared chains do not accept, so that what is
missing lets nothing through. Its MAC and addresses are elements of sets: a port costs the others
nothing. All is worded as nft lists it, protocols by their numbers (1 ICMP, 17 UDP, 58 ICMPv6; and
headers before those: 0, 43, 44, 51, 60, 135, 139, 140).
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from netconsole.backend.model.guards import TABLE, Guard, GuardObject, GuardTable

PORT_CHAIN = "port-"
"""Before a port's name in that of its chain, as before no shared chain's."""

FIRST_CHAIN = "guard"
"""Of the shared ones."""

COUNTERS: Mapping[str, str] = {
    "spoofed_mac": "a MAC address that is not its own",
    "reserved_destination": "a frame to the bridge itself (IEEE 802.1D)",
    "vlan_tag": "a VLAN tag",
    "llc": "a frame of LLC",
    "ethertype": "neither IPv4, IPv6 nor ARP",
    "arp_spoof": "ARP with an address that is not its own",
    "spoofed_ipv4": "an IPv4 address that is not its own",
    "spoofed_dhcp": "DHCP for a MAC address that is not its own",
    "rogue_dhcp": "DHCP as a server",
    "icmp_redirect": "ICMP as a router",
    "fragment": "a piece of a packet that does not tell what it is",
    "spoofed_ipv6": "an IPv6 address that is not its own",
    "nd_spoof": "Neighbour Discovery with an address that is not its own",
    "rogue_ra": "a router advertisement",
    "rogue_dhcpv6": "DHCPv6 as a server",
    "icmpv6_redirect": "a redirect of ICMPv6",
    "icmpv6_type": "a type of ICMPv6 that no guest sends",
    "hidden_header": "a header that hides what it is",
}
"""One a kind of lie, and that in words; each is of what was dropped."""

SETS: Mapping[str, tuple[str, ...]] = {
    "macs": ("type ifname . ether_addr",),
    "link_layer_addresses": ("typeof iifname . @th,208,48",),
    "ipv4": ("type ifname . ether_addr . ipv4_addr",),
    "ipv4_ranges": ("type ifname . ether_addr . ipv4_addr", "flags interval"),
    "ipv6": ("type ifname . ether_addr . ipv6_addr",),
    "ipv6_ranges": ("type ifname . ether_addr . ipv6_addr", "flags interval"),
    "targets": ("typeof iifname . ether saddr . @th,64,128",),
    "target_ranges": ("typeof iifname . ether saddr . @th,64,128", "flags interval"),
}
"""A plain address is found by one look into a hash; only what is none is looked for in ranges.
The MAC addresses and the targets are there twice, as nft knows no name for the fields of Neighbour
Discovery that hold them (RFC 4861 sections 4.3, 4.4 and 4.6.1): numbers to it."""


def _dropped(counter: str, match: str = "") -> str:
    return f'{match} counter name "{counter}" drop'.lstrip()


def lie_of(rule: str) -> str:
    """Return what a rule of the table drops, in words; empty of one that drops nothing."""
    found = (said for counter, said in COUNTERS.items() if rule.endswith(_dropped(counter)))
    return next(found, "")


_ETHERNET = (
    _dropped("spoofed_mac", "iifname . ether saddr != @macs"),
    _dropped(
        "reserved_destination", "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00"
    ),  # a bridge hands these to its own host, past every filter (IEEE 802.1D table 7-10)
    "ether type ip goto from_ipv4",
    "ether type arp goto from_arp",
    "ether type ip6 goto from_ipv6",
    _dropped("vlan_tag", "ether type { 8021q, 8021ad, 0x9100, 0x9200, 0x9300 }"),
    _dropped("llc", "ether type < 0x0600"),
)

_OWN = "iifname . ether saddr . ip saddr @"
_OWN6 = "iifname . ether saddr . ip6 saddr @"
_SENDER = "iifname . arp saddr ether . arp saddr ip @"
_PROBED = "iifname . arp saddr ether . arp daddr ip @"
_TARGET = "iifname . ether saddr . @th,64,128 @"
_LINK_LAYER = "iifname . @th,{},48 @link_layer_addresses"
_ND = "icmpv6 type {} ip6 length {} ip6 nexthdr 58"
"""Without a header between, so that the offsets hold, and at most one option of eight bytes."""

CHAINS: Mapping[str, tuple[str, ...]] = {
    "from_arp": (
        _dropped("arp_spoof", "arp htype != 1"),
        _dropped("arp_spoof", "arp ptype != ip"),
        _dropped("arp_spoof", "arp hlen != 6"),
        _dropped("arp_spoof", "arp plen != 4"),
        _dropped("arp_spoof", "arp operation != { request, reply }"),
        f"{_SENDER}ipv4 accept",
        f"{_SENDER}ipv4_ranges accept",
        f"arp operation request arp saddr ip 0.0.0.0 {_PROBED}ipv4 accept",
        f"arp operation request arp saddr ip 0.0.0.0 {_PROBED}ipv4_ranges accept",
        _dropped("arp_spoof"),
    ),
    "from_ipv4": (
        f"{_OWN}ipv4 goto own_ipv4",
        f"{_OWN}ipv4_ranges goto own_ipv4",
        f"ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 "
        f"{_LINK_LAYER.format(288)} accept",
        _dropped("spoofed_dhcp", "ip saddr 0.0.0.0 udp sport 68 udp dport 67"),
        _dropped("spoofed_ipv4"),
    ),
    # A packet in pieces has its ports and its type in the first eight bytes, and so in the first
    # piece, or that is dropped: what is padded must not be taken for them. Every network carries
    # 68 bytes in one piece, the longest head and eight more (RFC 791 section 3.2).
    "own_ipv4": (
        _dropped("fragment", "ip frag-off & 16383 == 8192 ip length < 68"),
        "ip frag-off & 8191 != 0 accept",
        _dropped("rogue_dhcp", "udp sport 67"),
        _dropped("rogue_dhcp", "udp dport 68"),
        f"udp dport 67 {_LINK_LAYER.format(288)} accept",
        _dropped("spoofed_dhcp", "udp dport 67"),
        "udp dport 0-65535 accept",
        _dropped("icmp_redirect", "icmp type { redirect, router-advertisement }"),
        "icmp type 0-255 accept",
        "meta l4proto != { 1, 17 } accept",
        _dropped("fragment"),
    ),
    "from_ipv6": (
        f"{_OWN6}ipv6 goto own_ipv6",
        f"{_OWN6}ipv6_ranges goto own_ipv6",
        _dropped("fragment", "ip6 saddr :: exthdr frag exists"),
        f"ip6 saddr :: {_ND.format('nd-neighbor-solicit', 24)} goto own_target",
        f"ip6 saddr :: {_ND.format('nd-neighbor-solicit', 32)} @th,192,16 0xe01 goto own_target",
        "ip6 saddr :: icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } "
        "accept",
        _dropped("nd_spoof", "ip6 saddr :: icmpv6 type nd-neighbor-solicit"),
        _dropped("spoofed_ipv6"),
    ),
    "own_ipv6": (
        _dropped("hidden_header", "meta l4proto { 135, 139, 140 }"),
        "exthdr frag exists goto pieces",
        "icmpv6 type 0-255 goto own_icmpv6",
        _dropped("rogue_dhcpv6", "udp sport 547"),
        _dropped("rogue_dhcpv6", "udp dport 546"),
        "udp dport 0-65535 accept",
        "meta l4proto != { 17, 58 } accept",
        _dropped("hidden_header"),
    ),
    # What follows the fragment header has its ports or its type in its first eight bytes, unless
    # another header comes before them. Neighbour Discovery comes in one piece (RFC 6980).
    "pieces": (
        _dropped("hidden_header", "ip6 nexthdr != 44"),
        _dropped("hidden_header", "frag nexthdr { 0, 43, 44, 51, 60, 135, 139, 140 }"),
        "frag frag-off != 0 accept",
        _dropped("fragment", "ip6 length < 16"),
        _dropped("rogue_dhcpv6", "udp sport 547"),
        _dropped("rogue_dhcpv6", "udp dport 546"),
        "udp dport 0-65535 accept",
        "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, "
        "echo-request, echo-reply } accept",
        "meta l4proto != { 17, 58 } accept",
        _dropped("fragment"),
    ),
    "own_icmpv6": (
        _dropped("rogue_ra", "icmpv6 type nd-router-advert"),
        _dropped("icmpv6_redirect", "icmpv6 type nd-redirect"),
        f"{_ND.format('nd-neighbor-advert', 24)} goto own_target",
        f"{_ND.format('nd-neighbor-advert', 32)} @th,192,16 0x201 {_LINK_LAYER.format(208)} "
        "goto own_target",
        f"{_ND.format('nd-neighbor-solicit', 24)} accept",
        f"{_ND.format('nd-neighbor-solicit', 32)} @th,192,16 0x101 {_LINK_LAYER.format(208)} "
        "accept",
        f"{_ND.format('nd-router-solicit', 8)} accept",
        f"{_ND.format('nd-router-solicit', 16)} @th,64,16 0x101 {_LINK_LAYER.format(80)} accept",
        _dropped(
            "nd_spoof", "icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert }"
        ),
        "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, "
        "echo-request, echo-reply, mld-listener-query, mld-listener-report, mld-listener-done, "
        "mld2-listener-report } accept",
        _dropped("icmpv6_type"),
    ),
    "own_target": (
        f"{_TARGET}targets accept",
        f"{_TARGET}target_ranges accept",
        _dropped("nd_spoof"),
    ),
}
"""The shared chains but the first, which depends on an option."""


def guard_table(guards: Iterable[Guard], ethertypes: Iterable[int] = ()) -> GuardTable:
    """Return the table that guards some ports; `ethertypes` pass beside IPv4, ARP and IPv6."""
    return frozenset(
        (*_shared(ethertypes), *(each for guard in guards for each in of_guard(guard)))
    )


def _shared(ethertypes: Iterable[int]) -> Iterator[GuardObject]:
    yield GuardObject("table", TABLE)
    yield from (GuardObject("counter", name) for name in COUNTERS)
    yield from (GuardObject("set", name, lines) for name, lines in SETS.items())
    yield from (GuardObject("chain", name, rules) for name, rules in CHAINS.items())
    others = (f"ether type 0x{number:04x} accept" for number in sorted(set(ethertypes)))
    yield GuardObject("chain", FIRST_CHAIN, (*_ETHERNET, *others, _dropped("ethertype")))


def of_guard(guard: Guard) -> Iterator[GuardObject]:
    """Yield what the table holds for one port."""
    device, who = guard.device, f'"{guard.device}" . {guard.mac}'
    yield port_chain(device)
    number = int(guard.mac.replace(":", ""), 16)
    named = [("macs", who), ("link_layer_addresses", f'"{device}" . {number:#x}')]
    for address in guard.addresses:
        named += _of_range(ip_network(address), who, "")
    for range_ in guard.ranges:
        named += _of_range(ip_network(range_), who, "_ranges")
    yield from (GuardObject("element", name, (element,), device) for name, element in named)


def port_chain(device: str) -> GuardObject:
    """Return the chain of a port, which leads to the shared ones and drops the rest."""
    hook = f'type filter hook ingress device "{device}" priority filter; policy drop;'
    return GuardObject("chain", f"{PORT_CHAIN}{device}", (hook, f"jump {FIRST_CHAIN}"), device)


def _of_range(range_: IPv4Network | IPv6Network, who: str, suffix: str) -> list[tuple[str, str]]:
    """The elements by which a port may be an address, or any of a range."""
    is_one = range_.prefixlen == range_.max_prefixlen
    shown = str(range_.network_address if is_one else range_)
    if isinstance(range_, IPv4Network):
        return [(f"ipv4{suffix}", f"{who} . {shown}")]
    first, last = int(range_.network_address), int(range_.broadcast_address)
    target = f"{first:#x}" if is_one else f"{first:#x}-{last:#x}"
    return [
        (f"ipv6{suffix}", f"{who} . {shown}"),
        (f"target{suffix or 's'}", f"{who} . {target}"),
    ]


def guards_in(table: GuardTable) -> dict[str, Guard]:
    """Return what a table lets the guests be whose ports have their chain in it, by port."""
    hooked = {each.device for each in table if each.kind == "chain" and each.device}
    told: dict[str, dict[str, list[str]]] = {device: {} for device in hooked}
    for each in table:
        if each.kind == "element" and each.device in hooked:
            last = each.lines[0].split(" . ")[-1]
            told[each.device].setdefault(each.name, []).append(last)
    return {
        device: Guard(
            device,
            " ".join(sorted(found.get("macs", ()))),
            tuple(sorted((*found.get("ipv4", ()), *found.get("ipv6", ())))),
            tuple(
                sorted(
                    range_ if "-" in range_ else str(ip_network(range_))  # one of ours is a CIDR
                    for name in ("ipv4_ranges", "ipv6_ranges")
                    for range_ in found.get(name, ())
                )
            ),
        )
        for device, found in told.items()
    }
