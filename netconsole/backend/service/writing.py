"""Writing: a change written into the store, and what follows from it for the host."""

from dataclasses import dataclass, replace
from typing import Generic

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Result, Written
from netconsole.backend.changes.converge import ApplyFix, Converge, TakeBack
from netconsole.backend.host import option_facts
from netconsole.backend.intent import intent
from netconsole.backend.intent.links import filters_guests
from netconsole.backend.managers import manager, refuse_others
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.obstacle import Obstacle
from netconsole.backend.model.records import FixedIP, Records
from netconsole.backend.model.subject import WHOLE_HOST, Scope
from netconsole.backend.plan import adoption, unread
from netconsole.backend.plan.egress import Others, note_of_association, sent
from netconsole.backend.plan.exposure import exposed, needs_mending
from netconsole.backend.plan.guests import notes_of_guests
from netconsole.backend.plan.left_out import asks_otherwise, without
from netconsole.backend.plan.mending import mended, mends
from netconsole.backend.plan.obstacles import (
    left_as_they_are,
    obstacles,
    of_directory,
    standing_elsewhere,
)
from netconsole.backend.plan.ownership import why_not_of
from netconsole.backend.plan.scope import difference, is_enough
from netconsole.backend.service.former import Former
from netconsole.backend.service.narrow import Narrow, Sides
from netconsole.backend.steps import Plan, StartDnsmasq
from netconsole.backend.store import fixed_ips as fixed_ip_rows
from netconsole.backend.store import floating_ips as floating_ip_rows
from netconsole.backend.store import identity as identity_rows
from netconsole.backend.store import networks as network_rows
from netconsole.backend.store import (
    records,
    records_of_floating,
    records_of_leases,
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
    obstacles: tuple[Obstacle, ...] = ()
    """What cannot be had as the host is, and is left as it is."""
    idle: str = ""
    """Why no dnsmasq is started, where none is."""

    def left(self, observed: Observed) -> Plan:
        """Return the steps that are left to do. Raises Conflict where something else stands in the
        way."""
        if self.wanted is None:
            return Plan()
        if self.scope.is_whole:
            lacking = (*self.obstacles, *obstacles(observed, self.wanted))
            left = difference(*without(observed, self.wanted, lacking), self.scope)
            return _without_starts(left) if self.idle else left
        return difference(observed, self.wanted, self.scope)


def _without_starts(steps: Plan) -> Plan:
    return Plan(tuple(step for step in steps.steps if not isinstance(step, StartDnsmasq)))


class Writing(Narrow):
    """The half of the service that says what a change comes to; nothing is done yet."""

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
        sides = Sides(WHOLE_HOST, then, observed, wanted, was_wanted, found)
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
                sides = Sides(scope, found, observed, wanted)
                return self._prepared(connection, change, written, sides)
            so_far.rollback()
        return None

    def _prepared(
        self, connection: Connection, change: Change[Result], written: Written[Result], of: Sides
    ) -> Prepared[Result]:
        """The steps, and what there is to remember and to say of them."""
        scope = of.scope
        wanted = replace(of.wanted, was_asked=isinstance(change, Converge))
        is_repair = isinstance(change, Converge)
        if not is_repair and any(of_directory(of.observed, wanted)):
            option_facts.refuse_directory(self._options)
        remembered = of.found.former_sysctls if scope.is_whole else None
        observed = self._host.observe_closer(of.observed, wanted, remembered, scope)
        if not is_repair:
            unread.refuse(change.title, unread.beside_files(observed), wanted)
        first, mended_then = Plan(), observed
        if of.was_wanted is not None and exposed(observed, of.was_wanted):
            first, mended_then = mended(observed, of.was_wanted)
        lacking = self._lacking(change, observed, wanted, of)
        unread.refuse(change.title, *without(observed, wanted, lacking))
        later = difference(*without(mended_then, wanted, lacking), scope)
        if isinstance(change, Converge):
            later = change.taken(later)
        steps = Plan((*first.steps, *later.steps, *written.then.steps))
        idle = ""
        if isinstance(change, Converge):
            idle = option_facts.why_not_started(steps, self._options)
            steps = _without_starts(steps) if idle else steps
        option_facts.refuse(steps, self._options)
        former = Former(of.found, self._options, observed, wanted, steps)
        (former.note if scope.is_whole else former.forget_made)(connection)
        notes = (*written.notes, *self._host.notes(steps, observed, wanted))
        notes += left_as_they_are(lacking)
        notes += self._notes_of_associations(change.scope, of.found, observed, wanted)
        notes += notes_of_guests(steps, wanted)
        if written.regrouping is not None and not filters_guests(self._options):
            notes += ("firewall_driver switches the security groups off: nothing is filtered",)
        return Prepared(
            *(written.result, steps, observed, wanted, scope, written.waits, notes, former),
            lacking,
            idle,
        )

    def _lacking(
        self, change: Change[Result], observed: Observed, wanted: Wanted, of: Sides
    ) -> tuple[Obstacle, ...]:
        """What cannot be had and is left out.

        Raises InvalidValue or Conflict where it is what the change asks for: what could not be had
        before is none of its business. Of a repair, where something else stands in its place.
        """
        if of.before is None:
            return ()
        found = refused = obstacles(observed, wanted)
        if found and isinstance(change, Converge):
            refused = standing_elsewhere(observed, wanted, found)
        elif found:
            asked = self._host.possible(
                intent(of.before, self._options, observed=observed), observed
            )
            before = {each.place for each in obstacles(observed, asked)}
            refused = tuple(
                each
                for each in found
                if each.place not in before
                or (each.bridge and asks_otherwise(each.bridge, wanted, asked))
            )
        places = {each.link for each in refused if each.address}
        option_facts.refuse_interfaces(places, self._options)
        for each in refused:
            raise Conflict(each.because)
        return found

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
                if not mends(prepared.steps, sides.wanted, sides.scope.subjects):
                    return prepared
            so_far.rollback()
        return None

    def _written_fix(
        self, change: Change[Result], written: Written[Result], fix: Plan, observed: Observed
    ) -> Prepared[Result]:
        """A cure; of what is taken back, what still stands and nobody has changed since."""
        left: tuple[str, ...] = ()
        if isinstance(change, TakeBack):
            fix, left = self._host.still(fix)
            if left and not fix:
                raise Conflict("; ".join((f"{change.title}: nothing is taken back", *left)))
        return Prepared(
            written.result, fix, observed, None, waits=written.waits, notes=(*written.notes, *left)
        )

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
