"""What the kernel's answers about guests' packets say, and which rule decides them."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from routing_samples import CONNECTED, DEFAULT, ROUTING, STATUS, answered, asked, seen

from netconsole.backend.filtering.native_tables import parse_table
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.guest_routes import GuestRoutes, LookedUp
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Neighbour, Route, Routing, RoutingRule
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.reasoning.route_lookup import RoutedPacket, routed

WORLD = "192.0.2.1"
GUEST = "10.0.0.2"
WELL = LookedUp("br100", GUEST, WORLD, interface="eth0", gateway="203.0.113.1")
BACK = LookedUp("eth0", WORLD, GUEST, interface="br100")


def judged(*parts: object) -> Finding:
    return CHECKS["routes"].examine(seen(*parts))


def with_rule(text: str, *routes: Route, table: str = "7") -> Routing:
    rule = RoutingRule(100, text, table)
    return replace(
        ROUTING,
        rules=(ROUTING.rules[0], rule, *ROUTING.rules[1:]),
        routes=(*ROUTING.routes, *routes),
    )


def decides(routing: Routing, source: str, into: str = "br100", mark: int = 0) -> str:
    """Return the priority of the rule that decides, and its route."""
    packet = RoutedPacket(IPv4Address(WORLD), IPv4Address(source), into, mark)
    found = routed(routing, packet)
    assert found is not None
    kind = found.route.kind if found.route else "refused"
    return f"{found.rule.priority} {kind}"


@pytest.mark.parametrize(
    ("rule", "mark", "decided"),
    [
        ("from 10.0.0.0/24 lookup 7", 0, "100 unreachable"),
        ("from 10.0.1.0/24 lookup 7", 0, "32766 unicast"),
        ("from all iif br100 lookup 7", 0, "100 unreachable"),
        ("from all iif eth1 lookup 7", 0, "32766 unicast"),
        ("from all fwmark 0x7 lookup 7", 7, "100 unreachable"),
        ("from all fwmark 0x7 lookup 7", 0, "32766 unicast"),
        ("from all fwmark 0x10/0xf0 lookup 7", 0x17, "100 unreachable"),
        ("not from all fwmark 0xca6c lookup 7", 0, "100 unreachable"),
        ("from all to 192.0.2.0/24 blackhole", 0, "100 refused"),
        ("from 10.0.0.2 prohibit", 0, "100 refused"),
        ("from all lookup 7 suppress_prefixlength 0", 0, "32766 unicast"),
        ("from all ipproto tcp dport 80 lookup 7", 0, "32766 unicast"),
        ("from all goto 32766", 0, "32766 unicast"),
    ],
)
def test_a_rule_decides_where_it_is_known_to_ask_for_the_packet(
    rule: str, mark: int, decided: str
) -> None:
    routing = with_rule(rule, Route("default", "unreachable", "7"))
    assert decides(routing, GUEST, mark=mark) == decided


def test_a_rule_whose_table_has_no_route_leads_on_to_the_next() -> None:
    assert decides(with_rule("from all lookup 7"), GUEST) == "32766 unicast"
    assert decides(with_rule("from all lookup 7", Route("default", "throw", "7")), GUEST) == (
        "32766 unicast"
    )


def test_a_host_whose_guests_are_routed_as_meant_is_well() -> None:
    assert judged(GuestRoutes((WELL,), (BACK,))).verdict == "ok"


def test_what_a_rule_leads_to_a_refusing_route_is_named_with_both() -> None:
    routing = with_rule("from 10.0.0.0/24 lookup 7", Route("default", "unreachable", "7"))
    refused = replace(WELL, interface="", gateway="", refusal="EHOSTUNREACH")
    finding = judged(routing, GuestRoutes((refused,), (BACK,)))
    assert (finding.verdict, finding.confidence) == ("fail", "certain")
    assert "`unreachable default` of table 7" in finding.because
    assert "`100: from 10.0.0.0/24 lookup 7`" in finding.because
    assert "web1" in finding.because
    assert "ip rule delete priority 100" in finding.remedy
    shown = {row.label: row.value for row in finding.evidence}
    assert shown[f"ip route get {WORLD} from {GUEST} iif br100"] == "EHOSTUNREACH"


def test_what_is_refused_for_another_cause_is_left_to_its_check() -> None:
    refused = replace(WELL, interface="", gateway="", refusal="EXDEV")
    assert judged(GuestRoutes((refused,), (BACK,))).verdict == "ok"
    routing = with_rule("from 10.0.0.0/24 lookup 7", Route("default", "unreachable", "7"))
    off = Sysctls({"net/ipv4/conf/br100/forwarding": "0"})
    unreachable = replace(refused, refusal="EHOSTUNREACH")
    assert judged(routing, off, GuestRoutes((unreachable,), (BACK,))).verdict == "ok"


def test_what_leaves_by_another_interface_than_nat_names_is_a_warning() -> None:
    half = Route("128.0.0.0/1", "unicast", "main", "tun0")
    routing = replace(ROUTING, routes=(DEFAULT, *CONNECTED, half))
    finding = judged(routing, GuestRoutes((replace(WELL, interface="tun0"),), (BACK,)))
    assert (finding.verdict, finding.confidence) == ("warn", "likely")
    assert "leaves by tun0" in finding.because
    assert "`128.0.0.0/1 dev tun0`" in finding.because


def test_what_comes_back_and_is_led_elsewhere_is_named() -> None:
    routing = with_rule("from all iif eth0 lookup 7", Route("10.0.0.0/8", "unicast", "7", "eth1"))
    finding = judged(routing, GuestRoutes((WELL,), (replace(BACK, interface="eth1"),)))
    assert finding.verdict == "fail"
    assert "is sent to web1 leaves by eth1 instead of br100" in finding.because


def test_a_rule_for_one_protocol_is_named() -> None:
    routing = with_rule("from all iif br100 ipproto icmp blackhole", table="")
    swallowed = replace(WELL, protocol=1, interface="", gateway="", refusal="EINVAL")
    finding = judged(routing, GuestRoutes((WELL, swallowed), (BACK,)))
    assert (finding.verdict, finding.confidence) == ("fail", "certain")
    assert "What web1 sends by icmp into the world is dropped (EINVAL)" in finding.because
    assert finding.evidence[0].label.endswith("iif br100 ipproto 1")


MARKED = with_rule("from all fwmark 0x7 lookup 7", Route("default", "blackhole", "7"))
SWALLOWED = replace(WELL, mark=7, interface="", gateway="", refusal="EINVAL")


def marking(rule: str) -> PacketFilter:
    saved = f"*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING {rule}\nCOMMIT\n"
    return PacketFilter("nft", tuple(parse_saved(saved, "nft", "ipv4")))


@pytest.mark.parametrize(
    ("rule", "verdict", "confidence"),
    [
        (
            "-i br100 ! -d 10.0.0.0/24 -j MARK --set-xmark 0x7/0xffffffff",
            "fail",
            "certain",
        ),
        (
            "-i br100 -m string --string x -j MARK --set-xmark 0x7/0xffffffff",
            "warn",
            "likely",
        ),
        ("-i eth1 -j MARK --set-xmark 0x7", "ok", "certain"),
        ("-i br100 -j MARK --set-xmark 0x8", "ok", "certain"),
    ],
)
def test_a_mark_matters_where_a_rule_gives_it_to_guests_packets(
    rule: str, verdict: str, confidence: str
) -> None:
    finding = judged(MARKED, marking(rule), GuestRoutes((WELL, SWALLOWED), (BACK,)))
    assert (finding.verdict, finding.confidence) == (verdict, confidence)
    assert ("the mark 0x7" in finding.because) == (verdict != "ok")


def test_a_mark_may_be_given_by_a_table_of_nftables() -> None:
    told = """table inet vpn {
\tchain mark {
\t\ttype filter hook prerouting priority mangle; policy accept;
\t\tiifname "br100" meta mark set 0x00000007
\t}
}"""
    tables = PacketFilter("nft", (), (parse_table("inet", "vpn", told),))
    finding = judged(MARKED, tables, GuestRoutes((WELL, SWALLOWED), (BACK,)))
    assert finding.verdict == "fail"
    assert "table inet vpn, chain mark" in finding.because


def test_a_router_that_nobody_is_is_certain_once_it_was_asked_for() -> None:
    silent = answered(asked("eth0", "203.0.113.1"))
    failed = replace(ROUTING, neighbours=(Neighbour("203.0.113.1", "eth0", "", "FAILED"),))
    finding = judged(silent)
    assert (finding.verdict, finding.confidence) == ("fail", "certain")
    assert "203.0.113.1 by eth0, and nobody answers" in finding.because
    remembered = judged(failed)
    assert (remembered.verdict, remembered.confidence) == ("fail", "likely")
    answers = answered(asked("eth0", "203.0.113.1", ("02:aa:00:00:00:01", "")))
    assert judged(failed, answers).verdict == "ok"


def test_a_dead_router_of_one_way_out_of_two_ends_its_share() -> None:
    ways = tuple(
        replace(DEFAULT, gateway=gateway, weight=weight)
        for gateway, weight in (("203.0.113.1", 1), ("203.0.113.9", 3))
    )
    failed = (Neighbour("203.0.113.9", "eth0", "", "FAILED"),)
    routing = replace(ROUTING, routes=(*ways, *CONNECTED), neighbours=failed)
    finding = judged(routing)
    assert finding.verdict == "fail"
    assert "203.0.113.9 by eth0, and nobody answered" in finding.because
    assert "one of 2 ways, so that some 75%" in finding.because
    assert judged(replace(routing, neighbours=())).verdict == "ok"


def test_without_an_instance_or_router_of_ours_nobody_is_misrouted() -> None:
    refused = replace(WELL, interface="", refusal="EHOSTUNREACH")
    routing = with_rule("from all iif br100 unreachable", table="")
    status = replace(STATUS, host=replace(STATUS.host, forwarding_wanted=False))
    assert (
        CHECKS["routes"]
        .examine(seen(routing, GuestRoutes((refused,), (BACK,)), status=status))
        .verdict
        == "ok"
    )
    assert judged(routing, GuestRoutes((refused,), (BACK,))).verdict == "fail"


def test_a_router_entered_by_hand_is_held_against_what_it_answers() -> None:
    entered = Neighbour("203.0.113.1", "eth0", "02:00:00:00:00:99", "PERMANENT")
    routing = replace(ROUTING, neighbours=(entered,))
    answers = answered(asked("eth0", "203.0.113.1", ("02:aa:00:00:00:01", "")))
    finding = CHECKS["neighbours"].examine(seen(routing, answers))
    assert finding.verdict == "fail"
    assert "and it answers with 02:aa:00:00:00:01" in finding.because
    assert finding.fix is not None
    assert finding.fix.commands == ("ip neighbour delete 203.0.113.1 dev eth0",)
    right = answered(asked("eth0", "203.0.113.1", ("02:00:00:00:00:99", "")))
    assert CHECKS["neighbours"].examine(seen(routing, right)).verdict == "ok"


def test_a_route_that_refuses_the_router_or_a_name_server_is_named() -> None:
    refusing = Route("203.0.113.1", "blackhole", "main")
    finding = judged(replace(ROUTING, routes=(*ROUTING.routes, refusing)))
    assert finding.verdict == "fail"
    assert "`blackhole 203.0.113.1` refuses what this host sends to 203.0.113.1" in finding.because
    assert finding.fix is not None
    assert finding.fix.commands == ("ip route delete blackhole 203.0.113.1 table main",)
    elsewhere = Route("192.0.2.0/24", "prohibit", "main")
    assert judged(replace(ROUTING, routes=(*ROUTING.routes, elsewhere))).verdict == "ok"


DARK = replace(
    with_rule("from all fwmark 0x9 lookup 7", Route("default", "blackhole", "7")),
)


def marking_own(rule: str) -> PacketFilter:
    saved = f"*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT {rule}\nCOMMIT\n"
    return PacketFilter("nft", tuple(parse_saved(saved, "nft", "ipv4")))


@pytest.mark.parametrize(
    ("rule", "whom"),
    [
        (
            "-o eth0 -p udp -m udp --dport 53 -j MARK --set-xmark 0x9/0xffffffff",
            "203.0.113.1, a name server that the dnsmasq of vmnet asks,",
        ),
        (
            "-p udp -m udp --sport 53 -j MARK --set-xmark 0x9/0xffffffff",
            "10.0.0.2, web1, which asks for names,",
        ),
        ("-o eth0 -j MARK --set-xmark 0x9/0xffffffff", "203.0.113.1, the router of a default"),
        ("-p tcp -m tcp --dport 25 -j MARK --set-xmark 0x9/0xffffffff", ""),
        ("-p udp -m udp --dport 53 -j MARK --set-xmark 0x8/0xffffffff", ""),
        ("-p udp -m owner --uid-owner 1000 -j MARK --set-xmark 0x9/0xffffffff", ""),
    ],
)
def test_what_this_host_sends_may_be_refused_for_a_mark(rule: str, whom: str) -> None:
    finding = judged(DARK, marking_own(rule), GuestRoutes((WELL,), (BACK,)))
    assert finding.verdict == ("fail" if whom else "ok")
    if whom:
        assert f"What this host sends to {whom}" in finding.because
        assert "the mark 0x9" in finding.because
        assert "`ip rule delete priority 100`" in finding.remedy


@pytest.mark.parametrize(("kind", "verdict"), [("route", "fail"), ("filter", "ok")])
def test_of_nftables_a_chain_of_routing_alone_has_the_route_looked_up_anew(
    kind: str, verdict: str
) -> None:
    told = f"""table inet vpn {{
\tchain mark {{
\t\ttype {kind} hook output priority mangle; policy accept;
\t\tudp dport 53 meta mark set 0x00000009
\t}}
}}"""
    tables = PacketFilter("nft", (), (parse_table("inet", "vpn", told),))
    assert judged(DARK, tables, GuestRoutes((WELL,), (BACK,))).verdict == verdict


def test_a_rule_that_refuses_a_name_server_by_itself_is_named() -> None:
    finding = judged(with_rule("from all to 203.0.113.1 prohibit", table=""))
    assert finding.verdict == "fail"
    assert "`100: from all to 203.0.113.1 prohibit`" in finding.because
