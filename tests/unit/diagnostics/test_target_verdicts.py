"""With a target a check's verdict is about it; what is wrong of others only is an aside."""

from dataclasses import replace

import pytest
from bridge_samples import BRIDGE, COUNTERS, LINKS, PORT, QUEUES, TABLE, VLANS, WIRED, link
from evidence_samples import (
    ASSOCIATED,
    DNSMASQ,
    FLOATING,
    NETWORK,
    packet_filter,
    snapshot,
)

from netconsole.backend.filtering.saved_tables import FilterRule
from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.model.subject import floating, group, network, port
from netconsole.backend.steps import (
    AddAddress,
    AddLink,
    ChangeGuards,
    ChangeRules,
    Plan,
    ReloadDnsmasq,
    RunProgram,
    SetLink,
    Step,
)
from netconsole.backend.survey.status import (
    Allocation,
    GroupRuleStatus,
    NatRule,
    SecurityGroupStatus,
    Status,
)
from netconsole.backend.wording.guards import port_chain
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.model.target import resolve
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.connections import Connections, TranslatedFlows
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.forwarding import Move
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.pings import FloatingPings, Ping
from netconsole.diagnostics.parts.routing import InterfaceAddress, Route, Routing
from netconsole.diagnostics.parts.settings import Sysctls

SECOND = "203.0.113.130"
OTHER = replace(
    *(NETWORK,),
    label="other",
    cidr="10.1.0.0/24",
    gateway="10.1.0.1",
    dhcp_server="10.1.0.1",
    bridge="br200",
)
DB1 = Allocation(
    *("10.1.0.2", "other", "db1", "demo", "fa:16:3e:00:00:11", True, True, False, ()),
    *("tap3", "up", None),
)
WEB1, WEB2 = (
    replace(each, floating=(own,))
    for each, own in zip(WIRED.allocations, (FLOATING, SECOND), strict=True)
)
OF_WEB2 = replace(ASSOCIATED, address=SECOND, instance="web2", fixed_address="10.0.0.3")
STATUS = replace(
    WIRED,
    networks=(NETWORK, OTHER),
    allocations=(WEB1, WEB2, DB1),
    floating_ips=(ASSOCIATED, OF_WEB2),
    dnsmasq=(DNSMASQ, replace(DNSMASQ, network="other", bridge="br200", pids=(8,))),
)
WIRES = Links(
    (
        *LINKS.links,
        link(8, "br200", "bridge", "fa:16:3e:00:01:ff", bridge=BRIDGE),
        link(9, "tap3", "tun", "fe:16:3e:00:00:11", master="br200", promiscuity=1, port=PORT),
    )
)
ROUTING = Routing(
    addresses=tuple(
        InterfaceAddress(*each, "global")
        for each in (
            ("br100", "10.0.0.1", 24),
            ("br200", "10.1.0.1", 24),
            ("eth0", "203.0.113.2", 24),
        )
    ),
    routes=(
        Route("default", "unicast", "main", "eth0", "203.0.113.1"),
        Route("10.0.0.0/24", "unicast", "main", "br100"),
        Route("10.1.0.0/24", "unicast", "main", "br200"),
    ),
)
SWITCHES = {
    f"net/ipv4/conf/{name}/forwarding": "1" for name in ("br100", "br200", "eth0", "eth9")
} | {"net/ipv4/ip_forward": "1"}


def healthy() -> Snapshot:
    return snapshot(STATUS).with_parts(
        WIRES, TABLE, VLANS, Counters(COUNTERS, COUNTERS, 0.6), QUEUES, ROUTING,
        Sysctls(SWITCHES), packet_filter(),
    )  # fmt: skip


def planned(step: Step) -> Snapshot:
    return healthy().with_parts(Backend(STATUS, Plan((step,))))


def told(**fields: object) -> Snapshot:
    status: Status = replace(STATUS, **fields)  # type: ignore[arg-type]  # fields of Status
    return healthy().with_parts(Backend(status, Plan()))


def wired(name: str, **fields: object) -> Snapshot:
    links = tuple(
        replace(each, **fields) if each.name == name else each  # type: ignore[arg-type]  # its own
        for each in WIRES.links
    )
    return healthy().with_parts(Links(links))


def filtered(spec: str) -> PacketFilter:
    """A rule of others before ours, which counts."""
    seen, rule = packet_filter(), FilterRule(spec, packets=9, rise=9)
    return replace(
        seen,
        chains=tuple(
            replace(each, rules=(rule, *each.rules)) if each.chain == "FORWARD" else each
            for each in seen.chains
        ),
    )


