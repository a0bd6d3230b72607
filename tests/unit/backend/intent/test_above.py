"""Whatever is said of an interface in a bridge is meant of the bridge."""

from dataclasses import replace

from core_samples import FLOATING, network, options, records

from netconsole.backend.intent import intent
from netconsole.backend.intent.above import leaving, masters
from netconsole.backend.model.hoststate import FormerLink, ObservedLink, Wanted

ONE_CARD = replace(options(), flat_interface="eth0", public_interface="eth0")


def texts(state: Wanted) -> str:
    return "\n".join(rule.spec for rules in state.chains.values() for rule in rules)


def test_rules_and_floating_addresses_follow_the_public_interface_into_its_bridge() -> None:
    state = intent(records(1, floating=True), ONE_CARD)
    assert "-o eth0" not in texts(state)
    assert "-s 10.0.0.0/24 -o br100 -j SNAT" in texts(state)
    assert [each.interface for each in state.addresses] == ["br100", "lo", "br100"]
    left = {each.interface for each in state.released if each.address == f"{FLOATING}/32"}
    assert left == {"eth0"}, "where it was before the interface came into the bridge"


def test_forwarding_that_is_allowed_to_a_port_is_allowed_to_its_bridge() -> None:
    listed = replace(ONE_CARD, forward_bridge_interface=("eth0", "eth9"))
    found = texts(intent(records(1), listed))
    assert "-i br100 -o br100 -j ACCEPT" in found
    assert "-i br100 -o eth9 -j ACCEPT" in found
    assert "eth0" not in found


def test_a_bond_in_a_bridge_is_followed_all_the_way_but_no_vrf() -> None:
    present = {
        "eth0": ObservedLink("eth0", "", master="bond0"),
        "bond0": ObservedLink("bond0", "bond", master="br-adm"),
        "br-adm": ObservedLink("br-adm", "bridge"),
        "eth1": ObservedLink("eth1", "", master="red"),
        "red": ObservedLink("red", "vrf"),
    }
    above = masters({}, present)
    assert [leaving(name, above) for name in ("eth0", "eth1", "eth2")] == ["br-adm", "eth1", "eth2"]


def test_a_bridge_of_ours_that_goes_is_followed_no_more() -> None:
    present = {
        "eth0": ObservedLink("eth0", "", master="br100"),
        "br100": ObservedLink("br100", "bridge", alias=f"netconsole:network:{network().uuid}"),
    }
    assert masters({}, present) == {}
    assert leaving("eth0", masters({"br100": present["br100"]}, present)) == "br100"


def test_an_interface_that_networks_give_back_is_followed_no_more() -> None:
    present = {
        "eth0": ObservedLink("eth0", "", master="br100"),
        "br100": ObservedLink("br100", "bridge", alias=f"netconsole:network:{network().uuid}"),
    }
    wanted = {"br100": present["br100"], "eth1": ObservedLink("eth1", "", master="br100")}
    former = {"eth0": FormerLink("eth0", up=True, bridge="br100")}
    assert masters(wanted, present, former) == {"eth1": "br100"}
    assert masters({**wanted, "eth0": present["eth0"]}, present, former)["eth0"] == "br100"
    elsewhere = {"eth0": FormerLink("eth0", up=True, bridge="br101")}
    assert masters(wanted, present, elsewhere)["eth0"] == "br100"
