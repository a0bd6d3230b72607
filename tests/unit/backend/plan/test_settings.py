"""The plan of kernel settings: forwarding of both families, and whose advertisements are heeded."""

from dataclasses import replace

from core_samples import network, records, wanted

from netconsole.backend.intent.settings import heeding
from netconsole.backend.model.hoststate import Observed, ObservedLink, WantedLink
from netconsole.backend.model.records import Records
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
    goal = heeding(WITH_IPV6, OFF, ["eth0"])
    heed = SetSysctl("net.ipv6.conf.eth0.accept_ra", "2", "1")
    forward = SetSysctl("net.ipv6.conf.all.forwarding", "1", "0")
    assert [*sysctls(OFF, goal)] == [heed, forward]

    former = {"net.ipv6.conf.all.forwarding": "0", "net.ipv6.conf.eth0.accept_ra": "1"}
    later = Records(former_sysctls=former)
    now = replace(OFF, sysctls={**OFF.sysctls, **goal.sysctls})
    assert [*sysctls(now, wanted(later))] == [forward.inverse, heed.inverse]


def test_nothing_is_learnt_from_guests() -> None:
    goal = heeding(WITH_IPV6, OFF, ["br100", "veth1"])
    assert goal.sysctls == WITH_IPV6.sysctls


def test_where_the_interface_becomes_a_port_its_bridge_learns() -> None:
    eth0 = WantedLink("eth0", "", master="br100")
    one_card = replace(WITH_IPV6, links={**WITH_IPV6.links, "eth0": eth0})
    goal = heeding(one_card, OFF, ["eth0"])
    assert goal.sysctls["net.ipv6.conf.br100.accept_ra"] == "2"
    assert [*sysctls_of_new_links(OFF, goal)] == [
        SetSysctl("net.ipv6.conf.br100.accept_ra", "2", "1")
    ]


def test_an_admins_bridge_with_the_card_in_it_goes_on_learning() -> None:
    card = ObservedLink("eth0", "", master="br100")
    theirs = replace(OFF, links={"eth0": card, "br100": ObservedLink("br100", "bridge")})
    goal = heeding(WITH_IPV6, theirs, ["br100"])
    assert goal.sysctls["net.ipv6.conf.br100.accept_ra"] == "2"
