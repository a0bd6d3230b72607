"""What is asked of a dnsmasq by the host itself, as another program reads it."""

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

from netconsole.diagnostics.probes.arrivals import Passed, told_by
from netconsole.diagnostics.probes.dhcp_message import answers_transaction, inform
from netconsole.diagnostics.probes.dns_message import (
    addresses,
    answers_question,
    question_of_its_own,
)


def test_a_question_that_dnsmasq_answers_by_itself() -> None:
    asked = DNS(question_of_its_own(7))
    assert (asked.id, asked.qr, asked.rd) == (7, 0, 1)
    assert (asked.qd[0].qname, asked.qd[0].qtype, asked.qd[0].qclass) == (b"cachesize.bind.", 16, 3)


def test_only_an_answer_of_the_same_number_is_one() -> None:
    assert answers_question(bytes(DNS(id=7, qr=1)), 7)
    for other in (bytes(DNS(id=8, qr=1)), bytes(DNS(id=7, qr=0)), b"", b"\0\7\x80"):
        assert not answers_question(other, 7)


def test_addresses_are_read_of_an_answer_also_where_it_is_cut_off() -> None:
    alias = DNSRR(rrname="a.example.com", type="CNAME", rdata="b.example.com")
    found = [DNSRR(rrname="b.example.com", rdata=f"10.0.0.{last}") for last in (98, 99)]
    asked = DNSQR(qname="a.example.com")
    told = bytes(DNS(id=7, qr=1, qd=[asked], an=[alias, *found]))
    assert addresses(told) == ("10.0.0.98", "10.0.0.99")
    assert addresses(told[:-3]) == ("10.0.0.98",)
    pointing = told[:12] + told[12:31] + b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4\x0a\0\0\x09"
    assert addresses(pointing[:6] + b"\0\1" + pointing[8:]) == ("10.0.0.9",)
    assert addresses(b"") == addresses(told[:12]) == ()


def test_an_inform_says_where_the_answer_goes() -> None:
    asked = BOOTP(inform("02:6e:63:00:00:00", "10.0.0.1", 9))
    assert (asked.op, asked.xid, asked.ciaddr, asked.yiaddr) == (1, 9, "10.0.0.1", "0.0.0.0")  # noqa: S104  no address
    assert asked.chaddr[:6].hex(":") == "02:6e:63:00:00:00"
    assert asked[DHCP].options[0] == ("message-type", 8)


def test_only_a_reply_to_the_same_transaction_is_an_answer() -> None:
    reply = BOOTP(op=2, xid=9) / DHCP(options=[("message-type", "ack"), "end"])
    assert answers_transaction(bytes(reply), 9)
    request = BOOTP(op=1, xid=9) / DHCP(options=[("message-type", "inform"), "end"])
    for other in (bytes(request), bytes(reply)[:239], b"", bytes(240)):
        assert not answers_transaction(other, 9)
    assert not answers_transaction(bytes(reply), 10)


@pytest.mark.parametrize(
    ("kind", "told"),
    [(0, Passed(arrived=True)), (3, Passed(strayed="02:00:00:00:99:99")), (4, None)],
)
def test_an_echo_reply_for_another_machine_is_no_arrival(kind: int, told: Passed | None) -> None:
    frame = Ether(dst="02:00:00:00:99:99") / IP(dst="203.0.113.129") / ICMP(type=0)
    assert told_by(bytes(frame), kind) == (told and ("203.0.113.129", told))
