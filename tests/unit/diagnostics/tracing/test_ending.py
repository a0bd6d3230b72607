"""Where a packet ended is one sentence, which names what it is known by."""

from dataclasses import replace

import pytest
from bridge_samples import link

from netconsole.diagnostics.parts.journey import Hop, KernelDrop, TracedRule
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.tracing.ending import ending as ended
from netconsole.diagnostics.tracing.outcome import Hindrance, NextHop, PortAnswer, TraceOutcome
from netconsole.diagnostics.tracing.routed_packets import is_bridged

SENT = Hop("there", "sent", "web1", "10.0.0.2", "192.0.2.1")
ARRIVED = Hop("there", "arrived", "veth1", "10.0.0.2", "192.0.2.1")
ON_BRIDGE = replace(ARRIVED, interface="br100")
LEFT = Hop("there", "left", "eth0", "203.0.113.129", "192.0.2.1")
CAME_BACK = Hop("back", "arrived", "eth0", "192.0.2.1", "203.0.113.129", reply="answer")
RULE = TracedRule("ip", "filter", "FORWARD", 7, 3, "-m string --string x -j DROP")
DROPPED = Hop("there", "rule", "br100", "10.0.0.2", "192.0.2.1", RULE, "drop")

UNTOLD = "no rule of the packet filter that the kernel traces ended it"


def outcome(*hops: Hop, **other: object) -> TraceOutcome:
    made = TraceOutcome(
        hops=(SENT, *hops),
        reply="",
        answered_by="",
        error=None,
        protocol="tcp",
        port=22,
        destination="192.0.2.1",
        sender="web1",
        first="veth1",
        receiver="",
        next_hop=NextHop("eth0", "203.0.113.1", "REACHABLE"),
    )
    return replace(made, **other)  # type: ignore[arg-type]  # names of fields, by the tests below


def ending(found: TraceOutcome) -> str:
    return ended(found).because


def test_the_rule_that_drops_is_named_with_its_place_and_words() -> None:
    assert ending(outcome(ARRIVED, DROPPED)) == (
        "rule 3 of FORWARD (table ip filter) drops it: `-m string --string x -j DROP`"
    )
    back = replace(DROPPED, way="back")
    assert ending(outcome(ARRIVED, LEFT, CAME_BACK, back)).startswith(
        "rule 3 of FORWARD (table ip filter) drops the answer"
    )


def test_the_kernels_own_reason_is_told_and_how_sure_it_is() -> None:
    drop = KernelDrop("there", "br100", "ip_error", "IP_INNOROUTES", is_certain=True)
    stuck = outcome(ARRIVED, ON_BRIDGE, next_hop=NextHop(), kernel_drop=drop)
    said = "it came to br100, and no further: the kernel dropped it in ip_error: IP_INNOROUTES (no "
    assert ending(stuck) == f"{said}route leads there)"
    unsure = replace(drop, way="back", reason="", is_certain=False)
    assert ending(replace(stuck, kernel_drop=unsure)).endswith(
        ": the kernel probably dropped the answer in ip_error, and has no word for why"
    )


@pytest.mark.parametrize(
    "drop",
    [
        KernelDrop("there", "br100", "tcp_v4_rcv", "NO_SOCKET", is_certain=True),
        KernelDrop("there", "eth1", "ip_error", "", is_certain=False),
    ],
)
def test_what_the_kernel_says_of_others_is_not_told(drop: KernelDrop) -> None:
    """Nobody can have listened for what is to be sent on."""
    assert ending(outcome(ARRIVED, ON_BRIDGE, next_hop=NextHop(), kernel_drop=drop)) == (
        f"it came to br100, and no further; {UNTOLD}"
    )


def test_the_way_out_is_named_of_what_has_a_route_and_a_neighbour_that_is_known() -> None:
    came = replace(ON_BRIDGE, interface="eth0", destination="203.0.113.129")
    following = NextHop("br100", "10.0.0.2", "STALE", destination="10.0.0.2")
    found = ended(outcome(came, next_hop=following, first="eth0"))
    assert found.because == f"it came to eth0, and no further on its way out by br100; {UNTOLD}"
    assert found.remedy.startswith("`ip route get 10.0.0.2 from ")
    router = replace(following, interface="eth1", address="192.0.2.9")
    said = ending(outcome(came, next_hop=router, first="eth0"))
    assert said.startswith("it came to eth0, and no further on its way out by eth1 to 192.0.2.9; ")


