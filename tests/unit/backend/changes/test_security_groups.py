"""Security groups: by which rules they are kept, and who is in which."""

import re
from dataclasses import replace
from typing import Protocol

import pytest
import sqlalchemy as sa
from core_samples import options

from netconsole.backend.changes.default_rules import AddDefaultRule
from netconsole.backend.changes.group_rules import TypedTraffic, parse_source
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.memberships import AddSecurityGroup, RemoveSecurityGroup
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.changes.security_groups import (
    AllowTraffic,
    CreateSecurityGroup,
    DeleteSecurityGroup,
    RevokeTraffic,
    UpdateSecurityGroup,
)
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, InvalidValue, NotFound
from netconsole.backend.model.group_rules import SecurityGroupRule, told
from netconsole.backend.store import instances, security_groups, tables
from netconsole.backend.store.views import security_group_view, security_group_views

OPTIONS = options()
PING, SSH = TypedTraffic("icmp", icmp="-1:-1"), TypedTraffic("tcp", "22:22", cidr="0.0.0.0/0")


class Writes(Protocol):
    """A change, whatever it results in."""

    def write(self, connection: sa.Connection, options: Options) -> object: ...


def do(connection: sa.Connection, *changes: Writes) -> None:
    for change in changes:
        change.write(connection, OPTIONS)


def rules(connection: sa.Connection, group: str = "default", project: str = "demo") -> list[str]:
    view = security_group_view(connection, project, group)
    return [told(each.rule, each.source.name if each.source else None) for each in view.rules]


def groups_of(connection: sa.Connection, instance: str) -> list[str]:
    found = security_groups.groups_of(connection, instances.find(connection, instance))
    return [group.name for group in found]


@pytest.fixture
def network(connection: sa.Connection) -> None:
    do(connection, CreateNetwork("vmnet", "10.0.0.0/24", bridge="br100"))


def test_every_project_has_a_closed_default_which_reading_does_not_make(
    connection: sa.Connection,
) -> None:
    (view,) = security_group_views(connection, "demo")
    assert (view.group.id, view.group.name, view.rules, view.members) == (0, "default", (), ())
    assert security_groups.every(connection) == ()
    do(connection, AllowTraffic("demo", "default", PING))
    (view,) = security_group_views(connection, "demo")
    assert view.group.id > 0
    assert rules(connection) == ["icmp from 0.0.0.0/0"]


@pytest.mark.usefixtures("network")
def test_an_instance_is_in_default_or_in_what_was_named(connection: sa.Connection) -> None:
    do(
        connection,
        CreateSecurityGroup("demo", "web"),
        CreateInstance("web1", "demo"),
        CreateInstance("web2", "demo", security_groups=("web", "web", "default")),
        CreateInstance("db1", "other"),
    )
    assert groups_of(connection, "web1") == ["default"]
    assert sorted(groups_of(connection, "web2")) == ["default", "web"]
    view = security_group_view(connection, "demo", "default")
    assert [each.name for each in view.members] == ["web1", "web2"]
    do(connection, AddSecurityGroup("web1", "web"), RemoveSecurityGroup("web1", "default"))
    assert groups_of(connection, "web1") == ["web"]
    do(connection, DeleteInstance("web1"))
    view = security_group_view(connection, "demo", "web")
    assert [each.name for each in view.members] == ["web2"]


def test_new_default_groups_get_the_rules_that_are_defined_and_old_ones_do_not(
    connection: sa.Connection,
) -> None:
    do(connection, CreateSecurityGroup("before", "web"), AddDefaultRule(SSH))
    (to_be,) = security_group_views(connection, "after")
    assert [told(each.rule) for each in to_be.rules] == ["tcp 22 from 0.0.0.0/0"]
    do(connection, CreateSecurityGroup("after", "web"))
    assert rules(connection, project="after") == ["tcp 22 from 0.0.0.0/0"]
    assert rules(connection, project="before") == []
    assert rules(connection, "web", "after") == []


def test_a_group_is_found_by_its_name_or_its_id_and_two_are_not_taken_for_one(
    connection: sa.Connection,
) -> None:
    web = CreateSecurityGroup("demo", "web").write(connection, OPTIONS).result
    do(connection, AllowTraffic("demo", str(web.id), SSH))
    assert rules(connection, "web") == ["tcp 22 from 0.0.0.0/0"]
    number = CreateSecurityGroup("demo", str(web.id)).write(connection, OPTIONS).result
    says = f"'{web.id}' is the name of security group {number.id} and the id of 'web': say "
    with pytest.raises(Conflict, match=re.escape(says)):
        do(connection, DeleteSecurityGroup("demo", str(web.id)))
    with pytest.raises(Conflict, match=re.escape(says)):
        rules(connection, str(web.id))
    assert (rules(connection, str(number.id)), len(rules(connection, "web"))) == ([], 1)
    do(connection, CreateSecurityGroup("other", str(web.id)))
    assert rules(connection, str(web.id), "other") == [], "ids of other projects are none here"


