"""What cannot be had is left out of both states, and what stands on it; all else is planned."""

from dataclasses import replace

import pytest
from core_samples import BRIDGE, ETH0, WANTED, WHOLE, with_link

from netconsole.backend.model.hoststate import (
    Address,
    ChainKey,
    FormerLink,
    Mark,
    ObservedLink,
    Rule,
    WantedLink,
)
from netconsole.backend.plan import plan
from netconsole.backend.plan.left_out import without
from netconsole.backend.plan.obstacles import obstacles, standing_elsewhere

UPLINK = WantedLink("eth1", "", master="br100", named_by="flat_interface")
WITH_UPLINK = replace(
    WANTED,
    links={
        **WANTED.links,
        "eth1": UPLINK,
        "br100": replace(WANTED.links["br100"], mac_of="eth1"),
    },
)


def test_a_whole_host_has_none() -> None:
    assert obstacles(WHOLE, WANTED) == ()
    assert without(WHOLE, WANTED, ()) == (WHOLE, WANTED)


def test_a_missing_uplink_is_one_and_its_bridge_keeps_its_address() -> None:
    (found,) = obstacles(WHOLE, WITH_UPLINK)
    assert found.place == ("eth1", "")
    assert not plan(*without(WHOLE, WITH_UPLINK, (found,)))


def test_vlans_stand_on_their_interface_and_ports_on_their_bridge() -> None:
    links = {
        "eth1": WantedLink("eth1", ""),
        "vlan100": WantedLink("vlan100", "vlan", parent="eth1", vlan=100, master="br100"),
        **WANTED.links,
    }
    wanted = replace(WANTED, links=links)
    found = obstacles(WHOLE, wanted)
    assert {each.link for each in found} == {"eth1"}
    _, goal = without(WHOLE, wanted, found)
    assert goal.links.keys() == WANTED.links.keys()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (ObservedLink("vlan100", "vlan", parent="eth1", vlan=200), "but carries 200"),
        (ObservedLink("vlan100", "vlan", parent="eth0", vlan=100), "but is on eth0"),
        (
            ObservedLink("eth1.100", "vlan", parent="eth1", vlan=100, master="other"),
            "'eth1.100', port of other, carries VLAN 100 of 'eth1' already",
        ),
        (ObservedLink("vlan100", "vlan", parent="eth1", vlan=100, master="br100"), ""),
        (ObservedLink("eth1.7", "vlan", parent="eth1", vlan=7), ""),
    ],
)
def test_a_vlan_device_has_its_tag_and_its_trunk_and_no_other_has_both(
    found: ObservedLink, said: str
) -> None:
    wish = WantedLink("vlan100", "vlan", parent="eth1", vlan=100, master="br100")
    trunk = ObservedLink("eth1", "")
    here = with_link(with_link(WHOLE, trunk), found)
    links = {**WANTED.links, "eth1": WantedLink("eth1", ""), "vlan100": wish}
    met = obstacles(here, replace(WANTED, links=links))
    assert [(each.link, each.kind) for each in met] == ([("vlan100", "vlan")] if said else [])
    assert said in "".join(each.because for each in met)


def test_nothing_is_done_at_a_bridge_whose_name_another_link_has() -> None:
    here = with_link(WHOLE, ObservedLink("br100", ""))
    found = obstacles(here, WANTED)
    assert [each.link for each in found] == ["br100"]
    seen, goal = without(here, WANTED, found)
    assert goal.dnsmasq == seen.dnsmasq == ()
    assert not goal.guards
    assert all(each.interface != "br100" for each in (*goal.addresses, *seen.addresses))
    at_it = [each for each in plan(seen, goal).commands if "br100" in each.split()]
    assert [each for each in at_it if " -D " not in each] == []


def test_a_floating_address_without_its_interface_is_left_out_alone() -> None:
    links = {name: link for name, link in WHOLE.links.items() if name != "eth0"}
    lost = tuple(each for each in WHOLE.addresses if each.interface != "eth0")
    here = replace(WHOLE, links=links, addresses=lost)
    (found,) = obstacles(here, WANTED)
    assert found.link == "eth0"
    assert found.address.endswith("/32")
    assert not plan(*without(here, WANTED, (found,)))


