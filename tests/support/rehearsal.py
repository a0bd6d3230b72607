"""What commands ask a store, done once by a process before forks are taken of it.

SQLAlchemy then has the statements, and what it finds out of each table: that takes a command as
long as all else that it computes. netconsole itself keeps nothing that a fork could know by it.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import statements
from core_samples import HOST, options

from netconsole.backend.changes import Change
from netconsole.backend.changes.floating import (
    AssociateFloating,
    CreateFloating,
    DisassociateFloating,
)
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.networks import CreateNetwork, DeleteNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.service.service import Service
from netconsole.backend.store import Store, records

FLOATING: Final = "203.0.113.129"
MADE: Final[tuple[Change[Any], ...]] = (
    CreateNetwork("vmnet", fixed_range_v4="10.0.0.0/24", bridge="br100"),
    CreateInstance("web1", "demo", ("vmnet",), "veth"),
    CreateFloating("203.0.113.128/28"),
    AssociateFloating(FLOATING, "web1"),
)
UNMADE: Final[tuple[Change[Any], ...]] = (
    DisassociateFloating(FLOATING),
    DeleteInstance("web1"),
    DeleteNetwork("vmnet"),
)


def rehearse() -> None:
    """Make a cloud in a store of its own, look at it, and unmake it."""
    statements.share()
    with tempfile.TemporaryDirectory(prefix="netconsole-rehearsal-") as name:
        connection = f"sqlite:///{Path(name) / 'netconsole.sqlite'}"
        chosen = replace(options(), connection=connection, state_path=name)
        _write(chosen, MADE)
        service = Service(chosen)
        service.networks()
        service.instance("web1")
        service.instances()
        service.floating_ips()
        service.security_groups()
        _write(chosen, UNMADE)
    tempfile.tempdir = None  # a fork may have another in its environment


def _write(chosen: Options, changes: tuple[Change[Any], ...]) -> None:
    """Each in a process of its own would have a store of its own."""
    for change in changes:
        store = Store(chosen.connection)
        with store.transaction() as connection:
            change.write(connection, chosen)
            intent(records(connection, HOST), chosen)
        store.close()