def test_where_it_ended_comes_first_then_why_and_what_to_type() -> None:
    down = Hindrance("br100, the bridge of veth1, is down", "`ip link set dev br100 up`")
    tables = Hindrance("these tables may drop it: arp x", is_cause=False)
    asks = outcome(unanswered="10.0.0.1", hindrances=(down, tables))
    found = ended(asks)
    assert found.because == (
        "it did not leave web1, which asks at veth1 who has 10.0.0.1 (ARP), and nobody answers: "
        "br100, the bridge of veth1, is down"
    )
    assert found.remedy == "`ip link set dev br100 up`"
    unknown = ended(replace(asks, hindrances=(tables,)))
    assert unknown.because.endswith("nobody answers; these tables may drop it: arp x")
    assert unknown.remedy == "`netconsole trace --from web1 --to 10.0.0.1 arp`"


def test_a_guest_that_is_heard_at_its_own_port_is_told_from_one_that_is_silent() -> None:
    tables = Hindrance("these tables may drop it: arp x", is_cause=False)
    asks = outcome(unanswered="10.0.0.3", receiver="veth2", hindrances=(tables,))
    heard = replace(asks, asked=PortAnswer("veth2", "10.0.0.3", ("02:00:00:00:00:03",)))
    assert ending(heard).endswith(
        "; asked at veth2 itself, 02:00:00:00:00:03 answers for 10.0.0.3; these tables may drop it:"
        " arp x"
    )
    silent = replace(asks, hindrances=(), asked=PortAnswer("veth2", "10.0.0.3"))
    assert ending(silent).endswith("; asked at veth2 itself, nobody answers for 10.0.0.3 either")


@pytest.mark.parametrize(
    ("macs", "why"),
    [
        (("02:00:00:00:00:03",), "its own firewall, as it does answer ARP"),
        ((), "nobody answers ARP for 10.0.0.3 there either"),
        (
            ("02:00:00:00:00:99",),
            "its frame is for MAC address 02:00:00:00:00:03, and the guest there has "
            "02:00:00:00:00:99 (ARP)",
        ),
    ],
)
def test_why_a_guest_does_not_answer_is_said_by_what_it_says_at_its_port(
    macs: tuple[str, ...], why: str
) -> None:
    mac = "02:00:00:00:00:03"
    handed = replace(LEFT, interface="veth2", destination="10.0.0.3", mac=mac)
    asked = PortAnswer("veth2", "10.0.0.3", macs)
    found = ended(outcome(ARRIVED, handed, receiver="veth2", asked=asked))
    assert found.kind == "receiver"
    assert found.why.startswith(why)
    asks = outcome(ARRIVED, handed, receiver="veth2", receiver_asks="10.0.0.1")
    assert ended(asks).why == "it asks there who has 10.0.0.1 (ARP), and nobody answers"


def test_a_refusal_says_who_refuses_and_by_what() -> None:
    refused = outcome(ARRIVED, LEFT, CAME_BACK, reply="refusal", answered_by="192.0.2.1")
    closed = replace(refused, protocol="dns", port=53, error=(3, 3))
    assert ending(closed) == (
        "192.0.2.1 refuses it: nothing listens there on udp port 53 (port unreachable)"
    )
    shut = replace(refused, error=(3, 13))
    assert ending(shut) == (
        "192.0.2.1 refuses it: its own firewall forbids it (administratively prohibited)"
    )


def test_an_error_of_this_host_itself_is_an_end_here() -> None:
    told = Hop("back", "left", "veth1", "10.0.0.1", "10.0.0.2", reply="error")
    nowhere = outcome(
        *(ARRIVED, ON_BRIDGE, told),
        reply="error",
        error=(3, 0),
        answered_by="10.0.0.1",
        next_hop=NextHop(refusal="there is no route to it"),
    )
    assert ending(nowhere) == (
        "it came to br100, and this host has no way for it: there is no route to it; 10.0.0.1 told "
        "web1 so: network unreachable"
    )
    spent = replace(nowhere, error=(11, 0), next_hop=NextHop())
    assert ending(spent).startswith("it came to br100, and no further: its time to live (TTL) was")


