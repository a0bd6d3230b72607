"""The plan: what others made stays as it is."""

import re
from dataclasses import replace

import pytest
from core_samples import (
    BRIDGE,
    EMPTY,
    NETWORKS_PATH,
    WANTED,
    WHOLE,
    chains,
    mac,
    network,
    observed_as,
    records,
    wanted,
    with_link,
)

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import (
    Address,
    Dnsmasq,
    File,
    Lease,
    Observed,
    ObservedLink,
    Wanted,
    WantedLink,
)
from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.steps import AddAddress, AddLink, RemoveLink, SetLink, SetSysctl


def _kinds(observed: Observed, goal: Wanted) -> list[str]:
    return [type(step).__name__ for step in plan(observed, goal).steps]


FOREIGN = {
    "eth0": ObservedLink("eth0", "", mac="00:11:22:33:44:55"),
    "br0": ObservedLink("br0", "bridge", mac="00:11:22:33:44:56"),
    "docker0": ObservedLink("docker0", "bridge", up=False, alias="netconsole"),
    "tap77": ObservedLink("tap77", "tap", master="br100"),
}


@pytest.mark.parametrize("goal", [WANTED, wanted(Records())], ids=["in use", "unused"])
def test_what_is_not_ours_is_never_planned_away(goal: Wanted) -> None:
    theirs = chains("filter", {"INPUT": ["-s 192.0.2.1/32 -j DROP"], "docker": ["-j RETURN"]})
    foreign_files = {
        f"{NETWORKS_PATH}/notes.txt": File("keep\n"),
        f"{NETWORKS_PATH}/nova-br100.conf": File("keep\n"),
        f"{NETWORKS_PATH}/nova-br9.conf": File("keep\n"),
    }
    base = observed_as(goal)
    observed = replace(
        base,
        links={**FOREIGN, **base.links},
        addresses=(
            *base.addresses,
            Address("eth0", "203.0.113.2/24"),
            Address("lo", "127.0.0.1/8"),
        ),
        chains={
            **theirs,
            **{key: (*theirs.get(key, ()), *held) for key, held in base.chains.items()},
        },
        dnsmasq=(*base.dnsmasq, Dnsmasq("", ("dnsmasq", "--conf-file=/etc/x"), (99,))),
        files={**base.files, **foreign_files},
        directories=base.directories
        | {f"{NETWORKS_PATH}/{name}" for name in ("backup", "x.hosts", "nova-br9.pid")},
        leases={**base.leases, "virbr0": (Lease(0, mac(9), "192.168.122.9", ""),)},
    )

    assert plan(observed, goal).steps == ()


def test_a_bridge_that_an_admin_made_is_used_as_it_is() -> None:
    """Only that it is up is ours to say: who made it may have had reasons for the rest."""
    theirs = ObservedLink(
        "br100", "bridge", up=False, mac="00:11:22:33:44:55", mtu=9000, forward_delay=1500
    )
    steps = plan(with_link(WHOLE, theirs), WANTED).steps
    unused = plan(with_link(observed_as(wanted(Records())), theirs), wanted(Records())).steps

    assert steps == (SetLink("br100", "up", "1", "0"),)
    assert unused == ()


def test_a_bridge_keeps_its_mtu_where_none_is_asked_for() -> None:
    assert not plan(with_link(WHOLE, replace(BRIDGE, mtu=9000)), WANTED)

    asked = wanted(replace(records(2), networks=(network(mtu=1450),)))
    assert plan(WHOLE, asked).steps == (SetLink("br100", "mtu", "1450", "1500"),)


@pytest.mark.parametrize(
    ("held", "missed"),
    [
        ("10.0.0.1/16", False),
        ("10.0.0.1/24", False),
        ("10.0.0.1/25", True),
        ("10.0.0.1/32", True),
        ("10.0.0.2/16", True),
        ("fd00:7::1/48", False),
        ("fd00:7::2/48", True),
    ],
)
def test_a_gateway_is_there_with_whatever_mask_covers_its_network(held: str, missed: bool) -> None:
    length = "64" if ":" in held else "24"
    gateway = Address("br100", f"{'fd00:7::1' if ':' in held else '10.0.0.1'}/{length}")
    goal = replace(WANTED, addresses=(gateway,))
    here = replace(WHOLE, addresses=(Address("br100", held), Address("eth0", gateway.address)))

    added = [step for step in plan(here, goal).steps if isinstance(step, AddAddress)]

    assert added == ([AddAddress("br100", gateway.address, "")] if missed else [])


