"""What a capture at several interfaces of one path showed."""

from dataclasses import dataclass

from netconsole.capture.comparison import Comparison


@dataclass(frozen=True, slots=True)
class DroppingRule:
    """A rule or a policy whose counter rose, and which drops what it counts."""

    place: str
    """Where it is, in words."""
    text: str
    """In the words of the program that lists it."""
    packets: int
    """How many it dropped meanwhile, whosever they were."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """One capture, and the queries that were sent meanwhile."""

    points: tuple[str, ...]
    """The interfaces, along the path."""
    expression: str
    """Which packets, in the words of pcap-filter(7)."""
    comparison: Comparison
    asked: int = 0
    """DNS queries sent from inside the instance."""
    asked_from: str = ""
    """`inside web1`, or why none were sent."""
    dropping: tuple[DroppingRule, ...] = ()
    """Rules and policies of others that dropped packets meanwhile, the busiest first."""
