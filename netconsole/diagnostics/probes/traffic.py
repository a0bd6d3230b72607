"""Captures along a target's path, while the instance asks names where the host can enter it."""

import subprocess
import sys
import threading
from dataclasses import dataclass

from netconsole.backend.model.errors import Unavailable
from netconsole.backend.system.programs import ENVIRONMENT
from netconsole.capture.comparison import Progress
from netconsole.diagnostics.evidence.packet_filter import read_counters, risen
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.traffic import Traffic
from netconsole.diagnostics.probes import live_capture as live
from netconsole.diagnostics.probes.entering import process_inside
from netconsole.diagnostics.reasoning.dropping import dropping_rules
from netconsole.diagnostics.reasoning.path import DNS, path

A_SECOND = 4
"""Queries sent from inside the instance."""
ASKER = "netconsole.diagnostics.probes.ask_names"


@dataclass(frozen=True, slots=True)
class _Guest:
    """An instance that the host can enter, and whom it asks."""

    name: str
    pid: int
    server: str


def watch(request: Request, snapshot: Snapshot) -> Traffic:
    """Capture for as long as the request says; raises Unavailable where nothing can be compared."""
    host, links = snapshot.get(Backend), snapshot.get(Links)
    if host is None or links is None:
        raise Unavailable("the host's interfaces and networks are not known")
    chosen = path(snapshot.target, host.status, links)
    expression = request.filter or chosen.expression
    guest = _guest(snapshot, host) if expression == DNS else None
    capture = live.CaptureRequest(chosen.points, expression, seconds=request.seconds)
    asker: list[subprocess.Popen[str]] = []

    def progress(now: Progress) -> None:
        if guest is not None and not asker:
            asker.append(_ask(guest, request.seconds))
        request.progress(_said(now))

    before = read_counters()
    try:
        found = live.compare(capture, cancel=request.cancelled, progress=progress)
    finally:
        asked = sum(_ended(process) for process in asker)
    dropping = tuple(dropping_rules(risen(before, read_counters())))
    whence = f"inside {guest.name}" if guest else "no instance can be entered from here"
    return Traffic(chosen.points, expression, found, asked, whence, dropping)


def _said(now: Progress) -> str:
    stands = now.comparison
    counts = ", ".join(f"{point.interface} {point.packets}" for point in stands.points)
    alone = ", ".join(f"{here}+{there}" for here, there in (pair.only_at for pair in stands.pairs))
    lost = sum(point.dropped for point in stands.points)
    return f"packets: {counts}; seen at one only: {alone or '-'}; capture lost {lost}"


def _guest(snapshot: Snapshot, host: Backend) -> _Guest | None:
    """Find the target's instance, or the first, if its network namespace is one of this host."""
    target = snapshot.target
    servers = {each.label: each.dhcp_server for each in host.status.networks}
    for each in host.status.allocations:
        if target is not None and target.instance not in ("", each.instance):
            continue
        if target is not None and target.network not in ("", each.network):
            continue
        server, pid = servers.get(each.network), process_inside(each.mac)
        if server and pid:
            return _Guest(each.instance, pid, server)
    return None


def _ask(guest: _Guest, seconds: float) -> "subprocess.Popen[str]":
    """Start asking from inside; it ends by itself when the capture does."""
    count = max(1, int((seconds - 1) * A_SECOND))
    return subprocess.Popen(
        [
            *("nsenter", f"--target={guest.pid}", "--net", "--"),
            *(sys.executable, "-m", ASKER, guest.server, guest.name, str(count), str(A_SECOND)),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=ENVIRONMENT,
        cwd="/",
    )


def _ended(process: "subprocess.Popen[str]") -> int:
    """End the asker and return how many queries it says that it sent."""
    stop = threading.Timer(2.0, process.kill)
    stop.start()
    try:
        told, _ = process.communicate()
    finally:
        stop.cancel()
    return sum(line == "asked" for line in told.splitlines())
