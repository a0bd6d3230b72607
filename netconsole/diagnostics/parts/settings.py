"""Kernel settings: the values now, and the files that set them at boot."""

from collections.abc import Mapping
from dataclasses import dataclass

from netconsole.diagnostics.parts.drop_ins import DropIns

__all__ = ["DropIns", "Sysctls", "conf_key"]


@dataclass(frozen=True, slots=True)
class Sysctls:
    """Settings by their path under /proc/sys: net/ipv4/conf/eth0/rp_filter."""

    values: Mapping[str, str]

    def get(self, path: str, default: str = "") -> str:
        """Return a value, or the default where the kernel has no such setting."""
        return self.values.get(path, default)

    def number(self, path: str, default: int = 0) -> int:
        """Return a value as a number."""
        value = self.values.get(path, "")
        return int(value) if value.lstrip("-").isdigit() else default


def conf_key(interface: str, setting: str) -> str:
    """Return the path of an interface's setting of IPv4; `all` and `default` are interfaces too."""
    return f"net/ipv4/conf/{interface}/{setting}"
