"""Writing: a change written into the store, and what follows from it for the host."""

from dataclasses import dataclass, replace
from typing import Generic

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Result, Written
from netconsole.backend.changes.converge import ApplyFix, Converge, TakeBack
from netconsole.backend.configuration.options import Options
from netconsole.backend.host import option_facts
from netconsole.backend.intent import answers_dhcp, intent
from netconsole.backend.intent.links import filters_guests
from netconsole.backend.intent.presence import Presence
from netconsole.backend.intent.regrouping import Part, guest_chains
from netconsole.backend.managers import manager, refuse_others
from netconsole.backend.model.errors import Conflict, Unavailable
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.records import FixedIP, Records
from netconsole.backend.model.subject import EVERY_GROUP, WHOLE_HOST, Scope
from netconsole.backend.plan import adoption, guests, ports, unread
from netconsole.backend.plan.egress import Others, note_of_association, sent
from netconsole.backend.plan.exposure import exposed, needs_mending
from netconsole.backend.plan.guests import notes_of_guests
from netconsole.backend.plan.mending import mended, mends
from netconsole.backend.plan.ownership import why_not_of
from netconsole.backend.plan.scope import difference, is_enough
from netconsole.backend.service import refiltering
from netconsole.backend.service.former import Former
from netconsole.backend.service.reading import Reading
from netconsole.backend.service.regrouping import touched
from netconsole.backend.steps import Plan
from netconsole.backend.store import fixed_ips as fixed_ip_rows
from netconsole.backend.store import floating_ips as floating_ip_rows
from netconsole.backend.store import identity as identity_rows
from netconsole.backend.store import networks as network_rows
from netconsole.backend.store import (
    records,
    records_of_floating,
    records_of_guests,
    records_of_leases,
    records_of_ports,
)


