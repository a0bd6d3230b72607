"""Guards in the words of ebtables(8), for kernels whose nftables has no family netdev. Pure.

They are in the table nat, chain PREROUTING: what a port's bridge takes in meets that before it
learns a MAC address. One chain a port, which returns what is true, so that what else there is
in PREROUTING sees it, and leads each lie to the chain of its kind, which drops it and counts.
Frames to 01:80:c2:00:00:0x get there only if the port hands them on: `LINK_LOCAL_FORWARDED`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Final

from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model import subject
from netconsole.backend.model.guards import Guard, Held
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.subject import HOST

CANNOT_STOP: Final = (
    "IPv6 neighbour advertisements for addresses of others",
    "MAC addresses of others within Neighbour Discovery and DHCP",
    "Neighbour Discovery in pieces or behind other headers",
    "pieces of packets that do not tell what they are",
)
"""Of what the guards of nftables stop: ebtables has no words for the fields that tell these."""

LINK_LOCAL_FORWARDED: Final = 0xFFFD
"""The bits of a port's group_fwd_mask (ip-link(8)): all but that of PAUSE frames, which a bridge
drops itself. A port without hands such frames to its host, past ebtables, and learns from them."""

GUARDS: Final = f"{CHAIN_PREFIX}guards"
"""Leads each port's frames to its chain."""
_JUMP: Final = Rule(f"-j {GUARDS}", HOST)

DROPPING: Final[Mapping[str, str]] = {
    counter: f"{CHAIN_PREFIX}{name}"
    for counter, name in (
        ("spoofed_mac", "spoofed_mac"),
        ("reserved_destination", "reserved_dst"),  # a chain's name has 28 letters at most
        ("vlan_tag", "vlan_tag"),
        ("llc", "llc"),
        ("ethertype", "ethertype"),
        ("arp_spoof", "arp_spoof"),
        ("spoofed_ipv4", "spoofed_ipv4"),
        ("spoofed_dhcp", "spoofed_dhcp"),
        ("rogue_dhcp", "rogue_dhcp"),
        ("icmp_redirect", "icmp_redirect"),
        ("fragment", "fragment"),
        ("spoofed_ipv6", "spoofed_ipv6"),
        ("rogue_ra", "rogue_ra"),
        ("rogue_dhcpv6", "rogue_dhcpv6"),
        ("icmpv6_redirect", "icmpv6_redirect"),
        ("icmpv6_type", "icmpv6_type"),
        ("hidden_header", "hidden_header"),
    )
}
"""The chain of each kind of lie, by the counter that nftables has for it."""


def _to(counter: str) -> str:
    return f"-j {DROPPING[counter]}"


_UDP6 = "-p IPv6 --ip6-proto udp"
_ICMP6 = "-p IPv6 --ip6-proto ipv6-icmp"
_UNSET6 = "-p IPv6 --ip6-src ::{} --ip6-proto ipv6-icmp --ip6-icmp-type"
_DHCP = "-p IPv4 --ip-src 0.0.0.0{} --ip-proto udp --ip-sport 68 --ip-dport 67"
_MLD = (131, 132, 143)
_SOUND_ICMPV6 = (1, 2, 3, 4, 128, 129, 130, *_MLD, 133, 135, 136)

_SHARED: Final[Mapping[str, tuple[str, ...]]] = {
    f"{CHAIN_PREFIX}arp": (
        f"-p ARP --arp-htype ! 1 {_to('arp_spoof')}",
        f"-p ARP --arp-ptype ! 0x0800 {_to('arp_spoof')}",
        "-p ARP --arp-op Request -j RETURN",
        "-p ARP --arp-op Reply -j RETURN",
        _to("arp_spoof"),
    ),
    f"{CHAIN_PREFIX}ipv4": (
        f"-p IPv4 --ip-proto udp --ip-sport 67 {_to('rogue_dhcp')}",
        f"-p IPv4 --ip-proto udp --ip-dport 68 {_to('rogue_dhcp')}",
        f"-p IPv4 --ip-proto icmp --ip-icmp-type 5 {_to('icmp_redirect')}",
        f"-p IPv4 --ip-proto icmp --ip-icmp-type 9 {_to('icmp_redirect')}",
    ),
    # The kernel looks behind the headers that it knows, these three are none of them. The protocol
    # of a later fragment is 44. Where no end of the headers is found, no protocol is right.
    f"{CHAIN_PREFIX}ipv6": (
        *(f"-p IPv6 --ip6-proto {number} {_to('hidden_header')}" for number in (135, 139, 140)),
        f"{_UDP6} -j {CHAIN_PREFIX}udp6",
        f"{_UDP6} -j RETURN",
        f"{_ICMP6} -j {CHAIN_PREFIX}icmpv6",
        f"{_ICMP6} -j RETURN",
        "-p IPv6 --ip6-proto ! udp -j RETURN",
        _to("hidden_header"),
    ),
    f"{CHAIN_PREFIX}udp6": (
        f"{_UDP6} --ip6-sport 547 {_to('rogue_dhcpv6')}",
        f"{_UDP6} --ip6-dport 546 {_to('rogue_dhcpv6')}",
        f"{_UDP6} --ip6-dport 0:65535 -j RETURN",
        _to("fragment"),
    ),
    f"{CHAIN_PREFIX}icmpv6": (
        f"{_ICMP6} --ip6-icmp-type 134 {_to('rogue_ra')}",
        f"{_ICMP6} --ip6-icmp-type 137 {_to('icmpv6_redirect')}",
        *(f"{_ICMP6} --ip6-icmp-type {number} -j RETURN" for number in _SOUND_ICMPV6),
        _to("icmpv6_type"),
    ),
    f"{CHAIN_PREFIX}others": (
        *(
            f"-p 0x{number:04x} {_to('vlan_tag')}"
            for number in (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300)
        ),
        f"-p Length {_to('llc')}",
        _to("ethertype"),
    ),
    **dict.fromkeys(DROPPING.values(), ("-j DROP",)),
}
"""The chains that the ports share. Those before the last end with what is sound."""


