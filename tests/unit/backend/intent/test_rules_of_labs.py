"""The rules that the three labs want, and hosts with less usual options: letter by letter.

However the rules come to be, these are what nova's admins know, and what other programs look for.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from sqlalchemy import Connection

from netconsole.backend.changes.floating import AssociateFloating, CreateFloating
from netconsole.backend.changes.instances import CreateInstance
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.model.records import Records
from netconsole.backend.store.snapshot import records

RULES = Path(__file__).with_name("rules_of_labs")

LAB = Options(
    host="lab",
    my_ip="203.0.113.2",
    public_interface="eth0",
    dns_server=("203.0.113.1",),
    routing_source_ip="203.0.113.2",
    metadata_host="203.0.113.2",
    vpn_ip="203.0.113.2",
)
FLAT = replace(LAB, network_manager="nova.network.manager.FlatManager", flat_injected=True)
VLAN = replace(LAB, network_manager="nova.network.manager.VlanManager", vlan_interface="eth2")
ONE = CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/24", bridge="br100")
TWO = CreateNetwork(
    label="vmnet", fixed_range_v4="10.0.0.0/23", num_networks=2, network_size=256, vpn_start=1000
)
SHARED = replace(ONE, multi_host=True, share_address=True, bridge_interface="eth2")
OTHER_ROUTER = replace(ONE, gateway="10.0.0.1", dhcp_server="10.0.0.2")

HOSTS: dict[str, tuple[CreateNetwork, Options]] = {
    "flat": (ONE, FLAT),
    "flatdhcp": (ONE, LAB),
    "vlan": (TWO, VLAN),
    "dmz": (ONE, replace(LAB, dmz_cidr=("198.51.100.0/24", "203.0.113.128/28", "192.0.2.7/32"))),
    "local-metadata": (ONE, replace(LAB, metadata_host="127.0.0.1", metadata_port=8775)),
    "no-metadata-no-source": (ONE, replace(LAB, metadata_host=None, routing_source_ip="")),
    "any-public-interface": (ONE, replace(LAB, public_interface="")),
    "forward-some": (
        ONE,
        replace(LAB, forward_bridge_interface=("eth0", "eth3"), iptables_drop_action="REJECT"),
    ),
    "shared-address": (SHARED, LAB),
    "other-router": (
        OTHER_ROUTER,
        replace(LAB, force_snat_range=("198.51.100.0/24", "192.0.2.7/32")),
    ),
    "other-router-everywhere": (OTHER_ROUTER, replace(LAB, force_snat_range=("0.0.0.0/0",))),
}


def write(connection: Connection, network: CreateNetwork, options: Options) -> Records:
    """These networks, two instances and one floating address; return what the store says."""
    network.write(connection, options)
    for name in ("web1", "web2"):
        CreateInstance(name=name, project="demo", port_kind="veth").write(connection, options)
    if "FlatManager" not in options.network_manager:
        interface = None if options.public_interface else "eth0"
        create = CreateFloating(pool="public", ip_range="203.0.113.128/28", interface=interface)
        create.write(connection, options)
        change = AssociateFloating(address="203.0.113.129", instance="web1")
        change.write(connection, options)
    return records(connection, options.host)


def rules(connection: Connection, network: CreateNetwork, options: Options) -> Iterator[str]:
    """What a host wants of them, a chain or a rule a line."""
    known = write(connection, network, options)
    names = {each.uuid: each.name for each in known.instances}
    instances = {each.device: names[each.instance_uuid] for each in known.ports}
    wanted = intent(known, options)
    for (family, table, name), found in wanted.chains.items():
        yield f"{family} {table} {name}"
        for rule in found:
            end = " (at the end)" if rule.at_end else ""
            about = " ".join(rule.subject or ())
            if rule.subject is not None and rule.subject.kind == "port":
                about = f"port of {instances[rule.subject.name]}"
            yield f"    {rule.spec}{end}  # {about}".rstrip()


@pytest.mark.parametrize("host", HOSTS)
def test_the_rules_are_as_ever(host: str, connection: Connection) -> None:
    found = "\n".join(chain(rules(connection, *HOSTS[host]), ("",)))
    assert found == (RULES / f"{host}.txt").read_text()


@pytest.mark.parametrize("host", HOSTS)
def test_a_rule_carries_the_interfaces_that_it_asks_for(host: str, connection: Connection) -> None:
    network, options = HOSTS[host]
    wanted = intent(write(connection, network, options), options)
    found = [rule for chain in wanted.chains.values() for rule in chain]
    assert found
    for rule in found:
        named = re.findall(r"(?:^| )(?:-i|-o|--logical-in) (\S+)", rule.spec)
        assert list(rule.interfaces) == named, rule.spec
