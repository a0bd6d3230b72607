"""Claims: a capture at two interfaces loses nothing at the rate that `tcpdump -w` holds on them,
and at least 200,000 packets a second are matched as they come.

A sender floods a port of a bridge with packets for the host, so that port and bridge see each of
them. Once two `tcpdump -w` capture, once `netconsole capture --write`, taking turns on the same
interfaces with the same 64 MiB of buffer each; then scapy's AsyncSniffer on one of them.
"""

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from enclosed import inside

from netconsole.backend.configuration.options import Options
from netconsole.capture import saved
from netconsole.capture.analysis import Analysis
from netconsole.capture.packet import INBOUND, Packet
from netconsole.capture.topology import Point

PACKETS = 400_000
ROUNDS = 4
LENGTH = 128
AT_ONCE = 512
"""Packets a system call, and how many of them `sendmmsg` takes."""
PORT, BRIDGE, SENDER = "port", "br100", "sender"
BRIDGE_MAC = bytes.fromhex("02000000000b")
LAY_OUT = f"""
ip link add {BRIDGE} address {BRIDGE_MAC.hex(":")} type bridge
ip link set {BRIDGE} up
ip link add {SENDER} type veth peer name {PORT}
ip link set {PORT} master {BRIDGE} up
ip link set {SENDER} up
"""
SCAPY = """
import sys, time
from scapy.all import AsyncSniffer
seen = [0]
def note(packet): seen[0] += 1
sniffer = AsyncSniffer(iface=sys.argv[1], store=False, prn=note)
sniffer.start(); time.sleep(1); print("ready", flush=True); sys.stdin.readline()
print(seen[0], flush=True); sniffer.stop(join=False)
"""


def frames(number: int) -> list[bytes]:
    """Datagrams of which no two are alike."""
    ethernet = BRIDGE_MAC + bytes.fromhex("02000000000a0800")
    carried = LENGTH - len(ethernet) - 20
    addresses = bytes((10, 0, 0, 2, 10, 0, 0, 1))
    made = []
    for count in range(number):
        words = (0x4500, 20 + carried, count & 0xFFFF, 0, 64 << 8 | 17)
        total = sum(words) + sum(struct.unpack("!4H", addresses))
        head = struct.pack("!6H", *words, ~(total % 0xFFFF) & 0xFFFF)
        datagram = struct.pack("!HHHHI", 4000, 9, carried, 0, count).ljust(carried, b"\0")
        made.append(ethernet + head + addresses + datagram)
    return made