def test_an_ipv6_gateway_is_not_planned_beside_itself() -> None:
    goal = replace(WANTED, addresses=(Address("br100", "fd00:7::1/64"),))
    here = replace(WHOLE, addresses=(Address("br100", "fd00:7::1/128"),))
    with pytest.raises(Conflict, match="`ip address del fd00:7::1/128 dev br100` first"):
        plan(here, goal)


def test_a_floating_address_is_put_on_by_itself_whatever_mask_another_gave_it() -> None:
    (floating,) = (each for each in WANTED.addresses if each.is_floating)
    wide = Address(floating.interface, floating.address.replace("/32", "/24"))
    here = replace(WHOLE, addresses=(*(each for each in WHOLE.addresses if each != floating), wide))

    added = [step for step in plan(here, WANTED).steps if isinstance(step, AddAddress)]

    assert [step.address for step in added] == [floating.address]


@pytest.mark.parametrize(("kind", "named"), [("veth", "is a veth"), ("", "physical interface")])
def test_an_interface_of_another_kind_is_not_touched(kind: str, named: str) -> None:
    with pytest.raises(Conflict, match=f"'br100' is wanted as a bridge, but .*{named}"):
        plan(with_link(WHOLE, ObservedLink("br100", kind)), WANTED)


@pytest.mark.parametrize(
    ("wish", "found", "named"),
    [
        (
            WantedLink("br100", "bridge"),
            ObservedLink("br100", "veth"),
            "`ip -details link show dev br100`",
        ),
        (
            WantedLink("vlan7", "vlan", vlan=7),
            ObservedLink("vlan7", "vlan", vlan=8),
            "`ip -details link show dev vlan7`",
        ),
        (WantedLink("tap9", "tap", master="br9"), None, "`ip link add br9 type bridge`"),
        (WantedLink("eth9", ""), None, "`ip -brief link`"),
        (
            WantedLink("eth9", "", master="br100"),
            ObservedLink("eth9", "", master="br0"),
            "`ip link set dev eth9 nomaster`",
        ),
    ],
)
def test_what_is_in_the_way_is_said_with_the_command_for_it(
    wish: WantedLink, found: ObservedLink | None, named: str
) -> None:
    bridge = ObservedLink("br0", "bridge")
    here = {link.name: link for link in (bridge, found) if link is not None}
    others = {name: link for name, link in WANTED.links.items() if name != wish.name}
    goal = replace(WANTED, links={**others, wish.name: wish})
    with pytest.raises(Conflict, match=re.escape(named)):
        plan(replace(WHOLE, links={**WHOLE.links, **here}), goal)


def test_what_a_removed_link_was_is_remembered_for_the_way_back() -> None:
    peer = ObservedLink("peer1", "veth", mac=mac(1))
    veth = replace(WHOLE.links["veth1"], peer="peer1")
    observed = with_link(with_link(WHOLE, peer), veth)
    removed = [
        step
        for step in plan(observed, wanted(Records())).steps
        if isinstance(step, RemoveLink) and step.kind != "tap"
    ]

    made = {
        step.name: step
        for step in plan(EMPTY, WANTED).steps
        if isinstance(step, AddLink) and step.kind != "tap"
    }
    assert {step.name: step.inverse for step in removed} == made


def test_rules_that_cannot_be_read_are_not_planned() -> None:
    blind = replace(WHOLE, chains={}, unreadable={"rules": "iptables-save: no privileges"})

    assert plan(blind, WANTED).steps == ()
    assert _kinds(blind, wanted(records(2, floating=False))) == ["RemoveAddress", "EndConnections"]


def test_a_kernel_without_a_setting_is_not_told_to_change_it() -> None:
    assert plan(replace(WHOLE, sysctls={}), WANTED).steps == ()


def test_the_former_settings_return_after_the_last_network() -> None:
    found = Records(former_sysctls={"net.ipv4.ip_forward": "0"})

    assert plan(Observed(sysctls={"net.ipv4.ip_forward": "1"}), wanted(found)).steps == (
        SetSysctl("net.ipv4.ip_forward", "0", "1"),
    )
