"""Who holds the lock of the host, and the store, at this moment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LockHolder:
    """A process that holds a lock on a file of the state (proc_locks(5))."""

    path: str
    pid: int
    command: str
    """Its arguments, as one line."""
    ours: bool
    """Whether it is netconsole, which holds the lock for the length of a change."""
    stopped: bool
    """Whether it is stopped by a signal, and lets go of nothing."""


@dataclass(frozen=True, slots=True)
class StateHolders:
    """All of them; those that only read are none."""

    holders: tuple[LockHolder, ...] = ()
