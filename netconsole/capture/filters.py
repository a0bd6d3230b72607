"""Filters in the language of pcap-filter(7): for the kernel, before a packet reaches us, and for
packets that were saved."""

import shutil
import struct
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, cast

from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.model.text import decoded
from netconsole.backend.system.programs import ENVIRONMENT, PATH, ProgramFailed, run
from netconsole.backend.system.socket_filters import Instruction
from netconsole.backend.system.ssh_session import SshSession
from netconsole.capture.packet import Packet

LIMIT_SECONDS = 10.0
LONGEST = 262_144
"""Bytes of a frame that libpcap reads back (MAXIMUM_SNAPLEN)."""
_FILE = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, LONGEST, 1)
"""The head of a pcap file of Ethernet frames."""
_HEAD = struct.Struct("<IIII")


def of_session(session: SshSession) -> str:
    """Return the filter of an SSH session's packets; to show them would make more of them."""
    hosts = f"host {session.client} and host {session.server}"
    return f"tcp and {hosts} and port {session.client_port} and port {session.server_port}"


def _without(session: str, wanted: str) -> str:
    """Return the filter that lets pass what is wanted and not of the session.

    The session comes first: the keyword `vlan` moves where all that follows it looks.
    """
    if not session:
        return wanted
    return f"not ({session}) and ({wanted})" if wanted else f"not ({session})"


def compile_filter(
    interface: str, expression: str, session: str, snaplen: int
) -> list[Instruction]:
    """Compile a filter that keeps `snaplen` bytes of what passes and is not of the session.

    tcpdump compiles it for the live interface, where VLAN tags are beside the frame, not in it.
    Raises InvalidValue for a filter or an interface that it refuses, Unavailable where there is
    no tcpdump.
    """
    whole = _without(session, expression)
    argv = ["tcpdump", "-ddd", "-p", "-s", str(snaplen), "-i", interface, "--", whole]
    try:
        told = run(argv, timeout=LIMIT_SECONDS)
    except ProgramFailed as error:
        _, _, reason = str(error).rpartition("tcpdump: ")
        if reason.startswith(f"{interface}: "):
            rule = reason.removeprefix(f"{interface}: ")
            raise InvalidValue("interface", interface, rule) from None
        raise InvalidValue("filter", expression, reason) from None
    lines = told.splitlines()
    return [_instruction(line) for line in lines[1 : 1 + int(lines[0])]]


def _instruction(line: str) -> Instruction:
    code, true, false, operand = map(int, line.split())
    return code, true, false, operand


def passing(packets: Iterable[Packet], expression: str) -> bytearray:
    """Return for each saved packet whether it passes a filter: 1 or 0.

    tcpdump reads them with their number in place of their time, and answers those that pass: what
    else is known of a packet, such as its interface, stays here. Raises InvalidValue for a filter
    that it refuses, Unavailable where there is no tcpdump.
    """
    program = shutil.which("tcpdump", path=PATH)
    if program is None:
        raise Unavailable(f"tcpdump: not installed (looked in {PATH})")
    argv = ["tcpdump", "-r", "-", "-w", "-", "--", expression]
    pipe = subprocess.PIPE
    marks = bytearray()
    with subprocess.Popen(
        argv, executable=program, stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, cwd="/"
    ) as process:
        streams = (process.stdin, process.stdout, process.stderr)
        to, back, words = (cast(BinaryIO, stream) for stream in streams)
        feeder = threading.Thread(target=_feed, args=(to, packets, marks))
        feeder.start()
        try:
            for number in _numbers(back):
                marks[number] = 1
            said = decoded(words.read())
        finally:
            back.close()  # where this was interrupted, tcpdump and with it the feeder end by that
            feeder.join()
    if process.returncode != 0:
        _, _, reason = " ".join(said.split()).rpartition("tcpdump: ")
        raise InvalidValue("filter", expression, reason or "tcpdump refuses it")
    return marks


def _feed(file: BinaryIO, packets: Iterable[Packet], marks: bytearray) -> None:
    """Write packets for tcpdump, and a mark for each that says that it does not pass."""
    # It may have refused the filter and be gone; its exit status tells.
    with suppress(BrokenPipeError), file:
        file.write(_FILE)
        for number, (_, frame, length, _) in enumerate(packets):
            kept = min(len(frame), LONGEST)
            marks.append(0)
            file.write(_HEAD.pack(number, 0, kept, max(length, kept)) + frame[:kept])


def _numbers(file: BinaryIO) -> Iterator[int]:
    """Read back the numbers of the packets that tcpdump let pass."""
    file.read(len(_FILE))
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        number, _, kept, _ = _HEAD.unpack(head)
        file.read(kept)
        yield number
