"""Frames taken apart: held against scapy's, and against bytes that are no frames."""

import packets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from packets import answer, built, query, tagged, udp

from netconsole.capture.identity import changes, identity, rewritten, stretch
from netconsole.capture.layers import ethernet, internet, ports, tcp, untagged
from netconsole.capture.services import dhcp, dns_messages
from netconsole.capture.summary import summary

BIG = 0xFFFF


def test_tags_are_read_and_taken_off() -> None:
    frame = udp(7)
    double = tagged(tagged(frame, 100), 300)
    head = ethernet(double)
    assert head is not None
    assert head.tags == (300, 100)
    assert head.source == bytes.fromhex(packets.GUEST.replace(":", ""))
    assert untagged(double) == frame
    assert summary(double, len(double)).startswith("vlan 300 vlan 100 10.0.0.2.4000 > ")


def test_padding_is_no_part_of_a_packet() -> None:
    frame = udp(7, payload=b"x")
    head = ethernet(frame + bytes(17))
    assert head is not None
    packet = internet(frame + bytes(17), head)
    assert packet is not None
    assert packet.end == len(frame)
    assert identity(frame + bytes(17)) == identity(frame)


def test_ipv6_behind_extension_headers() -> None:
    from scapy.layers.inet import UDP
    from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop
    from scapy.layers.l2 import Ether

    network = IPv6(src="fd00::2", dst="fd00::1") / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt()
    frame = built(Ether() / network / UDP(sport=5, dport=6) / b"hello")
    head = ethernet(frame)
    assert head is not None
    packet = internet(frame, head)
    assert packet is not None
    assert (str(packet.source), ports(frame, packet)) == ("fd00::2", (5, 6))
    assert frame[packet.at + 8 : packet.end] == b"hello"


def test_a_later_fragment_has_no_ports() -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    whole = Ether() / IP(id=5, frag=100) / UDP(sport=5, dport=6)
    assert "fragment at 800" in summary(built(whole), 60)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (query(77), "10.0.0.2.4242 > 10.0.0.1.53 DNS 77 A www.example.org?"),
        (answer(77, rcode=3), "10.0.0.1.53 > 10.0.0.2.4242 DNS 77 A www.example.org NXDOMAIN"),
        (answer(77, tc=1), "10.0.0.1.53 > 10.0.0.2.4242 DNS 77 A www.example.org NOERROR TC"),
        (query(77)[:64], "10.0.0.2.4242 > 10.0.0.1.53 DNS 77 ? www.…?"),
        (udp(1)[:20], "fa:16:3e:00:00:02 > 02:00:00:00:00:0b type 0x0800, 100 bytes"),
        (b"short", "5 bytes, too short for a frame"),
    ],
)
def test_a_packet_in_one_line(frame: bytes, said: str) -> None:
    assert summary(frame, 100) == said


def test_arp_icmp_and_tcp_in_one_line() -> None:
    from scapy.layers.inet import ICMP, IP, TCP
    from scapy.layers.l2 import ARP, Ether

    asked = Ether() / ARP(op=1, psrc="10.0.0.2", pdst="10.0.0.1")
    assert summary(built(asked), 42) == "ARP who has 10.0.0.1, tell 10.0.0.2"
    network = IP(src="10.0.0.2", dst="10.0.0.1")
    echo = built(Ether() / network / ICMP(id=9, seq=4))
    assert summary(echo, 60) == "10.0.0.2 > 10.0.0.1 ICMP echo request id 9 seq 4, 8 bytes"
    opening = built(Ether() / network / TCP(sport=1, dport=2, flags="SA", seq=5, ack=6))
    assert summary(opening, 60) == "10.0.0.2.1 > 10.0.0.1.2 TCP [SA] seq 5 ack 6, 0 bytes"


def test_a_dhcp_message() -> None:
    from scapy.layers.dhcp import BOOTP, DHCP

    chaddr = bytes.fromhex(packets.GUEST.replace(":", ""))
    message = BOOTP(xid=0xABCD, chaddr=chaddr) / DHCP(options=[("message-type", "discover"), "end"])
    frame = udp(1, payload=built(message), ports=(68, 67))
    assert summary(frame, 300).endswith("DHCP DISCOVER xid 0000abcd fa:16:3e:00:00:02")
    cut = frame[:128]  # the options are behind what a capture keeps
    assert summary(cut, 300).endswith("DHCP request xid 0000abcd fa:16:3e:00:00:02")


MADE = [udp(1), query(2), answer(3), tagged(udp(4), 100), udp(5, payload=bytes(200))]


@st.composite
def hostile(draw: st.DrawFn) -> bytes:
    """Return noise, or a good frame that was cut and in which bytes were changed."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=200))
    frame = bytearray(draw(st.sampled_from(MADE)))
    for place, value in draw(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 255)))):
        if place < len(frame):
            frame[place] = value
    return bytes(frame[: draw(st.integers(0, len(frame)))])


@given(hostile(), hostile())
def test_nothing_is_raised_by_what_a_guest_sends(frame: bytes, other: bytes) -> None:
    summary(frame, BIG)
    identity(frame)
    rewritten(frame)
    stretch(frame)
    changes(frame, other)
    head = ethernet(frame)
    packet = internet(frame, head) if head is not None else None
    if packet is not None:
        tcp(frame, packet)
        tuple(dns_messages(frame, packet))
        dhcp(frame, packet)


@given(hostile(), st.integers(1, 4094))
def test_a_tag_does_not_change_who_a_packet_is(frame: bytes, tag: int) -> None:
    head = ethernet(frame)
    if head is not None and not head.tags:
        assert identity(tagged(frame, tag)) == identity(frame)
        assert changes(frame, tagged(frame, tag)) == ()


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_two_datagrams_are_one_only_when_they_are_alike(one: int, two: int) -> None:
    assert (identity(udp(one)) == identity(udp(two))) == (one == two)


def test_a_router_does_not_change_who_a_packet_is() -> None:
    before = udp(9, ttl=64)
    after = udp(9, ttl=63, macs=(packets.HOST_MAC, packets.PEER))
    assert identity(before) == identity(after)
    assert changes(before, after) == ("routed",)


def test_a_checksum_that_is_not_ready_is_no_change() -> None:
    before = bytearray(udp(9))
    before[40:42] = b"\x12\x34"
    assert identity(bytes(before)) == identity(udp(9))
    assert changes(bytes(before), udp(9)) == ("checksum",)
    assert changes(bytes(before), udp(9), checksums=False) == ()
