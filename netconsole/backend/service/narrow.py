"""Narrow: what a change about ports or groups alone is the difference of, if that is enough."""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Result, Written
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import intent
from netconsole.backend.intent.dnsmasq import answers_dhcp
from netconsole.backend.intent.links import filters_guests
from netconsole.backend.intent.presence import Presence
from netconsole.backend.intent.regrouping import Part, guest_chains
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.records import Records
from netconsole.backend.model.subject import EVERY_GROUP, Scope
from netconsole.backend.plan import guests, ports, unread
from netconsole.backend.plan.exposure import exposed
from netconsole.backend.plan.ports import Neighbourhood
from netconsole.backend.plan.scope import is_enough
from netconsole.backend.service import refiltering
from netconsole.backend.service.regrouping import touched
from netconsole.backend.service.telling import Telling
from netconsole.backend.store import fixed_ips as fixed_ip_rows
from netconsole.backend.store import records_of_guests, records_of_ports


@dataclass(frozen=True, slots=True)
class Sides:
    """The two states that a plan is the difference of, as far as a scope goes."""

    scope: Scope
    found: Records
    observed: Observed
    wanted: Wanted
    """What the records that were found ask of the host."""
    was_wanted: Wanted | None = None
    """What those from before the change asked of it, where that may have to be put right first."""
    before: Records | None = None
    """The records from before the change, where all of the host is looked at."""


@dataclass(frozen=True, slots=True)
class _OfPorts:
    """What the records of some ports ask of the host, and where the ports are."""

    found: Records
    presence: Presence
    near: Neighbourhood
    wanted: Wanted


class Narrow(Telling):
    """The part of the service that looks at some of the host, for a change that is written.

    What it returns is None where it has to be about the whole host.
    """

    def __init__(self, options: Options, *, read_only: bool = False) -> None:
        """See Reading."""
        super().__init__(options, read_only=read_only)
        self._known = Observed()
        """What the last change saw of the packet filter, true while its generation lasts."""

    def _sides_of_ports(
        self, connection: Connection, change: Change[Result], written: Written[Result]
    ) -> Sides | None:
        """The ports alone; None where what they stand on has to be looked at, or changed.

        So it is, too, where ports that are there lack what held their guests before the change:
        what puts that right is not taken back with it.
        """
        sides = self._sides_of_chains(connection, change, written)
        named = [port.device for port in written.ports]
        if sides is None or sides.observed.links.keys().isdisjoint(named):
            return sides
        with self._store.reading() as before:
            asked = self._asked_before_of_ports(before, written, sides.scope)
        if asked is None:
            return None
        was_wanted = self._host.enforceable(asked.wanted, sides.observed)
        return None if exposed(sides.observed, was_wanted) else sides

    def _asked_before_of_ports(
        self, before: Connection, written: Written[Result], scope: Scope
    ) -> _OfPorts | None:
        """What the ports asked for in the store that is not changed yet, as far as was looked."""
        if scope.chains is None:
            return self._asked_of_ports(before, written, None)
        part = refiltering.touched(before, written, self._options)
        if part is None:
            return None
        return self._asked_of_ports(before, written, part.among(scope.chains))

    def _sides_of_chains(
        self, connection: Connection, change: Change[Result], written: Written[Result]
    ) -> Sides | None:
        """With those chains that the ports make others, if that is enough, else with all."""
        part = refiltering.touched(connection, written, self._options)
        if part is not None and (
            sides := self._sides_of_ports_with(connection, change, written, part)
        ):
            leaving = guests.leaving(sides.observed, sides.wanted)
            if (is_alone := self._host.leads_alone(leaving)) is not None:
                return sides if is_alone else None
        return self._sides_of_ports_with(connection, change, written, None)

    def _sides_of_ports_with(
        self,
        connection: Connection,
        change: Change[Result],
        written: Written[Result],
        part: Part | None,
    ) -> Sides | None:
        asked = self._asked_of_ports(connection, written, part)
        if asked is None:
            return None
        scope = asked.near.scope(asked.wanted, self._served(connection, asked))
        if part is not None:
            scope = replace(scope, chains=part.names)
        observed = self._observe(change, scope)
        wanted = self._host.enforceable(asked.wanted, observed)
        if not is_enough(observed, wanted, scope, asked.found.networks):
            return None
        if part is not None and not self._host.has_chains(guests.new_aims(observed, wanted)):
            return None
        return Sides(scope, asked.found, observed, wanted)

    def _asked_of_ports(
        self, connection: Connection, written: Written[Result], part: Part | None
    ) -> _OfPorts | None:
        """What the store asks of the host for the ports; None where they have no bridge here.

        With some chains that filter guests, or all.
        """
        options, devices = self._options, [port.device for port in written.ports]
        found = records_of_ports(connection, options.host, devices)
        presence = Presence(found, options)
        near = ports.neighbourhood(presence, written.ports, written.fixed_ips)
        if near is None:
            return None
        if part is None:
            chains = guest_chains(records_of_guests(connection, options.host), options)
        else:
            chains = part.chains
        wanted = near.wanted(intent(found, options), Wanted(chains=chains))
        return _OfPorts(found, presence, near, wanted)

    def _served(self, connection: Connection, asked: _OfPorts) -> dict[str, tuple[str, ...]]:
        """The bridges with a DHCP server here, and the MAC addresses that it gives addresses."""
        served: dict[str, tuple[str, ...]] = {}
        for network in asked.near.networks:
            if network not in asked.presence.served or not answers_dhcp(network):
                continue
            host = self._options.host if network.multi_host else None
            macs = fixed_ip_rows.macs_served(connection, network.id, host)
            served[network.bridge] = (*served.get(network.bridge, ()), *macs)
        return served

    def _sides_of_groups(
        self, connection: Connection, change: Change[Result], written: Written[Result]
    ) -> Sides | None:
        """The chains of a group or of a member alone, else all that filter guests.

        None where those are not led to.
        """
        options = self._options
        if written.regrouping is not None and filters_guests(options):
            part = touched(connection, written.regrouping, options)
            if part is not None and (sides := self._part(connection, change, part)) is not None:
                return sides
        found = records_of_guests(connection, options.host)
        wanted = Wanted(chains=guests.filtering(guest_chains(found, options)))
        observed = self._observe(change, EVERY_GROUP)
        if not is_enough(observed, wanted, EVERY_GROUP, found.networks):
            return None
        return Sides(EVERY_GROUP, found, observed, wanted)

    def _part(self, connection: Connection, change: Change[Result], part: Part) -> Sides | None:
        """Some chains alone; None where they stand on others that are not there."""
        scope = Scope(is_of_groups=True, chains=part.names)
        wanted = Wanted(chains=part.chains)
        observed = self._observe(change, scope)
        if not is_enough(observed, wanted, scope, ()):
            return None
        if not self._host.has_chains(guests.new_aims(observed, wanted)):
            return None
        return Sides(scope, Records(), observed, wanted)

    def _observe(self, change: Change[Result], scope: Scope) -> Observed:
        observed = self._host.observe(scope, self._known)
        for part, reason in observed.unreadable.items():
            if not unread.is_path(part):
                raise Unavailable(f"{change.title}: {part}: {reason}")
        return observed
