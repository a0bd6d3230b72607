"""Rows and records: the columns of a record, records from rows, and values already taken."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import cache
from itertools import starmap
from typing import TypeVar

from sqlalchemy import Column, Connection, Executable, Select, Table, bindparam, select

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.group_rules import DefaultRule, SecurityGroupRule
from netconsole.backend.model.guest_data import KeyPair
from netconsole.backend.model.records import (
    AllowedAddress,
    DnsDomain,
    DnsEntry,
    FixedIP,
    FloatingIP,
    Instance,
    Membership,
    Network,
    Port,
    SecurityGroup,
)
from netconsole.backend.store.damage import DamagedRow, refuse

Record = (
    AllowedAddress
    | DefaultRule
    | DnsDomain
    | DnsEntry
    | FixedIP
    | FloatingIP
    | Instance
    | KeyPair
    | Membership
    | Network
    | Port
    | SecurityGroup
    | SecurityGroupRule
)
AnyRecord = TypeVar(
    "AnyRecord",
    AllowedAddress,
    DefaultRule,
    DnsDomain,
    DnsEntry,
    FixedIP,
    FloatingIP,
    Instance,
    KeyPair,
    Membership,
    Network,
    Port,
    SecurityGroup,
    SecurityGroupRule,
)

_TABLES: Mapping[type[Record], str] = {
    AllowedAddress: "allowed_addresses",
    DefaultRule: "security_group_default_rules",
    DnsDomain: "dns_domains",
    DnsEntry: "dns_entries",
    FixedIP: "fixed_ips",
    FloatingIP: "floating_ips",
    Instance: "instances",
    KeyPair: "key_pairs",
    Membership: "security_group_instance_association",
    Network: "networks",
    Port: "ports",
    SecurityGroup: "security_groups",
    SecurityGroupRule: "security_group_rules",
}


def columns(table: Table, record: type[Record]) -> tuple[Column[object], ...]:
    """Return the columns of a table in the order of a record's fields."""
    return tuple(table.c[field.name] for field in fields(record))


def fetch(
    connection: Connection,
    record: type[AnyRecord],
    statement: Executable,
    parameters: Mapping[str, object] | None = None,
) -> tuple[AnyRecord, ...]:
    """Execute a statement that returns `columns` of a record, and return the records.

    Raises DamagedRow for a row that holds what no record can.
    """
    table = _TABLES[record]
    try:
        rows = connection.execute(statement, parameters).all()
    except (TypeError, ValueError, LookupError) as error:
        raise DamagedRow(f"table {table}: {error}") from error
    refuse(record, table, rows)
    return tuple(starmap(record, rows))


def values(record: Record) -> dict[str, object]:
    """Return a record's values for an INSERT that assigns the id."""
    return {name: value for name, value in asdict(record).items() if name != "id"}


def refuse_taken(
    connection: Connection, table: Table, noun: str, wanted: Mapping[str, object], listed: str
) -> None:
    """Refuse values of unique columns that another row holds.

    Raises Conflict, naming the first of them, and the command by which they are `listed`. Where
    writers do not queue as they do in SQLite,
    the unique constraint is what keeps a value single; this is what puts it in words.
    """
    for name, value in wanted.items():
        if connection.execute(_having(table.c[name]), {"value": value}).first() is not None:
            raise Conflict(f"{noun}: {name} {value!r} is taken: {listed} shows which are")


@cache
def _having(column: Column[object]) -> Select[object]:
    """The statement that finds rows by the value of a column."""
    return select(column).where(column == bindparam("value"))
