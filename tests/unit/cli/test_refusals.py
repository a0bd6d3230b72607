"""What refuses a change names the next command: it is typed here, and has to lead on.

The command line is the real one, and so is the store. A change is written there, and no host is
asked: what a host refuses is in tests/kernel.
"""

import ast
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import click
import pytest
import sqlalchemy as sa

import netconsole
from netconsole.backend.changes import Change
from netconsole.backend.store import Store, networks, tables
from netconsole.cli import main
from netconsole.cli.frame.changing import Doer

FLAT, VLAN = (
    {"network_manager": f"nova.network.manager.{kind}Manager"} for kind in ("Flat", "Vlan")
)
VLAN |= {"vlan_interface": "eth1"}
NET, OTHER = (f"network create {name} --fixed-range-v4 10.0.{name == 'b':d}.0/29" for name in "ab")
WEB, DB = (f"instance create {name} --project demo --network a" for name in ("web1", "db1"))
ALLOW = "instance allow-address web1"
POOL = "floating create --ip-range 203.0.113.129"
GROUP = "secgroup create web --project demo"
SSH = "secgroup allow web --project demo --protocol tcp --port 22 --cidr 0.0.0.0/0"
KEY_FILE = Path(__file__).parents[2] / "support" / "mykey.pub"
KEY = f"keypair add mykey {KEY_FILE} --project demo"
ASSOCIATED = (NET, WEB, POOL, "floating associate 203.0.113.129 web1")


def _leased(connection: sa.Connection) -> None:
    connection.execute(
        sa.update(tables.fixed_ips).where(tables.fixed_ips.c.allocated).values(leased=True)
    )


def _full(connection: sa.Connection) -> None:
    """Give web1 as many ports as a bridge can have."""
    one = connection.execute(sa.select(tables.ports)).mappings().one()
    rows = [
        {**one, "id": None, "uuid": f"u{n}", "mac": f"m{n}", "device": f"d{n}"} for n in range(1022)
    ]
    connection.execute(sa.insert(tables.ports), rows)


def _without_ports(connection: sa.Connection) -> None:
    connection.execute(sa.update(tables.fixed_ips).values(instance_uuid=None, port_id=None))
    connection.execute(sa.delete(tables.ports))


def _without_vpn(connection: sa.Connection) -> None:
    for network in networks.every(connection):
        by_id = tables.networks.c.id == network.id
        connection.execute(sa.update(tables.networks).where(by_id).values(vpn_private_address=None))


@dataclass(frozen=True)
class Case:
    """A command that is refused, and what becomes of it."""

    refused: str
    says: str
    """The beginning of the line."""
    given: tuple[str, ...] = ()
    shows: str = ""
    """What the commands that the line names print."""
    then: str | None = None
    """What refuses it after the commands of the line: "" for nothing does."""
    fills: dict[str, str] = field(default_factory=dict)
    """What an admin would type where the line has a word in capitals."""
    options: dict[str, str] = field(default_factory=dict)
    prepare: Callable[[sa.Connection], None] | None = None

    def __str__(self) -> str:
        return self.refused


