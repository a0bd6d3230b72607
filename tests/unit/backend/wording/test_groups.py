"""What security groups come to in the rules of iptables and ip6tables."""

import pytest
from netaddr import IPNetwork

from netconsole.backend.model import subject
from netconsole.backend.model.meaning import (
    FilteredGuest,
    Group,
    GuestAddress,
    Meaning,
    Opening,
    SourceGroup,
)
from netconsole.backend.wording.groups import group_chains, with_leaving
from netconsole.backend.wording.iptables import IPTABLES

PORT = subject.port("tap7")
WEB1 = FilteredGuest(
    PORT,
    7,
    (GuestAddress(PORT, "10.0.0.3"), GuestAddress(PORT, "fd00::3")),
    (1,),
    dhcp_servers=("10.0.0.1",),
    routers=("fd00::1",),
    neighbours=("10.0.0.0/24", "fd00::/64", "fe80::/64"),
)
PING = Opening("icmp", -1, -1, "0.0.0.0/0")
SSH = Opening("tcp", 22, 22, "0.0.0.0/0")


def meant(*openings: Opening, sources: tuple[SourceGroup, ...] = ()) -> Meaning:
    group = Group(subject.group(1), 1, openings)
    return Meaning(guests=(WEB1,), groups=(group,), source_groups=sources, filters_ipv6=True)


def listed(meaning: Meaning, chain: str, *, ipv6: bool = False) -> list[str]:
    chains = group_chains(meaning, "ipv6" if ipv6 else "ipv4")
    return [rule.spec for rule in chains[f"nova-network-{chain}"]]


def test_the_chain_of_an_instance_is_in_novas_order() -> None:
    assert listed(meant(PING), "local") == ["-d 10.0.0.3/32 -j nova-network-inst-7"]
    assert listed(meant(PING), "inst-7") == [
        "-m conntrack --ctstate INVALID -j DROP",
        "-m conntrack --ctstate RELATED -j ACCEPT",
        "-m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT",
        "-s 10.0.0.1/32 -p udp -m udp --sport 67 --dport 68 -j ACCEPT",
        "-s 10.0.0.0/24 -j ACCEPT",
        "-j nova-network-sg-1",
        "-j nova-network-sg-fallback",
    ]
    assert listed(meant(PING), "sg-fallback") == ["-j DROP"]


def test_for_ipv6_the_router_and_neighbour_discovery_pass() -> None:
    assert listed(meant(), "inst-7", ipv6=True) == [
        "-m conntrack --ctstate INVALID -j DROP",
        "-m conntrack --ctstate RELATED -j ACCEPT",
        "-m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT",
        "-s fd00::/64 -j ACCEPT",
        "-s fe80::/64 -j ACCEPT",
        "-s fd00::1/128 -p ipv6-icmp -j ACCEPT",
        "-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT",
        "-p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT",
        "-j nova-network-sg-1",
        "-j nova-network-sg-fallback",
    ]


@pytest.mark.parametrize(
    ("opening", "ipv4", "ipv6"),
    [
        (PING, "-p icmp -j ACCEPT", None),
        (SSH, "-p tcp -m tcp --dport 22 -j ACCEPT", None),
        (
            Opening("udp", 53, 60, "192.0.2.0/24"),
            "-s 192.0.2.0/24 -p udp -m udp --dport 53:60",
            None,
        ),
        (Opening("tcp", 22, 22, "10.64.0.0/10"), "-s 10.64.0.0/10 -p tcp -m tcp --dport 22", None),
        (
            Opening("tcp", 1024, 65535, "0.0.0.0/0"),
            "-p tcp -m tcp --dport 1024:65535 -j ACCEPT",
            None,
        ),
        (Opening("udp", -1, -1, "0.0.0.0/0"), "-p udp -m udp -j ACCEPT", None),
        (Opening("icmp", 0, -1, "0.0.0.0/0"), "-p icmp -m icmp --icmp-type 0 -j ACCEPT", None),
        (Opening("icmp", 8, 0, "0.0.0.0/0"), "-p icmp -m icmp --icmp-type 8/0 -j ACCEPT", None),
        (Opening("icmp", 128, -1, "::/0"), None, "-p ipv6-icmp -m icmp6 --icmpv6-type 128"),
        (Opening(None, -1, -1, "::/0"), None, "-j ACCEPT"),
        (Opening(None, -1, -1, "0.0.0.0/0"), "-j ACCEPT", None),
        (
            Opening("tcp", 22, 22, None, 5),
            "-p tcp -m tcp --dport 22 -j nova-network-src-5",
            "-p tcp -m tcp --dport 22 -j nova-network-src-5",
        ),
        (Opening("icmp", 8, -1, None, 5), "-p icmp -m icmp --icmp-type 8", None),
    ],
)
def test_each_rule_of_a_group_is_one_rule_of_its_family(
    opening: Opening, ipv4: str | None, ipv6: str | None
) -> None:
    for family, expected in ((False, ipv4), (True, ipv6)):
        found = listed(meant(opening), "sg-1", ipv6=family)
        assert len(found) == (expected is not None)
        assert all(spec.startswith(expected or "") for spec in found)


