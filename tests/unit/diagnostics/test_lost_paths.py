"""Which broken paths are a fault of the host, and what is said of them together."""

import shlex
from dataclasses import replace
from typing import get_args

import pytest
from evidence_samples import FLOATING
from routing_samples import seen

from netconsole.backend.model.subject import floating, port
from netconsole.backend.steps import AddAddress, SetLink
from netconsole.cli.trace import trace, trace_request
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.journey import (
    End,
    Hop,
    Journey,
    Protocol,
    Reply,
    RuleOwner,
    TracedRule,
)
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney, Purpose
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.reasoning.lost_paths import (
    LossPlace,
    LostPaths,
    lost_at_neighbours,
    lost_paths,
)
from netconsole.diagnostics.reasoning.lost_words import remedy_of, sentence
from netconsole.diagnostics.reasoning.path_effect import path_effect

ROUTER = "203.0.113.1"
SENT = Hop("there", "sent", "web1", "10.0.0.2", ROUTER)
RULE = TracedRule("bridge", "zone", "in", 7, 3, "ip protocol icmp drop")
CAME = Hop("there", "arrived", "veth1", "10.0.0.2", ROUTER)
DROPPED = Hop("there", "rule", "veth1", "10.0.0.2", ROUTER, RULE, "drop")
OWN = Routing((InterfaceAddress("br100", "10.0.0.1", 24, "global"),))


def tried(
    purpose: Purpose, end: End, *hops: Hop, reply: Reply = "", by: str = "", port: int = 0
) -> PathJourney:
    protocol = "tcp" if port else "icmp"
    journey = Journey(
        *("web1", "10.0.0.2", ROUTER, protocol, port),  # type: ignore[arg-type]  # in their order
        hops=(SENT, *hops),
        reply=reply,
        answered_by=by,
        because=f"because of {end}",
        end=end,
    )
    return PathJourney(purpose, "web1", "vmnet", journey)


def places(*paths: PathJourney, reached: tuple[str, ...] = (ROUTER,)) -> list[int]:
    found = lost_paths(Journeys(paths, reached_by_host=reached), OWN)
    return [len(each.paths) for each in found]


def test_paths_that_end_at_one_rule_are_told_together_and_the_gateway_first() -> None:
    paths = (tried("world", "dropped", DROPPED), tried("gateway", "dropped", DROPPED))
    (found,) = lost_paths(Journeys(paths), OWN)
    assert [each.purpose for each in found.paths] == ["gateway", "world"]
    assert found.place.rule == RULE


def test_a_rule_of_ours_and_a_silent_guest_are_no_fault() -> None:
    ours = replace(DROPPED, rule=replace(RULE, ours=True))
    assert places(tried("floating", "dropped", ours)) == []
    assert places(tried("floating", "receiver")) == []
    assert places(tried("neighbour", "answered", reply="refusal", by="10.0.0.3")) == []


def test_a_neighbour_is_at_fault_where_another_is_reached_by_such_a_packet() -> None:
    def to(address: str, end: End, *hops: Hop, reply: Reply = "") -> PathJourney:
        path = tried("neighbour", end, *hops, reply=reply, by=address if reply else "")
        return replace(path, journey=replace(path.journey, destination=address))

    lost, fine = to("10.0.0.3", "dropped", DROPPED), to("10.0.0.4", "answered", reply="answer")
    for paths, own, theirs in (
        ((lost, fine), 0, 1),
        ((lost, replace(lost, has_data=True), fine), 1, 1),
        ((lost, to("10.0.0.4", "dropped", DROPPED)), 2, 0),
        ((lost,), 1, 0),
        ((to("10.0.0.3", "unheard"),), 0, 1),
    ):
        of_neighbours = lost_at_neighbours(Journeys(paths), OWN)
        told = sum(len(each.paths) for each in of_neighbours)
        assert (sum(places(*paths)), told) == (own, theirs)


