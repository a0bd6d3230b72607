"""Saved captures: others read what we write, and we read what others write."""

import io
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packets import answer, came_in, query, tagged, udp, went_out

from netconsole.backend.model.errors import InvalidValue, NetconsoleError
from netconsole.capture import saved
from netconsole.capture.packet import CHECKSUM_NOT_READY, Sight
from netconsole.capture.pcapng import Writer
from netconsole.capture.recording import BadFile, Recording
from netconsole.capture.topology import Point

POINTS = (
    Point("vlan100", bytes.fromhex("020000000064"), master="br100", lower="eth0", tag=100),
    Point("br100", bytes.fromhex("02000000000b")),
)
SIGHTS: list[Sight] = [
    (0, came_in(1, query(1))),
    (1, came_in(1, query(1))),
    (1, went_out(2.000001, answer(1))),
    (0, went_out(2.5, answer(1))),
    (0, came_in(3, tagged(udp(3)[:65], 100))),
]
BEGIN, END = 0, 5_000_000_000


def written(sights: list[Sight] | None = None, dropped: tuple[int, int] = (0, 2)) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, POINTS, 128)
    writer.add(SIGHTS if sights is None else sights)
    writer.finish((3, 2), dropped, BEGIN, END)
    return file.getvalue()


def read(data: bytes) -> tuple[Recording, list[Sight]]:
    recording = Recording("file", data)
    return recording, [
        (index, packet)
        for batch in recording.batches()
        for index, packets in batch.items()
        for packet in packets
    ]


def by_time(sights: list[Sight]) -> list[Sight]:
    return sorted(sights, key=lambda sight: (sight[1][0], sight[0]))


def test_what_is_written_is_read_back() -> None:
    flagged = (0, (4_000_000_001, udp(4), 1500, CHECKSUM_NOT_READY | 2))
    recording, found = read(written([*SIGHTS, flagged]))
    assert by_time(found) == by_time([*SIGHTS, flagged])
    assert tuple(interface.point for interface in recording.interfaces) == POINTS
    assert [interface.dropped for interface in recording.interfaces] == [0, 2]
    assert [(each.begin, each.end) for each in recording.interfaces] == [(BEGIN, END)] * 2


def test_scapy_reads_it(tmp_path: Path) -> None:
    from scapy.utils import PcapNgReader

    path = tmp_path / "both.pcapng"
    path.write_bytes(written())
    with PcapNgReader(str(path)) as reader:
        found = list(reader)
    assert [bytes(packet) for packet in found] == [packet[1] for _, packet in SIGHTS]
    assert [packet.sniffed_on for packet in found] == [POINTS[i].name for i, _ in SIGHTS]
    assert float(found[2].time) == pytest.approx(0.002000001, abs=1e-9)


