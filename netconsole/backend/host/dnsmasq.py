"""dnsmasq processes: which run in this network namespace, starting and ending ours."""

import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from netconsole.backend import dhcp, files, lease_file
from netconsole.backend.errors import StepFailed
from netconsole.backend.hoststate import Dnsmasq, Lease
from netconsole.backend.processes import in_this_network, process_names
from netconsole.backend.programs import run
from netconsole.backend.steps import StartDnsmasq, StopDnsmasq

END_SECONDS = 5.0
"""How long a process may take to end when asked to, before it is made to."""
SETTLE_SECONDS = 0.02
"""How long a lease file must have been left alone to count as whole."""
SETTLE_READINGS = 10
"""How often one that keeps changing is read again before it is taken as it is."""


def observe(networks_path: str) -> tuple[Dnsmasq, ...]:
    """Every dnsmasq of this network namespace; `bridge` is empty for those of others.

    A process and its helper child (dnsmasq(8) --dhcp-script) are one entry with two pids.
    """
    processes = {process.pid: process for process in _processes()}
    found: list[Dnsmasq] = []
    for pid, process in processes.items():
        try:
            argv, parent = tuple(process.cmdline()), process.ppid()
        except psutil.Error:
            continue
        if not argv or parent in processes:
            continue
        children = tuple(child for child, other in processes.items() if _parent(other) == pid)
        server = Dnsmasq("", argv, (pid, *children))
        bridge = dhcp.bridge_of(networks_path, server.pid_file) or ""
        found.append(Dnsmasq(bridge, argv, server.pids))
    return tuple(sorted(found, key=lambda server: server.pids))


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:
        return 0


def _processes() -> Iterator[psutil.Process]:
    for pid, name in process_names():
        if name == "dnsmasq" and in_this_network(pid):
            try:
                yield psutil.Process(pid)
            except psutil.NoSuchProcess:
                continue


def observe_leases(networks_path: str) -> dict[str, tuple[Lease, ...]]:
    """The leases of each bridge of ours, from the files in which dnsmasq keeps them."""
    leases: dict[str, tuple[Lease, ...]] = {}
    for file in Path(networks_path).glob("nova-*.leases"):
        bridge = dhcp.bridge_of(networks_path, str(file))
        text = _settled(file)
        if bridge is not None and text is not None:
            leases[bridge] = lease_file.parse(text)
    return leases


def _settled(file: Path) -> str | None:
    """The text of a lease file, or None where it vanished.

    dnsmasq empties the file before it writes it anew (its lease_update_file). A reader in between
    would take every lease for over, so a file that has just changed is read again.
    """
    text: str | None = None
    for _ in range(SETTLE_READINGS):
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
            age = time.time() - file.stat().st_mtime
        except FileNotFoundError:
            return None
        if age > SETTLE_SECONDS:
            break
        time.sleep(SETTLE_SECONDS / 2)
    return text


def start(step: StartDnsmasq) -> None:
    """Start a dnsmasq; it returns once its sockets are bound."""
    run(step.argv, timeout=30.0)


def stop(step: StopDnsmasq) -> None:
    """End the processes of the step, wait until they are gone, and remove their pid file.

    dnsmasq has given up the right to remove it by then.
    """
    pids = step.pids or _pids_of(step.argv)
    for pid in pids[:1]:
        if _argv(pid) == step.argv:
            _end(pid)
    pid_file = Dnsmasq(step.bridge, step.argv).pid_file
    if _pid_in(pid_file) in pids:
        files.remove(pid_file)


def _pids_of(argv: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(process.pid for process in _processes() if _argv(process.pid) == argv)


def _argv(pid: int) -> tuple[str, ...]:
    try:
        return tuple(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ()


def _end(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            if select.select([handle], [], [], END_SECONDS)[0]:
                return
    except ProcessLookupError:
        return
    finally:
        os.close(handle)
    raise StepFailed(f"dnsmasq with pid {pid} does not end")


def reload(pid_file: str) -> None:
    """Send SIGHUP to the dnsmasq of a pid file; where none runs there is nothing to reload."""
    pid = _pid_in(pid_file)
    if pid is not None and f"--pid-file={pid_file}" in _argv(pid):
        os.kill(pid, signal.SIGHUP)


def _pid_in(pid_file: str) -> int | None:
    try:
        return int(Path(pid_file).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None
