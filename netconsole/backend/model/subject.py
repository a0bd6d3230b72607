"""Subject: what a rule, a link, an address, a file or a step is about. Pure.

Wanted things carry theirs, and so do the steps of a plan. Who asks what concerns a network or a
floating address compares subjects: a network may be labelled like an address.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

GuestChain = tuple[Literal["ipv4", "ipv6"], str]
"""A chain of a table filter: whose table, and its name."""
SubjectKind = Literal["floating", "group", "host", "metadata", "network", "port"]


class Subject(NamedTuple):
    """One thing that netconsole keeps: ordered by kind, then by name."""

    kind: SubjectKind
    name: str = ""
    """The address, the label, the device or a group's number; nothing where a host has only one of
    the kind."""


Subjects = tuple[Subject, ...]
"""Sorted, each once."""

HOST = Subject("host")
"""What no network has alone, such as forwarding."""
METADATA = Subject("metadata", "metadata")
"""The metadata service."""
METADATA_ADDRESS = "169.254.169.254"
"""Where guests ask it, on any host."""


def together(*groups: Iterable[Subject]) -> Subjects:
    """Return the subjects of several things, sorted, each once."""
    return tuple(sorted({subject for group in groups for subject in group}))


def floating(address: str) -> Subject:
    """Return a floating address, without a prefix length."""
    return Subject("floating", address)


def network(label: str) -> Subject:
    """Return a network, by its label; no two have the same."""
    return Subject("network", label)


def port(device: str) -> Subject:
    """Return the port of an instance, by its interface on the host."""
    return Subject("port", device)


def group(number: int) -> Subject:
    """Return a security group, by its number: two projects may call theirs the same."""
    return Subject("group", str(number))


@dataclass(frozen=True, slots=True)
class Vicinity:
    """Where ports are on a host: what is looked at of it, and nothing else."""

    links: tuple[str, ...] = ()
    """The ports, the bridges that they are in, and those bridges' ways to other hosts."""
    bridges: tuple[str, ...] = ()
    """Of these the dnsmasq and its files are looked at."""
    other_hosts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The names of other ports' host files, which are not read, by the directory that has them."""
    macs: frozenset[str] = frozenset()
    """Of the ports: their leases are looked at, and their host files are theirs to change."""
    addresses: frozenset[str] = frozenset()
    """Which the ports have or had: leases of these are looked at as well."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a change goes: over the whole host, or over some of its subjects.

    It says which records are read, what is asked of the kernel, and what is compared.
    """

    subjects: Subjects = ()
    """Sorted, each once; none for the whole host."""
    vicinity: Vicinity | None = None
    """Of ports, which cannot be looked at alone without one."""
    is_of_groups: bool = False
    """Whether it is about security groups alone, whichever they are."""
    chains: frozenset[GuestChain] | None = None
    """Of groups: those that are looked at; None for all by which guests are filtered."""
    is_named_later: bool = False
    """Whether ports or chains have their names only when the change is written."""

    @property
    def is_whole(self) -> bool:
        """Whether all of the host is looked at, as where a subject cannot be looked at alone."""
        narrow = self.is_named_later or self.is_of_ports or self.is_of_groups
        return not (narrow or self._is_all("floating"))

    @property
    def is_of_ports(self) -> bool:
        """Whether it is about ports alone."""
        return self.vicinity is not None and self._is_all("port")

    @property
    def floating_addresses(self) -> tuple[str, ...]:
        """The floating addresses among the subjects, without prefix lengths."""
        return tuple(name for kind, name in self.subjects if kind == "floating")

    def _is_all(self, kind: SubjectKind) -> bool:
        return bool(self.subjects) and all(each.kind == kind for each in self.subjects)


WHOLE_HOST = Scope()
EVERY_GROUP = Scope(is_of_groups=True)
GROUPS = Scope(is_of_groups=True, is_named_later=True)
PORTS_TO_BE_NAMED = Scope(is_named_later=True)


def confined(*subjects: Subject, vicinity: Vicinity | None = None) -> Scope:
    """Return the scope of these subjects."""
    return Scope(together(subjects), vicinity)
