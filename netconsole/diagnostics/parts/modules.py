"""Kernel modules that networks of virtual machines need, and what stands in their way."""

from dataclasses import dataclass
from typing import Literal

ModuleState = Literal["loaded", "built-in", "available", "missing"]
"""`available`: modprobe would find it; `missing`: this kernel has it neither built in nor as a
file."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module."""

    name: str
    state: ModuleState
    blocked_by: str = ""
    """The line of modprobe.d(5) that keeps it from being loaded, as FILE:LINE TEXT."""
    at_boot_by: str = ""
    """The file of modules-load.d(5) that loads it at boot."""

    @property
    def usable(self) -> bool:
        """Whether its functions are there now."""
        return self.state in ("loaded", "built-in")


@dataclass(frozen=True, slots=True)
class Modules:
    """Those that checks ask about."""

    modules: tuple[Module, ...]
    kernel: str = ""
    """The release of the running kernel."""
    ours: str | None = None
    """The text of our drop-in of modules-load.d(5), None when there is none."""

    def get(self, name: str) -> Module:
        """Return a module, a missing one where it was not looked for."""
        return next((each for each in self.modules if each.name == name), Module(name, "missing"))