def key(chain: str) -> ChainKey:
    """Return where a chain of the guards is."""
    return ChainKey("bridge", "nat", chain)


def port_chain(device: str) -> str:
    """Name the chain of a port; a shared one has no name that a port has."""
    return f"{CHAIN_PREFIX}{device}"


_Chains = Mapping[ChainKey, tuple[Rule, ...]]
_PREROUTING: Final = key("PREROUTING")
SHARED_CHAINS: Final = frozenset(map(key, _SHARED))


def guard_chains(
    guards: Iterable[Guard], ethertypes: Iterable[int] = ()
) -> dict[ChainKey, tuple[Rule, ...]]:
    """Return the chains that guard some ports, and what leads there; none for none.

    `ethertypes` pass beside IPv4, ARP and IPv6.
    """
    guarded = sorted(guards, key=lambda each: each.device)
    if not guarded:
        return {}
    passing = tuple(sorted(set(ethertypes)))
    return {
        _PREROUTING: (_JUMP,),
        key(GUARDS): tuple(_lead(each) for each in guarded),
        **{key(chain): _rules(specs, None) for chain, specs in _SHARED.items()},
        **{
            key(port_chain(each.device)): _rules(_of_port(each, passing), each.device)
            for each in guarded
        },
    }


def _lead(guard: Guard) -> Rule:
    spec = f"-i {guard.device} -j {port_chain(guard.device)}"
    return Rule(spec, subject.port(guard.device), interfaces=(guard.device,))


def _rules(specs: Iterable[str], device: str | None) -> tuple[Rule, ...]:
    about = HOST if device is None else subject.port(device)
    return tuple(Rule(spec, about) for spec in specs)


def _of_port(guard: Guard, ethertypes: Iterable[int]) -> Iterator[str]:
    ranges = [ip_network(each) for each in (*guard.addresses, *guard.ranges)]
    yield f"-s ! {guard.mac} {_to('spoofed_mac')}"
    yield f"-d 01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0 {_to('reserved_destination')}"
    yield from _ipv4(guard.mac, [each for each in ranges if isinstance(each, IPv4Network)])
    yield from _ipv6([each for each in ranges if not isinstance(each, IPv4Network)])
    yield from (f"-p 0x{number:04x} -j RETURN" for number in ethertypes)
    yield f"-j {CHAIN_PREFIX}others"


def _ipv4(mac: str, ranges: list[IPv4Network]) -> Iterator[str]:
    shown = list(map(_shown, ranges))
    yield f"-p IPv4 -j {CHAIN_PREFIX}ipv4"
    yield from (f"-p IPv4 --ip-src {each} -j RETURN" for each in shown)
    yield f"{_DHCP.format(' --ip-dst 255.255.255.255')} -j RETURN"
    yield f"{_DHCP.format('')} {_to('spoofed_dhcp')}"
    yield f"-p IPv4 {_to('spoofed_ipv4')}"
    yield f"-p ARP -j {CHAIN_PREFIX}arp"
    yield from (f"-p ARP --arp-ip-src {each} --arp-mac-src {mac} -j RETURN" for each in shown)
    for each in shown:
        probe = f"--arp-ip-src 0.0.0.0 --arp-ip-dst {each} --arp-mac-src {mac}"
        yield f"-p ARP --arp-op Request {probe} -j RETURN"
    yield f"-p ARP {_to('arp_spoof')}"


def _ipv6(ranges: list[IPv6Network]) -> Iterator[str]:
    yield f"-p IPv6 -j {CHAIN_PREFIX}ipv6"
    yield from (f"-p IPv6 --ip6-src {_shown(each)} -j RETURN" for each in ranges)
    for group in sorted(set(map(_solicited, ranges))):
        yield f"{_UNSET6.format(f' --ip6-dst {group}')} 135 -j RETURN"
    yield from (f"{_UNSET6.format('')} {number} -j RETURN" for number in _MLD)
    yield f"-p IPv6 {_to('spoofed_ipv6')}"


