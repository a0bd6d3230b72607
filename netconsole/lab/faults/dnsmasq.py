"""Faults of the dnsmasq process itself: stopped, unnamed, deaf, too busy, without its leases."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.text import decoded
from netconsole.backend.service.service import Service
from netconsole.backend.system.processes import process_names
from netconsole.lab.faults.fault import Fault, recall, remember
from netconsole.lab.sandbox.commands import run
from netconsole.lab.sandbox.processes import fork

_STORM_SECONDS: Final = 300.0
_LATE: Final = 7200.0


def pid(service: Service) -> int:
    """Return the process of the lab's first network, stopped or not; raises Conflict without."""
    for server in service.status().dnsmasq:
        if server.state in ("running", "stopped"):
            return server.pids[0]
    raise Conflict("no dnsmasq of a network is running")


def option(service: Service, name: str) -> Path:
    """Return the path that an option of that dnsmasq gives."""
    for server in service.status().dnsmasq:
        for path in dnsmasq_arguments.values(server.argv, name):
            return Path(path)
    raise Conflict(f"no dnsmasq of a network has a --{name}")


def restart(service: Service, meanwhile: Callable[[], object] = lambda: None) -> None:
    """End the dnsmasq, do something, and start it again with the same arguments."""
    old = pid(service)
    command = decoded(Path(f"/proc/{old}/cmdline").read_bytes()).rstrip("\0").split("\0")
    os.kill(old, signal.SIGTERM)
    while Path(f"/proc/{old}").exists():
        time.sleep(0.01)
    meanwhile()
    run(*command)


def state_of(process: int) -> str:
    """Return the letter of a process's state (proc(5))."""
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


def where_served(question: Callable[[Service], bool]) -> Callable[[Service], bool]:
    """Return the question with no where no dnsmasq is there that it could be about."""

    def is_broken(service: Service) -> bool:
        try:
            return question(service)
        except (Conflict, FileNotFoundError):
            return False

    return is_broken


@where_served
def _is_stopped(service: Service) -> bool:
    return state_of(pid(service)) == "T"


def _signal(number: signal.Signals) -> Callable[[Service], None]:
    return lambda service: os.kill(pid(service), number)


@where_served
def _pid_file_missing(service: Service) -> bool:
    return not option(service, "pid-file").exists()


def _remove_pid_file(service: Service) -> None:
    option(service, "pid-file").unlink()


def _write_pid_file(service: Service) -> None:
    if _pid_file_missing(service):
        option(service, "pid-file").write_text(f"{pid(service)}\n", encoding="ascii")


@where_served
def _is_deaf(service: Service) -> bool:
    inode = option(service, "dhcp-hostsdir").stat().st_ino
    told = Path(f"/proc/{pid(service)}/fdinfo").glob("*")
    watched = "".join(each.read_text(encoding="ascii") for each in told)
    return f" ino:{inode:x} " not in watched


def _replace_directory(service: Service) -> None:
    directory = option(service, "dhcp-hostsdir")
    new = directory.with_name(f"{directory.name}.new")
    shutil.copytree(directory, new)
    shutil.rmtree(directory)
    new.rename(directory)


def _mend_deafness(service: Service) -> None:
    if _is_deaf(service):
        restart(service)


@where_served
def _leases_lost(service: Service) -> bool:
    return not option(service, "dhcp-leasefile").read_text(encoding="utf-8")


def _lose_leases(service: Service) -> None:
    file = option(service, "dhcp-leasefile")
    remember("dhcp_nak", {str(file): file.read_text(encoding="utf-8")})
    for each in service.status().allocations:
        run("ping", "-c1", "-W2", each.address)  # so that the host knows who is there
    restart(service, partial(file.write_text, "", encoding="utf-8"))


def _bring_back_leases(service: Service) -> None:
    for path, text in recall("dhcp_nak").items():
        restart(service, partial(Path(path).write_text, text, encoding="utf-8"))


@where_served
def _clock_was_set_back(service: Service) -> bool:
    return option(service, "dhcp-leasefile").stat().st_mtime > time.time() + 60


def _date_leases(service: Service, ahead: float) -> None:
    moment = time.time() + ahead
    os.utime(option(service, "dhcp-leasefile"), (moment, moment))


_STORM: Final = "hup-storm"


def _storm_pids() -> list[int]:
    return [pid for pid, name in process_names() if name == _STORM]


def _send_storm(service: Service) -> None:
    target = pid(service)

    def send() -> int:
        os.setsid()
        Path("/proc/self/comm").write_text(_STORM, encoding="ascii")
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        deadline = time.monotonic() + _STORM_SECONDS
        while time.monotonic() < deadline:
            os.kill(target, signal.SIGHUP)
        return 0

    fork(send)


def _end_storm(service: Service) -> None:
    for each in _storm_pids():
        os.kill(each, signal.SIGKILL)


def _mend_if(
    is_broken: Callable[[Service], bool], mend: Callable[[Service], None]
) -> Callable[[Service], None]:
    def mend_it(service: Service) -> None:
        if is_broken(service):
            mend(service)

    return mend_it


FAULTS: Final = (
    Fault(
        "dnsmasq_stopped",
        "The dnsmasq of the network was stopped by a signal (SIGSTOP).",
        "Instances resolve no names and get no address, though the process is there.",
        _is_stopped,
        _signal(signal.SIGSTOP),
        _mend_if(_is_stopped, _signal(signal.SIGCONT)),
    ),
    Fault(
        "dnsmasq_pid_file",
        "The pid file of the network's dnsmasq was removed.",
        "Addresses of instances that were deleted are still given out: the reload reaches nobody.",
        _pid_file_missing,
        _remove_pid_file,
        _write_pid_file,
    ),
    Fault(
        "inotify",
        "The directory of host files was replaced by a copy; dnsmasq watches the old one.",
        "New instances get no address; all others are fine.",
        _is_deaf,
        _replace_directory,
        _mend_deafness,
    ),
    Fault(
        "dhcp_nak",
        "dnsmasq was started without its leases.",
        "Instances lose their address for a moment when they renew it.",
        _leases_lost,
        _lose_leases,
        _bring_back_leases,
    ),
    Fault(
        "clock",
        "The clock was set back by two hours, after leases had been written.",
        "The times in logs jump, and leases last longer than they should.",
        _clock_was_set_back,
        lambda service: _date_leases(service, _LATE),
        _mend_if(_clock_was_set_back, lambda service: _date_leases(service, 0)),
    ),
    Fault(
        "dnsmasq_load",
        "A program sends SIGHUP to dnsmasq without pause, for five minutes at most.",
        "DHCP and DNS answer late, or not at all.",
        lambda service: bool(_storm_pids()),
        _send_storm,
        _end_storm,
    ),
)
