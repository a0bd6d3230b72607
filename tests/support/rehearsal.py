"""What commands ask a store, done once by a process before forks are taken of it.

SQLAlchemy then has the statements, and what it finds out of each table: that takes a command as
long as all else that it computes. cattrs likewise has what makes steps of the journal's JSON.
netconsole itself keeps nothing that a fork could know by it.
"""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import new_stores
import statements
from core_samples import HOST, options
from sqlalchemy import Connection
from step_samples import SAMPLES

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.floating import (
    AssociateFloating,
    CreateFloating,
    DisassociateFloating,
)
from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.memberships import AddSecurityGroup, RemoveSecurityGroup
from netconsole.backend.changes.networks import CreateNetwork, DeleteNetwork
from netconsole.backend.changes.security_groups import (
    AllowTraffic,
    CreateSecurityGroup,
    RevokeTraffic,
)
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.model.codec import as_line
from netconsole.backend.service import refiltering
from netconsole.backend.service.service import Service
from netconsole.backend.steps import Step
from netconsole.backend.steps.codec import structure
from netconsole.backend.store import (
    Store,
    fixed_ips,
    floating_ips,
    former_links,
    identity,
    records,
    records_of_guests,
    records_of_leases,
    records_of_ports,
    settings,
)

FLOATING: Final = "203.0.113.129"
SETTING: Final = "net.ipv4.ip_forward"
SSH: Final = TypedTraffic(protocol="tcp", port="22")
MADE: Final[tuple[Change[Any], ...]] = (
    CreateNetwork("vmnet", fixed_range_v4="10.0.0.0/24", bridge="br100"),
    CreateInstance("web1", "demo", ("vmnet",), "veth"),
    CreateSecurityGroup("demo", "web"),
    AddSecurityGroup("web1", "web"),
    AllowTraffic("demo", "web", SSH),
    RevokeTraffic("demo", "web", SSH),
    RemoveSecurityGroup("web1", "web"),
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
        path = Path(name) / "netconsole.sqlite"
        connection = f"sqlite:///{path}"
        with Store(connection).transaction():
            pass  # the migrations make it
        new_stores.share(path)
        chosen = replace(options(), connection=connection, state_path=name)
        _write(chosen, MADE)
        service = Service(chosen)
        service.networks()
        service.instance("web1")
        service.guest_summary("web1")
        service.instances()
        service.floating_ips()
        service.security_groups()
        _write(chosen, UNMADE)
    for step, _ in SAMPLES:
        told = json.loads(as_line(step))
        del told[Step.KIND_KEY]
        structure(type(step), told)
    tempfile.tempdir = None  # a fork may have another in its environment


def _write(chosen: Options, changes: tuple[Change[Any], ...]) -> None:
    """Each in a process of its own would have a store of its own."""
    for change in changes:
        store = Store(chosen.connection)
        with store.transaction() as connection:
            leased = change.leased(connection)
            written = change.write(connection, chosen)
            _ask_beside(connection, chosen, written)
            records_of_leases(connection, (*fixed_ips.waiting(connection), *leased))
            intent(records(connection, HOST), chosen)
        store.close()


def _ask_beside(connection: Connection, chosen: Options, written: Written[Any]) -> None:
    """What the service asks and notes beside a change itself."""
    refiltering.touched(connection, written, chosen)
    records_of_ports(connection, HOST, [port.device for port in written.ports])
    records_of_guests(connection, HOST)
    fixed_ips.macs_served(connection, 1, None)
    floating_ips.since(connection, 0)
    settings.remember_sysctl(connection, HOST, SETTING, "0")
    settings.forget_sysctls(connection, HOST, [SETTING])
    former_links.forget(connection, HOST, ["eth0"])
    identity.advance(connection)
