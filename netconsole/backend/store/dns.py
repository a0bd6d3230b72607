"""Queries on the names of floating addresses and the domains that they are in."""

from collections.abc import Collection
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy import Connection

from netconsole.backend.model.errors import NotFound
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import DnsDomain, DnsEntry
from netconsole.backend.store.rows import columns, fetch, refuse_taken, values
from netconsole.backend.store.tables import dns_domains, dns_entries

_DOMAIN_COLUMNS = columns(dns_domains, DnsDomain)
_COLUMNS = columns(dns_entries, DnsEntry)
_ENTRIES = sa.select(*_COLUMNS).order_by(dns_entries.c.domain, dns_entries.c.name)


def insert_domain(connection: Connection, domain: DnsDomain) -> DnsDomain:
    """Write a new domain and return it; raises Conflict when there is one of that name."""
    shown = command("dns", "domains")
    refuse_taken(connection, dns_domains, "DNS domain", {"domain": domain.domain}, shown)
    connection.execute(sa.insert(dns_domains).values(values(domain)))
    return domain


def domains(connection: Connection) -> tuple[DnsDomain, ...]:
    """Return all domains, by name."""
    statement = sa.select(*_DOMAIN_COLUMNS).order_by(dns_domains.c.domain)
    return fetch(connection, DnsDomain, statement)


def find_domain(connection: Connection, domain: str) -> DnsDomain:
    """Return a domain; raises NotFound."""
    by_name = dns_domains.c.domain == domain
    found = fetch(connection, DnsDomain, sa.select(*_DOMAIN_COLUMNS).where(by_name))
    if not found:
        made = command("dns", "create-domain", domain)
        raise NotFound(f"DNS domain {domain!r} does not exist: {made} makes it")
    return found[0]


def delete_domain(connection: Connection, domain: DnsDomain) -> None:
    """Delete a domain with all of its entries."""
    for table in (dns_entries, dns_domains):
        connection.execute(sa.delete(table).where(table.c.domain == domain.domain))


def entries(connection: Connection) -> tuple[DnsEntry, ...]:
    """Return all entries, by domain and name."""
    return fetch(connection, DnsEntry, _ENTRIES)


def put(connection: Connection, entry: DnsEntry) -> DnsEntry:
    """Write an entry, over that of the same name in its domain, and return it with its id."""
    by_name = _named(entry.name, entry.domain)
    present = fetch(connection, DnsEntry, sa.select(*_COLUMNS).where(by_name))
    if present:
        connection.execute(sa.update(dns_entries).where(by_name).values(address=entry.address))
        return replace(present[0], address=entry.address)
    statement = sa.insert(dns_entries).values(values(entry)).returning(dns_entries.c.id)
    return replace(entry, id=connection.execute(statement).scalar_one())


def delete(connection: Connection, name: str, domain: str) -> DnsEntry:
    """Delete an entry and return what it was; raises NotFound."""
    statement = sa.delete(dns_entries).where(_named(name, domain)).returning(*_COLUMNS)
    deleted = fetch(connection, DnsEntry, statement)
    if not deleted:
        shown = command("dns", "list", "--domain", domain)
        raise NotFound(f"DNS domain {domain!r} has no name {name!r}: {shown} shows which it has")
    return deleted[0]


def forget(connection: Connection, addresses: Collection[str]) -> None:
    """Delete the names of floating addresses that are nobody's any more."""
    named = {entry.address for entry in entries(connection)}
    for address in named.intersection(addresses):
        connection.execute(sa.delete(dns_entries).where(dns_entries.c.address == address))


def _named(name: str, domain: str) -> sa.ColumnElement[bool]:
    return sa.and_(dns_entries.c.name == name, dns_entries.c.domain == domain)