def pinged(source: str) -> Snapshot:
    own = Ping("203.0.113.1", "eth0", "", 0, 3, 3)
    pings = (own, replace(own, source=FLOATING), replace(own, source=SECOND))
    lost = tuple(
        replace(each, replies=0, strayed="02:00:00:00:99:99") if each.source == source else each
        for each in pings
    )
    return healthy().with_parts(FloatingPings(lost))


def opened(instance: str) -> Snapshot:
    rule = SecurityGroupRule(1, 7, cidr="0.0.0.0/0")
    shown = GroupRuleStatus(rule, None, None, "everything")
    return told(
        security_groups=(SecurityGroupStatus(7, "open", "demo", (shown,), (instance,), True),)
    )


def nat_of(address: str) -> NatRule:
    return NatRule(
        *("nat", "nova-network-PREROUTING", f"-d {address}/32 -j DNAT", 0, 0, "ours", "missing"),
        *(address, False, floating(address)),
    )


RULES = ChangeRules("ipv4", "filter", ("-A nova-network-inst-2 -j RETURN",), ())

OF_INSTANCE = {
    "guards": planned(
        ChangeGuards((), (port_chain("tap2"),), subjects=(network("vmnet"), port("tap2")))
    ),
    "group_rules": planned(replace(RULES, subjects=(port("tap2"),))),
    "bridge": planned(SetLink("tap2", "up", "1", "0", subjects=(network("vmnet"), port("tap2")))),
    "floating_address": told(floating_ips=(ASSOCIATED, replace(OF_WEB2, address_present=False))),
    "floating_nat": told(nat=(nat_of(SECOND),)),
    "uplink": told(floating_ips=(ASSOCIATED, replace(OF_WEB2, interface="eth8"))),
    "upstream_arp": pinged(SECOND),
    "mtu": wired("tap2", mtu=1400),
    "stp": wired("tap2", port=replace(PORT, state="blocking")),
    "hairpin": wired("tap2", port=replace(PORT, bcast_flood=False)),
    "drops": healthy().with_parts(Counters(COUNTERS, COUNTERS | {"tap2.tx_dropped": 900}, 0.6)),
    "fdb": healthy().with_parts(
        replace(TABLE, moves=(Move(WEB2.mac, "br100", ("tap2", "vlan100") * 3),))
    ),
    "conntrack_stale": healthy().with_parts(
        Connections(1, (TranslatedFlows("in", SECOND, "10.0.0.9", 2),))
    ),
    "forward_filter": healthy().with_parts(filtered("-s 10.0.0.3/32 -i br100 -j DROP")),
    "open_groups": opened("web2"),
    "address_conflict": healthy().with_parts(
        replace(
            ROUTING,
            addresses=(*ROUTING.addresses, InterfaceAddress("br100", "10.0.0.3", 32, "global")),
        )
    ),
    "routes": healthy().with_parts(
        replace(ROUTING, routes=(*ROUTING.routes, Route("10.0.0.3", "unicast", "main", "eth0")))
    ),
}
"""What is wrong of web2 alone, by the check that names it."""
OF_NETWORK = {
    "gateway": planned(AddAddress("br200", "10.1.0.1/24", subjects=(network("other"),))),
    "ip_forward": healthy().with_parts(Sysctls(SWITCHES | {"net/ipv4/conf/br200/forwarding": "0"})),
    "dnsmasq_processes": planned(ReloadDnsmasq("br200", "x", subjects=(network("other"),))),
    "bridge": planned(AddLink("br200", "bridge", "", subjects=(network("other"),))),
    "vlan": planned(AddLink("vlan200", "vlan", "", subjects=(network("other"),))),
    "drift": planned(RunProgram(("true",), subjects=(network("other"),))),
    "multicast": wired(
        "br200",
        bridge=replace(
            *(BRIDGE,), mcast_snooping=True, mcast_querier=True, mcast_membership_interval=100
        ),
    ),
    "forward_filter": healthy().with_parts(filtered("-i br200 -j DROP")),
    "proxy_arp": healthy().with_parts(Sysctls(SWITCHES | {"net/ipv4/conf/br200/proxy_arp": "1"})),
}
"""What is wrong of the network of db1 alone."""


def asked(check: str, seen: Snapshot, target: str) -> Finding:
    return CHECKS[check].examine(replace(seen, target=(target and resolve(target, STATUS)) or None))