def test_an_error_of_this_host_is_a_fault_and_one_from_outside_is_not() -> None:
    assert places(tried("world", "answered", CAME, reply="error", by="10.0.0.1")) == [1]
    assert places(tried("world", "answered", reply="error", by="10.0.0.1")) == []
    assert places(tried("world", "answered", reply="error", by=ROUTER)) == []


def test_a_name_server_of_this_host_that_refuses_is_a_fault_and_one_out_there_is_not() -> None:
    """Who asks has got through to it, which is another matter."""

    def asked(by: str) -> PathJourney:
        path = tried("names", "answered", CAME, reply="refusal", by=by)
        return replace(path, journey=replace(path.journey, protocol="dns", port=53))

    assert places(asked("10.0.0.1")) == [1]
    assert places(asked(ROUTER)) == []
    before = Snapshot.of(Journeys((asked("10.0.0.1"),)), OWN)
    assert path_effect(before, before).healed == ()


def test_who_is_told_to_send_shorter_packets_does_so() -> None:
    told = tried("world", "answered", CAME, reply="error", by="10.0.0.1", port=443)
    assert places(replace(told, has_data=True)) == []


def test_a_router_that_answers_nobody_is_no_fault_of_the_path() -> None:
    assert places(tried("world", "beyond")) == [1]
    assert places(tried("world", "beyond"), reached=()) == []


def test_one_port_of_the_world_may_be_forbidden() -> None:
    forbidden = tried("world", "dropped", DROPPED, port=443)
    assert places(forbidden, tried("world", "beyond", port=47808)) == []
    assert places(forbidden, tried("world", "dropped", DROPPED, port=47808)) == [2]


def test_who_was_led_elsewhere_by_a_rule_of_others_and_refused_does_not_reach_its_aim() -> None:
    text = "-p tcp --dport 80 -j REDIRECT --to-ports 1"
    rule = TracedRule("ip", "nat", "PREROUTING", 4, 1, text, listed_by="iptables")
    led = Hop("there", "rule", "br100", "10.0.0.2", ROUTER, rule, "accept")
    masked = replace(led, rule=replace(rule, text="-o eth0 -j MASQUERADE"))
    other = tried("world", "answered", reply="refusal", by=ROUTER, port=443)
    assert places(tried("world", "answered", led, reply="refusal", by=ROUTER, port=80), other) == [
        1
    ]
    assert places(tried("world", "answered", led, reply="answer", by=ROUTER, port=80), other) == []
    barred = replace(DROPPED, rule=replace(RULE, ours=True))
    assert places(tried("floating", "dropped", led, barred, port=80)) == [1]
    assert places(tried("servers", "beyond", led), tried("servers", "beyond", masked)) == [1]
    assert places(tried("world", "answered", masked, reply="refusal", by=ROUTER, port=80)) == []


def test_a_rule_that_sends_packets_out_elsewhere_itself_is_told() -> None:
    rule = TracedRule("netdev", "mirror", "in", 4, 1, 'ip protocol icmp fwd to "eth1"')
    sent = Hop("there", "rule", "veth1", "10.0.0.2", ROUTER, rule, "stolen")
    paths = Journeys((tried("gateway", "beyond", sent),), reached_by_host=())
    (found,) = lost_paths(paths, OWN)
    assert "met rules of others" in sentence(found)
    assert '`ip protocol icmp fwd to "eth1"` (table netdev mirror)' in sentence(found)


def test_what_is_dropped_for_its_size_alone_is_lost_on_all_ports() -> None:
    short = [tried("world", "answered", reply="refusal", by=ROUTER, port=n) for n in (443, 47808)]
    dropped = [tried("world", "dropped", DROPPED, port=n) for n in (443, 47808)]
    long = [replace(each, has_data=True) for each in dropped]
    assert places(*short, *long) == [2]
    assert places(*short, long[0], replace(short[1], has_data=True)) == []


