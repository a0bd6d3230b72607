"""Two points compared: what passed, what got lost and which way, what was changed."""

from collections.abc import Iterable
from typing import Any

from packets import (
    GATEWAY,
    GUEST,
    GUEST_IP,
    HOST_MAC,
    PEER,
    answer,
    built,
    came_in,
    query,
    tagged,
    udp,
    went_out,
)

from netconsole.capture.analysis import Analysis
from netconsole.capture.comparison import Comparison, PairReport
from netconsole.capture.packet import Packet
from netconsole.capture.topology import Point

BRIDGE = Point("br100", bytes.fromhex(HOST_MAC.replace(":", "")))
VLAN = Point("vlan100", bytes.fromhex("020000000064"), master="br100", lower="eth0", tag=100)
TRUNK = Point("eth0", bytes.fromhex("020000000001"))
TAP = Point("tap0", bytes.fromhex("fe163e000002"), master="br100")
SECOND_MS = 1000.0
LONG_NS = 60_000_000_000


def compared(
    points: tuple[Point, ...], *sights: Iterable[Packet], dropped: int = 0, snaplen: int = 128
) -> Comparison:
    analysis = Analysis(points, snaplen, 0, LONG_NS)
    for index, seen in enumerate(sights):
        for packet in seen:
            analysis.add(index, [packet])
    analysis.dropped[-1] = dropped
    return analysis.conclude()


def pair(
    first: Point, second: Point, here: Iterable[Packet], there: Iterable[Packet], dropped: int = 0
) -> PairReport:
    return compared((first, second), here, there, dropped=dropped).pairs[0]


def test_both_ways_complete_with_their_latency() -> None:
    here = [came_in(1, query(1)), went_out(3.5, answer(1))]
    there = [came_in(1, query(1)), went_out(3, answer(1))]
    found = pair(VLAN, BRIDGE, here, there)
    assert [way.passed for way in found.ways] == [1, 1]
    assert found.ways[0].latency.max_ms == 0
    assert found.ways[1].latency.max_ms == 0.5
    assert found.verdict.kind == "complete"
    assert found.changed == {}


def test_lost_on_the_way_up() -> None:
    here = [came_in(number, query(number)) for number in range(10)]
    found = pair(VLAN, BRIDGE, here, here[:6])
    assert (found.ways[0].sent, found.ways[0].lost) == (10, 4)
    assert found.verdict.sentence == (
        "4 of 10 packets from vlan100 to br100 got lost: seen on vlan100, not on br100."
    )
    assert found.verdict.confidence == "high"
    assert found.ways[0].examples[0].endswith("DNS 6 A www.example.org?")


def test_lost_on_the_way_down_is_told_from_what_is_for_another_port() -> None:
    heard = [came_in(0, query(0))]
    for_the_guest = [went_out(number, answer(number)) for number in range(1, 4)]
    other = [went_out(5, udp(5, macs=(HOST_MAC, PEER), target="10.0.0.3"))]
    found = pair(VLAN, BRIDGE, heard + for_the_guest[:2], heard + for_the_guest + other)
    assert (found.ways[1].passed, found.ways[1].lost) == (2, 1)
    assert found.elsewhere == 1
    assert "1 of 3 packets from br100 to vlan100 got lost" in found.verdict.sentence
    assert "1 packet was not meant to come by" in found.verdict.sentence


def test_what_a_bridge_passes_between_its_ports_is_not_lost() -> None:
    passed = [came_in(number, udp(number, macs=(GUEST, PEER))) for number in range(5)]
    found = pair(VLAN, BRIDGE, passed, [])
    assert found.verdict.kind == "nothing"
    assert found.elsewhere == 5


def test_what_is_sent_to_everyone_must_reach_the_bridge() -> None:
    passed = [came_in(n, udp(n, macs=(GUEST, "ff:ff:ff:ff:ff:ff"))) for n in range(5)]
    assert pair(VLAN, BRIDGE, passed, []).ways[0].lost == 5