@pytest.mark.parametrize("check", OF_INSTANCE)
def test_what_is_wrong_of_another_instance_is_an_aside(check: str) -> None:
    assert not asked(check, healthy(), "").found
    seen = OF_INSTANCE[check]
    for target in ("", "web2"):
        assert asked(check, seen, target).found, target
    for target in ("web1", "10.0.0.2", FLOATING):
        found = asked(check, seen, target)
        assert (found.verdict, found.fix, found.persist) in (
            ("info", None, None),
            ("ok", None, None),
        )


@pytest.mark.parametrize("check", OF_NETWORK)
def test_what_is_wrong_of_another_network_is_an_aside(check: str) -> None:
    assert not asked(check, healthy(), "").found
    seen = OF_NETWORK[check]
    for target in ("", "db1", "other", "10.1.0.0/24"):
        assert asked(check, seen, target).found, target
    for target in ("web1", FLOATING, "vmnet"):
        found = asked(check, seen, target)
        assert (found.verdict, found.fix) == ("info", None)
        assert found.because.startswith(f"Not about {target}: ")


def test_a_rule_against_the_target_alone_is_named_and_left_to_who_made_it() -> None:
    seen = healthy().with_parts(filtered("-s 10.0.0.3/32 -j DROP"))
    found = asked("forward_filter", seen, "web2")
    assert (found.verdict, found.fix) == ("fail", None)
    assert "-s 10.0.0.3/32 -j DROP" in found.because


def test_what_drops_the_flows_of_all_is_cured_for_all_whoever_is_asked_about() -> None:
    seen = healthy().with_parts(filtered("-j DROP"))
    whole = asked("forward_filter", seen, "")
    assert whole.fix
    assert asked("forward_filter", seen, "vmnet").verdict == "fail"
    assert asked("forward_filter", seen, "web1").verdict == "fail"


def test_the_cure_of_the_target_is_the_whole_plan_as_its_steps_depend_on_each_other() -> None:
    mine = SetLink("tap1", "up", "1", "0", subjects=(network("vmnet"), port("tap1")))
    other = SetLink("tap2", "up", "1", "0", subjects=(network("vmnet"), port("tap2")))
    seen = healthy().with_parts(Backend(STATUS, Plan((other, mine))))
    found = asked("bridge", seen, "web1")
    assert found.because.startswith("tap1, the port of web1")
    assert found.fix == asked("bridge", seen, "").fix


def test_a_group_concerns_its_members_and_those_who_let_it_in() -> None:
    let_in = SecurityGroupRule(1, 7, group_id=9)
    shown = GroupRuleStatus(let_in, "db", "demo", "everything from db")
    status = replace(
        *(STATUS,),
        security_groups=(
            SecurityGroupStatus(7, "web", "demo", (shown,), ("web1",), False),
            SecurityGroupStatus(8, "mail", "demo", (), ("web2",), False),
            SecurityGroupStatus(9, "db", "demo", (), ("db1",), False),
        ),
    )
    for number, concerned in ((7, True), (8, False), (9, True)):
        plan = Plan((replace(RULES, subjects=(group(number),)),))
        assert asked("group_rules", healthy().with_parts(Backend(status, plan)), "web1").found is (
            concerned
        )


def test_two_isolated_ports_are_the_matter_of_those_two() -> None:
    links = tuple(
        replace(each, port=replace(PORT, isolated=True)) if each.name in ("tap1", "tap2") else each
        for each in WIRES.links
    )
    seen = healthy().with_parts(Links(links))
    for name, device in (("web1", "tap1"), ("web2", "tap2")):
        found = asked("hairpin", seen, name)
        assert found.verdict == "fail"
        assert found.because.startswith(f"{device} ({name})")
    assert asked("hairpin", seen, "db1").verdict == "info"


SHARED = {
    *("accept_ra", "arp_flux", "clock", "conntrack_full", "conntrack_invalid", "firewall_off"),
    *("groups_bypassed", "kernel_settings", "mandatory_access", "metadata", "modules"),
    *("asymmetric_route", "neighbour_table", "neighbours", "other_firewalls", "own_address"),
    *("saturation", "state_directory", "vhost_net", "xtables_lock"),
}
"""What these find is of all of the host, or of the way that everybody's packets may take."""
BY_PROBES = {"dns", "group_admits", "guest_answers", "packet_loss"}
"""These look at the target from the start."""


def test_every_check_tells_the_target_from_others_or_is_about_all() -> None:
    seen = replace(healthy(), target=resolve("web1", STATUS))
    undecided = {name for name, check in CHECKS.items() if check.narrow(seen) is None}
    assert undecided == SHARED | BY_PROBES
