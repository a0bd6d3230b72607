"""Subject: what a rule, a link, an address, a file or a step is about. Pure.

Wanted things carry theirs, and so do the steps of a plan. Who asks what concerns a network or a
floating address compares subjects: a network may be labelled like an address.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

SubjectKind = Literal["floating", "host", "metadata", "network", "port"]


class Subject(NamedTuple):
    """One thing that netconsole keeps: ordered by kind, then by name."""

    kind: SubjectKind
    name: str = ""
    """The address, the label or the device; nothing where a host has only one of the kind."""


Subjects = tuple[Subject, ...]
"""Sorted, each once."""

HOST = Subject("host")
"""What no network has alone, such as forwarding."""
METADATA = Subject("metadata", "metadata")
"""The metadata service."""


def together(*groups: Iterable[Subject]) -> Subjects:
    """Return the subjects of several things, sorted, each once."""
    return tuple(sorted({subject for group in groups for subject in group}))


def floating(address: str) -> Subject:
    """A floating address, without a prefix length."""
    return Subject("floating", address)


def network(label: str) -> Subject:
    """A network, by its label; no two have the same."""
    return Subject("network", label)


def port(device: str) -> Subject:
    """The port of an instance, by its interface on the host."""
    return Subject("port", device)


_LOOKED_AT_ALONE: frozenset[SubjectKind] = frozenset({"floating"})
"""The kinds whose records, places and rules can be told from all others."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a change goes: over the whole host, or over some of its subjects.

    It says which records are read, what is asked of the kernel, and what is compared.
    """

    subjects: Subjects = ()
    """Sorted, each once; none for the whole host."""

    @property
    def is_whole(self) -> bool:
        """Whether all of the host is looked at, as where a subject cannot be looked at alone."""
        return not self.subjects or any(kind not in _LOOKED_AT_ALONE for kind, _ in self.subjects)

    @property
    def floating_addresses(self) -> tuple[str, ...]:
        """The floating addresses among the subjects, without prefix lengths."""
        return tuple(name for kind, name in self.subjects if kind == "floating")


WHOLE_HOST = Scope()


def confined(*subjects: Subject) -> Scope:
    """Return the scope of these subjects."""
    return Scope(together(subjects))
