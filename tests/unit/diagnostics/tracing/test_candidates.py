"""Of many packets that are followed at once, those alone are asked that something may be."""

from dataclasses import dataclass

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP
from scapy.packet import Raw

from netconsole.diagnostics.probes.dhcp_message import discover
from netconsole.diagnostics.tracing.candidates import Candidates
from netconsole.diagnostics.tracing.local_packets import TracedDiscover, TracedQuestion
from netconsole.diagnostics.tracing.traced_packet import (
    Recognisable,
    Recognised,
    TracedPacket,
    Transport,
)
from netconsole.diagnostics.tracing.waited_traffic import WaitedPacket, WaitedTraffic

GUEST, WORLD, MARK = "10.0.0.2", "192.0.2.1", 77_000_111
MAC = "fa:16:3e:00:00:01"
ECHO, CONNECT, ASKED = (TracedPacket(each, WORLD, 443, MARK) for each in ("icmp", "tcp", "udp"))
LONG = TracedPacket("tcp", WORLD, 443, MARK, b"x" * 900)
TRANSACTION = TracedDiscover(MARK)
QUESTION = TracedQuestion("10.0.0.1", GUEST)
WAITED = WaitedTraffic("icmp", "", (WORLD,), 0)
BACK = IP(src=WORLD, dst=GUEST)


def error(packet: TracedPacket) -> bytes:
    """What quotes as little of it as it may (RFC 792)."""
    return bytes(BACK / ICMP(type=3, code=1) / Raw(packet.packet(GUEST)[:28]))


def segment(flags: str, acknowledged: int) -> bytes:
    return bytes(BACK / TCP(sport=443, dport=5, flags=flags, ack=MARK + acknowledged))


FOUND: list[tuple[Recognisable, bytes]] = [
    *((each, each.packet(GUEST)) for each in (ECHO, CONNECT, LONG, ASKED)),
    *((each, error(each)) for each in (ECHO, CONNECT, LONG, ASKED)),
    (ECHO, bytes(BACK / ICMP(type=0, id=MARK >> 16, seq=MARK & 0xFFFF))),
    (CONNECT, segment("SA", 1)),
    (LONG, segment("RA", 901)),
    (ASKED, bytes(BACK / UDP(sport=443, dport=ASKED.source_port) / Raw(b"x"))),
    (TRANSACTION, discover(MAC, MAC, MARK)[14:]),
    (QUESTION, bytes(ARP(op=1, psrc=QUESTION.sender, pdst=QUESTION.asked))),
    (QUESTION, bytes(ARP(op=2, psrc=QUESTION.asked, pdst=QUESTION.sender))),
    (WAITED, ECHO.packet(GUEST)),
    (WaitedPacket(WAITED, MARK), ECHO.packet(GUEST)),
]


@pytest.mark.parametrize(("packet", "found"), FOUND)
def test_whatever_is_something_to_a_packet_has_it_for_a_candidate(
    packet: Recognisable, found: bytes
) -> None:
    assert packet.recognise(found) is not None
    assert packet in Candidates([packet]).of(found)


@dataclass(frozen=True)
class Counted(TracedPacket):
    """One that notes how often it was asked."""

    def recognise(self, packet: bytes) -> Recognised | None:
        asked.append(self)
        return super().recognise(packet)


asked: list[Counted] = []


@pytest.mark.parametrize("protocol", ["icmp", "tcp", "udp"])
def test_of_many_hardly_one_more_is_asked_than_it_is(protocol: Transport) -> None:
    asked.clear()
    many = [Counted(protocol, WORLD, 443, MARK + 1_000_003 * number) for number in range(60)]
    candidates = Candidates(many)
    for each in many:
        found = each.packet(GUEST)
        assert [one for one in candidates.of(found) if one.recognise(found)] == [each]
    assert len(asked) <= len(many) + 2, "the two bytes of a port may be in another one by chance"