@pytest.mark.parametrize("is_carried", [True, False])
def test_an_address_that_is_elsewhere_stands_for_a_mistaken_name(is_carried: bool) -> None:
    (floating,) = (each for each in WANTED.addresses if each.is_floating)
    mistaken = floating._replace(interface="nope7")
    kept = (each for each in WANTED.addresses if not each.is_floating)
    wanted = replace(WANTED, addresses=(*kept, mistaken))
    addresses = WHOLE.addresses if is_carried else ()
    here = replace(WHOLE, addresses=addresses)
    found = obstacles(here, wanted)
    assert bool(standing_elsewhere(here, wanted, found)) == is_carried


BEFORE = replace(WITH_UPLINK, former_links={"eth0": FormerLink("eth0", up=True, bridge="br100")})
"""The option named eth0 before, which has become a port of the bridge."""


@pytest.mark.parametrize("there", [None, ObservedLink("eth1", "", master="obr")])
def test_another_uplink_of_the_bridge_stands_for_a_mistaken_name(
    there: ObservedLink | None,
) -> None:
    marked = replace(WHOLE, mark=Mark("store", 1, "sqlite://"))
    here = with_link(marked, replace(ETH0, master="br100"))
    here = here if there is None else with_link(here, there)
    found = obstacles(here, BEFORE)
    assert [each.link for each in found] == ["eth1"]
    assert standing_elsewhere(here, BEFORE, found) == found
    assert standing_elsewhere(marked, BEFORE, found) == ()


def test_a_port_of_others_in_the_bridge_stands_for_nothing() -> None:
    here = with_link(WHOLE, ObservedLink("vnet0", "tap", master="br100"))
    found = obstacles(here, WITH_UPLINK)
    assert [each.link for each in found] == ["eth1"]
    assert standing_elsewhere(here, WITH_UPLINK, found) == ()


def test_a_narrower_address_of_version_6_is_one() -> None:
    asked = Address("br100", "fd00::1/64")
    here = replace(WHOLE, addresses=(*WHOLE.addresses, Address("br100", "fd00::1/128")))
    wanted = replace(WANTED, addresses=(*WANTED.addresses, asked))
    assert BRIDGE.name == "br100"
    assert [each.address for each in obstacles(here, wanted)] == ["fd00::1/64"]


def test_a_chain_that_cannot_go_stays_with_what_it_leads_to() -> None:
    old, older = (ChainKey("ipv4", "nat", f"nova-network-{name}") for name in ("old", "older"))
    wanted_chain = next(key for key in WANTED.chains if key.table == "nat")
    builtin = ChainKey("ipv4", "nat", "PREROUTING")
    observed = replace(
        WHOLE,
        chains={
            **WHOLE.chains,
            builtin: (
                *WHOLE.chains.get(builtin, ()),
                Rule("nft: ct state new jump nova-network-old # handle 7"),
                Rule(f"nft: ct state new jump {wanted_chain.chain} # handle 8"),
            ),
            old: (Rule(f"-j {older.chain}"), Rule(f"-j {wanted_chain.chain}")),
            older: (),
        },
    )
    (obstacle,) = obstacles(observed, WANTED)
    assert obstacle.chain == old
    assert "handle 7`" in obstacle.because
    left, wanted = without(observed, WANTED, (obstacle,))
    assert not {old, older} & left.chains.keys()
    assert wanted_chain in left.chains
    assert not plan(left, wanted)


@pytest.mark.parametrize("is_seen", [True, False], ids=["unreadable", "unfit"])
def test_without_a_directory_dnsmasq_alone_stays_as_it_is(is_seen: bool) -> None:
    path = WANTED.networks_path
    observed = replace(WHOLE, files={}, dnsmasq=(), links={})
    if is_seen:
        observed = replace(observed, unreadable={path: "is a file"})
    else:
        observed = replace(observed, networks_unfit="is a file")
    (obstacle,) = obstacles(observed, WANTED)
    assert obstacle.directory == path
    assert f"networks_path '{path}' is a file: dnsmasq stays as it is" in obstacle.because
    left, wanted = without(observed, WANTED, (obstacle,))
    assert (dict(left.unreadable), left.networks_unfit) == ({}, "")
    commands = " ".join(plan(left, wanted).commands)
    assert path not in commands
    assert "ip link add name br100" in commands
