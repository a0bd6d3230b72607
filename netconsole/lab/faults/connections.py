"""Faults of tracked connections, and of the lock under which rules are changed."""

import re
import sys
from pathlib import Path
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.lab.clouds.wires import PUBLIC
from netconsole.lab.faults.background import is_running, start, stop, wait_until
from netconsole.lab.faults.fault import Fault, setting_fault
from netconsole.lab.sandbox.commands import LabFailed, run
from netconsole.lab.sandbox.members import OUTSIDE

_STALE: Final = "conntrack_stale"
_INVALID: Final = "conntrack_invalid"
_HELD: Final = "xtables_lock"

_HTTP: Final = "80"
_LOCK: Final = Path("/run/xtables.lock")
_OUT_OF_WINDOW: Final = "netconsole.lab.faults.out_of_window"


def _goes_on(service: Service) -> bool:
    floating = _free_address(service)
    return floating is not None and bool(_tracked(floating))


def _disassociate_by_hand(service: Service) -> None:
    """Rules and address go, and the connection stays."""
    floating = _free_address(service)
    fixed = next((each.address for each in service.status().allocations if not each.floating), None)
    if floating is None or fixed is None:
        raise Conflict("it takes a floating address that is free, and an instance without one")
    rule = ("PREROUTING", "-d", floating, "-j", "DNAT", "--to-destination", fixed)
    address = (f"{floating}/32", "dev", PUBLIC.interface)
    run("ip", "address", "add", *address)
    run("iptables", "-w", "-t", "nat", "-A", *rule)
    try:
        start(_STALE, ("sh", "-c", f"sleep 300 | busybox nc {floating} {_HTTP}"), OUTSIDE)
        wait_until(f"no connection to {floating}", lambda: "ESTABLISHED" in _tracked(floating))
    finally:
        run("iptables", "-w", "-t", "nat", "-D", *rule)
        run("ip", "address", "delete", *address)


def _end_connection(service: Service) -> None:
    stop(_STALE)
    floating = _free_address(service)
    if floating is not None and _tracked(floating):
        run("conntrack", "--delete", "--orig-dst", floating)


def _free_address(service: Service) -> str | None:
    free = (each.address for each in service.status().floating_ips if not each.fixed_address)
    return next(free, None)


def _tracked(address: str) -> str:
    return run("conntrack", "-L", "--orig-dst", address)


_CHECKED: Final = setting_fault(
    _INVALID, "", "", {"net/netfilter/nf_conntrack_tcp_be_liberal": "0"}
)
"""The window is checked, as the kernel does unless told otherwise."""


def _is_sending(service: Service) -> bool:
    return is_running(_INVALID)


def _send_outside(service: Service) -> None:
    floating = next((each for each in service.status().floating_ips if each.fixed_address), None)
    if floating is None:
        raise Conflict("no floating address is associated")
    _CHECKED.break_it(service)
    command = (sys.executable, "-m", _OUT_OF_WINDOW, PUBLIC.outside, floating.address, _HTTP)
    before = _invalid()
    start(_INVALID, command, OUTSIDE)
    wait_until(f"no packet to {floating.address} is invalid", lambda: _invalid() > before)


def _invalid() -> int:
    """Packets that fitted no connection, as each processor has counted them."""
    return sum(map(int, re.findall(r" invalid=(\d+)", run("conntrack", "--stats"))))


def _stop_sending(service: Service) -> None:
    stop(_INVALID)
    _CHECKED.mend_it(service)


def _is_held(service: Service) -> bool:
    if not _LOCK.exists():
        return False
    try:
        run("flock", "--nonblock", str(_LOCK), "true")
    except LabFailed:
        return True
    return False


def _hold(service: Service) -> None:
    """Take the lock and keep it; with a legacy table there is someone whom that concerns."""
    run("iptables-legacy", "-w", "-S")
    start(_HELD, ("flock", "--no-fork", str(_LOCK), "sleep", "300"))
    wait_until(f"nobody holds {_LOCK}", lambda: _is_held(service))


def _let_go(service: Service) -> None:
    stop(_HELD)


FAULTS: Final = (
    Fault(
        _STALE,
        "A floating address was taken away by hand, under a connection that was open.",
        "The old session goes on with the instance; new ones are refused.",
        _goes_on,
        _disassociate_by_hand,
        _end_connection,
    ),
    Fault(
        _INVALID,
        "A box on the way changes the sequence numbers of TCP.",
        "Connections to a floating address are reset in the middle.",
        _is_sending,
        _send_outside,
        _stop_sending,
    ),
    Fault(
        _HELD,
        "A program hangs while it holds the lock of iptables, legacy kind.",
        "Changes of legacy rules wait: another app is currently holding the xtables lock.",
        _is_held,
        _hold,
        _let_go,
    ),
)
