"""Traffic that a fault needs to be seen: in the background, bounded, ended by mending."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from netconsole.backend.changes.guards import GuardInstance, UnguardInstance
from netconsole.backend.service.service import Service
from netconsole.lab.sandbox.ground import HOME
from netconsole.lab.sandbox.members import pid_of
from netconsole.lab.sandbox.namespaces import Namespace, enter, set_process_name
from netconsole.lab.sandbox.processes import fork

SECONDS: Final = 300
"""After which it ends by itself, mended or not."""

_PIDS: Final = HOME / "traffic"
_NAME: Final = "lab-traffic"
_EXPERIMENTAL: Final = b"\x88\xb5"
"""An Ethertype for experiments (IEEE 802): nobody answers, and nothing takes it for its own."""
_EVERYBODY: Final = b"\xff" * 6
_SHORTEST: Final = 60
"""Bytes of an Ethernet frame, without its checksum."""


def start(fault_id: str, member: str, send: Callable[[], None], every: float) -> None:
    """Call `send` in a member's network every so many seconds, for a fault."""
    target = pid_of(member)

    def live() -> int:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        set_process_name(_NAME)
        enter(target, Namespace.NET)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            send()
            time.sleep(every)
        return 0

    _PIDS.mkdir(exist_ok=True)
    (_PIDS / fault_id).write_text(str(fork(live)))


def stop(fault_id: str) -> None:
    """End the traffic of a fault, unless it has ended."""
    if runs(fault_id):
        os.kill(int((_PIDS / fault_id).read_text()), signal.SIGKILL)
        (_PIDS / fault_id).unlink()


def as_anybody(service: Service, member: str) -> None:
    """Exempt a member, as an admin does by `instance unguard`: its lies would get nowhere else."""
    service.do(UnguardInstance(member))


def as_itself(service: Service, member: str) -> None:
    """Guard a member again."""
    service.do(GuardInstance(member))


def runs(fault_id: str) -> bool:
    """Whether there is traffic of a fault."""
    try:
        pid = int((_PIDS / fault_id).read_text())
        return Path(f"/proc/{pid}/comm").read_text().strip() == _NAME
    except OSError:
        return False


def frames_from(mac: str, interface: str) -> Callable[[], None]:
    """Return what sends a frame to everybody that bears another's MAC address."""
    frame = (_EVERYBODY + bytes.fromhex(mac.replace(":", "")) + _EXPERIMENTAL).ljust(
        _SHORTEST, b"\0"
    )

    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind((interface, 0))
            wire.send(frame)

    return send


def datagrams_to(address: str, count: int, size: int) -> Callable[[], None]:
    """Return what sends some UDP datagrams of a size to the discard port (RFC 863) at once."""

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            for _ in range(count):
                wire.sendto(bytes(size), (address, 9))

    return send
