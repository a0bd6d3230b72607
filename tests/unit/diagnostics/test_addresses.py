"""What the checks on who has which address conclude, and what they leave to each other."""

from dataclasses import replace
from typing import Any

import pytest
from evidence_samples import FLOATING
from routing_samples import (
    ADDRESSES,
    ETH1,
    LINKS,
    PEACE,
    ROUTING,
    STATUS,
    WEB1,
    answered,
    asked,
    seen,
    settings,
)

from netconsole.backend.model import subject
from netconsole.backend.steps import AddAddress, AnnounceAddress, Plan, RemoveAddress, SetSysctl
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding, Verdict
from netconsole.diagnostics.model.snapshot import NOT_SENT, Snapshot
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.pings import FloatingPings, Ping
from netconsole.diagnostics.parts.routing import InterfaceAddress, Neighbour, Route
from netconsole.diagnostics.probes.arp import NOBODY, questions

ON_ADDRESSES = (
    *("gateway", "address_conflict", "duplicate_address"),
    *("arp_flux", "proxy_arp", "upstream_arp"),
)
STRANGER = ("02:bb:00:00:00:01", "veth2")


def ping(source: str = "", replies: int = 2, problem: str = "") -> Ping:
    return Ping("203.0.113.1", "eth0", source, 0, 2, replies, problem)


BOTH_ANSWERED = FloatingPings((ping(), ping(FLOATING)))


def findings(snapshot: Snapshot) -> dict[str, Finding]:
    return {name: CHECKS[name].examine(snapshot) for name in ON_ADDRESSES}


def named(snapshot: Snapshot) -> list[str]:
    return [name for name, each in findings(snapshot).items() if each.found]


def test_a_healthy_host_is_as_good_with_probes_as_without() -> None:
    probed = findings(seen(PEACE, BOTH_ANSWERED))
    assert {each.verdict for each in probed.values()} == {"ok"}
    quiet = findings(seen())
    assert quiet.pop("upstream_arp").verdict == "unknown"
    assert {each.verdict for each in quiet.values()} == {"ok"}


def test_what_needs_a_probe_that_was_not_sent_does_not_apply() -> None:
    quiet = seen()
    quiet = replace(quiet, parts={**quiet.parts, FloatingPings: NOT_SENT})
    assert CHECKS["upstream_arp"].examine(quiet).verdict == "not-applicable"


def test_an_empty_host_has_nothing_to_look_at() -> None:
    empty = Status(STATUS.host, (), (), (), (), (), ())
    bare = seen(replace(ROUTING, addresses=()), FloatingPings(), status=empty)
    verdicts = {name: each.verdict for name, each in findings(bare).items()}
    assert verdicts.pop("arp_flux") == "ok"
    assert set(verdicts.values()) == {"not-applicable"}


@pytest.mark.parametrize(
    ("interface", "address", "answers", "check"),
    [
        ("br100", "10.0.0.1", (STRANGER,), "gateway"),
        (
            "br100",
            "10.0.0.2",
            (("fa:16:3e:00:00:02", "veth1"), ("fa:16:3e:00:00:03", "veth2")),
            "address_conflict",
        ),
        ("br100", "10.0.0.2", (STRANGER,), "address_conflict"),
        ("eth0", "203.0.113.2", (("02:bb:00:00:00:01", ""),), "duplicate_address"),
        ("eth0", FLOATING, (("02:bb:00:00:00:01", ""),), "duplicate_address"),
        ("eth0", "203.0.113.2", ((ETH1.mac, ""),), "arp_flux"),
    ],
)
def test_each_claim_is_named_by_one_check(
    interface: str, address: str, answers: tuple[tuple[str, str], ...], check: str
) -> None:
    claimed = answered(asked(interface, address, *answers))
    lost = FloatingPings((ping(), ping(FLOATING, 0 if address == FLOATING else 2)))
    assert named(seen(claimed, lost)) == [check]


