"""Kernel settings: written under /proc/sys (proc(5), sysctl(8)), and who turns on some of them."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from netconsole.backend.kernel.settings import path, read
from netconsole.backend.model import kernel_settings
from netconsole.backend.model.errors import StepFailed, Unavailable
from netconsole.backend.steps import SetSysctl
from netconsole.backend.system import files

_IPV6_ROUTES = Path("/proc/net/ipv6_route")
_ADVERTISED = 0x0004_0000
"""RTF_ADDRCONF of linux/ipv6_route.h: the kernel learnt the route from an advertisement."""


def learners() -> tuple[str, ...]:
    """Return the interfaces on which the kernel has learnt routes from router advertisements."""
    try:
        lines = files.read_text(_IPV6_ROUTES).rstrip("\n").split("\n")
    except FileNotFoundError:
        return ()
    routes = (line.split(" ", maxsplit=9) for line in lines if line)
    return tuple(sorted({each[9].strip(" ") for each in routes if int(each[8], 16) & _ADVERTISED}))


def accepting(interfaces: Iterable[str]) -> dict[str, str]:
    """accept_ra of those of some interfaces that are there, by interface."""
    values = ((name, read(kernel_settings.accept_ra(name))) for name in interfaces)
    return {name: value for name, value in values if value is not None}


def change(step: SetSysctl) -> None:
    """Write a setting, if it still is as it was when the step was planned, and what goes along.

    An interface that is gone has taken its settings with it.
    """
    now = read(step.key)
    if now is None:
        raise Unavailable(f"sysctl {step.key}: this kernel does not have it")
    if now not in (step.former, step.value):
        raise StepFailed(f"sysctl {step.key} is {now}, no longer {step.former} as it was planned")
    write(step.key, step.value)
    try:
        _write_all(step.along)
    except OSError:
        with suppress(OSError):
            write(step.key, step.former)
            _write_all(step.former_along)
        raise


def _write_all(settings: Iterable[tuple[str, str]]) -> None:
    for key, value in settings:
        with suppress(FileNotFoundError):
            write(key, value)


def write(key: str, value: str) -> None:
    """Write a setting. Raises OSError."""
    path(key).write_text(f"{value}\n", encoding="ascii")
