"""What reaches an instance by the records: each way in, and what stays outside."""

from dataclasses import replace

import pytest
from core_samples import fixed_ip, instance, network, options, port

from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.eui64 import address_v6
from netconsole.backend.model.group_rules import Attempt, SecurityGroupRule
from netconsole.backend.model.records import Membership, Records, SecurityGroup
from netconsole.backend.survey.admission import Judgement, admissions
from netconsole.backend.survey.groups import groups_told
from netconsole.backend.survey.senders import Source

PING, SSH, DHCP = Attempt("icmp"), Attempt("tcp", 22), Attempt("udp", 68)
WEB, DB, ALONE = (instance(number) for number in range(3))
V6 = "fd00:1::/64"
NETWORKS = (
    replace(network(0), cidr_v6="fd00::/64", gateway_v6="fd00::1"),
    replace(network(1), cidr_v6=V6),
)
PORTS = (port(0), replace(port(1), network_id=2), replace(port(2), network_id=2))
GROUPS = (
    SecurityGroup(1, "web", "", WEB.project_id),
    SecurityGroup(2, "db", "", WEB.project_id),
    SecurityGroup(3, "empty", "", WEB.project_id),
)
OUTSIDE, OUTSIDE_V6 = "198.51.100.7", "2001:db8::7"


def records(*rules: SecurityGroupRule) -> Records:
    """Web1 in a network and a group of its own, which has these rules."""
    return Records(
        networks=NETWORKS,
        instances=(WEB, DB, ALONE),
        ports=PORTS,
        fixed_ips=(
            fixed_ip(0),
            replace(fixed_ip(1), address="10.0.1.3", network_id=2),
            replace(fixed_ip(2), address="10.0.1.4", network_id=2),
        ),
        security_groups=GROUPS,
        security_group_rules=rules,
        memberships=(Membership(1, WEB.uuid), Membership(2, DB.uuid)),
    )


def asked(
    source: str,
    attempt: Attempt,
    *rules: SecurityGroupRule,
    to: str = WEB.name,
    same_network: bool = True,
) -> tuple[Judgement, ...]:
    settings = replace(options(), allow_same_net_traffic=same_network)
    return admissions(records(*rules), settings, Source(source), to, attempt)


def allowed(source: str, attempt: Attempt, *rules: SecurityGroupRule) -> bool:
    return all(each.allowed for each in asked(source, attempt, *rules))


def rule(
    protocol: str | None, first: int | None, last: int | None, cidr: str | None = None
) -> SecurityGroupRule:
    return SecurityGroupRule(7, 1, protocol, first, last, cidr)  # type: ignore[arg-type]  # a test's


def test_without_a_rule_nothing_is_let_in_and_the_groups_are_named() -> None:
    (answer,) = asked(OUTSIDE, SSH)
    assert (answer.allowed, answer.ground) == (False, "no rule")
    assert answer.because == "no rule of web lets it in"
    (answer,) = asked(OUTSIDE, SSH, to=ALONE.name)
    assert (answer.allowed, answer.ground) == (False, "no group")


def test_a_type_of_icmp_that_a_groups_members_may_send_is_one_of_ipv4() -> None:
    """ICMPv6 has others under the same numbers; a rule without a type is for both."""
    for kind, of_ipv4, of_ipv6 in ((8, True, False), (128, False, False), (-1, True, True)):
        members = SecurityGroupRule(7, 1, "icmp", kind, -1, None, 2)
        found = {":" in each.source: each.allowed for each in asked(DB.name, PING, members)}
        assert found == {False: of_ipv4, True: of_ipv6}, kind


def test_the_rule_that_lets_it_in_is_named_with_its_group() -> None:
    ssh = rule("tcp", 22, 22, "198.51.100.0/24")
    (answer,) = asked(OUTSIDE, SSH, rule("icmp", -1, -1, "0.0.0.0/0"), ssh)
    assert (answer.allowed, answer.rule, answer.group) == (True, ssh, GROUPS[0])
    assert answer.because == "group web lets in tcp 22 from 198.51.100.0/24"


