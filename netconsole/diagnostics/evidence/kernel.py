"""Reads settings and counters from /proc: those of the reader's own network namespace."""

from collections.abc import Mapping
from pathlib import Path

from netconsole.backend.errors import Unavailable

PROC_SYS = Path("/proc/sys")
NETSTAT = Path("/proc/self/net/netstat")
SETTINGS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/*/forwarding",
    "net/ipv4/conf/*/rp_filter",
)


def read_sysctls() -> Mapping[str, str]:
    """Read the settings that checks look at, by their path under /proc/sys."""
    found = {}
    for pattern in SETTINGS:
        for path in PROC_SYS.glob(pattern):
            try:
                found[str(path.relative_to(PROC_SYS))] = path.read_text().strip()
            except FileNotFoundError:
                continue  # an interface that has just gone
    return found


def read_dropped() -> int:
    """Read IPReversePathFilter: packets dropped so since the namespace was made.

    Raises Unavailable on a kernel that does not count them.
    """
    text = NETSTAT.read_text(encoding="ascii")
    lines = [line.split() for line in text.splitlines() if line.startswith("TcpExt:")]
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        if "IPReversePathFilter" in names:
            return int(values[names.index("IPReversePathFilter")])
    raise Unavailable("this kernel does not count packets dropped by reverse-path filtering")
