"""Rules of legacy tables are named by their words and by how far their counters rose."""

from collections.abc import Sequence
from dataclasses import replace

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.diagnostics.parts.journey import Hop, KernelDrop, TracedRule
from netconsole.diagnostics.tracing.hooks_passed import PassedHook, SeenWay, flow_of, hooks_passed
from netconsole.diagnostics.tracing.legacy_counters import LegacyTables
from netconsole.diagnostics.tracing.legacy_rules import (
    LostThere,
    MetLegacy,
    met_legacy,
    with_legacy,
)
from netconsole.diagnostics.tracing.traced_packet import TracedPacket

WEB1, FLOATING, WORLD = "10.0.0.2", "203.0.113.129", "192.0.2.1"
ARRIVED = Hop("there", "arrived", "veth1", WEB1, WORLD)
ON_BRIDGE = replace(ARRIVED, interface="br100")
LEFT = Hop("there", "left", "eth0", FLOATING, WORLD)
CAME_BACK = Hop("back", "arrived", "eth0", WORLD, FLOATING, reply="answer")
STUCK = SeenWay("there", (ARRIVED, ON_BRIDGE), routed=(WEB1, WORLD), onward="eth0")
BRIDGES = {"veth1": "br100"}
BY_FILTER = KernelDrop("there", "br100", "nf_hook_slow", "NETFILTER_DROP", is_certain=True)
THREE_LOST = LostThere(3, None)


def tables(before: Sequence[str], after: Sequence[str]) -> LegacyTables:
    """A table filter as iptables-save prints it twice, and how far its counters rose."""
    return read(after).since(read(before))


def read(lines: Sequence[str], table: str = "filter") -> LegacyTables:
    text = "\n".join((f"*{table}", *lines, "COMMIT", ""))
    return LegacyTables({table: {each.chain: each for each in parse_saved(text, "legacy", "ipv4")}})


def risen(*rules: tuple[int, str], policy: str = "ACCEPT", at_policy: int = 0) -> LegacyTables:
    """Rules of FORWARD, or of other chains, with how far each rose."""
    others = dict.fromkeys(text.split()[1] for _, text in rules if " FORWARD " not in f" {text} ")
    declared = [f":{name} - [0:0]" for name in others]
    before = [f":FORWARD {policy} [5:0]", *declared, *(f"[7:0] {text}" for _, text in rules)]
    after = [f":FORWARD {policy} [{5 + at_policy}:0]", *declared]
    after += [f"[{7 + rise}:0] {text}" for rise, text in rules]
    return tables(before, after)


def passed(seen: SeenWay, protocol: str = "tcp") -> tuple[PassedHook, ...]:
    packet = TracedPacket("icmp" if protocol == "icmp" else "tcp", WORLD, 443, 7)
    flow = flow_of(packet, seen.way)
    assert isinstance(flow, Flow)
    return tuple(hooks_passed(seen, flow, BRIDGES, calls_iptables=False))


def met(
    rules: LegacyTables, lost: LostThere | None = THREE_LOST, seen: SeenWay = STUCK
) -> MetLegacy:
    return met_legacy(rules, passed(seen), seen.hops, lost)


def named(found: MetLegacy) -> list[tuple[str, int, str, int]]:
    """Chain, place, verdict and rise of every rule that is named."""
    return [
        (hop.rule.chain, hop.rule.position, hop.verdict, hop.counted)
        for each in found.met
        for hop in each.hops
        if hop.rule is not None
    ]


def test_the_rule_whose_words_take_it_and_whose_counter_rose_by_as_many_ended_it() -> None:
    found = met(risen((0, "-A FORWARD -d 192.0.2.1/32 -j DROP"), (3, "-A FORWARD -p tcp -j DROP")))
    assert named(found) == [("FORWARD", 2, "drop", 3)]
    assert found.suspects == ()


def test_one_whose_counter_rose_by_less_is_said_to_be_probable_at_most() -> None:
    found = met(risen((2, "-A FORWARD -p tcp -j DROP")))
    assert named(found) == []
    (suspect,) = found.suspects
    assert suspect.says == (
        "probably by rule 1 of FORWARD (iptables-legacy table filter) `-p tcp -j DROP`, whose "
        "counter rose by 2 meanwhile"
    )
    assert not suspect.is_cause


def test_what_words_do_not_tell_is_certain_where_a_rule_did_it_and_no_other_can_have() -> None:
    rules = risen((40, "-A FORWARD -m string --string x -j DROP"))
    assert named(met(rules)) == []
    assert len(met(rules).suspects) == 1
    assert named(met(rules, LostThere(3, BY_FILTER))) == [("FORWARD", 1, "drop", 40)]


def test_of_two_that_may_have_done_it_both_are_said() -> None:
    rules = risen(
        (4, "-A FORWARD -m string --string x -j DROP"), (3, "-A FORWARD -m u32 --u32 0 -j DROP")
    )
    found = met(rules, LostThere(3, BY_FILTER))
    assert named(found) == []
    assert "rule 1 of FORWARD" in found.suspects[0].says
    assert ", or rule 2 of FORWARD" in found.suspects[0].says


def test_a_rule_that_says_otherwise_is_suspected_where_a_rule_is_known_to_have_done_it() -> None:
    rules = risen((3, "-A FORWARD -i br101 -j DROP"))
    assert met(rules).suspects == ()
    assert "rule 1 of FORWARD" in met(rules, LostThere(3, BY_FILTER)).suspects[0].says


