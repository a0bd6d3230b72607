"""Finds the network namespaces of instances that this host can enter: containers and labs."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import run

MOST_NAMESPACES = 64
"""Looked into for one instance."""


def process_inside(mac: str) -> int | None:
    """Return a process whose network namespace has an interface with this MAC address."""
    return processes_inside((mac,)).get(mac)


def processes_inside(macs: Iterable[str]) -> dict[str, int]:
    """Return such a process for each MAC address that is found in a namespace."""
    wanted, found = set(macs), dict[str, int]()
    for process in _elsewhere():
        if not wanted - found.keys():
            break
        try:
            told = run(["nsenter", f"--target={process}", "--net", "ip", "-json", "link", "show"])
        except NetconsoleError:
            continue
        here = {entry.get("address") for entry in from_json(told or "[]")}
        found.update((mac, process) for mac in wanted & here if mac not in found)
    return found


def _elsewhere() -> Iterator[int]:
    """Return one process of each network namespace other than ours."""
    seen = {_namespace(os.getpid())}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and len(seen) <= MOST_NAMESPACES:
            found = _namespace(int(entry.name))
            if found is not None and found not in seen:
                seen.add(found)
                yield int(entry.name)


def _namespace(process: int) -> str | None:
    try:
        return str(Path(f"/proc/{process}/ns/net").readlink())
    except OSError:
        return None
