"""Modules at boot: our drop-in of modules-load.d(5), as a step. Pure."""

from netconsole.backend.steps import Plan, WriteFile
from netconsole.diagnostics.parts.modules import Module

OURS = "/etc/modules-load.d/netconsole.conf"

_HEADER = "# Written by netconsole. See modules-load.d(5).\n"


def at_boot(module: Module, ours: str | None) -> tuple[Plan, str]:
    """Plan that a module is loaded at boot, and say what becomes of it as things are.

    `ours` is the text of our drop-in, None when there is none. The plan is empty where a file
    loads it already, or where it is built in.
    """
    if module.state == "built-in":
        return Plan(), "kept: it is built into the kernel"
    if module.at_boot_by:
        return Plan(), f"kept: loaded by {module.at_boot_by}"
    text = f"{ours or _HEADER}{module.name}\n"
    step = WriteFile(OURS, text, 0o644, former=ours)
    return Plan((step,)), f"not loaded at the next boot until {OURS} says it"