def test_a_stranger_behind_a_port_is_silenced_there_and_one_elsewhere_is_left_to_the_admin() -> (
    None
):
    behind = findings(seen(answered(asked("br100", "10.0.0.1", STRANGER)), BOTH_ANSWERED))
    fix = behind["gateway"].fix
    assert fix is not None
    assert fix.commands == (
        "ebtables -t filter -I INPUT -i veth2 -p ARP --arp-ip-src 10.0.0.1 -j DROP",
        "ebtables -t filter -I FORWARD -i veth2 -p ARP --arp-ip-src 10.0.0.1 -j DROP",
        "arping -U -c 3 -I br100 10.0.0.1",
    )
    assert len(fix.inverse.steps) == 2
    away = asked("br100", "10.0.0.1", ("02:bb:00:00:00:01", ""))
    assert findings(seen(answered(away), BOTH_ANSWERED))["gateway"].fix is None


def test_who_comes_by_an_uplink_may_be_another_host_of_the_network_and_is_not_silenced() -> None:
    uplink = asked("br100", "10.0.0.1", ("02:bb:00:00:00:01", "eth1"))
    found = CHECKS["gateway"].examine(seen(answered(uplink)))
    assert (found.verdict, found.fix) == ("fail", None)
    assert "It came in by eth1" in found.remedy


def test_what_an_instance_says_at_its_own_port_is_nobody_elses() -> None:
    copied = asked("br100", "10.0.0.2", ("02:bb:00:00:00:01", "veth1"))
    found = CHECKS["address_conflict"].examine(seen(answered(copied)))
    assert (found.verdict, found.fix) == ("ok", None)


def elsewhere(*answers: tuple[str, str]) -> Snapshot:
    """A gateway that is not this host's, as with Flat networks."""
    routing = replace(ROUTING, addresses=tuple(a for a in ADDRESSES if a.interface != "br100"))
    return seen(routing, answered(asked("br100", "10.0.0.1", *answers)))


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [((), "fail"), ((STRANGER,), "ok"), ((STRANGER, ("02:bb:00:00:00:02", "")), "fail")],
)
def test_a_router_of_its_own_answers_once(
    answers: tuple[tuple[str, str], ...], verdict: Verdict
) -> None:
    assert CHECKS["gateway"].examine(elsewhere(*answers)).verdict == verdict


@pytest.mark.parametrize(
    ("eth1", "said"),
    [
        ({"master": "br100"}, "beyond their network."),
        ({"master": "br100", "carrier": False}, "eth1 has no carrier"),
        ({"master": "br100", "up": False}, "eth1 is down, so that no frame gets to it."),
        ({}, "br100 has no port but those of guests"),
    ],
)
def test_why_a_router_of_its_own_is_not_reached_is_said_where_it_is_seen_here(
    eth1: dict[str, Any], said: str
) -> None:
    links = (replace(each, **eth1) if each.name == "eth1" else each for each in LINKS.links)
    found = CHECKS["gateway"].examine(elsewhere().with_parts(Links(tuple(links))))
    assert said in found.because
    assert ("so that no frame" in found.because) == ("beyond" not in said)


def test_a_host_that_has_the_address_of_a_router_of_its_own_may_give_it_up() -> None:
    by_router = replace(STATUS, host=replace(STATUS.host, forwarding_wanted=False))
    uplink = asked("br100", "10.0.0.1", ("02:bb:00:00:00:01", "eth1"))
    found = CHECKS["gateway"].examine(seen(answered(uplink), status=by_router))
    assert "to take off here" in found.remedy


def test_a_router_of_its_own_that_nobody_asked_is_not_said_to_be_there() -> None:
    routing = replace(ROUTING, addresses=tuple(a for a in ADDRESSES if a.interface != "br100"))
    assert "was not asked" in CHECKS["gateway"].examine(seen(routing)).because


def test_each_wire_is_asked_for_what_belongs_there_and_no_guest_is_alarmed() -> None:
    asked_for = questions(Backend(STATUS, Plan()), ROUTING, LINKS)
    assert {name: dict(pairs) for name, pairs in asked_for.items()} == {
        "eth0": {"203.0.113.2": NOBODY, FLOATING: NOBODY, "203.0.113.1": "203.0.113.2"},
        "eth1": {"198.51.100.2": NOBODY},
        "br100": {"10.0.0.1": NOBODY, "10.0.0.2": "10.0.0.1", "10.0.0.3": "10.0.0.1"},
    }


