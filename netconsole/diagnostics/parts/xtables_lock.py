"""The lock by which programs of iptables, legacy kind, take turns (iptables(8), --wait)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class XtablesLock:
    """Who held it throughout a second, which no single change takes."""

    holder: int = 0
    """The process; 0 where it is free, or changed hands meanwhile; -1 where it is in another pid
    namespace."""
    command: str = ""
    """The holder's command line."""
    waiting: int = 0
    """Processes that wait for it."""
    seconds: float = 0.0
    """For how long that was watched."""