def test_nothing_is_named_where_the_kernel_gave_it_up_for_another_reason() -> None:
    rules = risen((3, "-A FORWARD -p tcp -j DROP"))
    elsewhere = replace(BY_FILTER, reason="IP_RPFILTER")
    found = met(rules, LostThere(3, elsewhere))
    assert (named(found), found.suspects) == ([], ())


def test_the_chains_that_lead_there_are_told_and_the_policy() -> None:
    rules = risen((3, "-A FORWARD -j custom"), (3, "-A custom -s 10.0.0.0/24 -j DROP"))
    assert named(met(rules)) == [("FORWARD", 1, "jump custom", 3), ("custom", 1, "drop", 3)]
    policy = risen((0, "-A FORWARD -p udp -j ACCEPT"), policy="DROP", at_policy=3)
    (hop,) = (hop for each in met(policy).met for hop in each.hops)
    assert (hop.kind, hop.ends, hop.counted) == ("policy", True, 3)
    assert hop.rule is not None
    assert hop.rule.is_policy


def test_what_asks_for_a_state_of_conntrack_depends_on_the_packet() -> None:
    rules = risen((3, "-A FORWARD -m conntrack --ctstate INVALID -j DROP"))
    assert named(met(rules, LostThere(3, BY_FILTER))) == [("FORWARD", 1, "drop", 3)]
    assert named(met(rules)) == []


def test_the_answers_way_is_told_by_its_own_addresses() -> None:
    seen = SeenWay("back", (CAME_BACK,), routed=(WORLD, WEB1), onward="veth1")
    rules = risen((3, "-A FORWARD -o br100 -d 10.0.0.2/32 -j DROP"))
    found = met(rules, THREE_LOST, seen)
    assert named(found) == [("FORWARD", 1, "drop", 3)]
    assert with_legacy(seen.hops, found)[-1].way == "back"


def test_what_let_it_by_is_told_where_it_is_sure_and_before_it_left() -> None:
    seen = replace(STUCK, hops=(ARRIVED, ON_BRIDGE, LEFT))
    found = met(risen((3, "-A FORWARD -i br100 -j ACCEPT")), None, seen)
    assert [hop.kind for hop in with_legacy(seen.hops, found)] == [
        "arrived",
        "arrived",
        "rule",
        "left",
    ]
    unsure = risen(
        (3, "-A FORWARD -m string --string x -j ACCEPT"), (3, "-A FORWARD -i br100 -j ACCEPT")
    )
    assert named(met(unsure, None, seen)) == []


def test_a_translation_is_of_a_legacy_rule_where_no_traced_one_made_it() -> None:
    seen = replace(STUCK, hops=(ARRIVED, ON_BRIDGE, LEFT))
    rule = "-A POSTROUTING -s 10.0.0.2/32 -j SNAT --to-source 203.0.113.129"
    other = "-A POSTROUTING -m string --string x -j SNAT --to-source 203.0.113.9"

    def nat(rise: int) -> LegacyTables:
        lines = [":POSTROUTING ACCEPT [0:0]", f"[{rise}:0] {other}", f"[{rise}:0] {rule}"]
        return read(lines, "nat")

    found = met(nat(1).since(nat(0)), None, seen)
    assert named(found) == [("POSTROUTING", 2, "accept", 1)]
    text = "-s 10.0.0.2/32 -j SNAT --to-source 203.0.113.129"
    traced = TracedRule("ip", "nat", "POSTROUTING", 4, 1, text, listed_by="iptables")
    seen = replace(seen, hops=(*seen.hops, replace(LEFT, kind="rule", rule=traced)))
    assert named(met(nat(1).since(nat(0)), None, seen)) == []


def test_who_is_handed_to_a_program_is_told_so() -> None:
    found = met(risen((3, "-A FORWARD -j NFQUEUE --queue-num 5")))
    assert named(found) == [("FORWARD", 1, "queue 5", 3)]


def test_counters_of_rules_that_moved_meanwhile_tell_nothing() -> None:
    before = [":FORWARD ACCEPT [0:0]", "[0:0] -A FORWARD -p tcp -j DROP"]
    after = [":FORWARD ACCEPT [0:0]", "[0:0] -A FORWARD -j LOG", "[3:0] -A FORWARD -p tcp -j DROP"]
    found = tables(before, after)
    assert found.tables == {}
    assert found.unread == (
        "tables of iptables-legacy, which the kernel does not trace, were changed meanwhile",
    )


def test_what_this_host_sends_passes_output_alone_where_it_got_no_further() -> None:
    seen = SeenWay("there", (), onward="eth0", is_own=True, begins=("203.0.113.2", WORLD))
    assert [each.hook for each in passed(seen)] == ["output"]
    left = replace(LEFT, source="203.0.113.2")
    assert [each.hook for each in passed(replace(seen, hops=(left,)))] == ["output", "postrouting"]


def test_what_is_for_this_host_passes_input_and_what_a_bridge_hands_over_nothing() -> None:
    assert [each.hook for each in passed(replace(STUCK, is_here=True))] == ["prerouting", "input"]
    on_port = SeenWay("there", (ARRIVED,))
    assert passed(on_port) == ()