CASES = (
    # What instances are told
    Case(
        KEY,
        "key pair 'mykey' exists already in project 'demo'",
        (KEY,),
        shows="mykey",
    ),
    Case(
        "keypair delete other --project demo",
        "key pair 'other' does not exist in project 'demo'",
        (KEY,),
        shows="mykey",
    ),
    Case(
        "instance set web1 --no-key other",
        "instance 'web1' has no key 'other'",
        (KEY, NET, f"{WEB} --key mykey"),
        shows="mykey",
    ),
    Case(
        "instance set web1 --meta a=1 --meta b=2",
        "2 metadata items are too many, an instance may have 1",
        (NET, WEB),
        shows="quota_metadata_items",
        options={
            "network_manager": "nova.network.manager.FlatDHCPManager",
            "quota_metadata_items": "1",
        },
    ),
    # Floating addresses
    Case(
        "floating associate 203.0.113.129 web1",
        "nova.network.manager.FlatManager has no floating addresses",
        shows="network_manager",
        options=FLAT,
    ),
    Case(
        "floating create --ip-range 10.0.0.0/30",
        "10.0.0.0/30 overlaps 10.0.0.0/29 of network 'a'",
        (NET,),
        shows="10.0.0.0/29",
    ),
    Case(POOL, "floating address 203.0.113.129 exists already", (POOL,), shows="203.0.113.129"),
    Case(
        "floating delete 203.0.113.7",
        "no floating address in 203.0.113.7",
        (POOL,),
        shows="203.0.113.129",
    ),
    Case(
        "floating delete 203.0.113.129",
        "floating address 203.0.113.129 is associated",
        ASSOCIATED,
        then="",
    ),
    Case(
        "floating allocate --project demo --pool 'east side'",
        "floating pool 'east side' does not exist",
        then="",
        fills={"CIDR": "203.0.113.129"},
    ),
    Case(
        "floating allocate --project demo",
        "floating pool 'nova' has no free address left",
        (POOL, "floating allocate --project demo"),
        then="",
        fills={"CIDR": "203.0.113.130"},
    ),
    Case(
        "floating allocate --project demo",
        "project 'demo' has 0 of 0 floating addresses, asked for 1 more",
        (POOL,),
        shows="quota_floating_ips",
        options={"quota_floating_ips": "0"},
    ),
    Case(
        "floating release 203.0.113.129",
        "floating address 203.0.113.129 is allocated to no project",
        (POOL,),
        shows="203.0.113.129",
    ),
    Case(
        "floating release 203.0.113.129",
        "floating address 203.0.113.129 is associated",
        ASSOCIATED,
        then="floating address 203.0.113.129 is allocated to no project",
    ),
    Case(
        "floating associate 203.0.113.7 web1",
        "floating address 203.0.113.7 does not exist",
        (POOL,),
        shows="203.0.113.129",
    ),
    Case(
        "floating associate 203.0.113.129 web1",
        "floating address 203.0.113.129 is allocated to project 'other', instance 'web1' is of "
        "project 'demo'",
        (NET, WEB, POOL, "floating allocate --project other"),
        then="",
    ),
    Case(
        "floating associate 203.0.113.129 db1",
        "floating address 203.0.113.129 is associated already, with instance 'web1': "
        "`netconsole floating associate 203.0.113.129 db1 --move` takes it there",
        (*ASSOCIATED, DB),
        then="",
    ),
    Case(
        "floating associate 203.0.113.129 web1 --fixed-address 10.0.0.5",
        "instance 'web1' has no fixed address 10.0.0.5",
        (NET, WEB, POOL),
        shows="10.0.0.2",
    ),
    Case(
        "floating associate 203.0.113.129 web1",
        "instance 'web1' has no fixed address",
        (NET, WEB, POOL, "instance remove-fixed-ip web1 10.0.0.2"),
        then="",
        fills={"NETWORK": "a"},
    ),
    Case(
        "floating disassociate 203.0.113.129",
        "floating address 203.0.113.129 is not associated",
        (POOL,),
        shows="203.0.113.129",
    ),
    Case(
        "floating disassociate 203.0.113.129",
        "floating address 203.0.113.129 was assigned with instance 'web1' "
        "(auto_assign_floating_ip) and goes with it",
        (NET, POOL, WEB),
        then="floating address 203.0.113.129 is not associated",
        options={"auto_assign_floating_ip": "true"},
    ),
    Case(
        "nova remove-floating-ip web1 203.0.113.129",
        "floating address 203.0.113.129 is not associated with instance 'web1'",
        (NET, WEB, POOL),
        shows="web1",
    ),
    # Instances
    Case(
        "instance create web1 --project demo",
        "there is no network for an instance of project 'demo'",
        then="",
        fills={"LABEL": "a", "CIDR": "10.0.0.0/24"},
    ),
    Case(
        "instance create web1 --project demo",
        "no network is left for project 'demo'",
        then="",
        fills={"LABEL": "a", "CIDR": "10.0.0.0/24"},
        options=VLAN,
    ),
    Case(WEB, "network 'a' does not exist", (OTHER,), shows="10.0.1.0/29"),
    Case(
        WEB,
        "network 'a' belongs to project 'other'",
        (NET, "network associate a --project other"),
        then="",
    ),
    Case(WEB, "network 'a' is not one of project 'demo'", (NET,), then="", options=VLAN),
    Case(
        f"{WEB} --fixed-address 10.0.1.3",
        "fixed address 10.0.1.3 is in none of the instance's networks",
        (NET, OTHER),
        shows="10.0.1.0/29",
    ),
    Case(
        f"{WEB} --fixed-address 10.9.9.9",
        "fixed address 10.9.9.9 is in no network",
        (NET,),
        shows="10.0.0.0/29",
    ),
    Case(
        f"{WEB} --fixed-address 10.0.0.2",
        "fixed address 10.0.0.2 is in use by instance 'db1'",
        (NET, DB),
        then="",
    ),
    Case(
        f"{WEB} --fixed-address 10.0.0.2",
        "fixed address 10.0.0.2 is in use by instance 'db1'",
        (NET, DB),
        then="fixed address 10.0.0.2 is still leased to ",
        prepare=_leased,
    ),
    Case(
        "fixed reserve 10.0.0.2",
        "fixed address 10.0.0.2 is still leased to ",
        (NET, WEB, "@prepare", "instance remove-fixed-ip web1 10.0.0.2"),
        shows="10.0.0.2",
        prepare=_leased,
    ),
    Case(
        f"{WEB} --fixed-address 10.0.0.3",
        "fixed address 10.0.0.3 is reserved in network 'a'",
        (NET, "fixed reserve 10.0.0.3"),
        then="",
    ),
    Case(
        f"{WEB} --fixed-address 10.0.0.1",
        "fixed address 10.0.0.1 is the gateway of network 'a'",
        (NET,),
    ),
    Case(
        WEB,
        "network 'a' has no free address left in 10.0.0.0/29",
        (NET, *(f"fixed reserve 10.0.0.{number}" for number in range(2, 7))),
        shows="10.0.0.6",
    ),
    Case(
        WEB,
        "network 'a' has no free address left for host testhost",
        (f"{NET} --multi-host T", *(f"fixed reserve 10.0.0.{number}" for number in range(2, 6))),
        shows="10.0.0.5",
    ),
    Case(
        "fixed reserve 10.0.0.3",
        "fixed address 10.0.0.3 belongs to host testhost as long as that has instances in "
        "network 'a'",
        (f"{NET} --multi-host T", WEB),
        shows="web1",
    ),
    Case(
        WEB.replace("web1", "WEB1"),
        "instance 'WEB1': name 'web1' is taken",
        (NET, WEB),
        shows="web1",
    ),
    Case(
        WEB.replace("web1", "'my vm'"),
        "instance 'my vm': host name 'my-vm' is taken by instance 'my_vm'",
        (NET, WEB.replace("web1", "my_vm")),
        shows="my_vm",
    ),
    Case(
        f"{WEB} --mac fa:16:3e:00:00:01",
        "MAC address fa:16:3e:00:00:01: a port of instance 'db1' has it",
        (NET, f"{DB} --mac fa:16:3e:00:00:01"),
        shows="fa:16:3e:00:00:01",
    ),
    Case(
        WEB,
        "project 'demo' has 0 of 0 fixed addresses, asked for 1 more",
        (NET,),
        shows="quota_fixed_ips",
        options={"quota_fixed_ips": "0"},
    ),
    Case(
        DB,
        "bridge br100 of network 'a' has 1023 ports for instances",
        (NET, WEB, "@prepare"),
        shows="",
        fills={"LABEL": "b", "CIDR": "10.0.1.0/24"},
        prepare=_full,
    ),
    Case("instance delete web1", "instance 'web1' does not exist", (NET, DB), shows="db1"),
    Case(
        f"{ALLOW} 0.0.0.0/0",
        "allowed address '0.0.0.0/0': is nearly all there are: `netconsole instance unguard NAME`",
        (NET, WEB),
        fills={"NAME": "web1"},
    ),
    Case(
        f"{ALLOW} 192.0.2.7",
        "instance 'web1' has ports in several networks (a, b): `netconsole instance allow-address "
        "web1 192.0.2.7 --network a` names one",
        (NET, OTHER, f"{WEB} --network b"),
        shows="",
    ),
    Case(
        f"{ALLOW} 192.0.2.7 --network b",
        "instance 'web1' has no port in network 'b'",
        (NET, OTHER, WEB),
        shows="web1",
    ),
    Case(
        f"{ALLOW} 192.0.2.7",
        "instance 'web1' has no port",
        (NET, WEB, "@prepare"),
        shows="web1",
        prepare=_without_ports,
    ),
    Case(
        f"{ALLOW} 10.0.0.4",
        "fixed address 10.0.0.4 may be given to another instance",
        (NET, WEB),
        then="",
    ),
    Case(
        f"{ALLOW} 10.0.0.3",
        "fixed address 10.0.0.3 is in use by instance 'db1'",
        (NET, WEB, DB),
        then="fixed address 10.0.0.3 may be given to",
    ),
    Case(
        f"{ALLOW} 10.0.0.2",
        "10.0.0.2 is an address of the instance itself",
        (NET, WEB),
        shows="10.0.0.2",
    ),
    Case(f"{ALLOW} 10.0.0.1", "address 10.0.0.1 is the gateway of network 'a'", (NET, WEB)),
    Case(
        f"{ALLOW} 10.0.0.6/31",
        "address 10.0.0.7 is the broadcast address of network 'a'",
        (NET, WEB),
    ),
    Case(
        f"{ALLOW} 203.0.113.128/30",
        "203.0.113.129 is a floating address, whose packets this host translates",
        (NET, WEB, POOL),
        shows="203.0.113.129",
    ),
    Case(
        f"{ALLOW} 192.0.2.7/32",
        "instance 'web1' is allowed 192.0.2.7/32 already",
        (NET, WEB, f"{ALLOW} 192.0.2.7"),
        shows="192.0.2.7/32",
    ),
    Case(
        f"{ALLOW} 192.0.2.0/24",
        "instance 'web1' is allowed 192.0.2.7/32, which overlaps 192.0.2.0/24",
        (NET, WEB, f"{ALLOW} 192.0.2.7"),
        then="",
    ),
    Case(
        f"{ALLOW} fe80::f816:3eff:fe00:1",
        "address fe80::f816:3eff:fe00:1 is made of the MAC address of instance 'db1'",
        (NET, WEB, f"{DB} --mac fa:16:3e:00:00:01"),
        shows="fa:16:3e:00:00:01",
    ),
    Case(
        "instance disallow-address web1 192.0.2.7",
        "instance 'web1' is not allowed 192.0.2.7/32",
        (NET, WEB, f"{ALLOW} 192.0.2.8"),
        shows="192.0.2.8/32",
    ),
    Case(
        "fixed unreserve 10.0.0.3",
        "instance 'web1' is allowed to send from 10.0.0.3/32",
        (NET, WEB, "fixed reserve 10.0.0.3", f"{ALLOW} 10.0.0.3"),
        then="",
    ),
    Case(
        OTHER,
        "instance 'web1' is allowed to send from 10.0.1.4/32",
        (NET, WEB, f"{ALLOW} 10.0.1.4"),
        then="",
    ),
    Case(
        POOL,
        "instance 'web1' is allowed to send from 203.0.113.128/25",
        (NET, WEB, f"{ALLOW} 203.0.113.128/25"),
        then="",
    ),
    Case(
        "instance remove-fixed-ip web1 10.0.0.5",
        "instance 'web1' has no fixed address 10.0.0.5",
        (NET, WEB),
        shows="10.0.0.2",
    ),
    Case("fixed reserve 10.0.0.2", "fixed address 10.0.0.2 is in use by", (NET, WEB), then=""),
    Case("fixed unreserve 10.0.0.7", "fixed address 10.0.0.7 is the broadcast address of", (NET,)),
    Case(
        "nova-manage fixed reserve --address 10.9.9.9",
        "address '10.9.9.9': is in no network",
        (NET,),
        shows="10.0.0.0/29",
    ),
    # Networks
    Case(NET.replace("0.0/", "2.0/"), "network 'a' exists already", (NET,), shows="10.0.0.0/29"),
    Case(
        NET.replace("create a", "create c"),
        "10.0.0.0/29 overlaps 10.0.0.0/29 of network 'a'",
        (NET,),
        shows="10.0.0.0/29",
    ),
    Case(
        f"{OTHER} --bridge br100", "bridge br100 already carries network 'a'", (NET,), shows="br100"
    ),
    Case(
        f"{OTHER} --uuid {'-'.join('0' * n for n in (8, 4, 4, 4, 12))}",
        "network 'b': uuid '00000000-0000-0000-0000-000000000000' is taken",
        (f"{NET} --uuid {'-'.join('0' * n for n in (8, 4, 4, 4, 12))}",),
        shows="10.0.0.0/29",
    ),
    Case(
        f"{OTHER} --vlan 100",
        "VLAN 100 belongs to network 'a'; without one named, a free one is taken",
        (NET,),
        shows="100",
        options=VLAN,
    ),
    Case(
        f"{OTHER} --vlan 100",
        "VLAN 100 is that of the public interface",
        options=VLAN | {"public_interface": "vlan100"},
    ),
    Case(
        OTHER,
        "no VLAN from 4094 on is free",
        (NET,),
        shows="4094",
        options=VLAN | {"vlan_start": "4094"},
    ),
    Case(
        OTHER,
        "no VPN port from 65535 on is free",
        (NET,),
        shows="65535",
        options=VLAN | {"vpn_start": "65535"},
    ),
    Case(
        OTHER,
        "interface eth1 is in bridge br100 of network 'a' already",
        (NET,),
        options={"flat_interface": "eth1"},
    ),
    Case(
        "network create c --fixed-range-v4 203.0.113.128/29",
        "203.0.113.128/29 holds the floating address 203.0.113.129",
        (POOL,),
        then="",
    ),
    Case(
        "network delete a",
        "network 'a' has 1 address allocated to instances",
        (NET, WEB),
        shows="web1",
        then="",
        fills={"INSTANCE": "web1"},
    ),
    Case(
        "network delete a",
        "network 'a' belongs to project 'demo'",
        (NET, "network associate a --project demo"),
        then="",
    ),
    Case(
        "network associate a --project demo",
        "network 'a' belongs to project 'other'",
        (NET, "network associate a --project other"),
        then="",
    ),
    Case(
        "network disassociate a",
        "network 'a' has instances, which need their gateway",
        (NET, WEB),
        fills={"HOST": "node2"},
    ),
    Case(
        "network associate a --host node2",
        "network 'a' has every host as its gateway",
        (f"{NET} --multi-host T",),
    ),
    Case(
        "nova-manage network modify --fixed-range 10.9.9.0/24 --project demo",
        "no network has the range '10.9.9.0/24'",
        (NET,),
        shows="10.0.0.0/29",
    ),
    # Security groups
    Case(
        GROUP,
        "security group 'web' exists already in project 'demo'",
        (GROUP,),
        shows="web",
    ),
    Case(
        "secgroup create default --project demo",
        "security group 'default' exists already in project 'demo'",
        shows="default",
    ),
    Case(
        "secgroup update web --project demo --name db",
        "security group 'db' exists already in project 'demo'",
        (GROUP, GROUP.replace("web", "db")),
        shows="db",
    ),
    Case(
        "secgroup update default --project demo --name open",
        "security group 'default' of project 'demo' cannot be changed, new instances are in it",
    ),
    Case(
        "secgroup delete default --project demo",
        "security group 'default' of project 'demo' cannot be deleted, new instances are in it",
        ("secgroup allow default --project demo --protocol udp --port 53",),
        shows="53",
    ),
    Case(
        "secgroup rules wbe --project demo",
        "security group 'wbe' does not exist in project 'demo'",
        (GROUP,),
        shows="web",
    ),
    Case(
        "secgroup delete 2 --project demo",
        "in project 'demo' '2' is the name of security group 3 and the id of 'web': say 3 or 'web'",
        (GROUP, GROUP.replace("web", "2")),
        shows="web",
    ),
    Case(
        "secgroup allow web --project demo --source-group default --source-project dmeo",
        "project 'dmeo' has no instance and no security group",
        (GROUP,),
        shows="demo",
    ),
    Case(
        f"{WEB} --security-group wbe",
        "security group 'wbe' does not exist in project 'demo'",
        (NET, GROUP),
        shows="web",
    ),
    Case(
        GROUP,
        "project 'demo' has 1 of 1 security groups, asked for 1 more",
        shows="quota_security_groups",
        options={"quota_security_groups": "1"},
    ),
    Case(
        SSH.replace("22", "80"),
        "security group 'web' of project 'demo' has 1 of 1 rules, asked for 1 more",
        (GROUP, SSH),
        shows="quota_security_group_rules",
        options={"quota_security_group_rules": "1"},
    ),
    Case(
        SSH,
        "security group 'web' of project 'demo' has the rule tcp 22 from 0.0.0.0/0 already",
        (GROUP, SSH),
        shows="22",
    ),
    Case(
        SSH.replace("allow", "revoke"),
        "security group 'web' of project 'demo' has no rule tcp 22 from 0.0.0.0/0",
        (GROUP, SSH.replace("22", "80")),
        shows="80",
    ),
    Case(
        "secgroup delete web --project demo",
        "security group 'web' of project 'demo' has instance 'web1' in it",
        (NET, GROUP, f"{WEB} --security-group web"),
        then="",
    ),
    Case(
        "secgroup delete web --project demo",
        "security group 'web' of project 'demo' is let in by security group 'db' of project 'demo'",
        (
            *(GROUP, GROUP.replace("web", "db")),
            "secgroup allow db --project demo --source-group web",
        ),
        shows="web",
    ),
    Case(
        "instance secgroup add web1 default",
        "instance 'web1' is in security group 'default' already",
        (NET, WEB),
        shows="default",
    ),
    Case(
        "instance secgroup remove web1 web",
        "instance 'web1' is not in security group 'web'",
        (NET, WEB, GROUP),
        shows="default",
    ),
    Case(
        "secgroup defaults add --protocol icmp --icmp -1",
        "the rule icmp from 0.0.0.0/0 is one of new default groups already",
        ("secgroup defaults add --protocol icmp --icmp -1:-1 --cidr 0.0.0.0/0",),
        shows="icmp",
    ),
    Case(
        "secgroup defaults delete --protocol icmp --icmp 8",
        "new default groups get no rule icmp type 8 from 0.0.0.0/0",
        ("secgroup defaults add --protocol icmp --icmp -1",),
        shows="icmp",
    ),
    # Projects, VPNs and names
    Case(
        "vpn create --project demo",
        "nova.network.manager.FlatDHCPManager gives no networks to projects",
        shows="network_manager",
    ),
    Case(
        "vpn create --project demo",
        "network 'a' keeps no address for a VPN",
        (NET, "@prepare"),
        options=VLAN,
        prepare=_without_vpn,
    ),
    Case(
        "vpn change --project demo --ip 203.0.113.5 --port 1000",
        "project 'demo' has no network",
        (NET,),
        then="",
        fills={"NETWORK": "a"},
    ),
    Case(
        "project scrub --project demo",
        "project 'demo' is not known here, it has no network, no instance, no floating address and "
        "no security group",
        (NET, "network associate a --project other"),
        shows="other",
    ),
    Case(
        "dns create 203.0.113.129 www example.org",
        "DNS domain 'example.org' does not exist",
        (POOL,),
        then="",
    ),
    Case(
        "dns create 203.0.113.129 www example.org",
        "floating address 203.0.113.129 is allocated to project 'demo', DNS domain 'example.org' "
        "is of project 'other'",
        (
            *(POOL, "floating allocate --project demo"),
            *("dns create-domain example.org --project other", "dns create-domain a.org"),
        ),
        shows="a.org",
    ),
    Case(
        "dns create-domain example.org",
        "DNS domain: domain 'example.org' is taken",
        ("dns create-domain example.org",),
        shows="example.org",
    ),
    Case(
        "dns delete example.org www",
        "DNS domain 'example.org' has no name 'www'",
        (
            *(POOL, "dns create-domain example.org"),
            "dns create 203.0.113.129 mail example.org",
        ),
        shows="mail",
    ),
)

