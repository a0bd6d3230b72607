"""Which chains a guest that comes or goes is about, as the store has it and the others."""

from collections.abc import Iterator

from sqlalchemy import Connection

from netconsole.backend.changes import Result, Written
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.links import filters_guests
from netconsole.backend.intent.refiltering import have_ipv6, sources, ways
from netconsole.backend.intent.regrouping import Part, of_member, together
from netconsole.backend.model.records import Instance, Reached
from netconsole.backend.store import (
    allowed_addresses,
    networks,
    reached,
    records_of_group,
    security_groups,
)
from netconsole.backend.wording.groups import LOCAL

MOST = 24
"""Chains that are looked at by name; to list all takes as long as some hundred."""


def touched(connection: Connection, written: Written[Result], options: Options) -> Part | None:
    """Return the chains that are others by a guest that comes or goes, and is written.

    None where it is not about some alone: with the first guest of a group here, or of a family of
    addresses, chains of others come, and go with the last.
    """
    refiltering = written.refiltering
    if refiltering is None or not filters_guests(options):
        return None
    instance = refiltering.instance
    if instance is None:
        return Part()
    here = reached.of_host(connection, options.host)
    is_there = any(each.instance == instance.id for each in here)
    others = tuple(each for each in here if each.instance != instance.id)
    own = tuple(_own(connection, written, instance))
    present = reached.in_groups(connection, options.host, instance.id)
    if instance.host != options.host or not present.issuperset(refiltering.groups):
        return None
    leading = ways(others, own, is_there=is_there)
    if leading is None or (_has_ranges(leading) and allowed_addresses.every(connection)):
        return None
    found = [leading]
    if is_there:
        records = records_of_group(connection, options.host, 0, (instance.uuid,), members=False)
        found.append(of_member(records, options, instance.uuid))
    for group in refiltering.groups:
        if security_groups.lets_in(connection, group, options.host):
            members = reached.of_group(connection, group)
            rest = tuple(each for each in members if each.instance != instance.id)
            ipv6 = have_ipv6((*others, *own))
            found.append(sources(group, rest, own, is_there=is_there, ipv6=ipv6))
    part = together(*found)
    return None if len(part.touched) > MOST else part


def _own(connection: Connection, written: Written[Result], instance: Instance) -> Iterator[Reached]:
    """Where the guest is reached, or was."""
    of_id = {network.id: network for network in networks.every(connection)}
    for port in written.ports:
        rows = tuple(row.address for row in written.fixed_ips if row.port_id == port.id)
        for address in rows or (None,):
            cidr_v6 = of_id[port.network_id].cidr_v6
            yield Reached(instance.id, port.device, port.mac, cidr_v6, address)


def _has_ranges(part: Part) -> bool:
    """Whether the chain is among it in which ranges are as well, which others may share."""
    return any(key.chain == LOCAL for key in part.touched)