def test_the_other_hosts_of_a_shared_gateway_are_not_asked_in_its_name() -> None:
    networks = tuple(replace(each, multi_host=True) for each in STATUS.networks)
    host, own = replace(STATUS.host, my_ip="203.0.113.2"), "203.0.113.2"
    status = replace(STATUS, networks=networks, host=host)
    asked_for = questions(Backend(status, Plan()), ROUTING, LINKS)["br100"]
    assert dict(asked_for) == {"10.0.0.1": NOBODY, "10.0.0.2": own, "10.0.0.3": own}


def test_a_bridge_without_an_address_of_ours_is_asked_as_well() -> None:
    routing = replace(ROUTING, addresses=tuple(a for a in ADDRESSES if a.interface != "br100"))
    wanted = dict.fromkeys(("10.0.0.1", "10.0.0.2", "10.0.0.3"), NOBODY)
    assert dict(questions(Backend(STATUS, Plan()), routing, LINKS)["br100"]) == wanted
    down = Links(tuple(replace(each, carrier=False) for each in LINKS.links))
    assert questions(Backend(STATUS, Plan()), routing, down) == {}


@pytest.mark.parametrize("state", ["REACHABLE", "STALE"])
def test_what_a_host_remembers_of_a_neighbour_is_past_until_it_is_asked_for(state: str) -> None:
    wrong = Neighbour(WEB1.address, "br100", "02:bb:00:00:00:01", state, age=95)
    routing = replace(ROUTING, neighbours=(wrong,))
    found = CHECKS["address_conflict"].examine(seen(routing))
    assert (found.verdict, found.fix) == ("info", None)
    assert "had 10.0.0.2 95 s ago" in found.because
    now = answered(asked("br100", "10.0.0.2", (WEB1.mac, "veth1")))
    assert CHECKS["address_conflict"].examine(seen(routing, now)).verdict == "ok"


@pytest.mark.parametrize("state", ["PERMANENT", "NOARP"])
def test_an_entry_that_somebody_made_is_taken_away(state: str) -> None:
    wrong = Neighbour(WEB1.address, "br100", "02:bb:00:00:00:01", state)
    right = answered(asked("br100", "10.0.0.2", (WEB1.mac, "veth1")))
    found = CHECKS["address_conflict"].examine(seen(replace(ROUTING, neighbours=(wrong,)), right))
    assert found.verdict == "fail"
    assert found.fix is not None
    assert found.fix.commands == ("ip neighbour delete 10.0.0.2 dev br100",)
    assert found.fix.inverse.commands[0].endswith(f"02:bb:00:00:00:01 nud {state.lower()}")


def with_address(*more: InterfaceAddress) -> Snapshot:
    return seen(replace(ROUTING, addresses=(*ADDRESSES, *more)))


def test_an_address_on_two_interfaces_goes_from_the_second() -> None:
    twice = with_address(InterfaceAddress("eth1", "203.0.113.2", 24, "global", (), "203.0.113.255"))
    found = CHECKS["duplicate_address"].examine(twice)
    assert found.fix == Plan((RemoveAddress("eth1", "203.0.113.2/24", "203.0.113.255"),))
    assert named(twice) == ["duplicate_address"]


@pytest.mark.parametrize("length", [16, 24, 28, 32])
def test_an_address_with_two_masks_on_one_interface_is_no_duplicate(length: int) -> None:
    gateway = [InterfaceAddress("br100", "10.0.0.1", each, "global") for each in (24, length)]
    assert named(with_address(*gateway)) == []


def test_of_an_address_with_two_masks_only_that_of_another_interface_goes() -> None:
    more = (
        InterfaceAddress("eth1", "10.0.0.1", 24, "global"),
        InterfaceAddress("br100", "10.0.0.1", 16, "global"),
    )
    found = CHECKS["duplicate_address"].examine(with_address(*more))
    assert "10.0.0.1 is on br100 and eth1:" in found.because
    assert found.fix == Plan((RemoveAddress("eth1", "10.0.0.1/24", ""),))


@pytest.mark.parametrize(
    ("held", "wanted", "said"),
    [
        ("10.0.0.1/32", "10.0.0.1/24", "with the mask /32 instead of /24"),
        ("fd00:7::1/128", "fd00:7::1/64", "with the mask /128 instead of /64"),
        ("10.0.0.9/24", "10.0.0.1/24", "their router by ARP"),
        ("10.0.0.9/24", "fd00:7::1/64", "their IPv6 router"),
    ],
)
def test_what_a_gateway_lacks_is_said_as_it_is(held: str, wanted: str, said: str) -> None:
    address, _, length = held.partition("/")
    routing = replace(
        ROUTING, addresses=(InterfaceAddress("br100", address, int(length), "global"),)
    )
    steps = Plan((AddAddress("br100", wanted, "", subjects=(subject.network("vmnet"),)),))
    snapshot = seen(routing)
    snapshot = replace(snapshot, parts={**snapshot.parts, Backend: Backend(STATUS, steps)})
    found = CHECKS["gateway"].examine(snapshot)
    assert found.verdict == "fail"
    assert said in found.because


