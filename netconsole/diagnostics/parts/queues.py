"""The queues in front of the interfaces (tc(8)), read twice."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Queue:
    """One queueing discipline."""

    interface: str
    kind: str
    """pfifo_fast, fq_codel, tbf, ...; noqueue of an interface that keeps nothing waiting."""
    handle: str
    root: bool
    """Whether it is the outermost one; the others are parts of it."""
    options: Mapping[str, int]
    """Those that are numbers: limit in bytes or packets, rate in bytes a second, ..."""
    drops: int
    """Packets that did not fit, since it is there."""
    rise: int
    """How many of them between the two readings."""


@dataclass(frozen=True, slots=True)
class Queues:
    """Every queue of the network namespace."""

    queues: tuple[Queue, ...]
    seconds: float
    """Between the two readings."""
