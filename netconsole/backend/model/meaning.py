"""Meaning: what packets may do and what becomes of them, in the words of no packet filter. Pure.

`intent` yields it, a wording (`backend/wording`) puts it into the rules of one packet filter.
Ranges are written as CIDR, addresses without a prefix length; None stands for any.
"""

from dataclasses import dataclass
from typing import Literal

from netconsole.backend.model.group_rules import GroupProtocol
from netconsole.backend.model.subject import Subject

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True)
class Admission:
    """Packets that pass, or do not: to the host itself, or through it."""

    about: Subject
    way: Literal["to host", "through"]
    passes: bool = True
    arriving: str | None = None
    """The interface where they come in."""
    leaving: str | None = None
    destination: str | None = None
    protocol: Protocol | None = None
    port: int | None = None
    """The destination's; only with a protocol."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A floating address in use: where it points and which interface carries it."""

    floating: str
    fixed: str
    interface: str


@dataclass(frozen=True, slots=True)
class SourceTranslation:
    """What a range sends gets another source address, unless it is `Untranslated`."""

    about: Subject
    source: str
    to: str
    leaving: str | None = None
    destination: str | None = None


@dataclass(frozen=True, slots=True)
class Untranslated:
    """What a range sends there keeps its source."""

    about: Subject
    source: str
    destination: str | None = None
    asked_for: str | None = None
    """The destination as it was before any translation."""
    only_as_asked: bool = False
    """Whether a destination that was translated does not count."""


@dataclass(frozen=True, slots=True)
class Lead:
    """Who asks for a port of an address is led to another address and port."""

    about: Subject
    address: str
    protocol: Protocol
    port: int
    to: str
    """127.0.0.1 is the host itself."""
    to_port: int
    from_host: bool = False
    """Whether the host's own programs are led as well."""


@dataclass(frozen=True, slots=True)
class FilledChecksums:
    """UDP packets to a port leave by an interface with their checksum filled in."""

    about: Subject
    leaving: str
    port: int


@dataclass(frozen=True, slots=True)
class Fence:
    """An address that other hosts have as well: nothing that speaks of it, and no DHCP, passes."""

    about: Subject
    address: str
    interface: str
    """The one to the other hosts."""


@dataclass(frozen=True, slots=True)
class Rerouting:
    """Frames of a guest's packets for another router come to this host all the same."""

    about: Subject
    source: str
    """A range, or an address."""
    bridge: str | None = None
    destination: str | None = None
    beyond: str | None = None
    """A range to which they do not go."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a security group lets in, from a range or from the members of a group."""

    protocol: GroupProtocol | None = None
    first: int = -1
    """Destination port, or the type of ICMP; -1 for every one."""
    last: int = -1
    """Destination port, or the code of ICMP; -1 for every one."""
    source: str | None = None
    """A range of either family; None where a group is the source."""
    group: int | None = None
    """The number of a `SourceGroup`."""


@dataclass(frozen=True, slots=True)
class Group:
    """A security group that instances of this host are in."""

    about: Subject
    id: int
    openings: tuple[Opening, ...]


@dataclass(frozen=True, slots=True)
class SourceGroup:
    """A security group whose members are let in somewhere, wherever they run."""

    about: Subject
    id: int
    addresses: tuple[str, ...]
    """Of both families."""


@dataclass(frozen=True, slots=True)
class GuestAddress:
    """An address, or a range as CIDR, at which a guest is reached."""

    about: Subject
    """The port."""
    address: str


@dataclass(frozen=True, slots=True)
class FilteredGuest:
    """An instance that only what its groups let in reaches, and what its network needs.

    Or several, at a range that all of them may have: whichever has it, only what is let in to each
    of them reaches it.
    """

    about: Subject
    id: int
    """0 for several."""
    addresses: tuple[GuestAddress, ...]
    groups: tuple[int, ...]
    """The numbers of its groups; of several, those that all of them are in."""
    dhcp_servers: tuple[str, ...] = ()
    routers: tuple[str, ...] = ()
    """IPv6 addresses of its networks' routers, which speak ICMPv6 to it."""
    neighbours: tuple[str, ...] = ()
    """Ranges from which everything is let in."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """Everything that a host does with packets; of each kind in the order in which it counts."""

    serves: bool = False
    """Whether the host serves any network; where not, it has no chains."""
    admissions: tuple[Admission, ...] = ()
    translations: tuple[Translation, ...] = ()
    source_translations: tuple[SourceTranslation, ...] = ()
    untranslated: tuple[Untranslated, ...] = ()
    leads: tuple[Lead, ...] = ()
    filled_checksums: tuple[FilledChecksums, ...] = ()
    fences: tuple[Fence, ...] = ()
    reroutings: tuple[Rerouting, ...] = ()
    guests: tuple[FilteredGuest, ...] = ()
    groups: tuple[Group, ...] = ()
    source_groups: tuple[SourceGroup, ...] = ()
    filters_ipv6: bool = False
    """Whether its networks have IPv6 addresses."""