def _shown(range_: IPv4Network | IPv6Network) -> str:
    is_one = range_.prefixlen == range_.max_prefixlen
    return str(range_.network_address if is_one else range_)


def _solicited(range_: IPv6Network) -> str:
    """The group in which an address is asked for (RFC 4291 section 2.7.1), or all such groups."""
    groups = int(IPv6Address("ff02::1:ff00:0"))
    if range_.prefixlen < range_.max_prefixlen:
        return f"{IPv6Address(groups)}/104"
    return str(IPv6Address(groups | int(range_.network_address) & 0xFFFFFF))


def with_guards(
    chains: Mapping[ChainKey, tuple[Rule, ...]], guards: Mapping[ChainKey, tuple[Rule, ...]]
) -> dict[ChainKey, tuple[Rule, ...]]:
    """Return chains with those of guards, which come before what else is in the same."""
    return {
        **chains,
        **{at: tuple(dict.fromkeys((*rules, *chains.get(at, ())))) for at, rules in guards.items()},
    }


def guarded_devices(chains: Iterable[ChainKey], devices: Iterable[str]) -> frozenset[str]:
    """Return those of some ports that have a chain."""
    there = {at.chain for at in chains if at[:2] == ("bridge", "nat")}
    return frozenset(each for each in devices if port_chain(each) in there)


def with_former(
    present: Mapping[str, tuple[Rule, ...]], wanted: Mapping[str, tuple[Rule, ...]]
) -> dict[str, tuple[Rule, ...]]:
    """Return the wanted chains of the table nat with the guards that are there and not wanted.

    Ports that leave, or that are guarded by nftables from now on, have theirs so long.
    """
    shared = {at.chain for at in SHARED_CHAINS}
    if not shared & present.keys():
        return dict(wanted)
    former = {
        chain: rules
        for chain, rules in present.items()
        if chain.startswith(CHAIN_PREFIX) and chain not in wanted and chain != GUARDS
    }
    leads = tuple(rule for rule in present.get(GUARDS, ()) if target_of(rule.spec) in former)
    if not leads:
        return dict(wanted)
    return {
        **wanted,
        **former,
        "PREROUTING": tuple(dict.fromkeys((_JUMP, *wanted.get("PREROUTING", ())))),
        GUARDS: (*leads, *wanted.get(GUARDS, ())),
    }


def beside(present: _Chains, wanted: _Chains, devices: Collection[str]) -> _Chains:
    """Return the chains of guards as wanted of some ports, with those of others as they are.

    What leads to ports stands in the order of their names.
    """
    own = {key(port_chain(each)) for each in devices}
    there = {at: rules for at, rules in present.items() if at[:2] == ("bridge", "nat")}
    others = {
        at: rules
        for at, rules in there.items()
        if at.chain.startswith(CHAIN_PREFIX) and at not in own
    }
    jumps = (each for each in there.get(_PREROUTING, ()) if target_of(each.spec) in _names(others))
    leads = (*_leads_of_others(present, devices), *wanted.get(key(GUARDS), ()))
    return {
        **others,
        **{at: rules for at, rules in wanted.items() if at[:2] == ("bridge", "nat")},
        _PREROUTING: tuple(jumps),
        key(GUARDS): tuple(sorted(leads, key=lambda each: each.spec)),
    }


def stand_beside(present: _Chains, wanted: _Chains, devices: Collection[str]) -> bool:
    """Whether what all ports share is there as wanted, and also for others than these."""
    return (
        _JUMP in present.get(_PREROUTING, ())
        and bool(_leads_of_others(present, devices))
        and present.keys() >= SHARED_CHAINS
        and all(present[at] == wanted.get(at, present[at]) for at in SHARED_CHAINS)
    )


def _names(chains: Iterable[ChainKey]) -> frozenset[str]:
    return frozenset(at.chain for at in chains)


def _leads_of_others(present: _Chains, devices: Collection[str]) -> tuple[Rule, ...]:
    own = {port_chain(each) for each in devices}
    return tuple(each for each in present.get(key(GUARDS), ()) if target_of(each.spec) not in own)


def state_of_port(
    observed: Mapping[ChainKey, tuple[Rule, ...]],
    wanted: Mapping[ChainKey, tuple[Rule, ...]],
    device: str,
) -> Held:
    """Return how the guard of a port is held, which is wanted."""
    own = key(port_chain(device))
    if own not in observed:
        return "missing"
    ways = ((_PREROUTING, _JUMP), (key(GUARDS), Rule(f"-i {device} -j {own.chain}")))
    is_led = all(rule in observed.get(at, ()) for at, rule in ways)
    chains = (own, *SHARED_CHAINS)
    is_same = all(observed.get(at) == wanted.get(at) for at in chains)
    return "on" if is_led and is_same else "different"
