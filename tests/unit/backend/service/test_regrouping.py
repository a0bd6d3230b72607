"""A change of groups is about those chains that it changes, and has them as the whole has them."""

import random
from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import options
from group_stores import create_networks_and_groups

from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.instances import CreateInstance
from netconsole.backend.changes.memberships import AddSecurityGroup, RemoveSecurityGroup
from netconsole.backend.changes.security_groups import (
    AllowTraffic,
    CreateSecurityGroup,
    DeleteSecurityGroup,
    RevokeTraffic,
)
from netconsole.backend.intent.regrouping import guest_chains
from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.records import SecurityGroup
from netconsole.backend.service.regrouping import touched
from netconsole.backend.store import instances, records_of_guests

OPTIONS = replace(options(), quota_security_group_rules=-1)
GUESTS = tuple(f"web{number}" for number in range(24))
GROUPS = ("default", "blue", "green")


@pytest.fixture
def cloud(connection: sa.Connection) -> sa.Connection:
    """Guests here and elsewhere, of whom more are in a group than one chain holds."""
    create_networks_and_groups(connection, OPTIONS, GROUPS[1:])
    for number, name in enumerate(GUESTS):
        host = OPTIONS.host if number % 3 else "elsewhere"
        networks = (("v4",), ("both",), ("v4", "both"))[number % 7 % 3]
        made = CreateInstance(name, "demo", networks)
        made.write(connection, replace(OPTIONS, host=host))
    return connection


_Regroups = AllowTraffic | RevokeTraffic | AddSecurityGroup | RemoveSecurityGroup


def drawn(source: random.Random) -> _Regroups:
    group, other = source.choice(GROUPS), source.choice((None, None, *GROUPS))
    cidr = None if other else source.choice(("0.0.0.0/0", "::/0", "192.0.2.0/24"))
    traffic = TypedTraffic("tcp", source.choice(("22", "80")), cidr=cidr)
    member = source.choice(GUESTS)
    changes: tuple[_Regroups, ...] = (
        AllowTraffic("demo", group, traffic, other),
        RevokeTraffic("demo", group, traffic, other),
        AddSecurityGroup(member, group),
        RemoveSecurityGroup(member, group),
    )
    return source.choice(changes)


def filtering(connection: sa.Connection) -> dict[ChainKey, tuple[Rule, ...]]:
    return dict(guest_chains(records_of_guests(connection, OPTIONS.host), OPTIONS))


@pytest.mark.parametrize("seed", range(2))
def test_a_narrow_look_finds_every_chain_that_a_change_changes(
    cloud: sa.Connection, seed: int
) -> None:
    source, changes, narrow = random.Random(seed), 0, 0  # noqa: S311 - no secret
    before = filtering(cloud)
    while changes < 40:
        change = drawn(source)
        try:
            written = change.write(cloud, OPTIONS)
        except (Conflict, NotFound):
            continue
        changes += 1
        after = filtering(cloud)
        assert written.regrouping is not None
        part = touched(cloud, written.regrouping, OPTIONS)
        differing = {
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        }
        before = after
        if part is None:
            continue
        narrow += 1
        assert differing <= part.touched, change.title
        assert part.chains == {k: after[k] for k in part.touched if k in after}, change.title
        assert all(
            rule.subject == other.subject
            for key, rules in part.chains.items()
            for rule, other in zip(rules, after[key], strict=True)
        )
    assert narrow > changes / 2


def test_making_and_deleting_a_group_is_nothing_to_the_host(cloud: sa.Connection) -> None:
    before = filtering(cloud)
    made = CreateSecurityGroup("demo", "red").write(cloud, OPTIONS)
    gone = DeleteSecurityGroup("demo", "red").write(cloud, OPTIONS)
    assert isinstance(made.result, SecurityGroup)
    for written in (made, gone):
        assert written.regrouping is not None
        part = touched(cloud, written.regrouping, OPTIONS)
        assert part is not None
        assert not part.touched
    assert filtering(cloud) == before
    assert len(instances.every(cloud)) == len(GUESTS)
