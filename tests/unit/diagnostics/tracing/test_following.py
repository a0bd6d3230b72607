"""From messages of the kernel and sightings at interfaces to hops, in the order of the way."""

import struct
from dataclasses import replace

from netconsole.backend.filtering.nf_messages import NfFamily
from netconsole.diagnostics.parts.journey import TracedRule
from netconsole.diagnostics.tracing.following import Interfaces, by_packet, hops
from netconsole.diagnostics.tracing.heard import Heard, TraceSighting
from netconsole.diagnostics.tracing.trace_messages import TraceMessage, parse_traces
from netconsole.diagnostics.tracing.traced_packet import Recognised, TracedPacket

GUEST, WORLD, FLOATING = "10.0.0.2", "192.0.2.1", "203.0.113.129"
PACKET = TracedPacket("icmp", WORLD, 0, 99)
PORT, BRIDGE, UPLINK = 5, 4, 2
LINKS = Interfaces({PORT: "veth1", BRIDGE: "br100", UPLINK: "eth0"}, {"veth1": "br100"})


def rule(place: tuple[NfFamily, str, str], handle: int) -> TracedRule:
    return TracedRule(*place, handle, 1, f"rule {handle}")


def met(
    number: int, family: NfFamily, table: str, chain: str, into: int, out: int = 0
) -> TraceMessage:
    return TraceMessage(
        *(number, family, table, chain, "rule", number, "accept", into, out),
        PACKET.packet(GUEST),
    )


def saw(at: int, interface: str, leaves: bool, source: str = GUEST) -> TraceSighting:
    return TraceSighting(at, interface, leaves, Recognised("there", source, WORLD), 84)


def order(heard: Heard) -> list[str]:
    return [
        each.rule.chain if each.rule else f"{each.kind} {each.interface}"
        for each in hops(heard, PACKET, LINKS, rule)
    ]


def test_what_came_in_is_before_the_chains_of_that_interface_and_what_leaves_after() -> None:
    messages = [
        met(1, "netdev", "netconsole", "port", PORT),
        met(2, "bridge", "filter", "PREROUTING", PORT),
        met(3, "ip", "nat", "PREROUTING", BRIDGE),
        met(4, "ip", "filter", "FORWARD", BRIDGE, UPLINK),
        met(5, "ip", "nat", "POSTROUTING", BRIDGE, UPLINK),
    ]
    seen = [saw(10, "br100", False), saw(10, "veth1", False), saw(12, "eth0", True, FLOATING)]
    way = [
        *("arrived veth1", "port", "PREROUTING", "arrived br100", "PREROUTING", "FORWARD"),
        *("POSTROUTING", "left eth0"),
    ]
    assert order(Heard(messages, seen)) == way


def test_of_what_is_sent_again_the_first_is_told_of() -> None:
    one = met(1, "ip", "filter", "FORWARD", BRIDGE, UPLINK)
    again = replace(one, number=9)
    seen = [saw(at, "veth1", False) for at in (1, 2, 3)]
    assert order(Heard([one, again], seen)) == ["arrived veth1", "FORWARD"]


def test_what_is_of_another_packet_is_left_out() -> None:
    other = replace(
        met(1, "ip", "filter", "FORWARD", BRIDGE),
        packet=TracedPacket("icmp", WORLD, 0, 1).packet(GUEST),
    )
    assert order(Heard([other], [])) == []


def test_of_each_packet_are_the_messages_that_are_of_it_in_their_order() -> None:
    other = TracedPacket("icmp", WORLD, 0, 1)
    begun = met(1, "ip", "filter", "FORWARD", BRIDGE)
    mine = [begun, replace(begun, packet=b"", handle=2), met(3, "ip", "nat", "POSTROUTING", BRIDGE)]
    its = replace(met(2, "ip", "filter", "FORWARD", BRIDGE), packet=other.packet(GUEST))
    messages = [mine[0], its, *mine[1:]]
    assert by_packet(messages, [PACKET, other, TracedPacket("udp", WORLD, 53, 7)]) == [
        mine,
        [its],
        [],
    ]


def attribute(kind: int, value: bytes) -> bytes:
    padded = value + b"\0" * (-len(value) % 4)
    return struct.pack("=HH", 4 + len(value), kind) + padded


def message(kind: int, *attributes: bytes) -> bytes:
    body = struct.pack("=BBH", 2, 0, 0) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), 10 << 8 | kind, 0, 0, 0) + body


def test_messages_of_the_kernel_are_read() -> None:
    place = attribute(1, b"filter\0") + attribute(2, b"FORWARD\0")
    drop = attribute(5, attribute(1, struct.pack(">i", 0)))
    jump = attribute(5, attribute(1, struct.pack(">i", -3)) + attribute(2, b"other\0"))
    kinds = {name: attribute(4, struct.pack(">I", number)) for name, number in (("p", 1), ("r", 3))}
    policy = attribute(16, struct.pack(">I", 1))
    handle, number = attribute(3, struct.pack(">Q", 7)), attribute(6, struct.pack(">I", 5))
    piece = b"".join(
        (
            message(17, place, kinds["r"], handle, drop, number),
            message(17, place, kinds["r"], handle, jump, number),
            message(17, place, kinds["p"], policy, number),
            message(15, place),
        )
    )
    found = [(each.kind, each.handle, each.verdict) for each in parse_traces(piece)]
    assert found == [("rule", 7, "drop"), ("rule", 7, "jump other"), ("policy", 0, "accept")]
