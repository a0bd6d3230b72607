"""Changing what an instance is told beside its network."""

from dataclasses import dataclass, field

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.guest_details import GuestDetails, GuestRemovals, told, untold
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.guest_data import GuestSummary, summary
from netconsole.backend.model.records import Regrouping
from netconsole.backend.model.subject import GROUPS, Scope
from netconsole.backend.store import guest_data, instances


@dataclass(frozen=True, slots=True)
class SetInstance(Change[GuestSummary]):
    """Have an instance told other things; first what it is told no longer, then what it is.

    A guest that has started does not ask again for most of it.
    """

    instance: str
    told: GuestDetails = field(default_factory=GuestDetails)
    removed: GuestRemovals = field(default_factory=GuestRemovals)

    @property
    def title(self) -> str:
        return spelled("instance set", self.instance, **self.told.spelled, **self.removed.spelled)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[GuestSummary]:
        if self.told == GuestDetails() and self.removed == GuestRemovals():
            raise InvalidValue("instance set", self.instance, "needs something to set")
        instance = instances.find(connection, self.instance)
        guest = untold(guest_data.of_instance(connection, instance), self.removed)
        guest = told(connection, guest, self.told, options)
        guest_data.write(connection, guest)
        return Written(summary(guest), regrouping=Regrouping())