class Flood:
    """Sends frames as fast as the kernel takes them: sendmmsg(2), without Python in between."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = ctypes.create_string_buffer(b"".join(frames))
        self._count = len(frames)
        base = ctypes.addressof(self._frames)
        vectors = b"".join(
            struct.pack("@PN", base + LENGTH * number, LENGTH) for number in range(self._count)
        )
        self._vectors = ctypes.create_string_buffer(vectors)
        base = ctypes.addressof(self._vectors)
        messages = b"".join(
            struct.pack("@PIxxxxPNPNixxxxIxxxx", 0, 0, base + 16 * number, 1, 0, 0, 0, 0)
            for number in range(self._count)
        )
        self._messages = ctypes.create_string_buffer(messages)
        self._size = len(messages) // self._count
        self._library = ctypes.CDLL(None, use_errno=True)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind((SENDER, 0))

    def send(self) -> float:
        """Send every frame once and return how many a second."""
        base, sent = ctypes.addressof(self._messages), 0
        started = time.perf_counter()
        while sent < self._count:
            messages = ctypes.c_void_p(base + self._size * sent)
            count = min(AT_ONCE, self._count - sent)
            done = self._library.sendmmsg(self._socket.fileno(), messages, count, 0)
            sent += max(done, 0)  # the queue is full: again
        return self._count / (time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class Captured:
    """What came of one round."""

    rate: float
    """Packets a second that were sent; each is seen twice."""
    lost: int
    """Of twice as many."""


def by_tcpdump(flood: Flood, directory: Path) -> Captured:
    """Capture with two processes, one an interface."""
    processes = []
    for name in (PORT, BRIDGE):
        command = ["tcpdump", "-p", "-i", name, "-s", str(LENGTH), "-B", "65536"]
        command += ["-Z", "root", "-w", str(directory / f"{name}.pcap"), "udp"]
        processes.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
    for process in processes:
        assert process.stderr is not None
        while "listening" not in (line := process.stderr.readline()):
            assert line, "tcpdump does not capture"
    rate = flood.send()
    time.sleep(1)
    captured = 0
    for process in processes:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        captured += next(int(line.split()[0]) for line in said.splitlines() if "captured" in line)
    return Captured(rate, 2 * PACKETS - captured)


def by_netconsole(flood: Flood, directory: Path) -> Captured:
    """Capture, save and compare with one process."""
    program = Path(sys.executable).with_name("netconsole")
    command = [str(program), "capture", "--on", PORT, "--on", BRIDGE, "--json", "--seconds", "0"]
    command += ["--count", "0", "--write", str(directory / "both.pcapng"), "udp"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("capturing")
        rate = flood.send()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    found = json.loads(said)
    passed = found["pairs"][0]["ways"][0]["passed"]
    assert passed == min(point["packets"] for point in found["points"])
    return Captured(rate, 2 * PACKETS - sum(point["packets"] for point in found["points"]))


def by_scapy(flood: Flood) -> tuple[float, float]:
    """Return how many packets a second scapy handles, and how many were sent."""
    command = [sys.executable, "-c", SCAPY, PORT]
    pipe = subprocess.PIPE
    environment = {"PATH": os.environ["PATH"], "HOME": "/run"}
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = time.perf_counter()
        sent = 0
        while time.perf_counter() - started < 3:
            flood.send()
            sent += PACKETS
        taken = time.perf_counter() - started
        said, _ = process.communicate("\n", timeout=60)
    return int(said) / taken, sent / taken


def matched_in_memory(made: list[bytes]) -> float:
    """Return how many packets of both interfaces are matched in a second of one core."""
    points = Point(PORT, master=BRIDGE), Point(BRIDGE, BRIDGE_MAC)
    sights: list[list[Packet]] = [
        [
            (number * 2000 + late, bytes(bytearray(f)), LENGTH, INBOUND)
            for number, f in enumerate(made)
        ]
        for late in (0, 700)
    ]
    analysis = Analysis(points, LENGTH)
    started = time.process_time()
    for at in range(0, len(made), 4096):
        for index in (0, 1):
            analysis.add(index, sights[index][at : at + 4096])
    found = analysis.conclude()
    taken = time.process_time() - started
    assert found.pairs[0].ways[0].passed == len(made)
    return 2 * len(made) / taken


def matched_from_file(path: Path) -> float:
    """Return the same for a saved capture, reading included."""
    started = time.process_time()
    found = saved.compare([path])
    taken = time.process_time() - started
    return sum(point.packets for point in found.points) / taken


def main(options: Options) -> None:
    subprocess.run(["sh", "-ec", LAY_OUT], check=True, timeout=10)
    directory = Path(options.state_path)
    made = frames(PACKETS)
    flood = Flood(made)
    theirs, ours = [], []
    for _ in range(ROUNDS):
        theirs.append(by_tcpdump(flood, directory))
        ours.append(by_netconsole(flood, directory))
    for name, rounds in (("tcpdump -w", theirs), ("netconsole capture", ours)):
        rates = ", ".join(f"{each.rate:,.0f}" for each in rounds)
        lost = sum(each.lost for each in rounds)
        print(f"{name}: at {rates} packets a second on each of two interfaces, ", end="")
        print(f"{lost:,} of {2 * PACKETS * ROUNDS:,} lost")
    rate = max(each.rate for each in ours) / max(each.rate for each in theirs)
    print(f"the best rate held is {rate:.2f} times that of tcpdump; a loss of none is claimed")
    matched = matched_in_memory(made)
    print(f"matched: {matched:,.0f} packets a second of one core, ", end="")
    print(f"{matched / 200_000:.1f} times the 200,000 claimed; ", end="")
    print(f"read back: {matched_from_file(directory / 'both.pcapng'):,.0f}")
    handled, offered = by_scapy(flood)
    best = max(each.rate for each in ours)
    print(
        f"scapy's AsyncSniffer handles {handled:,.0f} of {offered:,.0f} packets a second, ", end=""
    )
    print(f"netconsole {2 * best / handled:,.0f} times as many")


if __name__ == "__main__":
    inside(main)
