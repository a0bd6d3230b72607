"""The path of a packet as the console shows it, and whom it offers at the other end."""

from dataclasses import replace

import pytest
from evidence_samples import HEALTHY

from netconsole.backend.model.errors import InvalidValue
from netconsole.diagnostics.parts.journey import Hop, Journey, Reply, TracedRule
from netconsole.diagnostics.tracing.asked import AskedTrace
from netconsole.screens.pages.actions import BY_ID, Situation
from netconsole.screens.rows.marks import ASCII, UNICODE
from netconsole.screens.texts.path import (
    OUTER,
    PathEnd,
    PathSubject,
    decisive_key,
    ending_entries,
    hop_entries,
    other_ends,
    path_rows,
)

GUEST = PathSubject(PathEnd("10.0.0.2", "web1"))
FLOATING = PathSubject(PathEnd("203.0.113.129"), receives=True)
ADDRESSES = ("10.0.0.2", "192.0.2.1")
RULE = TracedRule("ip", "filter", "FORWARD", 7, 2, "-s 10.0.0.2/32 -j DROP", listed_by="iptables")
POLICY = TracedRule("ip", "filter", "a chain", ours=True)
HOPS = (
    Hop("there", "sent", "web1", *ADDRESSES),
    Hop("there", "arrived", "vethweb1", *ADDRESSES),
    Hop("there", "rule", "br100", *ADDRESSES, RULE, "jump other"),
    Hop("there", "rule", "br100", *ADDRESSES, RULE, "drop"),
)


def journey(*hops: Hop, answered: bool = False) -> Journey:
    said = "192.0.2.1 answers" if answered else "rule 2 of FORWARD drops it"
    reply: Reply = "answer" if answered else ""
    return Journey("web1", *ADDRESSES, "icmp", 0, hops, reply, "", said, ("legacy tables",))


def test_a_row_is_a_hop_that_decides_and_the_first_is_where_it_ended() -> None:
    rows = path_rows(journey(*HOPS), UNICODE)
    assert [row.cells for row in rows] == [
        ("there", "web1", "sent", "10.0.0.2 → 192.0.2.1"),
        ("there", "vethweb1", "arrived", "10.0.0.2 → 192.0.2.1"),
        ("there", "ip filter", "drop ✗", f"rule 2 of FORWARD, of others: {RULE.text}"),
    ]
    assert [row.tone for row in rows] == ["plain", "plain", "bad"]
    assert decisive_key(journey(*HOPS)) == rows[2].key
    assert decisive_key(journey(*HOPS[:2])) == rows[1].key, "where it was seen last"
    assert decisive_key(journey(*HOPS[:2], answered=True)) == rows[0].key


def test_a_terminal_without_more_than_ascii_gets_no_more() -> None:
    met = journey(*HOPS)
    shown = [text for row in path_rows(met, ASCII) for text in row.cells]
    shown += [each.text for each in ending_entries(met, ASCII)]
    shown += [each.text for number in range(3) for each in hop_entries(met, str(number), ASCII)]
    assert all(text.isascii() for text in shown)


def test_a_hop_is_told_whole_and_how_to_see_it_on_the_host() -> None:
    told = [(each.label, each.text) for each in hop_entries(journey(*HOPS), "2", UNICODE)]
    assert ("here it ended", "rule 2 of FORWARD drops it") in told
    assert ("", RULE.text) in told
    assert ("", "nft --handle list chain ip filter FORWARD") in told
    policy = Hop("there", "policy", "br100", *ADDRESSES, POLICY, "drop")
    told = [(each.label, each.text) for each in hop_entries(journey(policy), "0", UNICODE)]
    assert ("", "nft --handle list chain ip filter 'a chain'") in told


def test_whom_it_is_about_sends_and_to_a_floating_address_is_sent() -> None:
    assert GUEST.asked(OUTER, "tcp 22") == AskedTrace("10.0.0.2", "outside", "tcp", 22)
    assert GUEST.asked(OUTER, "dhcp") == AskedTrace("10.0.0.2", "", "dhcp")
    assert FLOATING.asked(OUTER, "icmp") == AskedTrace("outside", "203.0.113.129")
    turned = replace(GUEST, receives=True)
    assert turned.asked(OUTER, "tcp 22") == AskedTrace("outside", "10.0.0.2", "tcp", 22)
    assert turned.asked(PathEnd("10.0.0.3", "web2"), "dhcp") == AskedTrace("10.0.0.3", "", "dhcp")
    with pytest.raises(InvalidValue):
        GUEST.asked(OUTER, "tcp")


def test_at_the_other_end_is_everybody_but_oneself() -> None:
    own = HEALTHY.allocations[0]
    other = replace(own, address="10.0.0.3", instance="web2")
    seen = replace(HEALTHY, allocations=(own, other))
    found = [(end.address, row.cells[0]) for row, end in other_ends(GUEST, seen)]
    assert found == [
        *(("outside", "outside"), ("10.0.0.1", "-"), ("host", "host"), ("10.0.0.3", "web2"))
    ]
    senders = [end.address for _, end in other_ends(FLOATING, seen)]
    assert senders == ["outside", "host", "10.0.0.2", "10.0.0.3"]


def test_it_is_offered_for_addresses_and_refused_where_nothing_may_be_sent() -> None:
    own = HEALTHY.allocations[0]
    key = f"{own.network} {own.address}"
    action = BY_ID["path"]
    assert action.reason(Situation("allocations", key, HEALTHY, None)) is None
    refused = action.reason(Situation("allocations", key, HEALTHY, "asked for with --read-only"))
    assert refused == "refused, this is read-only (asked for with --read-only)"
    assert action.offered(Situation("allocations", key, HEALTHY, "asked for with --read-only"))
    assert not action.offered(Situation("nat", key, HEALTHY, None))
