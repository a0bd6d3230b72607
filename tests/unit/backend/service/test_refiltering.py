"""A guest that comes or goes is about those chains that it changes, as the whole has them."""

import random
from dataclasses import replace

import pytest
import sqlalchemy as sa
from core_samples import options
from group_stores import create_networks_and_groups

from netconsole.backend.changes.fixed import ReserveFixed
from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.guards import AllowAddress, DisallowAddress, GuardInstance
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.security_groups import AllowTraffic
from netconsole.backend.intent.regrouping import guest_chains
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.service.refiltering import touched
from netconsole.backend.store import records_of_guests

OPTIONS = replace(options(), quota_security_group_rules=-1, quota_fixed_ips=-1)
GROUPS = ("default", "blue", "green")
NETWORKS = (("v4",), ("both",), ("v4", "both"))


@pytest.fixture
def cloud(connection: sa.Connection) -> sa.Connection:
    """Groups that let each other in, of which two have guests here and elsewhere."""
    create_networks_and_groups(connection, OPTIONS, GROUPS[1:])
    for number in range(6):
        create(connection, f"first{number}", NETWORKS[number % 3], GROUPS[number % 2], number % 3)
    traffic = TypedTraffic("tcp", "22")
    for one, other in (("default", "default"), ("blue", "default"), ("default", "green")):
        AllowTraffic("demo", one, traffic, other).write(connection, OPTIONS)
    return connection


def create(
    connection: sa.Connection, name: str, networks: tuple[str, ...], group: str, place: int = 1
) -> None:
    host = OPTIONS.host if place else "elsewhere"
    made = CreateInstance(name, "demo", networks, security_groups=(group,))
    made.write(connection, replace(OPTIONS, host=host))


def filtering(connection: sa.Connection) -> dict[ChainKey, tuple[Rule, ...]]:
    return dict(guest_chains(records_of_guests(connection, OPTIONS.host), OPTIONS))


def test_a_narrow_look_finds_every_chain_that_a_guest_changes(cloud: sa.Connection) -> None:
    """Up to more guests than a chain of addresses has, and down again."""
    source, narrow = random.Random(0), 0  # noqa: S311 - no secret
    before, there = filtering(cloud), [f"first{number}" for number in range(6)]
    for number in range(64):
        comes = source.random() < (0.7 if number < 40 else 0.3)
        if comes or not there:
            name = f"web{number}"
            groups = tuple(source.sample(GROUPS, source.choice((1, 1, 2))))
            there.append(name)
            made = CreateInstance(name, "demo", source.choice(NETWORKS), security_groups=groups)
            part = touched(cloud, made.write(cloud, OPTIONS), OPTIONS)
        else:
            name = there.pop(source.randrange(len(there)))
            part = touched(cloud, DeleteInstance(name).write(cloud, OPTIONS), OPTIONS)
        after = filtering(cloud)
        differing = {
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        }
        before = after
        if part is None:
            continue
        narrow += 1
        assert differing <= part.touched, (number, name)
        assert part.chains == {k: after[k] for k in part.touched if k in after}, (number, name)
        assert all(
            rule.subject == other.subject
            for key, rules in part.chains.items()
            for rule, other in zip(rules, after[key], strict=True)
        )
    assert narrow > 32


@pytest.mark.parametrize(("cidr", "is_nothing"), [("192.0.2.7/32", True), ("10.1.0.200/32", False)])
def test_a_range_beyond_the_network_is_nothing_to_what_filters_guests(
    cloud: sa.Connection, cidr: str, is_nothing: bool
) -> None:
    ReserveFixed("10.1.0.200").write(cloud, OPTIONS)
    for change in (AllowAddress("first1", cidr, "both"), DisallowAddress("first1", cidr)):
        before = filtering(cloud)
        part = touched(cloud, change.write(cloud, OPTIONS), OPTIONS)
        assert (part is not None) == is_nothing
        assert not is_nothing or filtering(cloud) == before


def test_a_guard_is_nothing_to_what_filters_guests(cloud: sa.Connection) -> None:
    part = touched(cloud, GuardInstance("first1").write(cloud, OPTIONS), OPTIONS)
    assert part is not None
    assert not part.touched


def test_where_others_share_what_filters_a_guest_all_is_looked_at(cloud: sa.Connection) -> None:
    """The first guest of a group here brings its chain along."""
    made = CreateInstance("web", "demo", ("v4",), security_groups=("green",))
    assert touched(cloud, made.write(cloud, OPTIONS), OPTIONS) is None
