"""The packet that is followed is known again wherever it comes, and nothing else is."""

import socket
import struct
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

from netconsole.diagnostics.tracing.traced_packet import TracedPacket, Transport

GUEST, WORLD, FLOATING = "10.0.0.2", "192.0.2.1", "203.0.113.129"
PROTOCOLS: tuple[Transport, ...] = ("icmp", "tcp", "udp")
LAYERS = {"icmp": ICMP, "tcp": TCP, "udp": UDP}
MARKS = st.integers(1, 2**31 - 1)


def sent(protocol: Transport, mark: int = 77_000_111) -> TracedPacket:
    return TracedPacket(protocol, WORLD, 0 if protocol == "icmp" else 443, mark)


@given(st.sampled_from(PROTOCOLS), MARKS)
def test_what_is_sent_has_right_checksums_and_is_recognised(protocol: Transport, mark: int) -> None:
    packet = sent(protocol, mark)
    raw = packet.packet(GUEST)
    read = IP(raw)
    rebuilt = IP(raw)
    del rebuilt.chksum
    del rebuilt[LAYERS[protocol]].chksum
    assert bytes(rebuilt) == raw, "as scapy works out the sums"
    found = packet.recognise(raw)
    assert found is not None
    assert (found.way, found.source, found.destination) == ("there", read.src, read.dst)


@given(st.sampled_from(PROTOCOLS), MARKS)
def test_it_is_known_after_its_addresses_were_translated(protocol: Transport, mark: int) -> None:
    packet = sent(protocol, mark)
    translated = packet.packet(FLOATING)
    found = packet.recognise(translated)
    assert found is not None
    assert (found.way, found.source) == ("there", FLOATING)


def test_answers_refusals_and_errors_are_told_apart() -> None:
    echo = sent("icmp")
    raw = bytes(IP(echo.packet(GUEST))[ICMP])
    reply = IP(src=WORLD, dst=GUEST) / ICMP(b"\0" + raw[1:])
    connect = sent("tcp")
    segment = IP(connect.packet(GUEST))[TCP]
    both = {"sport": 443, "dport": segment.sport, "ack": segment.seq + 1}
    accepted = IP(src=WORLD, dst=GUEST) / TCP(flags="SA", seq=9, **both)
    refused = IP(src=WORLD, dst=GUEST) / TCP(flags="RA", seq=0, **both)
    asked = sent("udp")
    answered = IP(src=WORLD, dst=GUEST) / UDP(sport=443, dport=asked.source_port) / Raw(b"x")
    for packet, answer, reply_kind in (
        (echo, reply, "answer"),
        (connect, accepted, "answer"),
        (connect, refused, "refusal"),
        (asked, answered, "answer"),
    ):
        found = packet.recognise(bytes(answer))
        assert found is not None
        assert (found.way, found.reply, found.source) == ("back", reply_kind, WORLD)


def test_a_reset_acknowledges_data_as_well_and_is_known() -> None:
    connect = replace(sent("tcp"), payload=b"x" * 900)
    segment = IP(connect.packet(GUEST))[TCP]
    ends = {"sport": 443, "dport": segment.sport, "ack": segment.seq + 1 + 900}
    found = connect.recognise(bytes(IP(src=WORLD, dst=GUEST) / TCP(flags="RA", seq=0, **ends)))
    assert found is not None
    assert (found.way, found.reply) == ("back", "refusal")
    assert sent("tcp").recognise(bytes(IP(src=WORLD, dst=GUEST) / TCP(flags="RA", **ends))) is None


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_error_of_icmp_is_about_what_it_quotes(protocol: Transport) -> None:
    packet = sent(protocol)
    quoted = packet.packet(GUEST)[:28]  # as little as RFC 792 asks for
    error = IP(src="203.0.113.1", dst=GUEST) / ICMP(type=3, code=13) / Raw(quoted)
    found = packet.recognise(bytes(error))
    assert found is not None
    assert (found.reply, found.kind, found.source) == ("error", (3, 13), "203.0.113.1")
    other = sent(protocol, 1234)
    assert other.recognise(bytes(error)) is None


@given(st.sampled_from(PROTOCOLS), st.binary(max_size=80))
def test_what_is_not_its_own_is_nothing_to_it(protocol: Transport, noise: bytes) -> None:
    packet = sent(protocol)
    packet.recognise(noise)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(noise), 1, 0, 64, socket.IPPROTO_TCP, 0)
    ends = IPv4Address(GUEST).packed + IPv4Address(WORLD).packed
    marked = struct.pack("!I", packet.mark) in noise
    acknowledged = struct.pack("!I", packet.mark + 1) in noise
    assert packet.recognise(head + ends + noise) is None or marked or acknowledged