def test_one_address_twice_on_one_wire_is_no_flux() -> None:
    twice = InterfaceAddress("eth1", "203.0.113.2", 24, "global")
    heard = answered(asked("eth0", "203.0.113.2", (ETH1.mac, "")))
    snapshot = seen(replace(ROUTING, addresses=(*ADDRESSES, twice)), heard, BOTH_ANSWERED)
    assert named(snapshot) == ["duplicate_address"]


def test_an_address_without_a_subnet_may_be_on_several_interfaces() -> None:
    unnumbered = [InterfaceAddress(name, "192.0.2.1", 32, "global") for name in ("eth0", "eth1")]
    assert named(with_address(*unnumbered)) == []


def test_the_one_that_others_hang_on_is_not_taken_away() -> None:
    more = (
        InterfaceAddress("eth1", "203.0.113.2", 24, "global"),
        InterfaceAddress("eth1", "203.0.113.9", 24, "x"),
    )
    assert CHECKS["duplicate_address"].examine(with_address(*more)).fix is None


def test_where_a_floating_address_belongs_is_not_asked_here() -> None:
    assert named(with_address(InterfaceAddress("eth1", FLOATING, 32, "global"))) == []


def test_two_interfaces_in_one_subnet_are_a_warning_until_they_were_asked() -> None:
    beside = InterfaceAddress("eth1", "203.0.113.3", 24, "global")
    routing = replace(ROUTING, addresses=(*ADDRESSES, beside))
    found = CHECKS["arp_flux"].examine(seen(routing))
    assert (found.verdict, found.confidence) == ("warn", "possible")
    assert CHECKS["arp_flux"].examine(seen(routing, PEACE)).verdict == "ok"
    strict = settings(eth0_rp_filter="1", eth1_rp_filter="1")
    assert CHECKS["arp_flux"].examine(seen(routing, strict)).verdict == "ok"
    ignoring = settings(all_arp_ignore="1")
    assert CHECKS["arp_flux"].examine(seen(routing, ignoring)).verdict == "ok"


def test_flux_is_cured_on_both_interfaces_and_not_on_all() -> None:
    flux = answered(asked("eth0", "203.0.113.2", (ETH1.mac, "")))
    found = CHECKS["arp_flux"].examine(seen(flux, settings(eth0_arp_ignore="2")))
    assert found.fix == Plan(
        (
            SetSysctl("net.ipv4.conf.eth0.arp_announce", "2", "0"),
            SetSysctl("net.ipv4.conf.eth1.arp_ignore", "1", "0"),
            SetSysctl("net.ipv4.conf.eth1.arp_announce", "2", "0"),
            AnnounceAddress("eth0", "203.0.113.2", 3),
        )
    )


@pytest.mark.parametrize(
    ("changed", "keys"),
    [
        ({"eth0_proxy_arp": "1"}, ["net.ipv4.conf.eth0.proxy_arp"]),
        ({"all_proxy_arp": "1"}, ["net.ipv4.conf.all.proxy_arp"]),
        ({"br100_proxy_arp_pvlan": "1"}, ["net.ipv4.conf.br100.proxy_arp_pvlan"]),
        ({"eth1_proxy_arp": "1"}, []),
    ],
)
def test_proxy_arp_is_switched_off_where_it_is_on(changed: dict[str, str], keys: list[str]) -> None:
    found = CHECKS["proxy_arp"].examine(seen(settings(**changed)))
    assert found.verdict == ("warn" if keys else "ok")
    fix = found.fix.steps if found.fix else ()
    assert [step.key for step in fix if isinstance(step, SetSysctl)] == keys


