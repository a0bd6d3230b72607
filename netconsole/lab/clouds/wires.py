"""The uplinks of the lab's host, and the world they lead to.

The addresses are of RFC 5737. `outside` knows nothing of 10.0.0.0/24: an instance is heard there
only under an address of the host or a floating one.
"""

import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from netconsole.lab.sandbox.commands import LabFailed, run
from netconsole.lab.sandbox.members import (
    OUTSIDE,
    Member,
    last_words,
    pid_of,
    serve_pages,
    start,
    start_program,
)

PREFIX_LENGTH: Final = 24


class Uplink(NamedTuple):
    """A veth pair between the host and `outside`, which has the same interface name there."""

    interface: str
    host: str
    outside: str


PUBLIC: Final = Uplink("eth0", "203.0.113.2", "203.0.113.1")
SECOND: Final = Uplink("eth1", "198.51.100.2", "198.51.100.1")
UPLINKS: Final = (PUBLIC, SECOND)
DEFAULT_ROUTE: Final = ("default", "via", PUBLIC.outside, "dev", PUBLIC.interface)

_NAMES: Final = ("example.com", "example.net", "example.org")
_READY_SECONDS: Final = 10.0
_DNS, _HTTP = 53, 80


def start_outside() -> Member:
    """Start the world outside; it lives once its links are there."""
    return start(OUTSIDE, _live_outside)


def connect(outside: Member) -> None:
    """Give the host its uplinks and default route, and wait until `outside` answers."""
    lines = ["link set lo up"]
    for uplink in UPLINKS:
        name = uplink.interface
        lines += [
            f"link add {name} type veth peer name {name} netns {outside.pid}",
            f"address add {uplink.host}/{PREFIX_LENGTH} broadcast + dev {name}",
            f"link set {name} up",
        ]
    lines.append(f"route add {' '.join(DEFAULT_ROUTE)}")
    run("ip", "-batch", "-", text="\n".join(lines))
    outside.begin()


def run_outside(pid: int, *lines: str) -> None:
    """Run lines of ip(8) in the world outside, whose first process has that pid."""
    run("nsenter", "--target", str(pid), "--net", "ip", "-batch", "-", text="\n".join(lines))


def reached_outside(address: str) -> bool:
    """Whether the world outside gets an answer from an address to a ping."""
    target = str(pid_of(OUTSIDE))
    try:
        run("nsenter", "--target", target, "--net", "ping", "-q", "-c1", "-W1", address)
    except LabFailed:
        return False
    return True


def wait_for_outside() -> None:
    """Wait until the uplinks carry and DNS and HTTP answer; raises LabFailed if they do not."""
    for uplink in UPLINKS:
        # Earlier, the first packet would be lost and the next one sent a second later.
        _await(f"no carrier on {uplink.interface}", partial(_carries, uplink.interface))
    for port in (_DNS, _HTTP):
        _await(
            f"nothing answers on port {port} of {PUBLIC.outside} ({OUTSIDE})",
            partial(_answers, PUBLIC.outside, port),
        )


def _await(complaint: str, question: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not question():
        if time.monotonic() > deadline:
            raise LabFailed(f"{complaint}: {last_words(OUTSIDE)}")
        time.sleep(0.01)


def _carries(interface: str) -> bool:
    return Path(f"/sys/class/net/{interface}/carrier").read_text().strip() == "1"


def _live_outside() -> None:
    lines = ["link set lo up"]
    for uplink in UPLINKS:
        lines += [
            f"address add {uplink.outside}/{PREFIX_LENGTH} broadcast + dev {uplink.interface}",
            f"link set {uplink.interface} up",
        ]
    run("ip", "-batch", "-", text="\n".join(lines))
    start_program(
        "dnsmasq",
        "--keep-in-foreground",
        "--conf-file=",
        "--pid-file=",
        "--no-hosts",
        "--no-resolv",
        "--log-facility=-",
        *(f"--address=/{name}/{PUBLIC.outside}" for name in _NAMES),
        *(f"--local=/{name}/" for name in _NAMES),
        "--address=/#/",  # no such name: dnsmasq passes no refusal on, and guests would wait
    )
    serve_pages("the world outside")


def _answers(address: str, port: int) -> bool:
    with socket.socket() as connection:
        connection.settimeout(1)
        return connection.connect_ex((address, port)) == 0