def test_between_two_ports_of_a_bridge() -> None:
    heard = [came_in(0, udp(0, macs=(PEER, GUEST)))]
    sent = [came_in(number, udp(number, macs=(GUEST, PEER))) for number in range(1, 6)]
    arrived = [went_out(n + 0.1, udp(n, macs=(GUEST, PEER))) for n in range(1, 4)]
    found = pair(VLAN, TAP, [went_out(0.2, heard[0][1]), *sent], [*heard, *arrived])
    assert found.relation == "ports"
    assert (found.ways[0].passed, found.ways[0].lost, found.ways[1].passed) == (3, 2, 1)


def test_a_trunk_and_the_vlan_on_it() -> None:
    here = [came_in(n, tagged(udp(n), 100)) for n in range(6)]
    here += [came_in(n, tagged(udp(n), 200)) for n in range(10, 14)]
    there = [came_in(n, udp(n)) for n in range(5)]
    found = pair(TRUNK, VLAN, here, there)
    assert (found.ways[0].passed, found.ways[0].lost, found.elsewhere) == (5, 1, 4)
    assert found.changed == {}


def test_seen_there_but_not_here() -> None:
    there = [came_in(number, query(number)) for number in range(5)]
    found = pair(VLAN, BRIDGE, there[:3], there)
    # The guest was heard at the port: what is from it has come by there.
    assert found.ways[0].unseen == 2
    assert found.verdict.kind == "unseen"
    assert "2 packets on br100 should have come by vlan100" in found.verdict.sentence


def test_losses_of_the_capture_lower_the_confidence() -> None:
    here = [came_in(number, query(number)) for number in range(100)]
    lossy = pair(VLAN, BRIDGE, here, here[:97], dropped=3).verdict
    assert lossy.confidence == "low"
    assert lossy.doubt == (
        "The capture itself lost 3 % of the packets on br100: absence is not proof."
    )
    assert pair(VLAN, BRIDGE, here, here[:50], dropped=1).verdict.confidence == "medium"
    assert pair(VLAN, BRIDGE, here, here, dropped=3).verdict.confidence == "low"


def test_few_packets_prove_little_and_none_nothing() -> None:
    assert pair(VLAN, BRIDGE, [came_in(1, query(1))], []).verdict.confidence == "medium"
    nothing = pair(VLAN, BRIDGE, [], []).verdict
    assert (nothing.kind, nothing.confidence) == ("nothing", "low")


def test_a_copy_is_counted_and_not_paired() -> None:
    once, twice = came_in(1, query(1)), [came_in(1, query(1)), came_in(1.2, query(1))]
    for here, there in (([once], twice), (twice, [once]), (twice, twice)):
        found = pair(VLAN, BRIDGE, here, there)
        assert (found.ways[0].passed, found.ways[0].lost, found.ways[0].unseen) == (1, 0, 0)
        assert found.duplicates == len(here) + len(there) - 2


def test_the_same_sent_again_later_is_another_packet() -> None:
    from scapy.layers.l2 import ARP, Ether

    asking = built(Ether(src=GUEST, dst="ff:ff:ff:ff:ff:ff") / ARP(pdst=GATEWAY))
    here = [came_in(number * SECOND_MS, asking) for number in range(5)]
    for missing in range(5):
        there = [packet for number, packet in enumerate(here) if number != missing]
        found = pair(VLAN, BRIDGE, here, there)
        assert (found.ways[0].passed, found.ways[0].lost) == (4, 1)
        assert found.ways[0].latency.max_ms == 0


def test_the_order_in_which_the_interfaces_are_read_does_not_matter() -> None:
    here = [came_in(number * 20, query(1)) for number in range(3)]
    analysis = Analysis((VLAN, BRIDGE), 128, 0, LONG_NS)
    analysis.add(0, here)
    analysis.add(1, here)
    assert analysis.conclude().pairs[0].ways[0].passed == 3


def test_near_the_end_nothing_is_said_to_be_lost() -> None:
    analysis = Analysis((VLAN, BRIDGE), 128, 400_000_000, 1_000_000_000)
    analysis.add(0, [came_in(1, query(1)), came_in(500, query(2)), came_in(950, query(3))])
    found = analysis.conclude().pairs[0]
    assert (found.ways[0].lost, found.undecided) == (1, 2)