@pytest.mark.requires("tcpdump")
def test_tcpdump_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "both.pcapng"
    path.write_bytes(written())
    command = ["tcpdump", "-n", "-e", "-tt", "--nano", "-r", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = said.stdout.splitlines()
    assert len(lines) == len(SIGHTS)
    assert lines[0].startswith("0.001000000 ")
    assert "A? www.example.org." in lines[0]
    assert "vlan 100" in lines[4]


def test_a_file_of_the_other_byte_order_and_of_microseconds() -> None:
    def block(kind: int, body: bytes) -> bytes:
        size = struct.pack(">I", 12 + len(body))
        return struct.pack(">I", kind) + size + body + size

    frame = query(1) + b"\0" * (-len(query(1)) % 4)
    data = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    for name in (b"tap0", b"br00"):
        options = struct.pack(">HH", 2, 4) + name + bytes(4)
        data += block(1, struct.pack(">HHI", 1, 0, 0) + options)
        stamp = struct.pack(">IIIII", 0, 0, 1_500_000, len(frame), len(frame))
        data += block(6, stamp + frame)
    second = struct.pack(">IIIII", 1, 0, 2_500_000, len(frame), len(frame))
    recording, found = read(data + block(6, second + frame))
    assert [each.point.name for each in recording.interfaces] == ["tap0", "br00"]
    times = sorted((index, packet[0]) for index, packet in found)
    assert times == [(0, 1_500_000_000), (0, 1_500_000_000), (1, 2_500_000_000)]


@pytest.mark.parametrize("nano", [False, True])
def test_two_files_of_tcpdump_are_compared(tmp_path: Path, nano: bool) -> None:
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapWriter

    for name, numbers in (("here", range(20)), ("there", range(15))):
        with PcapWriter(str(tmp_path / f"{name}.pcap"), nano=nano) as writer:
            for number in numbers:
                packet = Ether(udp(number))
                packet.time = number + 1
                writer.write(packet)
    found = saved.compare([tmp_path / "here.pcap", tmp_path / "there.pcap"])
    (pair,) = found.pairs
    assert (pair.first, pair.second) == ("here", "there")
    assert (pair.ways[0].passed, pair.ways[0].lost) == (15, 4)
    assert pair.undecided == 1  # the very last packet
    assert pair.verdict.confidence != "high"


def test_a_saved_capture_says_the_same_as_the_live_one(tmp_path: Path) -> None:
    path = tmp_path / "both.pcapng"
    path.write_bytes(written())
    found = saved.compare([path])
    (pair,) = found.pairs
    assert pair.relation == "port of"
    assert [way.passed for way in pair.ways] == [1, 1]
    assert found.points[1].dropped == 2
    assert found.seconds == 5
    turned = saved.compare([path], ["br100", "vlan100"])
    assert turned.pairs[0].relation == "bridge of"
    assert saved.compare([path], ["br100"]).pairs == ()


def test_an_interface_that_is_not_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "both.pcapng"
    path.write_bytes(written())
    with pytest.raises(InvalidValue, match="'eth9': is not in the capture, which has vlan100, br"):
        saved.compare([path], ["eth9"])


@pytest.mark.parametrize("content", [b"", b"hello", b"hello " * 20, bytes(200)])
def test_what_is_no_capture(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(NetconsoleError):
        saved.compare([path])


@pytest.mark.requires("tcpdump")
def test_what_is_read_back_is_filtered_with_its_interfaces_and_directions(tmp_path: Path) -> None:
    path = tmp_path / "both.pcapng"
    frame = udp(1)
    many: list[Sight] = [(n % 2, came_in(10 + n // 2, frame)) for n in range(20_000)]
    path.write_bytes(written([*SIGHTS, *many]))
    shown: list[tuple[str, tuple[int, bytes, int, int]]] = []
    found = saved.compare([path], show=shown.extend, expression="port 53")
    assert [point.packets for point in found.points] == [2, 2]
    assert [way.passed for way in found.pairs[0].ways] == [1, 1]
    assert found.points[1].dropped == 2
    wanted = [(POINTS[index].name, packet) for index, packet in SIGHTS[:4]]
    assert sorted(shown, key=lambda each: (each[1][0], each[0])) == sorted(
        wanted, key=lambda each: (each[1][0], each[0])
    )
    (vlan,) = saved.compare([path], ["vlan100"], expression="vlan 100").points
    assert vlan.packets == 1
    assert [p.packets for p in saved.compare([path], expression="tcp").points] == [0, 0]
    both = saved.compare([path, path], expression="not port 53")
    assert [point.packets for point in both.points] == [2 * 10_001, 2 * 10_000]


@pytest.mark.requires("tcpdump")
@pytest.mark.parametrize("expression", ["udp prot 53", "inbound", "-w /run/x", "ifname br100"])
def test_a_filter_that_is_none_for_a_file_is_refused(tmp_path: Path, expression: str) -> None:
    path = tmp_path / "both.pcapng"
    path.write_bytes(written(SIGHTS * 5000))
    with pytest.raises(InvalidValue, match=f"filter '{expression}': ") as error:
        saved.compare([path], expression=expression)
    assert "\n" not in str(error.value)


@pytest.mark.requires("tcpdump")
def test_a_frame_of_any_length_may_be_filtered(tmp_path: Path) -> None:
    path = tmp_path / "odd.pcapng"
    frame = udp(1)
    huge = frame + bytes(400_000)
    odd = [(1, b"", 0, 0), (2, frame[:9], 9, 0), (3, huge, len(huge), 0), (4, frame, 1 << 31, 0)]
    path.write_bytes(written([(0, packet) for packet in odd]))
    assert saved.compare([path], expression="udp port 9").points[0].packets == 2
    assert saved.compare([path], expression="less 10").points[0].packets == 2


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    data = written()
    sizes = {len(read(data[:size])[1]) for size in range(260, len(data))}
    assert sizes == set(range(len(SIGHTS) + 1))


def test_an_older_file_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 128, 1)
    one = struct.pack("<IIII", 1, 5, len(query(1)), len(query(1))) + query(1)
    for missing in (0, 1, len(query(1)), len(one) - 1):
        _, found = read(head + one + one[: len(one) - missing])
        assert {packet for _, packet in found} == {(1_000_005_000, query(1), len(query(1)), 0)}
        assert len(found) == 2 - bool(missing)


def test_files_put_together_have_the_interfaces_of_each() -> None:
    recording, found = read(written() + written())
    assert [each.point for each in recording.interfaces] == [*POINTS, *POINTS]
    assert sorted(index for index, _ in found) == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]


def test_without_the_times_of_the_interfaces_a_loss_is_less_sure(tmp_path: Path) -> None:
    path = tmp_path / "both.pcapng"
    lost: list[Sight] = [(0, came_in(number * 1000, query(number))) for number in range(8)]
    path.write_bytes(written([*lost, *((1, packet) for _, packet in lost[::2])]))
    timed = saved.compare([path]).pairs[0]
    assert (timed.ways[0].lost, timed.verdict.confidence) == (2, "low")  # it ends after 5 s
    path.write_bytes(written([*lost, *((1, packet) for _, packet in lost[::2])])[:-168])
    untimed = saved.compare([path]).pairs[0]
    assert untimed.verdict.confidence == "medium"
    assert "does not say when" in untimed.verdict.doubt


WHOLE = written()


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=8))
def test_a_damaged_file_ends_in_words_or_in_packets(damage: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for place, value in damage:
        data[place] = value
    try:
        _, found = read(bytes(data))
    except BadFile:
        return
    assert len(found) <= len(SIGHTS) + 1


@given(st.binary(max_size=300))
def test_noise_is_no_file(noise: bytes) -> None:
    for begin in (b"", WHOLE[:28], struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 128, 1)):
        try:
            read(begin + noise)
        except BadFile:
            continue
