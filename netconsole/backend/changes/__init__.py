"""Changes: every changing verb as a value. `Service.do` performs one, `Service.preview` shows it.

One module a noun. A change validates itself, writes the store through the transaction it is
given, and leaves the host to `intent`, `plan` and `apply`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar

from sqlalchemy import Connection

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.hoststate import Address, Lease
from netconsole.backend.model.records import FixedIP, Port, Refiltering, Regrouping
from netconsole.backend.model.subject import WHOLE_HOST, Scope
from netconsole.backend.steps import Plan

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Written(Generic[Result]):
    """What a change did to the store, and what follows for the host beyond the difference."""

    result: Result
    released: frozenset[Address] = frozenset()
    """Addresses that the store no longer knows and the host must no longer hold."""
    leases: Mapping[str, tuple[Lease, ...]] = field(default_factory=dict)
    """Leases that a dnsmasq which has no lease file yet begins with, by bridge."""
    then: Plan = field(default_factory=Plan)
    """Steps to take once the host is as it should be: what is only said again."""
    waits: str = ""
    """Where nothing is to be done on this host: what was made instead, what brings the rest."""
    notes: tuple[str, ...] = ()
    """Sentences that an admin should read, whatever was done on this host."""
    ports: tuple[Port, ...] = ()
    """Where nothing else of this host follows: the ports that were made, or taken away."""
    fixed_ips: tuple[FixedIP, ...] = ()
    """The addresses of those ports."""
    refiltering: Refiltering | None = None
    """The guest that came or went with those ports; None where any guest may be filtered anew."""
    regrouping: Regrouping | None = None
    """Where nothing else of this host follows: which group is not as it was."""
    fix: Plan | None = None
    """Steps to take instead of converging the host: a playbook's cure."""


class Change(ABC, Generic[Result]):
    """A changing verb. Subclasses are frozen dataclasses whose fields are its arguments."""

    names_files: ClassVar[bool] = False
    """Whether it says itself which files are written or which programs run: whoever may ask for it
    is root by that, and a command makes it itself, in its own directory and with its own rights."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The verb as it stands in the audit log: `network create vmnet`."""

    @property
    def scope(self) -> Scope:
        """What it is about. Raises InvalidValue."""
        return WHOLE_HOST

    def leased(self, connection: Connection) -> tuple[FixedIP, ...]:
        """Return the addresses of which it turns on whether they are leased. Raises NotFound.

        For a change about the whole host that is found out of all.
        """
        return ()

    def takes_over(self, *, of_a_store: bool) -> bool:
        """Whether it may make this store's what another configured on the host, or nova did."""
        return False

    @abstractmethod
    def write(self, connection: Connection, options: Options) -> Written[Result]:
        """Write the store.

        Raises InvalidValue, NotFound, Conflict or Exhausted before it writes anything.
        """