NOTHING_TO_TYPE = {
    "is the gateway of network": "a network has it as long as it is there",
    "is the broadcast address of": "a network has it as long as it is there",
    "is that of the public interface": "any other VLAN, or none named, will do",
    "has every host as its gateway": "such a network needs no host",
    "keeps no address for a VPN": "another installation made it without; what is there is kept",
}

NOT_REACHED = {
    "no free MAC address found": "nobody has 2^24 of them; the option to raise is named",
    "network_manager is {}: set": "service: tests/kernel/test_manager_kinds.py",
    "has it": "a MAC address of the bridge, which hangs on a random uuid",
    "of network": "import nova: tests/kernel/test_takeover.py",
    "fixed address {} exists already": "import nova, behind the comparison of the ranges",
    "an address of the range belongs": "behind the comparison of the ranges",
    "is not in network": "behind the look whether it is in any of the instance's",
    "database {} refuses that": "what the constraints of the tables find, in a bug of ours",
    "has a password already": "said to a guest: the metadata service answers 409",
    "is associated already: ": "two at once, where writers do not queue",
}

COMMAND = re.compile(r"`netconsole ([^`]+)`")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without a row: copied, as it takes longer to make than a case does."""
    path = tmp_path_factory.mktemp("empty") / "netconsole.sqlite"
    with closing(Store(f"sqlite:///{path}")) as store, store.transaction():
        pass
    return path


class Line:
    """The command line over a store of its own."""

    def __init__(
        self, directory: Path, empty: Path, capsys: pytest.CaptureFixture[str], case: Case
    ) -> None:
        shutil.copy(empty, directory)
        self._case = case
        self._capsys = capsys
        self._file = directory / "netconsole.conf"
        self._connection = f"sqlite:///{directory}/netconsole.sqlite"
        options = {
            "state_path": str(directory),
            "host": "testhost",
            "my_ip": "203.0.113.2",
            "public_interface": "eth0",
            "flat_network_bridge": "br100",
            **case.options,
        }
        lines = (f"{name} = {value}" for name, value in options.items())
        self._file.write_text("\n".join(("[DEFAULT]", *lines, "")))

    def run(self, words: str) -> tuple[int, str, str]:
        """Type a command, and return its status and what it said."""
        if words == "@prepare":
            assert self._case.prepare is not None
            self._write(self._case.prepare)
            return 0, "", ""
        arguments = ["--config-file", str(self._file), *shlex.split(words)]
        self._capsys.readouterr()

        def carry_out(doer: Doer, change: Change[object], *_: object) -> None:
            self._write(lambda connection: change.write(connection, doer.context.options()))

        with patch.object(Doer, "carry_out", carry_out):
            status = main.run(arguments)
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def _write(self, writing: Callable[[sa.Connection], object]) -> None:
        with closing(Store(self._connection)) as store, store.transaction() as connection:
            writing(connection)

    def refused(self) -> str:
        """Do what has to be there first, then what is refused; return the line."""
        given = self._case.given
        if self._case.prepare is not None and "@prepare" not in given:
            given = (*given, "@prepare")
        for words in given:
            status, _, told = self.run(words)
            assert status == 0, f"{words}: {told}"
        status, out, line = self.run(self._case.refused)
        assert status in (1, 2)
        assert out == ""
        return line


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_refusal_names_the_command_that_leads_on(
    case: Case, tmp_path: Path, empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = Line(tmp_path, empty, capsys, case)
    told = line.refused()
    assert told.startswith(f"netconsole: {case.says}")
    assert told.count("\n") == 1
    commands = COMMAND.findall(told)
    if any(words in told for words in NOTHING_TO_TYPE):
        assert "`" not in told
        return
    assert "`" in told, told
    shown = ""
    for command in commands:
        for word, value in case.fills.items():
            command = re.sub(rf"\b{word}\b", value, command)
        status, out, err = line.run(command)
        assert status == 0, f"{command}: {err}"
        shown += out
    assert case.shows in shown
    if case.then is not None:
        status, _, err = line.run(case.refused)
        assert (status != 0, err) == (bool(case.then), err)
        assert case.then in err


def test_every_refusal_there_is_was_met() -> None:
    """Those of the changes, of the store and of the managers: by the words that do not change."""
    unmet = []
    for place, text in _refusals("changes", "store", "managers"):
        words = text.rpartition(": {}")[0] or text
        pattern = re.compile(".*".join(map(re.escape, words.split("{}"))))
        if not any(known in text for known in NOT_REACHED):
            unmet += [] if any(pattern.search(case.says) for case in CASES) else [(place, words)]
    assert unmet == []


def _refusals(*folders: str) -> Iterator[tuple[str, str]]:
    """Where the program makes such an error, and its text, with {} where a value comes in."""
    for folder in folders:
        for path in sorted((PROGRAM / "backend" / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                if node.func.id in ("Conflict", "NotFound", "Exhausted") and node.args:
                    yield f"{path.name}:{node.lineno}", _text(node.args[0], "{}")


def _text(node: ast.expr, value: str) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else value for part in parts)


PROGRAM = Path(netconsole.__file__).parent


def _texts(path: Path) -> Iterator[str]:
    """Every text of a module but what its own readers see, with X where a value comes in."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Expr):
            inside.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            yield _text(node, "X")
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
        ):
            yield node.value


def test_every_command_that_is_named_anywhere_can_be_typed() -> None:
    found = {
        (path.relative_to(PROGRAM), " ".join(command.split()))
        for path in PROGRAM.rglob("*.py")
        for text in _texts(path)
        for command in COMMAND.findall(text)
        if command != "X"
    }
    assert len(found) > 20
    wrong = [(str(place), command, _wrong(command, place)) for place, command in sorted(found)]
    assert [each for each in wrong if each[2]] == []


def _wrong(command: str, place: Path) -> str:
    """What our parser says of a command; nothing is run."""
    try:
        context: click.Context = main.root.make_context("netconsole", shlex.split(command))
        while isinstance(context.command, click.Group):
            words = [*context._protected_args, *context.args]
            if not words:
                break
            name, inner, rest = context.command.resolve_command(context, words)
            assert inner is not None
            context = inner.make_context(name, rest, parent=context)
    except (click.MissingParameter, click.BadOptionUsage) as error:
        # A page may say which command it is about; an error says what to type.
        return "" if place.parts[0] == "diagnostics" else error.format_message()
    except click.ClickException as error:
        return error.format_message()
    return ""