def test_an_answer_that_this_host_gave_up_says_so_and_not_where_its_error_went() -> None:
    told = Hop("back", "left", "eth0", "203.0.113.129", "192.0.2.1", reply="error")
    stuck = outcome(ARRIVED, LEFT, CAME_BACK, told, next_hop=NextHop(refusal="no route"))
    assert ending(stuck) == (
        "the answer of 192.0.2.1 came to eth0, and this host has no way for it: no route; this "
        "host told 192.0.2.1 so by ICMP"
    )


def test_an_answer_that_takes_another_way_out_of_the_host_is_not_lost_in_it() -> None:
    left = replace(CAME_BACK, kind="left", interface="eth1")
    asked = outcome(ARRIVED, CAME_BACK, left, sender="outside", first="eth0")
    assert ended(asked).kind == "beyond"
    assert ended(replace(asked, sender="web1", first="veth1")).kind == "lost"


def test_a_policy_that_drops_is_no_rule() -> None:
    policy = replace(DROPPED, kind="policy", rule=TracedRule("inet", "fw", "forward"))
    assert ending(outcome(ARRIVED, policy)) == (
        "the policy of chain forward in table inet fw drops it: no rule of it lets it by"
    )


def test_what_comes_back_says_who_answers() -> None:
    answered = outcome(ARRIVED, LEFT, CAME_BACK, reply="answer", answered_by="192.0.2.1")
    assert ending(answered) == "192.0.2.1 answers"
    refused = replace(answered, reply="refusal")
    assert ending(refused) == "192.0.2.1 refuses it: nothing listens there on tcp port 22"
    error = replace(answered, reply="error", error=(3, 1), answered_by="203.0.113.1")
    assert ending(error) == ("203.0.113.1, on the way to 192.0.2.1, gave it up: host unreachable")


def test_without_a_rule_it_is_said_how_far_it_came() -> None:
    assert ending(outcome()) == "it ended inside web1, and never came to veth1"
    assert ending(outcome(ARRIVED, ON_BRIDGE, LEFT)) == (
        "it left by eth0 as 203.0.113.129 → 192.0.2.1, and nothing came back"
    )
    alone = outcome(ARRIVED, next_hop=NextHop("eth0", "203.0.113.1", "FAILED"))
    assert ending(alone) == (
        "it came to veth1, and was to leave by eth0, where 203.0.113.1, which is next, does not "
        "answer ARP (FAILED)"
    )
    nowhere = outcome(ARRIVED, ON_BRIDGE, next_hop=NextHop(refusal="Network is unreachable"))
    assert ending(nowhere) == (
        "it came to br100, and this host has no way for it: Network is unreachable"
    )
    here = outcome(ARRIVED, ON_BRIDGE, next_hop=NextHop(is_here=True), is_handed=True)
    assert ending(here) == "it was handed to this host itself, where nobody answers on tcp port 22"


def test_what_a_bridge_sends_back_alone_has_no_other_port_to_leave_by() -> None:
    again = replace(ARRIVED, kind="left")
    lone = outcome(ARRIVED, again, bridge_of={"veth1": "br100"})
    assert ending(lone) == (
        "it came to veth1, and br100 sent it out by no other port: none that carries leads to "
        "192.0.2.1"
    )
    other = replace(again, interface="eth2")
    assert "left by veth1" in ending(outcome(ARRIVED, again, other, bridge_of={"veth1": "br100"}))


def test_a_frame_for_another_mac_address_is_bridged_and_not_routed() -> None:
    port = link(2, "veth1", "veth", "fe:16:3e:00:00:01", master="br100")
    links = Links((port, link(3, "br100", "bridge", "fa:16:3e:00:00:ff")))
    bridged = replace(ARRIVED, mac="02:00:00:00:00:09")
    assert is_bridged((SENT, bridged), links)
    assert not is_bridged((SENT, replace(bridged, mac="fa:16:3e:00:00:ff")), links)
    translated = replace(bridged, destination="10.0.0.3")
    assert not is_bridged((SENT, bridged, translated, replace(LEFT, mac="")), links)
    assert not is_bridged((SENT, replace(bridged, interface="eth0")), links)


def test_a_question_of_arp_is_not_taken_for_a_packet_that_left_by_its_own_port() -> None:
    again = replace(LEFT, interface="veth1")
    asked = outcome(ARRIVED, ON_BRIDGE, again, protocol="arp")
    said = "everybody on the network of web1 was asked, and nobody says to have 192.0.2.1"
    assert ending(asked) == said
    missed = replace(asked, receiver="veth2")
    assert ending(missed) == f"it did not come out at veth2; {UNTOLD}"
    handed = replace(LEFT, interface="veth2")
    silent = replace(missed, hops=(SENT, ARRIVED, ON_BRIDGE, handed, again))
    assert ending(silent).startswith("it was handed over at veth2, and who is there does not answ")