@pytest.mark.parametrize(
    ("traffic", "source", "kept"),
    [
        (TypedTraffic("TCP", "22"), None, "tcp 22 from 0.0.0.0/0"),
        (
            TypedTraffic("udp", "1:65535", cidr="192.0.2.0/24"),
            None,
            "udp 1-65535 from 192.0.2.0/24",
        ),
        (TypedTraffic("icmp", icmp="8"), None, "icmp type 8 from 0.0.0.0/0"),
        (TypedTraffic("icmp", icmp="3:4"), None, "icmp type 3 code 4 from 0.0.0.0/0"),
        (TypedTraffic("icmp", icmp="128:0", cidr="::/0"), None, "icmpv6 type 128 code 0 from ::/0"),
        (TypedTraffic("tcp", "80", cidr="2001:DB8:0::/64"), None, "tcp 80 from 2001:db8::/64"),
        (TypedTraffic(), "db", "everything from group db"),
        (TypedTraffic("tcp"), "db", "tcp 1-65535 from group db"),
        (TypedTraffic("udp", "53"), "db", "udp 53 from group db"),
        (TypedTraffic("icmp"), "db", "icmp from group db"),
    ],
)
def test_what_is_allowed_is_kept_as_nova_kept_it_and_can_be_revoked(
    connection: sa.Connection, traffic: TypedTraffic, source: str | None, kept: str
) -> None:
    do(connection, CreateSecurityGroup("demo", "web"), CreateSecurityGroup("demo", "db"))
    do(connection, AllowTraffic("demo", "web", traffic, source))
    assert rules(connection, "web") == [kept]
    do(connection, RevokeTraffic("demo", "web", traffic, source))
    assert rules(connection, "web") == []


@pytest.mark.parametrize(
    ("traffic", "says"),
    [
        (TypedTraffic("sctp", "22"), "protocol 'sctp': must be tcp, udp or icmp"),
        (TypedTraffic(cidr="10.0.0.0/8"), "protocol '': is needed where a range is let in"),
        (TypedTraffic(port="22"), "port '22': needs its protocol"),
        (TypedTraffic(icmp="8"), "ICMP type '8': needs its protocol"),
        (TypedTraffic("tcp"), "protocol 'tcp': needs its ports"),
        (TypedTraffic("icmp"), "protocol 'icmp': needs its type"),
        (TypedTraffic("tcp", "0"), "port '0': must be 1 to 65535"),
        (TypedTraffic("tcp", "22:65536"), "port '22:65536': must be 1 to 65535"),
        (TypedTraffic("udp", "-1:-1"), "port '-1:-1': must be 1 to 65535"),
        (TypedTraffic("tcp", "ssh"), "port 'ssh': must be 1 to 65535"),
        (
            TypedTraffic("tcp", "80:22"),
            "port '80:22': goes from the higher to the lower: meant 22:80?",
        ),
        (TypedTraffic("tcp", "22", "8"), "ICMP type '8': is of no use with tcp"),
        (TypedTraffic("icmp", "22"), "port '22': is of no use with icmp"),
        (TypedTraffic("icmp", icmp="256"), "ICMP type '256': must be a type, or TYPE:CODE"),
        (TypedTraffic("icmp", icmp="8:-2"), "ICMP type '8:-2': must be a type, or TYPE:CODE"),
        (TypedTraffic("icmp", icmp="8:0:0"), "ICMP type '8:0:0': must be a type"),
        (TypedTraffic("tcp", "22", cidr="10.0.0.5"), "CIDR '10.0.0.5': must be a range such as"),
        (
            TypedTraffic("tcp", "22", cidr="10.0.0.5/24"),
            "CIDR '10.0.0.5/24': has host bits set; meant",
        ),
        (
            TypedTraffic("tcp", "22", cidr="10.0.0.5/0"),
            "CIDR '10.0.0.5/0': is everyone: say 0.0.0.0/0",
        ),
        (TypedTraffic("tcp", "22", cidr="fd00::1/0"), "CIDR 'fd00::1/0': is everyone: say ::/0"),
        (TypedTraffic("tcp", "22", cidr="10.0.0.0/33"), "CIDR '10.0.0.0/33': must be a range"),
        (
            TypedTraffic("tcp", "22", cidr="fe80::%eth0/64"),
            "CIDR 'fe80::%eth0/64': must be a range",
        ),
        (TypedTraffic("tcp", "22", cidr="web"), "CIDR 'web': must be a range"),
        (TypedTraffic("tcp", "22", cidr="10.0.0.0/08"), "CIDR '10.0.0.0/08': must be a range"),
    ],
)
def test_what_breaks_a_rule_is_refused_in_one_line(
    connection: sa.Connection, traffic: TypedTraffic, says: str
) -> None:
    with pytest.raises(InvalidValue, match=re.escape(says)) as refused:
        AllowTraffic("demo", "default", traffic).write(connection, OPTIONS)
    assert "\n" not in str(refused.value)
    with pytest.raises(InvalidValue, match=re.escape(says)):
        AddDefaultRule(traffic).write(connection, OPTIONS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (CreateSecurityGroup("demo", "  "), "security group '': must be 1 to 255"),
        (CreateSecurityGroup("demo", "a" * 256), "must be 1 to 255 printable characters"),
        (CreateSecurityGroup("demo", "web", " "), "description '': must be 1 to 255"),
        (UpdateSecurityGroup("demo", "web", "\n"), "security group '': must be 1 to 255"),
        (
            AllowTraffic("demo", "web", TypedTraffic(cidr="10.0.0.0/8"), "web"),
            "source group 'web': is one source and the range another",
        ),
        (
            AllowTraffic("demo", "web", SSH, source_project="other"),
            "source project 'other': has no source group with it",
        ),
    ],
)
def test_names_and_sources_keep_their_rules(
    connection: sa.Connection, change: Writes, says: str
) -> None:
    do(connection, CreateSecurityGroup("demo", "web"))
    with pytest.raises(InvalidValue, match=re.escape(says)):
        change.write(connection, OPTIONS)


