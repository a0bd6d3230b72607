"""The connections that the kernel tracks (conntrack(8)), summed up: a host can have 262,144."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class TranslatedFlows:
    """Connections that are translated alike."""

    way: Literal["in", "out"]
    """`in`: begun to `outer`, which stands for `inner` (DNAT); `out`: begun by `inner` (SNAT)."""
    outer: str
    """The address that the other end sees."""
    inner: str
    live: int
    """Connections that still carry packets."""
    closed: int = 0
    """TCP connections that only wait to be forgotten."""
    example: str = ""
    """A live one, as `conntrack -L` prints it, without what moves."""


@dataclass(frozen=True, slots=True)
class Connections:
    """All IPv4 ones of the network namespace."""

    count: int = 0
    translations: tuple[TranslatedFlows, ...] = ()
    sources: Mapping[str, int] = field(default_factory=dict)
    """The addresses that began the most, with how many; most first."""
