"""The plan of kernel settings: forwarding of both families, and whose advertisements are heeded."""

from dataclasses import replace

import pytest
from core_samples import network, options, records, wanted

from netconsole.backend.intent import intent
from netconsole.backend.intent.settings import heeding
from netconsole.backend.model.hoststate import Observed, ObservedLink, Wanted, WantedLink
from netconsole.backend.model.records import Network, Records
from netconsole.backend.plan.settings import sysctls, sysctls_of_new_links
from netconsole.backend.steps import SetSysctl

IPV6 = replace(network(), cidr_v6="fd00:10::/64", gateway_v6="fd00:10::1")
WITH_IPV6 = wanted(replace(records(2, floating=False), networks=(IPV6,)))
OFF = Observed(
    sysctls={
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "0",
        "net.ipv6.conf.default.accept_ra": "1",
        "net.ipv6.conf.eth0.accept_ra": "1",
    },
    links={"eth0": ObservedLink("eth0", "")},
)


def test_only_a_network_with_ipv6_needs_its_forwarding() -> None:
    assert "net.ipv6.conf.all.forwarding" not in wanted(records(1)).sysctls
    assert [*sysctls(OFF, WITH_IPV6)] == [SetSysctl("net.ipv6.conf.all.forwarding", "1", "0")]


def test_who_learnt_of_a_router_is_told_further_before_the_host_is_one_itself() -> None:
    goal = heeding(WITH_IPV6, OFF, ["eth0"], {})
    heed = SetSysctl("net.ipv6.conf.eth0.accept_ra", "2", "1")
    forward = SetSysctl("net.ipv6.conf.all.forwarding", "1", "0")
    assert [*sysctls(OFF, goal)] == [heed, forward]

    former = {"net.ipv6.conf.all.forwarding": "0", "net.ipv6.conf.eth0.accept_ra": "1"}
    later = Records(former_sysctls=former)
    now = replace(OFF, sysctls={**OFF.sysctls, **goal.sysctls})
    assert [*sysctls(now, wanted(later))] == [forward.inverse, heed.inverse]


def test_nothing_is_learnt_from_guests() -> None:
    goal = heeding(WITH_IPV6, OFF, ["br100", "veth1"], {})
    assert goal.sysctls == WITH_IPV6.sysctls


def test_where_the_interface_becomes_a_port_its_bridge_learns() -> None:
    eth0 = WantedLink("eth0", "", master="br100")
    one_card = replace(WITH_IPV6, links={**WITH_IPV6.links, "eth0": eth0}, above={"eth0": "br100"})
    goal = heeding(one_card, OFF, ["eth0"], {})
    assert goal.sysctls["net.ipv6.conf.br100.accept_ra"] == "2"
    assert [*sysctls_of_new_links(OFF, goal)] == [
        SetSysctl("net.ipv6.conf.br100.accept_ra", "2", "1")
    ]


def test_an_admins_bridge_with_the_card_in_it_goes_on_learning() -> None:
    card = ObservedLink("eth0", "", master="br100")
    theirs = replace(OFF, links={"eth0": card, "br100": ObservedLink("br100", "bridge")})
    goal = heeding(WITH_IPV6, theirs, ["br100"], {})
    assert goal.sysctls["net.ipv6.conf.br100.accept_ra"] == "2"


@pytest.mark.parametrize(("accept_ra", "asked"), [("0", None), ("1", "2"), ("2", None)])
def test_an_uplink_hears_of_a_router_that_advertises_later(
    accept_ra: str, asked: str | None
) -> None:
    goal = heeding(WITH_IPV6, OFF, [], {"eth0": accept_ra})
    assert goal.sysctls.get("net.ipv6.conf.eth0.accept_ra") == asked


def test_the_bridge_of_one_card_hears_in_its_place() -> None:
    one_card = _wanted("eth0", "eth0")
    there = {"eth0": ObservedLink("eth0", "", master="br100")}
    with_bridge = replace(OFF, links={**there, "br100": ObservedLink("br100", "bridge")})
    for state, values in ((OFF, {"eth0": "1"}), (with_bridge, {"eth0": "0", "br100": "1"})):
        goal = heeding(one_card, state, [], values)
        assert goal.sysctls["net.ipv6.conf.br100.accept_ra"] == "2"
        assert "net.ipv6.conf.eth0.accept_ra" not in goal.sysctls
    refused = heeding(one_card, with_bridge, [], {"eth0": "1", "br100": "0"})
    assert refused == one_card


def test_only_uplinks_are_listened_at() -> None:
    assert wanted(records(1)).uplinks == frozenset(), "without IPv6 all hear as they did"
    assert WITH_IPV6.uplinks == {"eth0"}
    assert _wanted("eth0", "eth1").uplinks == {"eth0"}, "eth1 is the wire of the guests"
    vlan = _wanted("eth0", "eth1", replace(IPV6, vlan=100), manager="VlanManager")
    assert vlan.uplinks == {"eth0", "eth1"}, "guests are on its VLANs"
    everywhere = replace(IPV6, multi_host=True, share_address=True)
    assert _wanted("eth0", "eth0", everywhere).uplinks == frozenset(), "others advertise there"


def _wanted(
    public: str, lower: str, of: Network = IPV6, manager: str = "FlatDHCPManager"
) -> Wanted:
    chosen = replace(
        options(public_interface=public),
        network_manager=f"nova.network.manager.{manager}",
        flat_interface=lower,
        vlan_interface=lower,
    )
    found = replace(records(2, floating=False), networks=(of,), floating_ips=())
    return intent(found, chosen)