def test_address_translation_is_a_change_and_no_loss() -> None:
    before = [came_in(n, udp(n, ttl=64)) for n in range(6)]
    after = [
        went_out(n + 0.1, udp(n, source="203.0.113.2", ports=(61000, 9), ttl=63)) for n in range(6)
    ]
    found = pair(BRIDGE, TRUNK, before, after)
    assert (found.ways[0].passed, found.ways[0].lost) == (6, 0)
    assert found.changed["source address"] == 6
    assert found.changed["source port"] == 6
    assert found.verdict.kind == "changed"


def test_a_changed_payload_is_named() -> None:
    before = [came_in(n, udp(n, payload=b"good" * 10, identification=n + 1)) for n in range(6)]
    after = [came_in(n, udp(n, payload=b"evil" * 10, identification=n + 1)) for n in range(6)]
    found = pair(VLAN, BRIDGE, before, after)
    assert found.ways[0].passed == 6
    assert found.changed["payload"] == 6


def test_segments_that_were_cut_or_joined_have_arrived() -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    def segment(at: int, length: int, number: int) -> bytes:
        head = Ether(src=GUEST, dst=HOST_MAC) / IP(src=GUEST_IP, dst=GATEWAY, id=number)
        return built(head / TCP(sport=5, dport=80, seq=at, flags="A") / bytes(length))

    joined = [came_in(1, segment(1000, 3000, 1)[:128])]
    cut = [came_in(1, segment(1000 + 1000 * n, 1000, 10 + n)[:128]) for n in range(3)]
    assert pair(VLAN, BRIDGE, joined, cut).ways[0].lost == 0
    assert pair(VLAN, BRIDGE, cut, joined).ways[0].lost == 0
    missing = pair(VLAN, BRIDGE, joined, cut[:2])
    assert missing.ways[0].lost == 1


def test_fragments_that_a_bridge_put_together_have_arrived() -> None:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    whole = Ether(src=GUEST, dst=HOST_MAC) / IP(src=GUEST_IP, dst=GATEWAY, id=9)
    whole = whole / UDP(sport=5, dport=6) / bytes(3000)
    together = [came_in(1, built(whole)[:128])]
    cut = [came_in(1, built(piece)[:128]) for piece in _fragments(whole)]
    assert len(cut) == 3
    for here, there in ((cut, together), (together, cut)):
        found = pair(VLAN, BRIDGE, here, there)
        assert (found.ways[0].passed, found.ways[0].lost) == (len(here), 0)
        assert found.ways[0].unseen == 0
    assert pair(VLAN, BRIDGE, cut, []).ways[0].lost == 3


def _fragments(whole: Any) -> list[Any]:
    from scapy.layers.inet import fragment

    pieces: list[Any] = fragment(whole, fragsize=1400)  # type: ignore[no-untyped-call]  # scapy's
    return pieces


def test_three_points_are_compared_each_with_the_next() -> None:
    sent = [came_in(number, query(number)) for number in range(10)]
    found = compared((TRUNK, VLAN, BRIDGE), _with_tag(sent), sent[:8], sent[:5])
    assert [(report.first, report.second) for report in found.pairs] == [
        ("eth0", "vlan100"),
        ("vlan100", "br100"),
    ]
    assert [report.ways[0].lost for report in found.pairs] == [2, 3]


def _with_tag(sent: Iterable[Packet]) -> list[Packet]:
    return [(at, tagged(frame, 100), size + 4, flags) for at, frame, size, flags in sent]


def test_progress_tells_what_is_known_so_far() -> None:
    analysis = Analysis((VLAN, BRIDGE), 128)
    analysis.add(0, [came_in(1, query(1)), came_in(2, query(2))])
    analysis.add(1, [came_in(1, query(1))])
    for seconds in (3, 6, 9):
        analysis.add(1, [came_in(seconds * SECOND_MS, query(seconds))])
    stands = analysis.so_far(9_000_000_000)
    assert [point.packets for point in stands.points] == [2, 4]
    (pair,) = stands.pairs
    assert [way.passed for way in pair.ways] == [1, 0]
    assert pair.only_at == (1, 0)
    assert pair.undecided == 2
