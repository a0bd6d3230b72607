"""Where a packet ended is one sentence, which names what it is known by."""

from dataclasses import replace

from netconsole.diagnostics.parts.journey import Hop, KernelDrop, TracedRule
from netconsole.diagnostics.tracing.ending import NextHop, TraceOutcome
from netconsole.diagnostics.tracing.ending import ending as ended

SENT = Hop("there", "sent", "web1", "10.0.0.2", "192.0.2.1")
ARRIVED = Hop("there", "arrived", "veth1", "10.0.0.2", "192.0.2.1")
ON_BRIDGE = replace(ARRIVED, interface="br100")
LEFT = Hop("there", "left", "eth0", "203.0.113.129", "192.0.2.1")
CAME_BACK = Hop("back", "arrived", "eth0", "192.0.2.1", "203.0.113.129", reply="answer")
RULE = TracedRule("ip", "filter", "FORWARD", 7, 3, "-m string --string x -j DROP")
DROPPED = Hop("there", "rule", "br100", "10.0.0.2", "192.0.2.1", RULE, "drop")


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
    said = "; the kernel dropped it in ip_error: IP_INNOROUTES (no route leads there)"
    assert ending(stuck).endswith(said)
    unsure = replace(drop, way="back", reason="", is_certain=False)
    assert ending(replace(stuck, kernel_drop=unsure)).endswith(
        "; the kernel probably dropped the answer in ip_error, and has no word for why"
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
    assert ending(error) == "203.0.113.1 answers with host unreachable, for 192.0.2.1"


def test_without_a_rule_it_is_said_how_far_it_came() -> None:
    assert ending(outcome()) == "it never came to veth1: it ended inside web1"
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


def test_a_question_of_arp_is_not_taken_for_a_packet_that_left_by_its_own_port() -> None:
    again = replace(LEFT, interface="veth1")
    asked = outcome(ARRIVED, ON_BRIDGE, again, protocol="arp")
    said = "everybody on the network of web1 was asked, and nobody says to have 192.0.2.1"
    assert ending(asked) == said
    missed = replace(asked, receiver="veth2")
    assert ending(missed) == "it did not come out at veth2"
    handed = replace(LEFT, interface="veth2")
    silent = replace(missed, hops=(SENT, ARRIVED, ON_BRIDGE, handed, again))
    assert ending(silent).startswith("it was handed over at veth2, and who is there does not answ")


def test_what_the_sender_itself_gave_up_for_want_of_arp_was_not_sent() -> None:
    found = ended(outcome(is_unresolved=True))
    assert found.kind == "unheard"
    assert found.because == (
        "it was not sent: web1 had no answer to ARP of who is next on the way, 192.0.2.1 or a "
        "router"
    )


def test_a_guest_that_asks_for_another_router_is_told_of_and_not_the_host() -> None:
    found = ended(outcome(asks_instead="10.0.0.77"))
    assert found.kind == "inside"
    assert found.because == (
        "it never came to veth1: it ended inside web1, which asks there who has 10.0.0.77 (ARP), "
        "and nobody answers: by the store that is not next on this way"
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