def test_proxy_arp_stays_where_a_part_of_the_wires_own_subnet_lies_behind() -> None:
    lent = replace(
        ROUTING, routes=(*ROUTING.routes, Route("203.0.113.9", "unicast", "main", "tap9"))
    )
    found = CHECKS["proxy_arp"].examine(seen(settings(eth0_proxy_arp="1"), lent))
    assert (found.verdict, found.fix, found.persist) == ("warn", None, None)
    assert "203.0.113.9 dev tap9" in found.remedy


def test_addresses_that_are_proxied_by_name_are_said_and_left_alone() -> None:
    proxy = Neighbour("198.51.100.77", "eth0", proxy=True)
    found = CHECKS["proxy_arp"].examine(seen(replace(ROUTING, neighbours=(proxy,))))
    assert (found.verdict, found.fix) == ("info", None)
    assert any(row.value == "198.51.100.77" for row in found.evidence)


@pytest.mark.parametrize(
    ("own", "floating", "verdict"),
    [
        (ping(), ping(FLOATING, 0), "fail"),
        (ping(), ping(FLOATING), "ok"),
        (ping(replies=0), ping(FLOATING, 0), "info"),
        (ping("", 0, "ping: not installed"), ping(FLOATING, 0), "unknown"),
        (ping(), ping(FLOATING, 0, "ping: not allowed"), "unknown"),
    ],
)
def test_a_router_with_an_old_entry_answers_one_address_and_not_the_other(
    own: Ping, floating: Ping, verdict: Verdict
) -> None:
    found = CHECKS["upstream_arp"].examine(seen(PEACE, FloatingPings((own, floating))))
    assert found.verdict == verdict
    assert found.fix is None


def test_only_an_old_entry_that_is_seen_is_cured_by_an_announcement() -> None:
    silent = replace(ping(FLOATING, 0), left=True, arrived=False, asked=False)
    by_hand = CHECKS["upstream_arp"].examine(seen(PEACE, FloatingPings((ping(), silent))))
    assert (by_hand.verdict, by_hand.fix) == ("fail", None)
    assert f"arping -U -c 3 -I eth0 {FLOATING}" in by_hand.remedy
    stray = replace(silent, strayed="02:00:00:00:99:99")
    stale = CHECKS["upstream_arp"].examine(seen(PEACE, FloatingPings((ping(), stray))))
    assert "goes to 02:00:00:00:99:99" in stale.because
    assert stale.fix == Plan((AnnounceAddress("eth0", FLOATING, 3),))


@pytest.mark.parametrize(
    ("left", "arrived", "asked", "verdict", "words"),
    [
        (None, None, None, "fail", "The cause is upstream: it filters"),
        (True, False, False, "fail", "to whichever hardware address"),
        (True, True, False, "info", "comes in at eth0"),
        (False, False, False, "info", "does not leave by eth0"),
        (True, False, True, "info", "asks by ARP who has"),
    ],
)
def test_what_arrives_and_is_lost_here_is_no_routers_fault(
    left: bool | None, arrived: bool | None, asked: bool | None, verdict: Verdict, words: str
) -> None:
    lost = replace(ping(FLOATING, 0), left=left, arrived=arrived, asked=asked)
    found = CHECKS["upstream_arp"].examine(seen(PEACE, FloatingPings((ping(), lost))))
    assert (found.verdict, words in found.because) == (verdict, True)


def test_an_instances_address_on_this_host_itself_is_named() -> None:
    own = InterfaceAddress("br100", "10.0.0.2", 32, "global")
    found = CHECKS["address_conflict"].examine(
        seen(replace(ROUTING, addresses=(*ROUTING.addresses, own)))
    )
    assert found.verdict == "fail"
    assert "10.0.0.2, which is web1's, is an address of this host as well" in found.because
    assert "`ip address delete 10.0.0.2/32 dev br100`" in found.remedy


def test_a_conflict_of_another_instance_is_an_aside_of_the_target() -> None:
    own = InterfaceAddress("br100", "10.0.0.2", 32, "global")
    told = seen(replace(ROUTING, addresses=(*ROUTING.addresses, own)))
    check = CHECKS["address_conflict"]
    of_web1 = check.examine(replace(told, target=Target("web1", "web1")))
    assert of_web1.verdict == "fail"
    of_web2 = check.examine(replace(told, target=Target("web2", "web2")))
    assert (of_web2.verdict, of_web2.fix) == ("info", None)
    assert of_web2.because.startswith("Not about web2: 10.0.0.2, which is web1's")
