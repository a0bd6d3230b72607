"""Lines of the system's log about dnsmasq."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line."""

    moment: float
    """Seconds since the epoch."""
    pid: int
    """Of the process that wrote it, 0 for the kernel."""
    text: str


@dataclass(frozen=True, slots=True)
class SystemLog:
    """What was found in it."""

    dnsmasq: tuple[LogLine, ...] = ()
    """Written by a dnsmasq."""
    denials: tuple[LogLine, ...] = ()
    """By the kernel: something was denied to a dnsmasq (AppArmor, SELinux)."""
    problem: str = ""
    """Why not all of it could be read."""
    enforcing: tuple[str, ...] = ()
    """The mandatory access controls in force: AppArmor, SELinux."""
