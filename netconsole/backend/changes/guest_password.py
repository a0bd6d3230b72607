"""The password that a guest posts: kept once, and forgotten when its admin says so."""

import base64
import binascii
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import Instance, Regrouping
from netconsole.backend.model.subject import GROUPS, Scope
from netconsole.backend.store import guest_data, instances

LONGEST = 1020
"""Bytes, as in nova: four values of 255."""


@dataclass(frozen=True, slots=True)
class SetGuestPassword(Change[Instance]):
    """Keep what a guest posted as its password, encrypted with its key. Raises Conflict if set."""

    instance: str
    password: str = field(repr=False)
    """In base64."""

    @property
    def title(self) -> str:
        return spelled("instance set-password", self.instance)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[Instance]:
        try:
            posted = base64.b64decode(self.password, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidValue("password", "(not shown)", "must be base64") from None
        if len(posted) > LONGEST:
            raise InvalidValue("password", f"{len(posted)} bytes", f"must be {LONGEST} at most")
        instance = instances.find(connection, self.instance)
        guest = guest_data.of_instance(connection, instance)
        if guest.password:
            clear = command("instance", "clear-password", instance.name)
            raise Conflict(
                f"instance {instance.name!r} has a password already: {clear} lets it post another"
            )
        guest_data.write(connection, replace(guest, password=posted))
        return Written(instance, regrouping=Regrouping())


@dataclass(frozen=True, slots=True)
class ClearGuestPassword(Change[Instance]):
    """Forget the password that a guest posted, so that it can post another; the guest keeps it."""

    instance: str

    @property
    def title(self) -> str:
        return spelled("instance clear-password", self.instance)

    @property
    def scope(self) -> Scope:
        return GROUPS

    def write(self, connection: Connection, options: Options) -> Written[Instance]:
        instance = instances.find(connection, self.instance)
        guest = guest_data.of_instance(connection, instance)
        guest_data.write(connection, replace(guest, password=None))
        return Written(instance, regrouping=Regrouping())
