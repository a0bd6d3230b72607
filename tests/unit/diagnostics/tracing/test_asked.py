"""What is asked to be traced: by words, and as it is sent to an agent."""

import json
from typing import Any

import pytest

from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import InvalidValue
from netconsole.diagnostics.parts.journey import (
    Hop,
    Journey,
    TracedRule,
    WaitedJourneys,
    journey_record,
    waited_record,
)
from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait, asked_trace
from netconsole.diagnostics.tracing.ends import TraceRequest
from netconsole.door.answers import value_of
from netconsole.door.codec import document_of, trace_of, wait_of

TO = "192.0.2.1"
RULE = TracedRule("ip", "filter", "FORWARD", 7, 2, "-j DROP")
JOURNEY = Journey(
    *("web1", "10.0.0.2", TO, "tcp", 443),
    (
        Hop("there", "sent", "web1", "10.0.0.2", TO),
        Hop("there", "rule", "br100", "10.0.0.2", TO, RULE, "drop"),
    ),
    *("", "", "rule 2 of FORWARD drops it", ("legacy tables",)),
    end="dropped",
)


def sent(value: object) -> Any:
    return document_of(as_line(value).encode())


@pytest.mark.parametrize(
    ("words", "request_made"),
    [
        ((), TraceRequest("web1", TO)),
        (("icmp",), TraceRequest("web1", TO)),
        (("tcp", "443"), TraceRequest("web1", TO, "tcp", 443)),
        (("udp", "53"), TraceRequest("web1", TO, "udp", 53)),
        (("dns", "a.test"), TraceRequest("web1", TO, "dns", 53, "a.test")),
        (("arp",), TraceRequest("web1", TO, "arp")),
    ],
)
def test_the_words_of_a_packet_say_what_is_sent(
    words: tuple[str, ...], request_made: TraceRequest
) -> None:
    asked = asked_trace("web1", TO, words)
    assert asked.request() == request_made
    assert asked.packet == (" ".join(words) or "icmp")
    assert trace_of(sent(asked)) == asked


@pytest.mark.parametrize(
    "words",
    [
        *(
            ("tcp",),
            ("tcp", "0"),
            ("tcp", "65536"),
            ("tcp", "-1"),
            ("udp", "²"),
            ("tcp", "8" * 5000),
        ),
        *(("dns",), ("icmp", "8"), ("sctp", "1"), ("",), ("tcp", "1", "2")),
    ],
)
def test_other_words_are_refused_in_a_line(words: tuple[str, ...]) -> None:
    with pytest.raises(InvalidValue) as refused:
        asked_trace("web1", TO, words)
    assert len(str(refused.value)) < 300


WRONG: tuple[tuple[dict[str, object], str], ...] = (
    ({}, "sender"),
    ({"sender": "", "destination": TO}, "sender '': must be named"),
    ({"sender": "x" * 1001, "destination": TO}, "must be 1000 printable letters at most"),
    ({"sender": "a\nb", "destination": TO}, "must be 1000 printable letters at most"),
    ({"sender": "web1"}, "destination '': must be named"),
    ({"sender": "web1", "destination": TO, "protocol": "dhcp"}, "of dhcp, which asks everybody"),
    ({"sender": "web1", "destination": TO, "protocol": "sctp"}, "sctp is none of icmp, tcp, udp"),
    ({"sender": "web1", "destination": TO, "protocol": ["tcp"]}, "is none of icmp, tcp"),
    ({"sender": "web1", "destination": TO, "protocol": "tcp"}, "port '0': is no number"),
    ({"sender": "web1", "destination": TO, "protocol": "tcp", "port": 65536}, "port '65536'"),
    ({"sender": "web1", "destination": TO, "protocol": "tcp", "port": "80"}, "port"),
    ({"sender": "web1", "destination": TO, "protocol": "tcp", "port": True}, "port"),
    ({"sender": "web1", "destination": TO, "port": 80}, "is of tcp and udp alone"),
    ({"sender": "web1", "destination": TO, "protocol": "dns", "port": 53}, "tcp and udp alone"),
    ({"sender": "web1", "destination": TO, "name": "a.test"}, "is of dns alone"),
    ({"sender": 7, "destination": TO}, "sender"),
    ({"sender": "web1", "destination": TO, "data": "x"}, "data"),
)


@pytest.mark.parametrize(("told", "says"), WRONG)
def test_what_is_sent_wrong_is_refused_in_a_line(told: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        trace_of(told).request()
    assert says in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 400


def test_what_became_of_it_arrives_as_it_was() -> None:
    told = json.loads(as_line(journey_record(JOURNEY)))
    assert told["reached"] is False
    assert value_of(Journey, told) == JOURNEY


def test_what_is_waited_for_is_the_same_at_the_other_end_and_judged_there() -> None:
    asked = AskedWait(AskedTrace("web1", TO, "tcp", 443), 600)
    assert wait_of(sent(asked)) == asked
    assert asked.request() == TraceRequest("web1", TO, "tcp", 443)
    for wrong in (
        AskedWait(AskedTrace("web1", TO, "arp"), 9),
        AskedWait(AskedTrace("web1", TO), 601),
        AskedWait(AskedTrace("web1", TO), 0),
    ):
        with pytest.raises(InvalidValue):
            wrong.request()
    found = WaitedJourneys((JOURNEY,), "10.0.0.1")
    assert value_of(WaitedJourneys, sent(waited_record(found))) == found
