"""What the checks on routes and sizes conclude, and what they leave to each other."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from bridge_samples import BRIDGE
from evidence_samples import FLOATING
from routing_samples import (
    BOTTOM,
    BR100,
    CONNECTED,
    DEFAULT,
    ETH0,
    JUMP,
    LINKS,
    PEACE,
    PORTS,
    ROUTING,
    RULES,
    STATUS,
    link,
    postrouting,
    seen,
    settings,
)

from netconsole.backend.steps import Plan, RunProgram, SetLink
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding, Verdict
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Convergence
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.pings import DetourPings, Ping, SizePings
from netconsole.diagnostics.parts.reverse_paths import InterfacePaths, ReversePath, ReversePaths
from netconsole.diagnostics.parts.routing import InterfaceAddress, Route, Routing, RoutingRule
from netconsole.diagnostics.reasoning.route_lookup import lookup
from netconsole.diagnostics.saved import from_text, to_text

ON_ROUTES = (
    *("mtu", "routes", "egress_source", "floating_hairpin"),
    *("rp_filter", "asymmetric_route"),
)
OUTSIDE = "203.0.113.1"


def findings(snapshot: Snapshot) -> dict[str, Finding]:
    return {name: CHECKS[name].examine(snapshot) for name in ON_ROUTES}


def named(snapshot: Snapshot) -> list[str]:
    return [name for name, each in findings(snapshot).items() if each.found]


def test_a_healthy_host_has_nothing_to_say() -> None:
    assert named(seen()) == []
    verdicts = {name: each.verdict for name, each in findings(seen()).items()}
    assert {verdicts[name] for name in ON_ROUTES[:4]} == {"ok"}


def test_an_empty_host_has_nothing_to_look_at() -> None:
    empty = Status(STATUS.host, (), (), (), (), (), ())
    verdicts = {each.verdict for each in findings(seen(status=empty)).values()}
    assert verdicts == {"not-applicable"}


def resized(**mtus: int) -> Links:
    return Links(tuple(replace(each, mtu=mtus.get(each.name, each.mtu)) for each in LINKS.links))


@pytest.mark.parametrize(
    ("mtus", "verdict", "raised"),
    [
        ({"veth1": 1400, "br100": 1400}, "fail", ["veth1", "br100"]),
        ({"veth2": 1499}, "fail", ["veth2"]),
        ({"br100": 1400}, "warn", ["br100"]),
        ({"eth0": 1400}, "info", []),
        ({"eth1": 1400}, "ok", []),
        ({"veth1": 9000}, "ok", []),
    ],
)
def test_the_narrow_links_are_raised_ports_first(
    mtus: dict[str, int], verdict: Verdict, raised: list[str]
) -> None:
    found = CHECKS["mtu"].examine(seen(resized(**mtus)))
    assert found.verdict == verdict
    steps = found.fix.steps if found.fix else ()
    assert steps == tuple(SetLink(name, "mtu", "1500", str(mtus[name])) for name in raised)


def test_what_is_under_a_vlan_device_is_raised_before_it() -> None:
    lower = replace(ETH0, name="eth2", kind="veth", mtu=1400)
    vlan = replace(link(9, "vlan100", "vlan", "br100"), parent="eth2", vlan=100, mtu=1400)
    found = CHECKS["mtu"].examine(seen(Links((*LINKS.links, vlan, lower))))
    assert found.fix is not None
    assert [step.name for step in found.fix.steps if isinstance(step, SetLink)] == [
        "eth2",
        "vlan100",
    ]


def test_what_the_wire_of_a_card_carries_is_not_guessed() -> None:
    card = replace(ETH0, name="eth2", kind="", master="br100", mtu=1400)
    found = CHECKS["mtu"].examine(seen(Links((*LINKS.links, card))))
    assert (found.verdict, found.fix) == ("fail", None)
    assert found.remedy.startswith("eth2 is a network card")


def test_guests_that_are_told_to_send_less_may() -> None:
    network = replace(STATUS.networks[0], mtu=1400)
    status = replace(STATUS, networks=(network,))
    assert CHECKS["mtu"].examine(seen(resized(br100=1400), status=status)).verdict == "ok"
    wider = replace(STATUS, networks=(replace(network, mtu=9000),))
    assert CHECKS["mtu"].examine(seen(status=wider)).verdict == "fail"


def test_a_step_of_the_plan_on_a_size_is_named_and_healed_by_it() -> None:
    step = SetLink("br100", "mtu", "1500", "9000")
    found = CHECKS["mtu"].examine(seen(resized(br100=9000), steps=(step,)))
    assert (found.verdict, found.fix) == ("fail", Convergence((step,)))


@pytest.mark.parametrize(
    ("small", "large", "verdict"), [(2, 0, "warn"), (2, 2, "ok"), (0, 0, "ok"), (2, 1, "ok")]
)
def test_large_packets_that_vanish_are_told_from_a_silent_router(
    small: int, large: int, verdict: Verdict
) -> None:
    pings = (Ping(OUTSIDE, "eth0", "", 0, 2, small), Ping(OUTSIDE, "eth0", "", 1500, 2, large))
    found = CHECKS["mtu"].examine(seen(SizePings(pings)))
    assert (found.verdict, found.fix) == (verdict, None)


def with_route(*more: Route, routes: tuple[Route, ...] = (DEFAULT, *CONNECTED)) -> Routing:
    return replace(ROUTING, routes=(*routes, *more))


@pytest.mark.parametrize(
    ("route", "verdict", "deleted"),
    [
        (
            Route("10.0.0.2", "blackhole", "main"),
            "fail",
            "ip route delete blackhole 10.0.0.2 table main",
        ),
        (
            Route("10.0.0.0/25", "unicast", "main", "tun0", protocol="static"),
            "fail",
            "ip route delete 10.0.0.0/25 dev tun0 proto static table main",
        ),
        (
            Route("10.0.0.128/25", "unicast", "main", "tun0", "198.51.100.1", metric=50),
            "warn",
            "",  # no instance is there, and somebody beyond the VPN may be
        ),
        (
            Route("10.0.0.0/25", "unicast", "main", "tun0", "198.51.100.1", metric=50),
            "fail",
            "ip route delete 10.0.0.0/25 via 198.51.100.1 dev tun0 metric 50 table main",
        ),
        (Route("10.0.0.0/24", "unicast", "main", "virbr0", protocol="kernel"), "warn", ""),
        (Route("10.0.0.0/25", "unicast", "main", "virbr0", protocol="kernel"), "fail", ""),
        (Route("10.0.0.0/8", "blackhole", "main"), "ok", ""),
        (Route("10.0.0.255", "broadcast", "local", "br100"), "ok", ""),
        (Route("192.168.122.0/24", "unicast", "main", "virbr0"), "ok", ""),
        (Route("10.0.0.2", "blackhole", "7"), "warn", ""),
    ],
)
def test_routes_within_a_network_that_lead_elsewhere(
    route: Route, verdict: Verdict, deleted: str
) -> None:
    found = CHECKS["routes"].examine(seen(with_route(route)))
    assert found.verdict == verdict
    assert (found.fix.commands if found.fix else ()) == ((deleted,) if deleted else ())


def test_a_deleted_route_comes_back_as_it_was() -> None:
    found = CHECKS["routes"].examine(seen(with_route(Route("10.0.0.2", "blackhole", "main"))))
    assert found.fix is not None
    assert found.fix.inverse.commands == ("ip route add blackhole 10.0.0.2 table main",)


def test_a_missing_route_of_a_network_is_left_to_its_gateway() -> None:
    assert CHECKS["routes"].examine(seen(with_route(routes=(DEFAULT,)))).verdict == "ok"


def test_the_default_route_may_be_missing_and_may_not_be_a_dead_end() -> None:
    missing = CHECKS["routes"].examine(seen(with_route(routes=CONNECTED)))
    assert (missing.verdict, missing.fix) == ("warn", None)
    status = replace(STATUS, floating_ips=())
    alone = CHECKS["routes"].examine(seen(with_route(routes=CONNECTED), status=status))
    assert alone.verdict == "info"
    dead = Route("default", "unreachable", "main")
    found = CHECKS["routes"].examine(seen(with_route(dead, routes=CONNECTED)))
    assert found.verdict == "fail"
    last = replace(dead, metric=4278198272)
    assert CHECKS["routes"].examine(seen(with_route(last))).verdict == "ok"


@pytest.mark.parametrize(
    ("route", "added"),
    [
        (
            Route("10.0.0.0/25", "unicast", "main", "tun0", tos="0x10"),
            "ip route add 10.0.0.0/25 tos 0x10 dev tun0 table main",
        ),
        (
            Route("10.0.0.0/25", "unicast", "main", "tun0", "192.0.2.9", ways=("nhid", "9")),
            "ip route add 10.0.0.0/25 table main nhid 9",
        ),
        (Route("10.0.0.0/25", "unicast", "main", "tun0", is_restorable=False), ""),
    ],
)
def test_what_a_route_has_beside_its_way_comes_back_or_it_is_left(route: Route, added: str) -> None:
    found = CHECKS["routes"].examine(seen(with_route(route)))
    assert found.verdict == "fail"
    assert (found.fix.inverse.commands if found.fix else ()) == ((added,) if added else ())
    assert ("`ip route delete 10.0.0.0/25 dev tun0`" in found.remedy) is (not added)


def test_a_route_of_several_ways_is_deleted_whole_and_once() -> None:
    ways = (
        *("nexthop", "via", "198.51.100.7", "dev", "tun0", "weight", "2"),
        *("nexthop", "via", "198.51.100.8", "dev", "tun0", "weight", "1"),
    )
    first = Route("10.0.0.0/25", "unicast", "main", "tun0", "198.51.100.7", weight=2, ways=ways)
    second = replace(first, gateway="198.51.100.8", weight=1)
    found = CHECKS["routes"].examine(seen(with_route(first, second)))
    assert found.fix is not None
    said = " ".join(ways)
    assert found.fix.inverse.commands == (f"ip route add 10.0.0.0/25 table main {said}",)


@pytest.mark.parametrize("interface", ["lo", ""])
def test_a_router_that_this_host_takes_for_itself_is_named(interface: str) -> None:
    route = Route("203.0.113.1", "local", "local", "lo", "", "kernel", "host", "203.0.113.1")
    own = (InterfaceAddress("lo", "203.0.113.1", 32, "global"),) if interface else ()
    routing = with_route(*OWN_ROUTES, route)
    found = CHECKS["routes"].examine(seen(replace(routing, addresses=(*routing.addresses, *own))))
    assert (found.verdict, "is this host itself" in found.because) == ("fail", True)
    assert (found.fix is None) is bool(own)
    assert ("`ip address delete 203.0.113.1/32 dev lo`" in found.remedy) is bool(own)


def test_a_table_main_that_no_rule_leads_to_is_named_and_gets_its_rule_back() -> None:
    local = RoutingRule(0, "from all lookup local", "local")
    found = CHECKS["routes"].examine(seen(replace(ROUTING, rules=(local,))))
    assert found.verdict == "fail"
    assert found.fix is not None
    assert found.fix.commands == ("ip rule add priority 32766 lookup main",)


OWN_ROUTES = tuple(
    Route(address, "local", "local", name, "", "kernel", "host", address)
    for address, name in (("10.0.0.1", "br100"), ("203.0.113.2", "eth0"), (FLOATING, "eth0"))
)


@pytest.mark.parametrize(
    ("route", "verdict"),
    [
        (Route("203.0.113.0/25", "unicast", "main", "eth1", protocol="boot"), "fail"),
        (Route("203.0.113.1", "unicast", "main", "eth1", "198.51.100.1", "static"), "ok"),
        (Route("203.0.113.1", "unicast", "main", "eth0", protocol="dhcp"), "ok"),
        (Route("203.0.113.128/25", "unicast", "main", "eth1"), "ok"),
    ],
)
def test_a_route_that_leads_the_router_to_another_interface(route: Route, verdict: str) -> None:
    found = CHECKS["routes"].examine(seen(with_route(route)))
    assert found.verdict == verdict
    assert ("203.0.113.1 at eth0" in found.because) is (verdict == "fail")


def test_an_own_address_that_the_table_local_has_lost_is_put_back() -> None:
    assert CHECKS["routes"].examine(seen(with_route(*OWN_ROUTES))).verdict == "ok"
    found = CHECKS["routes"].examine(seen(with_route(*OWN_ROUTES[1:])))
    assert (found.verdict, found.fix and found.fix.commands) == (
        "fail",
        ("ip route add local 10.0.0.1 dev br100 table local proto kernel scope host src 10.0.0.1",),
    )


def test_a_rule_before_the_table_local_is_told_and_a_table_of_its_own_is_well() -> None:
    first = RoutingRule(0, "from all lookup main", "main")
    moved = replace(
        with_route(*OWN_ROUTES), rules=(first, replace(RULES[0], priority=9), *RULES[1:])
    )
    found = CHECKS["routes"].examine(seen(moved))
    assert (found.verdict, found.fix) == ("fail", None)
    assert "`ip rule`" in found.remedy
    apart = (replace(OWN_ROUTES[0], table="7"), *OWN_ROUTES[1:])
    assert CHECKS["routes"].examine(seen(with_route(*apart))).verdict == "ok"


def test_rules_choose_the_table_and_the_longest_prefix_the_route() -> None:
    detour = Route("0.0.0.0/1", "unicast", "7", "eth1", "198.51.100.1")
    throw = Route("10.0.0.0/24", "throw", "7")
    by_source = RoutingRule(100, "from 203.0.113.2 lookup 7", "7")
    marked = RoutingRule(50, "from all fwmark 0x1 lookup 8", "8")
    routing = Routing((), (DEFAULT, *CONNECTED, detour, throw), (*ROUTING.rules, by_source, marked))
    assert lookup(routing, "1.2.3.4") == DEFAULT
    assert lookup(routing, "1.2.3.4", "203.0.113.2") == detour
    assert lookup(routing, "10.0.0.7", "203.0.113.2") == CONNECTED[0]
    assert lookup(replace(routing, routes=CONNECTED), "1.2.3.4") is None


def unseen(bridge: bool = False) -> Snapshot:
    own = replace(BR100, bridge=replace(BRIDGE, nf_call_iptables=bridge))
    links = Links((ETH0, own, *PORTS))
    bare = settings().values
    quiet = {name: value for name, value in bare.items() if "bridge-nf" not in name}
    return seen(replace(settings(), values=quiet), links)


def test_frames_that_bypass_iptables_are_said_and_a_rule_offered() -> None:
    found = CHECKS["floating_hairpin"].examine(unseen())
    assert found.verdict == "info"
    rule = "-s 10.0.0.0/24 -d 10.0.0.0/24 -m conntrack --ctstate DNAT -j MASQUERADE"
    assert found.fix is not None
    assert found.fix.commands == (f"iptables -t nat -A POSTROUTING {rule}",)
    with_rule = unseen().with_parts(postrouting(JUMP, BOTTOM, f"-A POSTROUTING {rule}\n"))
    assert CHECKS["floating_hairpin"].examine(with_rule).verdict == "ok"
    assert CHECKS["floating_hairpin"].examine(unseen(bridge=True)).verdict == "ok"


def test_an_instance_without_neighbours_needs_no_hairpin() -> None:
    alone = replace(STATUS, allocations=STATUS.allocations[:1])
    assert CHECKS["floating_hairpin"].examine(seen(status=alone)).verdict == "not-applicable"


DETOUR = Route(f"{OUTSIDE}", "unicast", "main", "eth1", "198.51.100.1")
PATH = ReversePath("eth0", OUTSIDE, "gateway", "203.0.113.2", "eth1", "unicast", "")


def detoured(*pings: Ping, refusal: str = "", strict: str = "0", route: Route = DETOUR) -> Snapshot:
    paths = ReversePaths(
        (InterfacePaths("eth0", ("203.0.113.2",), (replace(PATH, refusal=refusal),)),), 0
    )
    routing = with_route(route)
    probes = (DetourPings(pings),) if pings else ()
    return seen(paths, routing, settings(eth0_rp_filter=strict), *probes)


def there(replies: int) -> Ping:
    return Ping(OUTSIDE, "eth0", "", 0, 2, replies)


def around(replies: int) -> Ping:
    return Ping(OUTSIDE, "", "203.0.113.2", 0, 2, replies)


@pytest.mark.parametrize(
    ("snapshot", "verdict", "culprits"),
    [
        (detoured(), "info", []),
        (detoured(there(2), around(2)), "info", []),
        (detoured(there(2), around(0)), "fail", ["asymmetric_route"]),
        (detoured(there(0), around(0)), "info", []),
        (detoured(refusal="EINVAL", strict="1"), "ok", ["rp_filter"]),
        (detoured(there(0), around(0), refusal="EINVAL", strict="1"), "ok", ["rp_filter"]),
        (detoured(strict="2"), "info", []),
    ],
)
def test_a_detour_is_a_fault_only_where_replies_are_lost(
    snapshot: Snapshot, verdict: Verdict, culprits: list[str]
) -> None:
    assert CHECKS["asymmetric_route"].examine(snapshot).verdict == verdict
    assert named(snapshot) == culprits


def test_the_route_that_diverts_is_deleted_only_where_another_leads_back() -> None:
    found = CHECKS["asymmetric_route"].examine(detoured(there(2), around(0)))
    words = ("203.0.113.1", "via", "198.51.100.1", "dev", "eth1", "table", "main")
    assert found.fix == Plan(
        (RunProgram(("ip", "route", "delete", *words), ("ip", "route", "add", *words)),)
    )
    lost = detoured(there(2), around(0), route=replace(DETOUR, protocol="kernel"))
    assert CHECKS["asymmetric_route"].examine(lost).fix is None


def test_a_narrow_port_of_another_bridge_is_nobodys_business() -> None:
    other: tuple[KernelLink, ...] = (replace(link(9, "veth9", "veth", "br7"), mtu=1280),)
    assert CHECKS["mtu"].examine(seen(Links((*LINKS.links, *other)))).verdict == "ok"


def test_what_was_asked_and_pinged_goes_along_in_a_file() -> None:
    probed = seen(PEACE, DetourPings((there(2), around(0))), SizePings((there(1),)))
    again = from_text("ticket.json", to_text(probed))
    assert again.parts == probed.parts


class ReadRoutes(tuple[Route, ...]):
    """Routes that count how often they are read from the first on."""

    times = 0

    def __iter__(self) -> Iterator[Route]:
        ReadRoutes.times += 1
        return super().__iter__()


def test_many_addresses_are_held_against_routes_that_are_read_a_few_times() -> None:
    many = tuple(f"198.18.0.{number}" for number in range(200))
    own = tuple(InterfaceAddress("eth0", each, 32, "global") for each in many)
    told = with_route(*OWN_ROUTES, *(replace(OWN_ROUTES[1], destination=each) for each in many))
    routes = ReadRoutes(told.routes)
    ReadRoutes.times = 0
    routing = Routing((*told.addresses, *own), routes, told.rules, told.neighbours)
    assert CHECKS["routes"].examine(seen(routing)).verdict == "ok"
    assert ReadRoutes.times < 50