@dataclass(frozen=True, slots=True)
class Prepared(Generic[Result]):
    """A change that is written, in a transaction that is not over, and its steps."""

    result: Result
    steps: Plan
    observed: Observed
    wanted: Wanted | None
    """What the host should hold afterwards; None for a fix, which goes beyond the store."""
    scope: Scope = WHOLE_HOST
    """As far as which it was observed."""
    waits: str = ""
    notes: tuple[str, ...] = ()
    former: Former | None = None
    """What the host was before; None for a fix."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """The two that a plan is the difference of, as far as a scope goes."""

    scope: Scope
    found: Records
    observed: Observed
    wanted: Wanted
    """What the records that were found ask of the host."""
    was_wanted: Wanted | None = None
    """What those from before the change asked of it, where that may have to be put right first."""


class Writing(Reading):
    """The half of the service that says what a change comes to; nothing is done yet."""

    def __init__(self, options: Options, *, read_only: bool = False) -> None:
        """See Reading."""
        super().__init__(options, read_only=read_only)
        self._known = Observed()
        """What the last change saw of the packet filter, true while its generation lasts."""

    def _write(
        self, connection: Connection, change: Change[Result], is_ours: bool
    ) -> Prepared[Result]:
        """Write the store and say what follows for the host.

        `is_ours` says that what the host holds is known to be of this store: a change of it was
        just taken back.

        A change about some subjects, which what is observed of them does not suffice for, is
        about the whole host after all.
        """
        scope = change.scope
        observed = self._observe(change, scope)
        if not scope.is_whole and self._is_to_be_seen_whole(connection, observed):
            scope = WHOLE_HOST
            observed = self._observe(change, scope)
        if not isinstance(change, ApplyFix):
            self._compare_manager(connection)
            if not is_ours:
                self._refuse_anothers(connection, change, observed)
        narrow: Prepared[Result] | None = None
        if scope.is_named_later:
            narrow = self._write_narrow(connection, change)
        elif not scope.is_whole:
            narrow = self._write_of_floating(connection, change, observed)
        if narrow is not None:
            return narrow
        if not scope.is_whole:
            observed = self._observe(change, WHOLE_HOST)
        return self._write_whole(connection, change, observed)

    def _write_whole(
        self, connection: Connection, change: Change[Result], observed: Observed
    ) -> Prepared[Result]:
        """As `_write`, of a change about the whole host."""
        found = records(connection, self._options.host)
        self._note_leases(connection, found, observed.leases)
        takes_over = change.takes_over(of_a_store=False)
        before = None if takes_over else self._asked_before(connection, found, observed)
        written = change.write(connection, self._options)
        if written.fix is not None:
            return self._written_fix(change, written, written.fix, observed)
        then, wanted = self._wanted(connection, written, observed, WHOLE_HOST, before)
        was_wanted: Wanted | None = None
        is_repair = takes_over or isinstance(change, Converge)
        if not is_repair and needs_mending(observed, wanted):
            asked = intent(found, self._options, observed=observed)
            was_wanted = self._host.possible(asked, observed)
        sides = _Sides(WHOLE_HOST, then, observed, wanted, was_wanted)
        return self._prepared(connection, change, written, sides)

    def _write_of_floating(
        self, connection: Connection, change: Change[Result], observed: Observed
    ) -> Prepared[Result] | None:
        """As `_write`, of a change about floating addresses; None where it is of more.

        Then nothing is written.
        """
        scope = change.scope
        with connection.begin_nested() as so_far:
            written = change.write(connection, self._options)
            found, wanted = self._wanted(connection, written, observed, scope, None)
            if is_enough(observed, wanted, scope, found.networks):
                sides = _Sides(scope, found, observed, wanted)
                return self._prepared(connection, change, written, sides)
            so_far.rollback()
        return None

    def _prepared(
        self, connection: Connection, change: Change[Result], written: Written[Result], of: _Sides
    ) -> Prepared[Result]:
        """The steps, and what there is to remember and to say of them."""
        scope = of.scope
        wanted = replace(of.wanted, was_asked=isinstance(change, Converge))
        if self._options.networks_path in of.observed.unreadable:
            option_facts.refuse_directory(self._options)
        remembered = of.found.former_sysctls if scope.is_whole else None
        observed = self._host.observe_closer(of.observed, wanted, remembered, scope)
        unread.refuse(change.title, observed, wanted)
        first, mended_then = Plan(), observed
        if of.was_wanted is not None and exposed(observed, of.was_wanted):
            first, mended_then = mended(observed, of.was_wanted)
        later = difference(mended_then, wanted, scope)
        steps = Plan((*first.steps, *later.steps, *written.then.steps))
        option_facts.refuse(steps, self._options)
        former = Former(of.found, self._options, observed, wanted, steps)
        (former.note if scope.is_whole else former.forget_made)(connection)
        notes = (*written.notes, *self._host.notes(steps, observed, wanted))
        notes += self._notes_of_associations(change.scope, of.found, observed, wanted)
        notes += notes_of_guests(steps, wanted)
        return Prepared(
            written.result, steps, observed, wanted, scope, written.waits, notes, former
        )

    def _notes_of_associations(
        self, scope: Scope, found: Records, observed: Observed, wanted: Wanted
    ) -> tuple[str, ...]:
        """What is to be known of the floating addresses that a change is about."""
        flows = {each: sent(each, wanted, found.networks) for each in scope.floating_addresses}
        sending = {address: flow for address, flow in flows.items() if flow}
        others = self._host.others() if sending else Others()
        return tuple(
            note
            for address, flow in sending.items()
            for note in note_of_association(address, flow, observed, others)
        )

    def _is_to_be_seen_whole(self, connection: Connection, observed: Observed) -> bool:
        """Whether a part of the host is not enough.

        Without a mark, or with another's, all of it says whose it is. And what other hosts'
        changes asked for is looked for everywhere, once: the mark says then that it was.
        """
        mark = observed.mark
        return (
            mark is None
            or why_not_of(mark, identity_rows.identity(connection)) is not None
            or bool(floating_ip_rows.since(connection, mark.serial))
        )

    def _write_narrow(
        self, connection: Connection, change: Change[Result]
    ) -> Prepared[Result] | None:
        """As `_write`, of a change about ports or groups; None where it is of more.

        Then nothing is written.
        """
        with connection.begin_nested() as so_far:
            if not change.scope.is_of_groups:
                self._note_some_leases(connection, change.leased(connection))
            written = change.write(connection, self._options)
            if change.scope.is_of_groups:
                sides = self._sides_of_groups(connection, change, written)
            else:
                sides = self._sides_of_ports(connection, change, written)
            if sides is not None:
                prepared = self._prepared(connection, change, written, sides)
                if not self._mends(prepared):
                    return prepared
            so_far.rollback()
        return None

    def _mends(self, of: Prepared[Result]) -> bool:
        """Whether a change about ports or groups puts right what guests were held by before it.

        That is not taken back with the change, so that the whole host is looked at.
        """
        wanted, links = of.wanted or Wanted(), of.observed.links
        new = {each for each in of.scope.subjects if each.name not in links}
        return mends(of.steps, wanted, new, of.scope.subjects)

    def _sides_of_ports(
        self, connection: Connection, change: Change[Result], written: Written[Result]
    ) -> _Sides | None:
        """The ports alone; None where what they stand on has to be looked at, or changed.

        Of what filters guests it is the chains that the ports make others, if that is enough.
        """
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
    ) -> _Sides | None:
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
        served: dict[str, tuple[str, ...]] = {}
        for network in near.networks:
            if network not in presence.served or not answers_dhcp(network):
                continue
            host = options.host if network.multi_host else None
            macs = fixed_ip_rows.macs_served(connection, network.id, host)
            served[network.bridge] = (*served.get(network.bridge, ()), *macs)
        scope = near.scope(wanted, served)
        if part is not None:
            scope = replace(scope, chains=part.names)
        observed = self._observe(change, scope)
        wanted = self._host.enforceable(wanted, observed)
        if not is_enough(observed, wanted, scope, found.networks):
            return None
        if part is not None and not self._host.has_chains(guests.new_aims(observed, wanted)):
            return None
        return _Sides(scope, found, observed, wanted)

    def _sides_of_groups(
        self, connection: Connection, change: Change[Result], written: Written[Result]
    ) -> _Sides | None:
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
        return _Sides(EVERY_GROUP, found, observed, wanted)

    def _part(self, connection: Connection, change: Change[Result], part: Part) -> _Sides | None:
        """Some chains alone; None where they stand on others that are not there."""
        scope = Scope(is_of_groups=True, chains=part.names)
        wanted = Wanted(chains=part.chains)
        observed = self._observe(change, scope)
        if not is_enough(observed, wanted, scope, ()):
            return None
        if not self._host.has_chains(guests.new_aims(observed, wanted)):
            return None
        return _Sides(scope, Records(), observed, wanted)

    def _written_fix(
        self, change: Change[Result], written: Written[Result], fix: Plan, observed: Observed
    ) -> Prepared[Result]:
        """A cure; of what is taken back, what still stands and nobody has changed since."""
        left: tuple[str, ...] = ()
        if isinstance(change, TakeBack):
            fix, left = self._host.still(fix)
            if left and not fix:
                raise Conflict("; ".join((f"{change.title}: nothing is taken back", *left)))
        return Prepared(written.result, fix, observed, None, waits=written.waits, notes=left)

    def _note_some_leases(self, connection: Connection, rows: tuple[FixedIP, ...] = ()) -> None:
        """Write what the lease files say of some addresses, and of those that wait for it."""
        asked = {row.id: row for row in (*fixed_ip_rows.waiting(connection), *rows)}
        found = records_of_leases(connection, asked.values())
        homes = {row.network_id for row in found.fixed_ips}
        bridges = {network.bridge for network in found.networks if network.id in homes}
        tenants = frozenset(
            each for row in found.fixed_ips for each in (row.address, row.mac) if each
        )
        self._note_leases(connection, found, self._host.leases_of(sorted(bridges), tenants))

    def _refuse_anothers(
        self, connection: Connection, change: Change[Result], observed: Observed
    ) -> None:
        """Refuse to change a host that was configured from another store, or by nova."""
        found = self._another(connection, observed)
        if found is not None and not change.takes_over(of_a_store=found.is_of_a_store):
            raise Conflict(f"{change.title}: {found}")

    def _compare_manager(self, connection: Connection) -> None:
        """Refuse a configuration under which the networks that there are would be taken down."""
        found = network_rows.every(connection)
        refuse_others(found, self._options)
        if any(network.manager is None for network in found):
            network_rows.claim_for_manager(connection, manager(self._options).kind)

    def _observe(self, change: Change[Result], scope: Scope) -> Observed:
        observed = self._host.observe(scope, self._known)
        for part, reason in observed.unreadable.items():
            if not unread.is_path(part):
                raise Unavailable(f"{change.title}: {part}: {reason}")
        return observed

    def _wanted(
        self,
        connection: Connection,
        written: Written[Result],
        observed: Observed,
        scope: Scope,
        before: Records | None,
    ) -> tuple[Records, Wanted]:
        """The records as far as the scope goes, and what they ask of the host.

        `before` are those from before the change, where it may ask for addresses that are there.
        """
        host = self._options.host
        found = (
            records(connection, host)
            if scope.is_whole
            else records_of_floating(connection, host, *scope.floating_addresses)
        )
        if before is not None:
            former = adoption.noted(observed, before, found, written.released, self._options)
            found = replace(found, former_addresses=former)
        wanted = intent(found, self._options, written.released, observed)
        if not scope.is_whole:  # no guard depends on a floating address
            wanted = replace(wanted, guards={}, guard_table=frozenset())
        wanted = self._host.possible(wanted, observed)
        return found, replace(wanted, leases=written.leases)
