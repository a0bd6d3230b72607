"""dnsmasq processes: which run in this network namespace, starting and ending ours."""

import os
import select
import signal
import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from netconsole.backend.host import dnsmasq_configuration as configuration
from netconsole.backend.host.dnsmasq_rehearsal import rehearse
from netconsole.backend.model import lease_file
from netconsole.backend.model.errors import StepFailed, Unavailable
from netconsole.backend.model.hoststate import Dnsmasq, Lease
from netconsole.backend.steps import CheckDnsmasq, StartDnsmasq, StopDnsmasq
from netconsole.backend.system import files
from netconsole.backend.system.processes import (
    age,
    arguments,
    environment,
    parent,
    running,
    runs,
    stopped,
    writes_to,
)
from netconsole.backend.system.programs import ProgramFailed, ProgramTimedOut, run
from netconsole.backend.wording import dhcp

PROGRAM = "dnsmasq"
FINGERPRINT = "NETCONSOLE_CONFIGURATION"
"""Variable of a dnsmasq's environment: what its configuration file said when it was started."""
CONFIGURED = "NETCONSOLE_CONFIGURED"
"""Another one: the text itself, to start it again with where the file became useless since."""
LONGEST_PID_FILE = 100
CLOCK_SECONDS = 1.0
"""How far the time of a file and the age of a process may be apart when both are of one moment."""
END_SECONDS = 5.0
"""How long a process may take to end when asked to, before it is made to."""
SETTLE_SECONDS = 0.02
"""How long a lease file must have been left alone to count as whole."""
SETTLE_READINGS = 10
"""How often one that keeps changing is read again before it is taken as it is."""


def observe(networks_path: str) -> tuple[Dnsmasq, ...]:
    """Return every dnsmasq of this network namespace; `bridge` is empty for those of others.

    A process and its helper child (dnsmasq(8) --dhcp-script) are one entry with two pids.
    """
    return _seen(networks_path, running(PROGRAM))


def observe_some(networks_path: str, bridges: Iterable[str]) -> tuple[Dnsmasq, ...]:
    """Return those of some bridges that their pid files name, without their helper children."""
    files_of = (dhcp.paths(networks_path, bridge).pid for bridge in bridges)
    named = (pid for file in files_of if (pid := _pid_in(file)) is not None)
    return _seen(networks_path, tuple(pid for pid in named if runs(pid, PROGRAM)))


def _seen(networks_path: str, pids: tuple[int, ...]) -> tuple[Dnsmasq, ...]:
    parents = {pid: parent(pid) for pid in pids}
    halted = stopped(pids)
    found: list[Dnsmasq] = []
    for pid in pids:
        argv = arguments(pid)
        if not argv or parents[pid] in parents:
            continue
        children = tuple(child for child, above in parents.items() if above == pid)
        server = Dnsmasq("", argv, (pid, *children), stopped=halted.get(pid, ""))
        bridge = dhcp.bridge_of(networks_path, server.pid_file)
        if bridge is not None and _is_ours(pid, server):
            server = replace(server, bridge=bridge, changed_file=_changed_file(pid, server))
            if server.changed_file:
                server = replace(server, configured=environment(pid, CONFIGURED))
        found.append(server)
    return tuple(sorted(found, key=lambda server: server.pids))


def _is_ours(pid: int, server: Dnsmasq) -> bool:
    """Whether a process that runs dnsmasq is the one that its arguments make it out to be.

    Anyone may give a process these arguments, but only root can make it write the files that they
    name: its pid file, which is no older than the process then, or its lease file, which it keeps
    open. The pid file alone is not enough: it may be lost.
    """
    return _named_by(server.pid_file, pid) or writes_to(pid, server.lease_file)


def _named_by(pid_file: str, pid: int) -> bool:
    """Whether a pid file names a process, and not an earlier one that had the same number."""
    try:
        written = Path(pid_file).stat().st_mtime
    except OSError:
        return False
    return _pid_in(pid_file) == pid and time.time() - written <= age(pid) + CLOCK_SECONDS


def _changed_file(pid: int, server: Dnsmasq) -> str:
    """The configuration file of a dnsmasq if it, or a file that it names, is not as it was read.

    What was read is in the environment of a dnsmasq that we started. Of another one, nova's say,
    only the time tells.
    """
    file = server.configuration
    if not file:
        return ""
    found = configuration.read(file)
    known = environment(pid, FINGERPRINT)
    if known is None:
        since = time.time() - found.changed
        return file if since + CLOCK_SECONDS < age(pid) else ""
    return file if known != found.fingerprint else ""


class SeenLeases(NamedTuple):
    """What the files say in which dnsmasq keeps its leases."""

    of_bridges: dict[str, tuple[Lease, ...]]
    unread: dict[str, str]
    """The paths of those that cannot be read, and why."""

    def whole(self) -> dict[str, tuple[Lease, ...]]:
        """Return all of them; raises Unavailable where some could not be read."""
        for path, reason in self.unread.items():
            raise Unavailable(f"{path}: {reason}")
        return self.of_bridges