def test_what_the_sender_itself_gave_up_for_want_of_arp_was_not_sent() -> None:
    found = ended(outcome(is_unresolved=True))
    assert found.kind == "unheard"
    assert found.because == (
        "it did not leave web1, which had no answer to ARP of who is next on the way, 192.0.2.1 or "
        "a router"
    )


def test_of_what_was_not_marked_no_rule_is_acquitted() -> None:
    found = ending(outcome(ARRIVED, ON_BRIDGE, is_unmarked=True))
    where = "it came to br100, and no further on its way out by eth0 to 203.0.113.1"
    assert found == f"{where}; which rules it met was not told"


def test_a_guest_that_asks_for_another_router_is_told_of_and_not_the_host() -> None:
    found = ended(outcome(asks_instead="10.0.0.77"))
    assert found.kind == "inside"
    assert found.because == (
        "it ended inside web1, and never came to veth1: web1 asks there who has 10.0.0.77 (ARP), "
        "and nobody answers; by the store that is not next on this way"
    )


def test_what_it_asks_meanwhile_is_told_of_one_for_its_own_network() -> None:
    found = ended(outcome(asks_instead="10.0.0.77", is_near=True))
    assert found.because == (
        "it ended inside web1, and never came to veth1; meanwhile web1 asks there who has "
        "10.0.0.77 (ARP), and nobody answers"
    )


def test_an_instance_that_is_silent_is_not_the_hosts_fault() -> None:
    handed = replace(LEFT, interface="veth2")
    assert ending(outcome(ARRIVED, handed, receiver="veth2")).startswith("it was handed over at")


def test_an_answer_that_does_not_come_back_says_where_it_stopped() -> None:
    stopped = outcome(ARRIVED, LEFT, CAME_BACK, next_hop=NextHop("eth1", "198.51.100.9", "FAILED"))
    assert ending(stopped) == (
        "the answer of 192.0.2.1 came to eth0, and was to leave by eth1, where 198.51.100.9, which "
        "is next, does not answer ARP (FAILED)"
    )


ANSWERED = {"reply": "answer", "answered_by": "203.0.113.129", "destination": "203.0.113.129"}


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        ({"receiver": "veth2"}, "elsewhere"),
        ({"is_for_router": True}, "elsewhere"),
        ({"is_for_host": True}, "elsewhere"),
        ({"receiver": "veth1"}, "answered"),
        ({}, "answered"),
    ],
)
def test_a_sender_that_answers_itself_for_another_is_named(
    known: dict[str, object], kind: str
) -> None:
    found = ended(outcome(**ANSWERED, **known))
    assert found.kind == kind
    assert found.because.startswith("web1 itself answers in the place") is (kind == "elsewhere")


def test_this_host_that_answers_for_an_instance_or_its_router_is_named() -> None:
    handed = outcome(ARRIVED, is_handed=True, receiver="veth2", **ANSWERED)
    found = ended(replace(handed, receiver_address="10.0.0.3"))
    assert (found.kind, found.remedy) == ("elsewhere", "`ip route get 10.0.0.3`")
    assert found.because == (
        "this host itself answers in the place of 203.0.113.129: it was handed over to this host, "
        "and did not leave it"
    )
    router = replace(handed, receiver="", is_for_router=True)
    assert ended(router).kind == "elsewhere"
    assert ended(replace(router, is_for_router=False)).kind == "answered"  # an address of its own


def test_another_instance_that_answers_in_the_place_of_one_is_named() -> None:
    other = replace(LEFT, interface="veth3", destination="10.0.0.4")
    led = outcome(ARRIVED, other, receiver="veth2", receiver_address="10.0.0.3", **ANSWERED)
    assert ending(led) == (
        "10.0.0.4 answers in the place of 203.0.113.129: "
        "it left by veth3 as 203.0.113.129 → 10.0.0.4"
    )
    own = replace(LEFT, interface="veth2", destination="10.0.0.3")
    assert ended(outcome(ARRIVED, own, receiver="veth2", **ANSWERED)).kind == "answered"
