"""Faults of the files that dnsmasq reads: closed, changed by hand, or of somebody else."""

import time
from pathlib import Path
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.lab.faults.dnsmasq import option, restart, where_served
from netconsole.lab.faults.fault import Fault, recall, remember

_VICTIM: Final = "web2"
_STRANGER: Final = "52:54:00:12:34:56"
"""A MAC address of no instance."""
_CLOSED, _OPEN = 0o700, 0o755


def _victim(service: Service) -> tuple[str, str]:
    """Return the MAC address and the address of the victim."""
    for each in service.status().allocations:
        if each.instance == _VICTIM:
            return each.mac, each.address
    raise Conflict(f"there is no instance {_VICTIM}")


@where_served
def _is_closed(service: Service) -> bool:
    return option(service, "dhcp-hostsdir").stat().st_mode & 0o777 == _CLOSED


def _close(service: Service) -> None:
    directory = option(service, "dhcp-hostsdir")
    restart(service, lambda: directory.chmod(_CLOSED))


def _open(service: Service) -> None:
    if _is_closed(service):
        directory = option(service, "dhcp-hostsdir")
        restart(service, lambda: directory.chmod(_OPEN))


def _host_file(service: Service) -> Path:
    mac, _ = _victim(service)
    return option(service, "dhcp-hostsdir") / mac.replace(":", "-")


@where_served
def _is_changed(service: Service) -> bool:
    return _STRANGER in _host_file(service).read_text(encoding="utf-8")


def _change(service: Service) -> None:
    file = _host_file(service)
    text = file.read_text(encoding="utf-8")
    remember("host_file_changed", {str(file): text})
    file.write_text(text.replace(_victim(service)[0], _STRANGER), encoding="utf-8")


def _change_back(service: Service) -> None:
    for path, text in recall("host_file_changed").items():
        Path(path).write_text(text, encoding="utf-8")


@where_served
def _is_stolen(service: Service) -> bool:
    return _STRANGER in option(service, "dhcp-leasefile").read_text(encoding="utf-8")


def _steal(service: Service) -> None:
    file = option(service, "dhcp-leasefile")
    _, address = _victim(service)

    def rewrite() -> None:
        text = file.read_text(encoding="utf-8")
        remember("lease_of_a_stranger", {str(file): text})
        kept = [line for line in text.splitlines() if f" {address} " not in line]
        end = int(time.time()) + 80_000
        kept.append(f"{end} {_STRANGER} {address} stranger 01:{_STRANGER}")
        file.write_text("\n".join((*kept, "")), encoding="utf-8")

    restart(service, rewrite)


def _give_back(service: Service) -> None:
    before = recall("lease_of_a_stranger")

    def rewrite() -> None:
        for path, text in before.items():
            Path(path).write_text(text, encoding="utf-8")

    if before:
        restart(service, rewrite)


FAULTS: Final = (
    Fault(
        "host_files_closed",
        "The directory of host files is open to root alone, as after a copy with umask 077.",
        "No instance gets an address: dnsmasq knows none.",
        _is_closed,
        _close,
        _open,
    ),
    Fault(
        "host_file_changed",
        f"The host file of {_VICTIM} was changed by hand, and names another MAC address.",
        f"{_VICTIM} gets no address.",
        _is_changed,
        _change,
        _change_back,
    ),
    Fault(
        "lease_of_a_stranger",
        f"The address of {_VICTIM} is leased to a MAC address that no instance has.",
        f"{_VICTIM} gets no address.",
        _is_stolen,
        _steal,
        _give_back,
    ),
)
