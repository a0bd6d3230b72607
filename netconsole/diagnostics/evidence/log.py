"""Reads what the system's log says of dnsmasq, and what the kernel denied to it."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict, cast

from netconsole.backend.errors import NetconsoleError
from netconsole.backend.programs import PATH, run
from netconsole.diagnostics.parts.log import LogLine, SystemLog

MINUTES = 15
"""How far back the log is read."""
MOST_LINES = 2000

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
    """Read the journal and the kernel's own log, as far as this user may."""
    problems: list[str] = []
    lines: tuple[LogLine, ...] = ()
    denials: tuple[LogLine, ...] = ()
    try:
        lines = tuple(_journal())
    except NetconsoleError as error:
        problems.append(str(error))
    enforcing = tuple(_enforcing())
    if enforcing:
        try:
            denials = denied(run(["dmesg"], timeout=5.0), time.time() - time.monotonic())
        except NetconsoleError as error:
            problems.append(str(error))
    return SystemLog(lines, denials, "; ".join(problems), enforcing)


def _journal() -> Iterator[LogLine]:
    if shutil.which("journalctl", path=PATH) is None:
        return
    told = run(
        [
            *("journalctl", "--quiet", "--output=json", f"--since=-{MINUTES}min"),
            *(f"--lines={MOST_LINES}", "--identifier=dnsmasq", "--identifier=dnsmasq-dhcp"),
        ],
        timeout=5.0,
        good=(0, 1),  # 1: no journal, or no such line
    )
    for line in told.splitlines():
        entry = cast(_Entry, json.loads(line))
        pid = entry.get("SYSLOG_PID") or entry.get("_PID") or "0"
        moment = int(entry.get("__REALTIME_TIMESTAMP", "0")) / 1e6
        yield LogLine(moment, int(pid), str(entry.get("MESSAGE", "")))


def denied(text: str, booted: float) -> tuple[LogLine, ...]:
    """Read what dmesg(1) prints; `booted` is in seconds since the epoch."""
    return tuple(
        LogLine(booted + float(found[1]), 0, found[2])
        for line in text.splitlines()
        if (found := _DMESG.match(line)) and _DENIED.search(line) and _OF_DNSMASQ.search(line)
    )


def _enforcing() -> Iterator[str]:
    for path, name, yes in ((_APPARMOR, "AppArmor", "Y"), (_SELINUX, "SELinux", "1")):
        try:
            if path.read_text(encoding="ascii").strip() == yes:
                yield name
        except OSError:
            continue