def test_who_asks_for_a_next_hop_that_is_nobody_is_no_fault_where_the_right_one_answers() -> None:
    told = tried("gateway", "answered", reply="answer", by="10.0.0.1")
    told = replace(told, journey=replace(told.journey, protocol="arp"))
    unheard = tried("world", "unheard")
    assert places(unheard) == [1]
    assert places(told, unheard) == []
    assert places(replace(told, instance="web2"), unheard) == [1]


def judged(*paths: PathJourney) -> Finding:
    return CHECKS["packet_loss"].judge(Snapshot.of(Journeys(paths, 3), OWN))


def test_the_check_names_rule_table_and_the_next_command() -> None:
    found = judged(tried("gateway", "dropped", DROPPED))
    assert (found.verdict, found.confidence) == ("fail", "certain")
    assert "nft --handle list chain bridge zone in" in found.remedy
    assert (found.evidence[0].value, found.evidence[0].note) == (
        "ip protocol icmp drop",
        "chain in of table bridge zone, handle 7, not ours",
    )


def test_what_it_met_before_it_got_lost_is_named() -> None:
    text = "-i eth0 -j CT --notrack"
    rule = TracedRule("ip", "raw", "PREROUTING", 4, 1, text, listed_by="iptables")
    met = Hop("there", "rule", "eth0", "10.0.0.2", ROUTER, rule, "continue")
    assert (
        "`-i eth0 -j CT --notrack` (table ip raw)" in judged(tried("gateway", "lost", met)).because
    )


def test_what_a_missing_floating_address_explains_is_left_to_its_check() -> None:
    """The world answers the floating address, and nobody there learns where that is."""
    beyond = Journeys((tried("world", "beyond", CAME),), reached_by_host=(ROUTER,))
    step = AddAddress("eth0", f"{FLOATING}/32", subjects=(floating(FLOATING),))
    verdicts = [
        CHECKS["packet_loss"].judge(seen(beyond, steps=steps)).verdict for steps in ((), (step,))
    ]
    assert verdicts == ["fail", "info"]


def test_the_policy_of_a_guard_that_lacks_its_rules_is_left_to_the_check_of_guards() -> None:
    owner = RuleOwner(port("veth1"), "guard", "web1", says="whatever else it sends")
    policy = TracedRule("netdev", "netconsole", "port-veth1", owner=owner)
    ended = tried("gateway", "dropped", replace(DROPPED, kind="policy", rule=policy))
    step = SetLink("br100", "group_fwd_mask", "8", "0")  # one that `guards` names
    verdicts = [
        CHECKS["packet_loss"].judge(seen(Journeys((ended,)), steps=steps)).verdict
        for steps in ((), (step,))
    ]
    assert verdicts == ["fail", "info"]


def test_where_all_came_through_it_is_well() -> None:
    found = judged(tried("gateway", "answered", reply="answer", by=ROUTER))
    assert found.verdict == "ok"
    assert found.evidence[-1].value == "3"


def test_what_never_came_in_no_other_check_explains() -> None:
    assert judged(tried("gateway", "ingress")).verdict == "fail"


@pytest.mark.parametrize("protocol", get_args(Protocol))
def test_the_command_that_follows_it_again_is_one_that_trace_takes(protocol: Protocol) -> None:
    port = {"tcp": 80, "udp": 123, "dns": 53}.get(protocol, 0)
    path = tried("names", "lost", CAME)
    path = replace(path, journey=replace(path.journey, protocol=protocol, port=port))
    told = remedy_of(LostPaths(LossPlace("lost", None, ""), (path,)))
    words = shlex.split(told.partition("`netconsole trace ")[2].partition("`")[0])
    given = trace.make_context("trace", words).params
    names = ("sender", "destination", "what")
    asked = trace_request(**{name: given[name] for name in names}).request()
    assert (asked.sender, asked.protocol, asked.port) == ("web1", protocol, port)