@pytest.mark.parametrize(
    ("entry", "attempt", "source", "reaches"),
    [
        (rule("tcp", 20, 22, "0.0.0.0/0"), SSH, OUTSIDE, True),
        (rule("tcp", 20, 21, "0.0.0.0/0"), SSH, OUTSIDE, False),
        (rule("tcp", 23, 99, "0.0.0.0/0"), SSH, OUTSIDE, False),
        (rule("udp", 22, 22, "0.0.0.0/0"), SSH, OUTSIDE, False),
        (rule("tcp", 22, 22, "203.0.113.0/24"), SSH, OUTSIDE, False),
        (rule("tcp", 22, 22, "0.0.0.0/0"), SSH, OUTSIDE_V6, False),
        (rule("tcp", 22, 22, "::/0"), SSH, OUTSIDE_V6, True),
        (rule(None, None, None, "0.0.0.0/0"), SSH, OUTSIDE, True),
        (rule(None, None, None, "0.0.0.0/0"), SSH, OUTSIDE_V6, False),
        (rule("icmp", -1, -1, "0.0.0.0/0"), PING, OUTSIDE, True),
        (rule("icmp", 8, -1, "0.0.0.0/0"), PING, OUTSIDE, True),
        (rule("icmp", 8, 0, "0.0.0.0/0"), PING, OUTSIDE, True),
        (rule("icmp", 8, 1, "0.0.0.0/0"), PING, OUTSIDE, False),
        (rule("icmp", 3, 4, "0.0.0.0/0"), Attempt("icmp", None, 3, 4), OUTSIDE, True),
        (rule("icmp", 3, -1, "0.0.0.0/0"), PING, OUTSIDE, False),
        (rule("icmp", 128, -1, "::/0"), PING, OUTSIDE_V6, True),
        (rule("icmp", 8, -1, "::/0"), PING, OUTSIDE_V6, False),
    ],
)
def test_a_rule_lets_in_what_it_says_and_no_more(
    entry: SecurityGroupRule, attempt: Attempt, source: str, reaches: bool
) -> None:
    assert allowed(source, attempt, entry) is reaches


def test_members_of_a_source_group_are_let_in_by_all_their_addresses() -> None:
    from_db = SecurityGroupRule(8, 1, "tcp", 22, 22, group_id=2)
    own = address_v6(PORTS[1].mac, V6)
    answers = asked("db", SSH, from_db)
    assert [(each.source, each.sender) for each in answers] == [
        ("10.0.1.3", DB.name),
        (own, DB.name),
    ]
    assert all(each.allowed for each in answers)
    assert answers == asked(DB.name, SSH, from_db), "an instance and its group are alike"
    assert not allowed(ALONE.name, SSH, from_db)
    assert not allowed(OUTSIDE, SSH, from_db)


def test_a_group_of_another_project_is_told_with_it() -> None:
    other = SecurityGroup(4, "db", "", "other")
    from_it = SecurityGroupRule(8, 1, "tcp", 22, 22, group_id=4)
    held = records(from_it)
    held = replace(
        held,
        security_groups=(*GROUPS, other),
        memberships=(*held.memberships, Membership(4, ALONE.uuid)),
    )
    answers = admissions(held, options(), Source(ALONE.name), WEB.name, SSH)
    assert {each.because for each in answers} == {"group web lets in tcp 22 from group db of other"}
    (told,) = groups_told(held)[0].rules
    assert (told.says, told.source_group, told.source_project) == (
        ("tcp 22 from group db of other", "db", "other")
    )


def test_what_may_be_an_instance_or_a_group_is_asked_back() -> None:
    held = records()
    twin = replace(GROUPS[1], id=5, name=DB.name)
    held = replace(held, security_groups=(*GROUPS, twin))
    with pytest.raises(Conflict, match=f"say {DB.uuid} for the one, 5 for the other"):
        admissions(held, options(), Source(DB.name), WEB.name, SSH)
    assert admissions(held, options(), Source(DB.uuid), WEB.name, SSH)


