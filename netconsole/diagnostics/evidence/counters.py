"""Reads the kernel's counters, twice."""

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from netconsole.backend.system import files
from netconsole.diagnostics.parts.counters import Counters

SECONDS = 0.6
"""Between the two readings."""

DROPPED = "TcpExt.IPReversePathFilter"
"""Packets that reverse-path filtering dropped."""

PROC_NET = Path("/proc/self/net")
CLASS_NET = Path("/sys/class/net")
_SUMMED = {"nf_conntrack": "conntrack", "arp_cache": "arp_cache"}
_NOT_SUMMED = frozenset({"entries"})
"""The same in the row of every processor."""
_SOFTNET = ("processed", "dropped", "squeezed")
_LINK = ("bytes", "packets", "errors", "dropped")


def read_counters() -> Counters:
    """Read them, wait, and read them again, in the opposite order.

    What is read first is read last as well: it has counted all that the others have, however busy
    the host is. An interface counts once more what a processor had no room for.
    """
    before, began = {**_carriers(), **_read(_readers())}, time.monotonic()
    time.sleep(SECONDS)
    after = {**_read(reversed(_readers())), **_carriers()}
    return Counters(before, after, time.monotonic() - began)


def read_once() -> dict[str, int]:
    """Read every counter that the kernel has, by its name in `Counters`."""
    return _read(_readers())


def link_counters() -> dict[str, int]:
    """Read what /proc/net/dev counts for each interface (proc(5)), by its name in `Counters`."""
    return dict(_links())


def _carriers() -> Mapping[str, int]:
    """How often each interface lost or found its carrier (Linux, sysfs-class-net)."""
    found = {}
    for name in (name for _, name in socket.if_nameindex()):
        with suppress(OSError, ValueError):
            found[f"{name}.carrier_changes"] = int(
                files.read_text(CLASS_NET / name / "carrier_changes")
            )
    return found


def _readers() -> tuple[Callable[[], Mapping[str, int]], ...]:
    return (
        _softnet,
        lambda: dict(_protocols("netstat")),
        lambda: dict(_protocols("snmp")),
        *(partial(_per_processor, file) for file in _SUMMED),
        link_counters,
    )


def _read(readers: Iterable[Callable[[], Mapping[str, int]]]) -> dict[str, int]:
    return {name: value for read in readers for name, value in read().items()}


def _text(name: str) -> str:
    try:
        return files.read_text(PROC_NET / name)
    except OSError:
        return ""


def _protocols(file: str) -> Iterator[tuple[str, int]]:
    """Return pairs of lines: a protocol's names, then its values."""
    lines = [line.split() for line in _text(file).splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        protocol = names[0].rstrip(":")
        for name, value in zip(names[1:], values[1:], strict=False):
            yield f"{protocol}.{name}", int(value)


def _per_processor(file: str) -> dict[str, int]:
    """Sum the rows of a table of hexadecimal numbers; its columns differ between kernels."""
    lines = [line.split() for line in _text(f"stat/{file}").splitlines()]
    if not lines:
        return {}
    names, rows = lines[0], lines[1:]
    sums: dict[str, int] = {}
    for row in rows:
        for name, value in zip(names, row, strict=False):
            number = int(value, 16)
            sums[name] = number if name in _NOT_SUMMED else sums.get(name, 0) + number
    return {f"{_SUMMED[file]}.{name}": value for name, value in sums.items()}


def _softnet() -> dict[str, int]:
    sums = dict.fromkeys(_SOFTNET, 0)
    for line in _text("softnet_stat").splitlines():
        for name, value in zip(_SOFTNET, line.split(), strict=False):
            sums[name] += int(value, 16)
    return {f"softnet.{name}": value for name, value in sums.items()}


def _links() -> Iterator[tuple[str, int]]:
    for line in _text("dev").splitlines()[2:]:
        name, _, numbers = line.partition(":")
        values = [int(word) for word in numbers.split()]
        for way, offset in (("rx", 0), ("tx", 8)):
            for place, what in enumerate(_LINK):
                yield f"{name.strip()}.{way}_{what}", values[offset + place]
