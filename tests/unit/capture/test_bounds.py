"""A capture that goes on for days: what it keeps does not grow, and what it says stays right."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packets import GUEST_IP, HOST_MAC, answer, came_in, query, udp, went_out

from netconsole.capture import durations, exchanges, saved
from netconsole.capture.analysis import Analysis
from netconsole.capture.durations import Durations
from netconsole.capture.exchanges import Exchanges
from netconsole.capture.kept import Kept
from netconsole.capture.topology import Point

BRIDGE = Point("br100", bytes.fromhex(HOST_MAC.replace(":", "")))
VLAN = Point("vlan100", bytes.fromhex("020000000064"), master="br100", lower="eth0", tag=100)
POINTS = (VLAN, BRIDGE)
SECOND = 1_000_000_000


@cache
def datagram(number: int) -> bytes:
    return udp(number)


def test_what_finds_no_partner_is_judged_as_it_goes_and_forgotten() -> None:
    analysis = Analysis(POINTS, 128, 0)
    sent = [came_in(number * 100, datagram(number)) for number in range(600)]
    for number, packet in enumerate(sent):
        analysis.add(0, [packet])
        if number % 3:
            analysis.add(1, [packet])
        assert len(analysis.pairings[0].left) < 40
    stands = analysis.so_far(60 * SECOND).pairs[0]
    assert 180 < stands.ways[0].lost < 200
    assert stands.verdict.kind == "lost"
    analysis.end = 61 * SECOND
    found = analysis.conclude().pairs[0]
    assert (found.ways[0].passed, found.ways[0].lost) == (400, 200)
    assert len(found.ways[0].examples) == 10


@pytest.mark.parametrize("boundary", [*range(0, 9000, 500), 1964.8])
def test_pieces_and_translations_around_a_judgement_are_still_recognised(boundary: float) -> None:
    """One capture point sees large segments, the other small ones; then NAT on the way.

    Judged first is what was seen before 1965 ms.
    """
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    def segment(at: int, length: int, number: int) -> bytes:
        head = Ether(src="fa:16:3e:00:00:02", dst=HOST_MAC) / IP(
            src=GUEST_IP, dst="10.0.0.1", id=number
        )
        return bytes(head / TCP(sport=5, dport=80, seq=at, flags="A") / bytes(length))

    analysis = Analysis(POINTS, 128, 0, 100 * SECOND)
    for beat in range(40):
        analysis.add(0, [came_in(beat * 295, datagram(beat))])
        analysis.add(1, [came_in(beat * 295, datagram(beat))])
        if beat == boundary // 295:
            analysis.add(0, [came_in(boundary, segment(1000, 3000, 1)[:128])])
            for piece in range(3):
                cut = segment(1000 + 1000 * piece, 1000, 10 + piece)[:128]
                analysis.add(1, [came_in(boundary + 0.4 * piece, cut)])
            translated = udp(900, source="203.0.113.2", ports=(61000, 9), ttl=63)
            analysis.add(0, [came_in(boundary, udp(900))])
            analysis.add(1, [came_in(boundary + 1, translated)])
    found = analysis.conclude().pairs[0]
    assert [way.lost for way in found.ways] == [0, 0]
    assert [way.unseen for way in found.ways] == [0, 0]
    assert found.changed["source address"] == 1


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=400), st.integers(1, 50))
def test_many_durations_are_told_within_a_hundredth(values: list[int], step: int) -> None:
    exact = Durations()
    exact.latest.extend(values)
    folded = Durations()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durations, "EXACT", 10)
        for begin in range(0, len(values), step):
            folded.latest.extend(values[begin : begin + step])
            folded.fold()
            assert len(folded.latest) <= 10
    assert len(folded) == len(exact) == len(values)
    told, true = folded.times(), exact.times()
    assert told.max_ms == true.max_ms == round(max(values) / 1e6, 6)
    ordered = sorted(values)
    assert true.p50_ms == round(ordered[round((len(values) - 1) / 2)] / 1e6, 6)
    assert told.p50_ms == pytest.approx(true.p50_ms, rel=1 / 100, abs=1e-6)
    assert told.p95_ms == pytest.approx(true.p95_ms, rel=1 / 100, abs=1e-6)


def test_questions_are_given_up_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "MOST_OPEN", 50)
    seen = Exchanges()
    for number in range(1000):
        seen.add(came_in(number, query(number)))
    seen.add(went_out(1000, answer(999)))
    seen.add(went_out(1000, answer(1)))  # long given up
    seen.give_up(30 * SECOND)
    (found,) = seen.report(2 * SECOND)
    assert (found.questions, found.answered, found.lost) == (1000, 1, 999)
    seen.give_up(200 * SECOND)
    (later,) = seen.report(200 * SECOND)
    assert (later.questions, later.answered, later.lost) == (1000, 1, 999)
    assert len(found.slowest) == exchanges.MOST_SLOW
    assert len(list(seen.latest())) == exchanges.MOST_LATEST


def test_the_slowest_are_named_whenever_they_came() -> None:
    seen = Exchanges()
    waits = [number * 7 % 299 + 1 for number in range(299)]
    for number, wait in enumerate(waits):
        seen.add(came_in(number * 500, query(number)))
        seen.add(went_out(number * 500 + wait, answer(number)))
    (found,) = seen.report(1000 * SECOND)
    assert [each.seconds for each in found.slowest] == [wait / 1000 for wait in range(299, 289, -1)]


def test_each_question_is_told_with_what_every_interface_saw() -> None:
    analysis = Analysis(POINTS, 128, 0)
    asked = [came_in(number * 10, query(number, f"host{number}.test")) for number in range(3)]
    analysis.add(0, asked)
    analysis.add(1, asked[:2])
    analysis.add(1, [went_out(13, answer(1, "host1.test", rcode=3))])
    analysis.add(0, [went_out(14, answer(1, "host1.test", rcode=3))])
    told = analysis.asked()
    assert [each.question.what for each in told] == [f"A host{number}.test" for number in range(3)]
    waits = [[None if q is None else (q.seconds, q.outcome) for q in each.seen] for each in told]
    assert waits == [
        [(None, ""), (None, "")],
        [(0.004, "NXDOMAIN"), (0.003, "NXDOMAIN")],
        [(None, ""), None],
    ]
    assert [each.outcome for each in told] == ["", "NXDOMAIN", ""]


def filled(most: int, packets: int) -> Kept:
    kept = Kept(most)
    kept.start(POINTS, 128, 0)
    for number in range(packets):
        packet = came_in(number * 100, query(number))
        kept.add([(0, packet), (1, packet)], packet[0])
    return kept


def test_only_the_latest_packets_are_kept_and_saved_as_a_capture_of_their_own(
    tmp_path: Path,
) -> None:
    kept = filled(20, 50)
    assert [name for name, _ in kept.latest(3)] == ["br100", "vlan100", "br100"]
    assert kept.latest(1)[0][1][0] == 4_900_000_000
    path = tmp_path / "kept.pcapng"
    assert kept.save(path, (0, 3)) == 20
    assert path.stat().st_mode & 0o777 == 0o600
    found = saved.compare([path])
    assert [point.packets for point in found.points] == [10, 10]
    assert [point.dropped for point in found.points] == [0, 3]
    assert found.seconds == 0.9
    assert [way.lost for way in found.pairs[0].ways] == [0, 0]
    assert saved.compare([_saved(filled(20, 5), tmp_path)]).seconds == 0.4


def _saved(kept: Kept, directory: Path) -> Path:
    path = directory / "whole.pcapng"
    kept.save(path, (0, 0))
    return path
