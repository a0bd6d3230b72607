"""Telling a guest its addresses without DHCP: in its image, or on a config drive."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.injection import config_drive, drive, root, template
from netconsole.backend.injection.answer import RANDOM_SEED_BYTES, Occasion
from netconsole.backend.injection.vendor_data import static_vendor_data
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.steps import Plan, Step, WriteConfigDrive, WriteGuestFile
from netconsole.backend.store import guest_data, instances

INTERFACES = "etc/network/interfaces"


@dataclass(frozen=True, slots=True)
class Injected:
    """What was written for a guest."""

    interfaces: str | None
    """The path of the file in its image."""
    replaced: str | None
    """The text that stood there before."""
    config_drive: str | None


@dataclass(frozen=True, slots=True)
class InjectInstance(Change[Injected]):
    """Write an instance's network configuration into its mounted image, on a config drive, or both.

    Neither the store nor what the host should hold changes.
    """

    names_files: ClassVar[bool] = True

    instance: str
    root: str | None = None
    """Where the image is mounted."""
    config_drive: str | None = None

    @property
    def title(self) -> str:
        return spelled(
            "instance inject", self.instance, root=self.root, config_drive=self.config_drive
        )

    def write(self, connection: Connection, options: Options) -> Written[Injected]:
        if self.root is None and self.config_drive is None:
            raise InvalidValue("instance inject", self.instance, "needs a root or a config drive")
        guest = guest_data.of_instance(connection, instances.find(connection, self.instance))
        steps: list[Step] = []
        notes: list[str] = []
        replaced = None
        if self.root is not None:
            _absolute("root", self.root)
            found = root.look(self.root, INTERFACES)
            replaced = found.former
            text = template.text(guest.view, options)
            steps.append(WriteGuestFile(self.root, INTERFACES, text, replaced, found.missing))
        if self.config_drive is not None:
            path = _absolute("config drive", self.config_drive)
            steps.append(_drive(path, guest, options, notes.append))
        done = Injected(
            interfaces=self.root and str(Path(self.root, INTERFACES)),
            replaced=replaced,
            config_drive=self.config_drive,
        )
        return Written(done, notes=tuple(notes), fix=Plan(tuple(steps)))


def _drive(path: str, guest: GuestData, options: Options, say: Callable[[str], None]) -> Step:
    static = static_vendor_data(options.vendordata_jsonfile_path, say)
    if options.vendordata_dynamic_targets:
        say("vendordata_dynamic_targets: not on the drive, the metadata service alone asks them")
    today, seed = datetime.now(UTC).date(), os.urandom(RANDOM_SEED_BYTES)
    files = dict(drive.documents(guest, options, Occasion(today, seed, static)))
    replaces = config_drive.replaces(path)
    return WriteConfigDrive(path, tuple(files), tuple(files.values()), replaces)


def _absolute(what: str, path: str) -> str:
    if not Path(path).is_absolute() or not path.isprintable():
        raise InvalidValue(what, path, "must be an absolute path of printable characters")
    return path
