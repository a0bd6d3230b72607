"""What this process may do: the capabilities that changing a host needs (capabilities(7))."""

from enum import IntEnum

from netconsole.backend import files


class Capability(IntEnum):
    """Part of what root may do."""

    NET_ADMIN = 12
    NET_RAW = 13


def lacking(capability: Capability = Capability.NET_ADMIN) -> str | None:
    """Say what is missing to do what the capability allows, or None."""
    for line in files.read_text("/proc/self/status").rstrip("\n").split("\n"):
        if line.startswith("CapEff:"):
            if int(line.split()[1], 16) >> capability & 1:
                return None
            break
    return f"no privileges: run as root (CAP_{capability.name})"