def observe_leases(networks_path: str, bridges: Collection[str] | None = None) -> SeenLeases:
    """Return the leases of each bridge of ours, or of some, from the files in which dnsmasq keeps
    them."""
    seen = SeenLeases({}, {})
    for file in Path(networks_path).glob("nova-*.leases"):
        bridge = dhcp.bridge_of(networks_path, str(file))
        if bridges is not None and bridge not in bridges:
            continue
        if bridge is not None and (text := _text_of(file, seen)) is not None:
            seen.of_bridges[bridge] = lease_file.parse(text)
    return seen


def observe_some_leases(
    networks_path: str, bridges: Iterable[str], tenants: frozenset[str]
) -> SeenLeases:
    """Return the leases of some bridges that are of certain addresses, or MAC addresses."""
    seen = SeenLeases({}, {})
    for bridge in bridges if tenants else ():
        text = _text_of(Path(dhcp.paths(networks_path, bridge).leases), seen)
        if text is None:
            continue
        near = (line for line in text.splitlines() if any(each in line.lower() for each in tenants))
        found = lease_file.parse("\n".join(near))
        seen.of_bridges[bridge] = tuple(
            lease for lease in found if not tenants.isdisjoint((lease.mac, lease.address))
        )
    return seen


def _text_of(file: Path, seen: SeenLeases) -> str | None:
    """The text of a lease file; None where it vanished, or is noted as one that is not read."""
    try:
        return _settled(file)
    except OSError as error:
        seen.unread[str(file)] = str(error.strerror)
        return None


def _settled(file: Path) -> str | None:
    """The text of a lease file, or None where it vanished; raises OSError.

    dnsmasq empties the file before it writes it anew (its lease_update_file). A reader in between
    would take every lease for over, so a file that has just changed is read again.
    """
    text: str | None = None
    for _ in range(SETTLE_READINGS):
        try:
            text = files.read_text(file)
            left_alone = time.time() - file.stat().st_mtime
        except FileNotFoundError:
            return None
        if left_alone > SETTLE_SECONDS:
            break
        time.sleep(SETTLE_SECONDS / 2)
    return text


def test(step: CheckDnsmasq) -> None:
    """Have a dnsmasq say what is wrong with its arguments and files, and start in a rehearsal."""
    server = Dnsmasq(step.bridge, step.argv)
    try:
        run(step.argvs[0])
        rehearse(server)
    except ProgramFailed as error:
        raise StepFailed(
            f"the dnsmasq of {step.bridge} would not start again: {_reason(server, error)}; the "
            "one that runs was not stopped"
        ) from error


def start(step: StartDnsmasq) -> None:
    """Start a dnsmasq; it returns once its sockets are bound."""
    server = Dnsmasq(step.bridge, step.argv)
    known: dict[str, str] = {}
    if step.configured is not None:
        known = {FINGERPRINT: "", CONFIGURED: step.configured}
    elif file := server.configuration:
        found = configuration.read(file)
        known = {FINGERPRINT: found.fingerprint}
        if (text := configuration.text(file)) is not None:
            known[CONFIGURED] = text
    try:
        run(
            *step.argvs,
            text=step.configured or "",
            timeout=30.0,
            environment=known,
            stays=True,
        )
    except ProgramTimedOut:
        raise  # nobody knows whether it started
    except ProgramFailed as error:
        raise StepFailed(
            f"the dnsmasq of {step.bridge} does not start: {_reason(server, error)}"
        ) from error


def _reason(server: Dnsmasq, error: ProgramFailed) -> str:
    """Why a dnsmasq does not start, with the place in its configuration that this is about."""
    said = error.ending.removeprefix("dnsmasq: ")
    place = configuration.place(server.configuration, said) if server.configuration else ""
    return f"{place}: {said}" if place else said


def stop(step: StopDnsmasq) -> None:
    """End the processes of the step, wait until they are gone, and remove their pid file.

    dnsmasq has given up the right to remove it by then.
    """
    server = Dnsmasq(step.bridge, step.argv)
    pids = step.pids or _pids_of(server)
    for pid in pids[:1]:
        _signal(pid, server, signal.SIGTERM, signal.SIGKILL)
    if _pid_in(server.pid_file) in pids:
        files.remove(server.pid_file)


def _pids_of(server: Dnsmasq) -> tuple[int, ...]:
    return tuple(pid for pid in running(PROGRAM) if _is(pid, server))


def _is(pid: int, server: Dnsmasq) -> bool:
    return runs(pid, PROGRAM) and arguments(pid) == server.argv and _is_ours(pid, server)


def _signal(pid: int, server: Dnsmasq, *numbers: signal.Signals) -> None:
    """Send a process signals until it ends, if it still is the dnsmasq that it was."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not _is(pid, server):
            return
        for number in numbers:
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
    if pid is None:
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        server = Dnsmasq("", arguments(pid))
        if server.pid_file == pid_file and runs(pid, PROGRAM) and _is_ours(pid, server):
            signal.pidfd_send_signal(handle, signal.SIGHUP)
    except ProcessLookupError:
        return  # it has just ended
    finally:
        os.close(handle)


def _pid_in(pid_file: str) -> int | None:
    try:
        return int(files.read_text(pid_file, LONGEST_PID_FILE))
    except (OSError, ValueError):
        return None
