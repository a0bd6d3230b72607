"""Reads what the system's log says of dnsmasq, and what the kernel denied to it.

From the journal and the kernel's ring; where they have nothing, from the files of rsyslog(8), and
from that of auditd(8), to which denials go as soon as it runs.
"""

import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypedDict, cast

from netconsole.backend.model.errors import NetconsoleError, said
from netconsole.backend.model.text import from_json
from netconsole.backend.system import files
from netconsole.backend.system.programs import PATH, run
from netconsole.diagnostics.evidence.log_files import (
    AUDIT,
    DAEMONS,
    KERNEL,
    audit_lines,
    ends_of,
    syslog_entries,
)
from netconsole.diagnostics.parts.log import LogLine, SystemLog

MINUTES = 15
"""How far back the log is read."""
MOST_LINES = 2000

PROGRAMS = ("dnsmasq", "dnsmasq-dhcp")
"""As it calls itself there."""

_SERIAL = re.compile(r"\baudit\(\d+\.\d+:\d+\)")
_APPARMOR = Path("/sys/module/apparmor/parameters/enabled")
_SELINUX = Path("/sys/fs/selinux/enforce")
_DENIED = re.compile(r'apparmor="DENIED"|\bavc: +denied\b')
_OF_DNSMASQ = re.compile(r'comm="dnsmasq"|profile="[^"]*dnsmasq')
_DMESG = re.compile(r"\[\s*(\d+\.\d+)\] (.*)")


class _Entry(TypedDict, total=False):
    __REALTIME_TIMESTAMP: str
    _PID: str
    SYSLOG_PID: str
    MESSAGE: str


def read_log() -> SystemLog:
    """Read the log and the kernel's part of it, as far as this user may."""
    problems: list[str] = []
    lines: tuple[LogLine, ...] = ()
    denials: tuple[LogLine, ...] = ()
    try:
        lines = tuple(_journal()) or tuple(_of_dnsmasq())
    except (NetconsoleError, OSError) as error:
        problems.append(said(error))
    enforcing = tuple(_enforcing())
    if enforcing:
        booted = time.time() - time.monotonic()
        for read in (_ring, _kernel_files):
            try:
                denials = (*denials, *read(booted))
            except (NetconsoleError, OSError) as error:
                problems.append(said(error))
    return SystemLog(lines, once(denials), "; ".join(problems), enforcing)


def _ring(booted: float) -> tuple[LogLine, ...]:
    return denied(run(["dmesg"], timeout=5.0), booted)


def _kernel_files(booted: float) -> tuple[LogLine, ...]:
    """Those of this boot, as in the ring."""
    texts = (*ends_of(AUDIT), *ends_of(KERNEL))
    return tuple(
        line
        for text in texts
        for line in audit_lines(text)
        if line.moment >= booted and _is_denial(line.text)
    )


def once(lines: Iterable[LogLine]) -> tuple[LogLine, ...]:
    """Return each denial once, in the order of time: the ring and several files may have it."""
    found = {_told(line): line for line in lines}
    return tuple(sorted(found.values(), key=lambda line: line.moment))


def _told(line: LogLine) -> str:
    serial = _SERIAL.search(line.text)
    return serial[0] if serial else line.text


def _of_dnsmasq() -> Iterator[LogLine]:
    now = time.time()
    for text in ends_of(DAEMONS):
        for entry in syslog_entries(text, now):
            if entry.program in PROGRAMS and entry.moment >= now - 60 * MINUTES:
                yield LogLine(entry.moment, entry.pid, entry.text)


def _journal() -> Iterator[LogLine]:
    if shutil.which("journalctl", path=PATH) is None:
        return
    told = run(
        [
            *("journalctl", "--quiet", "--output=json", f"--since=-{MINUTES}min"),
            f"--lines={MOST_LINES}",
            *(f"--identifier={name}" for name in PROGRAMS),
        ],
        timeout=5.0,
        good=(0, 1),  # 1: no journal, or no such line
    )
    for line in told.splitlines():
        entry = cast(_Entry, from_json(line))
        pid = entry.get("SYSLOG_PID") or entry.get("_PID") or "0"
        moment = int(entry.get("__REALTIME_TIMESTAMP", "0")) / 1e6
        yield LogLine(moment, int(pid), str(entry.get("MESSAGE", "")))


def denied(text: str, booted: float) -> tuple[LogLine, ...]:
    """Read what dmesg(1) prints; `booted` is in seconds since the epoch."""
    return tuple(
        LogLine(booted + float(found[1]), 0, found[2])
        for line in text.splitlines()
        if (found := _DMESG.match(line)) and _is_denial(line)
    )


def _is_denial(line: str) -> bool:
    return bool(_DENIED.search(line) and _OF_DNSMASQ.search(line))


def _enforcing() -> Iterator[str]:
    for path, name, yes in ((_APPARMOR, "AppArmor", "Y"), (_SELINUX, "SELinux", "1")):
        try:
            if files.read_text(path).strip() == yes:
                yield name
        except OSError:
            continue