def test_a_rule_for_the_members_of_a_group_asks_for_their_addresses_once() -> None:
    members = SourceGroup(subject.group(5), 5, ("10.0.0.9", "fd00::9"))
    said = meant(
        Opening("tcp", 22, 22, None, 5), Opening("tcp", 80, 80, None, 5), sources=(members,)
    )

    assert listed(said, "src-5") == ["-s 10.0.0.9/32 -j ACCEPT"]
    assert listed(said, "src-5", ipv6=True) == ["-s fd00::9/128 -j ACCEPT"]


def test_two_groups_of_many_members_have_no_chain_in_common() -> None:
    first, second = (
        SourceGroup(subject.group(number), number, tuple(f"10.0.0.{n}" for n in range(0, 90, step)))
        for number, step in ((5, 1), (6, 2))
    )
    together = group_chains(meant(sources=(first, second)), "ipv4")

    for group in (first, second):
        alone = group_chains(meant(sources=(group,)), "ipv4")
        assert len([chain for chain in alone if f"s{group.id}-" in chain]) > 1
        assert alone.items() <= together.items()


def test_a_host_that_only_carries_networks_filters_its_guests_as_well() -> None:
    chains = IPTABLES.chains(meant(PING), "DROP")

    for family in ("ipv4", "ipv6"):
        found = {key.chain: rules for key, rules in chains.items() if key.family == family}
        assert [rule.spec for rule in found["FORWARD"]] == ["-j nova-filter-top"]
        assert [rule.spec for rule in found["OUTPUT"]] == ["-j nova-filter-top"]
        assert [rule.spec for rule in found["nova-filter-top"]] == ["-j nova-network-local"]


def test_what_filters_a_guest_that_goes_stays_until_its_port_is_gone() -> None:
    present = {chain: tuple(rules) for chain, rules in group_chains(meant(PING), "ipv4").items()}

    kept = with_leaving(present, {})

    assert present.items() <= kept.items()
    assert {"FORWARD", "OUTPUT", "nova-filter-top"} <= kept.keys()


def test_what_filters_a_guest_that_goes_stays_where_it_stands() -> None:
    """Only the last of its rules is to go then: none is taken out and put in again."""
    leaving, staying = (
        FilteredGuest(PORT, number, (GuestAddress(PORT, f"10.0.0.{number}"),), (1,))
        for number in (3, 4)
    )
    both = group_chains(Meaning(guests=(leaving, staying)), "ipv4")
    present = {chain: tuple(rules) for chain, rules in both.items()}
    one = group_chains(Meaning(guests=(staying,)), "ipv4")

    kept = with_leaving(present, {chain: tuple(rules) for chain, rules in one.items()})

    assert [rule.spec for rule in kept["nova-network-local"]] == [
        rule.spec for rule in present["nova-network-local"]
    ]
    assert len(kept["nova-network-local"]) == 2


def test_no_range_is_lost_among_single_addresses() -> None:
    """The narrower one counts."""
    single = GuestAddress(PORT, "10.0.0.3")
    ranges = [GuestAddress(PORT, cidr) for cidr in ("10.0.0.64/26", "10.0.0.64/28")]
    guest = FilteredGuest(PORT, 7, (ranges[0], single, ranges[1]), (1,))

    found = listed(Meaning(guests=(guest,)), "local")

    assert [spec.split()[1] for spec in found] == ["10.0.0.3/32", "10.0.0.64/28", "10.0.0.64/26"]
    assert all(IPNetwork(spec.split()[1]) in IPNetwork("10.0.0.0/24") for spec in found)
