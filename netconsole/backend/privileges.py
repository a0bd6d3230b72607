"""What this process may do: the capabilities that changing a host needs (capabilities(7))."""

from pathlib import Path

CAP_NET_ADMIN = 12


def lacking() -> str | None:
    """Say what is missing to change the host, or None."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            if int(line.split()[1], 16) >> CAP_NET_ADMIN & 1:
                return None
            break
    return "no privileges: run as root (CAP_NET_ADMIN)"
