"""Lies of a guest that is guarded by ebtables: all are stopped but those that it cannot see."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from cloud import answer
from guest_frames import filter_bridged, learned, send, told, world
from guest_lies import lies
from honest_frames import honest
from private_host import PrivateHost

from netconsole.backend.wording.bridge_guards import CANNOT_STOP

PASSING: Final[Mapping[str, frozenset[str]]] = {
    "IPv6 neighbour advertisements for addresses of others": frozenset(
        ("NA for the neighbour", "NA for the gateway", "NA for the gateway's address")
    ),
    "MAC addresses of others within Neighbour Discovery and DHCP": frozenset(
        (
            "NA for itself at another MAC",
            "NA with two link-layer addresses",
            "NA with its MAC in an option of another kind",
            "NS that says another MAC",
            "NS with a second MAC",
            "RS that says another MAC",
            "RS with a second MAC",
            "DHCP request of another MAC, from 0.0.0.0",
            "DHCP request of another MAC, from its own address",
            "another's DHCP release",
        )
    ),
    "Neighbour Discovery in pieces or behind other headers": frozenset(
        (
            "NA for the neighbour behind options",
            "own NA behind options",
            "NS behind options",
            "NA for the neighbour in one fragment",
            "own NA in one fragment",
        )
    ),
    "pieces of packets that do not tell what they are": frozenset(
        (
            "first fragment with 0 bytes",
            "first fragment with 1 bytes",
            "ICMP fragment without a type",
            "first fragment without ports",
            "a later fragment that begins with options",
        )
    ),
}
"""Which kinds pass, by what is told of them."""
ALIKE: Final = (
    *("spoofed_mac", "vlan_tag", "llc", "ethertype", "arp_spoof", "spoofed_ipv4", "icmp_redirect"),
)
"""Counters of which ebtables has all that nftables has."""


def stopped(host: PrivateHost) -> Counter[str]:
    """How many frames were dropped, by the counter of their kind."""
    return Counter(answer(host, "guards")["stopped"])


def shows_what_ebtables_stops(host: PrivateHost) -> None:
    """Send every lie and every honest kind as the guest `liar`."""
    filter_bridged(host, "0")
    of = world(host, "liar")
    every, true = lies(of), honest(of)
    before, known = stopped(host), learned(host)

    came = send(host, "liar", [lie.frame for lie in every], of)

    passed = {kind for numbers in came.values() for kind in told(every, numbers)}
    assert tuple(PASSING) == CANNOT_STOP
    assert passed == frozenset[str]().union(*PASSING.values())
    assert {mac for mac in learned(host) - known if not mac.startswith("33:33:")} <= {of.me.mac}
    counted, all_kinds = stopped(host) - before, Counter(lie.counter for lie in every)
    assert counted.total() == len(every) - len(passed) - 1  # a bridge drops PAUSE itself
    assert {kind: counted[kind] for kind in ALIKE} == {kind: all_kinds[kind] for kind in ALIKE}

    came = send(host, "liar", [frame for _, frame in true], of)

    assert [kind for number, (kind, _) in enumerate(true) if number not in came["other"]] == []
