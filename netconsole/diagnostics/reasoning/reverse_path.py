"""Reverse-path filtering as the kernel does it: what is in force, and what it drops.

The kernel looks up the route to a packet's source. Strict (1): the packet is dropped unless that
route leaves by the interface it came in on. Loose (2): it is dropped only when there is no route
at all. In force at an interface is the larger of `all` and its own value (ip-sysctl, RFC 3704).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from netconsole.backend.model.kernel_settings import name_of
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.reverse_paths import (
    EchoProbe,
    EchoProbes,
    InterfacePaths,
    ReversePath,
    ReversePaths,
)
from netconsole.diagnostics.parts.settings import DropIns, Sysctls

MODES = {0: "off", 1: "strict", 2: "loose"}


def key(interface: str) -> str:
    """Return the path of an interface's setting under /proc/sys."""
    return f"net/ipv4/conf/{interface}/rp_filter"


def setting_name(interface: str) -> str:
    """Return the name of the setting as sysctl(8) takes it."""
    return name_of(key(interface))


def dropped(path: ReversePath, in_force: int) -> bool:
    """Whether this filter, and nothing else, makes the kernel refuse the packet.

    Older kernels say EXDEV for this alone. Linux 6.18 says EINVAL for every packet it refuses,
    so that the route back has to agree.
    """
    if not path.refusal or in_force == 0 or path.return_route == "other":
        return False
    if path.refusal == "EXDEV":
        return True
    if path.refusal != "EINVAL":
        return False
    return path.return_route == "none" or (in_force == 1 and not path.symmetric)


@dataclass(frozen=True, slots=True)
class Case:
    """The evidence on this filter, complete."""

    snapshot: Snapshot
    sysctls: Mapping[str, str]
    drop_ins: DropIns
    paths: ReversePaths
    probes: tuple[EchoProbe, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Case":
        """Return the case; the check's `needs` promise that all parts are there."""
        probes = snapshot.get(EchoProbes) or EchoProbes()
        return cls(
            snapshot,
            snapshot.part(Sysctls).values,
            snapshot.part(DropIns),
            snapshot.part(ReversePaths),
            probes.probes,
        )

    def value(self, interface: str) -> str:
        """Return an interface's own value."""
        return self.sysctls.get(key(interface), "0")

    def effective(self, interface: str) -> int:
        """Return the value in force: the larger of the two."""
        return max(int(self.value("all")), int(self.value(interface)))

    def in_force(self, interface: str) -> str:
        """Return the value in force in words: `1 (strict)`."""
        value = self.effective(interface)
        return f"{value} ({MODES.get(value, 'loose')})"

    def victims(self, interface: InterfacePaths) -> tuple[ReversePath, ...]:
        """Return the paths on which packets are dropped by the filter."""
        in_force = self.effective(interface.name)
        return tuple(path for path in interface.paths if dropped(path, in_force))


def asymmetric(interface: InterfacePaths) -> tuple[ReversePath, ...]:
    """Return one path for each real source whose replies leave by another interface."""
    found: dict[str, ReversePath] = {}
    for path in interface.paths:
        if path.return_route == "unicast" and not path.symmetric and path.known_as != "beyond":
            found.setdefault(path.source, path)
    return tuple(found.values())
