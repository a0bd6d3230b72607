"""What the records of groups, ports and addresses come to: whom a guest's chain is for."""

from dataclasses import replace

from core_samples import fixed_ip, instance, network, options, port, records

from netconsole.backend.intent.groups import with_groups
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.model.meaning import Meaning
from netconsole.backend.model.records import FixedIP, Membership, Port, Records, SecurityGroup

GROUP = SecurityGroup(1, "default", "", "demo")


def meant(found: Records, *rules: SecurityGroupRule) -> Meaning:
    """What they come to where the one guest is in the group, which has these rules."""
    member = Membership(GROUP.id, instance().uuid)
    in_group = replace(
        found, security_groups=(GROUP,), memberships=(member,), security_group_rules=rules
    )
    return with_groups(Meaning(), Presence(in_group, options()))


def with_port(found: Records, another: Port, address: FixedIP) -> Records:
    """The records with one more port of the guest, in the second network."""
    return replace(
        found,
        networks=(network(), network(1)),
        ports=(*found.ports, another),
        fixed_ips=(*found.fixed_ips, address),
    )


def reached(meaning: Meaning) -> list[str]:
    (guest,) = meaning.guests
    return [each.address for each in guest.addresses]


def test_each_address_of_a_port_leads_to_its_guest_and_one_that_it_had_does_not() -> None:
    had = replace(fixed_ip(address="10.0.0.8", allocated=False, leased=True), id=7)
    second = replace(fixed_ip(address="10.0.0.9"), id=8)
    found = records(1)
    assert reached(meant(replace(found, fixed_ips=(*found.fixed_ips, had, second)))) == [
        "10.0.0.3",
        "10.0.0.9",
    ]


def test_a_guest_on_two_networks_is_answered_by_the_dhcp_server_of_each() -> None:
    on_second = replace(port(0, 2), id=9, uuid="port-9", device="tap9")
    address = replace(fixed_ip(0, network_id=2), port_id=9)
    (guest,) = meant(with_port(records(1), on_second, address)).guests
    assert guest.dhcp_servers == ("10.0.0.1", "10.0.1.1")
    assert [each.address for each in guest.addresses] == ["10.0.0.3", "10.0.1.3"]


def test_a_member_is_let_in_by_the_addresses_of_all_its_ports() -> None:
    on_second = replace(port(0, 2), id=9, uuid="port-9", device="tap9")
    address = replace(fixed_ip(0, network_id=2), port_id=9)
    rule = SecurityGroupRule(1, GROUP.id, "tcp", 22, 22, None, GROUP.id)
    (members,) = meant(with_port(records(1), on_second, address), rule).source_groups
    assert members.addresses == ("10.0.0.3", "10.0.1.3")


def test_only_all_ports_together_are_every_one() -> None:
    rules = (
        SecurityGroupRule(1, GROUP.id, "tcp", 1, 1, "0.0.0.0/0"),
        SecurityGroupRule(2, GROUP.id, "tcp", 1, 65535, "0.0.0.0/0"),
        SecurityGroupRule(3, GROUP.id, "udp", 2, 65535, "0.0.0.0/0"),
    )
    (group,) = meant(records(1), *rules).groups
    assert [(each.first, each.last) for each in group.openings] == [(1, 1), (-1, -1), (2, 65535)]
