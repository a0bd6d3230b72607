"""Of what is waited for, one packet is known again there and back, and from all others."""

from dataclasses import replace

import pytest

from netconsole.diagnostics.tracing.traced_packet import Recognised, TracedPacket, Transport
from netconsole.diagnostics.tracing.waited_traffic import WaitedPacket, WaitedTraffic

GUEST, SERVER, FIXED = "10.0.0.2", "203.0.113.129", "10.0.0.3"
TCP = WaitedTraffic("tcp", GUEST, (SERVER, FIXED), 443)
SENT = TracedPacket("tcp", SERVER, 443, 77)


def turned(packet: bytes, flags: int, acknowledged: int) -> bytes:
    """An answer to a segment: ends and ports the other way round."""
    head, body = bytearray(packet[:20]), bytearray(packet[20:])
    head[12:16], head[16:20] = packet[16:20], packet[12:16]
    body[0:2], body[2:4] = packet[22:24], packet[20:22]
    body[8:12], body[13] = acknowledged.to_bytes(4, "big"), flags
    return bytes(head + body)


def test_a_connection_is_known_by_its_first_segment() -> None:
    first = SENT.packet(GUEST)
    assert TCP.recognise(first) == Recognised("there", GUEST, SERVER, key=77)
    accepted, reset = (turned(first, flags, 78) for flags in (0x12, 0x14))
    assert TCP.recognise(accepted) == Recognised("back", SERVER, GUEST, "answer", key=77)
    assert TCP.recognise(reset) == Recognised("back", SERVER, GUEST, "refusal", key=77)
    assert TCP.recognise(turned(first, 0x10, 78)) is None, "later segments are no answer to it"
    translated = replace(SENT, destination=FIXED).packet(GUEST)
    assert TCP.recognise(translated) == Recognised("there", GUEST, FIXED, key=77)


def test_one_is_told_from_others() -> None:
    first = SENT.packet(GUEST)
    assert WaitedPacket(TCP, 77).recognise(first) is not None
    assert WaitedPacket(TCP, 78).recognise(first) is None
    for other in (
        replace(SENT, port=80),
        replace(SENT, destination="203.0.113.1"),
        replace(SENT, protocol="udp"),
    ):
        assert TCP.recognise(other.packet(GUEST)) is None
    assert TCP.recognise(first[:24]) is None, "cut off"


@pytest.mark.parametrize("protocol", ["icmp", "tcp", "udp"])
def test_an_error_is_known_by_what_it_quotes(protocol: Transport) -> None:
    sent = replace(SENT, protocol=protocol)
    traffic = replace(TCP, protocol=protocol)
    packet = sent.packet(GUEST)
    begun = traffic.recognise(packet)
    assert begun is not None
    error = bytearray(TracedPacket("icmp", GUEST, 0, 0).packet("203.0.113.1")[:28]) + packet
    error[20:22] = bytes((3, 1))
    assert traffic.recognise(bytes(error)) == Recognised(
        "back", "203.0.113.1", GUEST, "error", (3, 1), begun.key
    )