def test_blanks_around_a_name_are_no_part_of_it(connection: sa.Connection) -> None:
    made = CreateSecurityGroup("demo", " web ", " for the web ").write(connection, OPTIONS).result
    assert (made.name, made.description) == ("web", "for the web")
    changed = UpdateSecurityGroup("demo", "web", "www").write(connection, OPTIONS).result
    assert (changed.id, changed.name, changed.description) == (made.id, "www", "for the web")


def test_a_group_of_another_project_can_be_a_source(connection: sa.Connection) -> None:
    change = AllowTraffic("demo", "default", TypedTraffic(), "default", "other")
    do(connection, AllowTraffic("other", "default", SSH), change)
    (view,) = security_group_view(connection, "demo", "default").rules
    assert view.source is not None
    assert view.source.project_id == "other"
    with pytest.raises(Conflict, match="has the rule everything from group default of other"):
        do(connection, change)
    revoke = RevokeTraffic("demo", "default", TypedTraffic(), "default", "other")
    do(connection, revoke)
    assert rules(connection) == []


def test_a_project_that_is_mistyped_gets_no_group_beside_and_is_said_where_it_gets_one(
    connection: sa.Connection,
) -> None:
    with pytest.raises(NotFound, match="project 'nix' has no instance and no security group"):
        do(connection, AllowTraffic("demo", "default", TypedTraffic(), "default", "nix"))
    with pytest.raises(NotFound, match="project 'nix'"):
        do(connection, RevokeTraffic("demo", "default", TypedTraffic(), "default", "nix"))
    assert "nix" not in security_groups.projects(connection)
    allow = AllowTraffic("nix", "default", PING)
    first, second = (
        replace(allow, traffic=each).write(connection, OPTIONS) for each in (PING, SSH)
    )
    said = "project 'nix' had no instance and no security group before"
    assert (first.notes, second.notes) == ((said,), ())
    assert CreateSecurityGroup("nox", "web").write(connection, OPTIONS).notes != ()
    assert CreateSecurityGroup("nox", "db").write(connection, OPTIONS).notes == ()


def test_a_group_that_lets_in_itself_can_be_deleted_with_its_rules(
    connection: sa.Connection,
) -> None:
    do(
        connection,
        CreateSecurityGroup("demo", "web"),
        AllowTraffic("demo", "web", SSH),
        AllowTraffic("demo", "web", TypedTraffic(), "web"),
        DeleteSecurityGroup("demo", "web"),
    )
    assert security_groups.every_rule(connection) == ()
    assert [group.name for group in security_groups.every(connection)] == ["default"]


def test_the_rules_of_a_store_from_before_can_be_taken_away_and_are_not_made_again(
    connection: sa.Connection,
) -> None:
    do(connection, CreateSecurityGroup("demo", "web"))
    group = security_group_view(connection, "demo", "default").group
    for cidr in ("0.0.0.0/0", "::/0"):
        security_groups.insert_rule(connection, SecurityGroupRule(0, group.id, cidr=cidr))
    assert rules(connection) == ["everything from 0.0.0.0/0", "everything from ::/0"]
    do(connection, RevokeTraffic("demo", "default"))
    assert rules(connection) == ["everything from ::/0"]
    do(connection, RevokeTraffic("demo", "default", TypedTraffic(cidr="::/0")))
    assert rules(connection) == []
    with pytest.raises(InvalidValue, match="protocol '': is needed"):
        do(connection, AllowTraffic("demo", "default"))


def test_without_a_limit_there_is_none(connection: sa.Connection) -> None:
    unlimited = replace(OPTIONS, quota_security_groups=-1, quota_security_group_rules=-1)
    for number in range(1, 30):
        CreateSecurityGroup("demo", f"g{number}").write(connection, unlimited)
        traffic = TypedTraffic("tcp", str(number))
        AllowTraffic("demo", "default", traffic).write(connection, unlimited)
    assert len(rules(connection)) == 29
    count = sa.select(sa.func.count()).select_from(tables.security_groups)
    assert connection.execute(count).scalar_one() == 30


@pytest.mark.parametrize("same", ["2001:db8::/32", "2001:0DB8::/32", "2001:db8:0:0::/32"])
def test_a_range_has_one_spelling(same: str) -> None:
    assert parse_source(same) == "2001:db8::/32"
