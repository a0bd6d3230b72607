"""Guards: what a guest may send as, by its port; everything else it sends is a lie. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from netconsole.backend.model.subject import Subjects

FAMILY: Final = "netdev"
TABLE: Final = "netconsole"
"""Of the table of nftables that holds the guards."""


NO_GUARDS, BY_EBTABLES = "guards", "netdev guards"
"""What a kernel lacks that cannot hold the table: guards at all, or it has those of ebtables."""

Held = Literal["on", "missing", "different"]
"""How a guard that is wanted is held."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Whose frames pass a port, and by which addresses."""

    device: str
    """The port's interface on the host."""
    mac: str
    addresses: tuple[str, ...] = ()
    """IPv4 and IPv6, without prefix lengths; sorted as texts, each once."""
    ranges: tuple[str, ...] = ()
    """Beside these: the CIDRs that the port was allowed (`AllowedAddress`), sorted as well. No two
    have an address in common."""
    subjects: Subjects = field(default=(), compare=False)
    """Wanted only: the port, and its network."""


GuardKind = Literal["table", "counter", "set", "chain", "element"]


class GuardObject(NamedTuple):
    """One thing in the table that holds the guards, as nft(8) lists it.

    Two are equal only when nothing about them differs, so that two tables differ by the objects
    that one of them lacks.
    """

    kind: GuardKind
    name: str
    """Of an element that of its set."""
    lines: tuple[str, ...] = ()
    """What it says: a chain's hook, if it has one, and its rules; a set's type; an element."""
    device: str = ""
    """The port that it is for; nothing of what all ports share."""


GuardTable = frozenset[GuardObject]
"""All that is in the table; empty where there is none."""


def of_devices(table: GuardTable, devices: Iterable[str]) -> GuardTable:
    """Return the part of a table that is for some ports."""
    named = frozenset(devices)
    return frozenset(each for each in table if each.device in named)


def shared(table: GuardTable) -> GuardTable:
    """Return the part of a table that all ports share."""
    return frozenset(each for each in table if not each.device)