OTHERS = SecurityGroup(9, "web", "", "other")


def of_others(source: str, project: str | None = None) -> tuple[Judgement, ...]:
    """Asked where a group of another project, with one member, is called as one of the own is."""
    held = records(SecurityGroupRule(7, 1, None, None, None, group_id=OTHERS.id))
    alone = replace(ALONE, project_id=OTHERS.project_id)
    held = replace(
        held,
        instances=(WEB, DB, alone),
        security_groups=(*GROUPS, OTHERS),
        memberships=(*held.memberships, Membership(OTHERS.id, alone.uuid)),
    )
    return admissions(held, options(), Source(source, project), WEB.name, SSH)


@pytest.mark.parametrize("named", [("9", None), ("9", "other"), ("web", "other")])
def test_a_group_of_another_project_is_named_by_id_or_with_it(
    named: tuple[str, str | None],
) -> None:
    answers = of_others(*named)
    assert {(each.sender, each.allowed) for each in answers} == {(ALONE.name, True)}
    assert answers[0].source == "10.0.1.4"


@pytest.mark.parametrize(
    ("source", "project", "says"),
    [
        ("web", "nowhere", "project 'nowhere' has no instance and no security group"),
        ("db", "other", "security group 'db' does not exist in project 'other'"),
        ("2", "other", "security group '2' does not exist in project 'other'"),
        (DB.name, "other", f"security group '{DB.name}' does not exist in project 'other'"),
        (OUTSIDE, "other", f"source project 'other': .*{OUTSIDE} is an address"),
        ("empty", WEB.project_id, "security group 'empty' has no instance in it"),
    ],
)
def test_a_project_with_no_such_group_is_one_line(source: str, project: str, says: str) -> None:
    with pytest.raises((NotFound, InvalidValue), match=says):
        of_others(source, project)


def test_types_of_a_source_group_are_those_of_icmp_and_not_of_icmpv6() -> None:
    typed = SecurityGroupRule(8, 1, "icmp", 8, -1, group_id=2)
    assert [each.allowed for each in asked("db", PING, typed)] == [True, False]
    every = replace(typed, from_port=-1)
    assert [each.allowed for each in asked("db", PING, every)] == [True, True]


def test_what_a_network_needs_comes_in_before_any_rule() -> None:
    assert asked("10.0.0.1", DHCP, same_network=False)[0].ground == "DHCP server"
    assert not asked("10.0.0.9", DHCP, same_network=False)[0].allowed
    assert asked("fd00::1", PING, same_network=False)[0].ground == "router"
    assert asked(OUTSIDE_V6, Attempt("icmp", None, 135))[0].ground == "neighbours"
    assert asked("10.0.0.9", SSH)[0].ground == "same network"
    assert asked("fd00::9", SSH)[0].ground == "same network"
    assert asked("fe80::9%br100", SSH)[0].source == "fe80::9"
    assert not asked("10.0.0.9", SSH, same_network=False)[0].allowed
    assert not asked("10.0.1.9", SSH)[0].allowed, "that is another network"


def test_where_the_firewall_is_off_everything_reaches_it() -> None:
    noop = replace(options(), firewall_driver="nova.virt.firewall.NoopFirewallDriver")
    (answer,) = admissions(records(), noop, Source(OUTSIDE), WEB.name, SSH)
    assert (answer.allowed, answer.ground) == (True, "off")


@pytest.mark.parametrize(
    ("source", "to", "says"),
    [
        ("nosuch", WEB.name, "source 'nosuch': no address, instance or security group of project"),
        (OUTSIDE, "nosuch", "instance 'nosuch' does not exist"),
        ("empty", WEB.name, "security group 'empty' has no instance in it"),
        (WEB.name, WEB.name, "has no address that could reach instance"),
    ],
)
def test_what_means_nothing_is_one_line_that_leads_on(source: str, to: str, says: str) -> None:
    with pytest.raises(NotFound, match=says) as refused:
        asked(source, SSH, to=to)
    assert "`netconsole " in str(refused.value)
