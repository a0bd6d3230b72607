"""The one door: every verb, read and write, and the access mode that guards them."""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Generic

from sqlalchemy import Connection

from netconsole.backend import privileges
from netconsole.backend.apply import Applied, apply, recover, verify
from netconsole.backend.audit import Auditor
from netconsole.backend.changes import Change, Result
from netconsole.backend.changes.converge import ApplyFix, Converge
from netconsole.backend.errors import Conflict, NotFound, ReadOnly, StepFailed, Unavailable
from netconsole.backend.host import Host, NoHost
from netconsole.backend.hoststate import HostState, Lease
from netconsole.backend.intent import IP_FORWARD, intent, touches_nothing
from netconsole.backend.journal import Journal, JournalEntry
from netconsole.backend.leases import lease_events, views_with_events, with_events
from netconsole.backend.lock import host_lock, host_lock_if_free
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.options import Options
from netconsole.backend.plan import plan
from netconsole.backend.quota import Quota, quotas
from netconsole.backend.records import (
    FixedIP,
    FixedIPView,
    FloatingIP,
    InstanceView,
    Network,
    NetworkUsage,
    Records,
)
from netconsole.backend.status import Status
from netconsole.backend.steps import Plan
from netconsole.backend.store import Store, records
from netconsole.backend.store import fixed_ips as fixed_ip_rows
from netconsole.backend.store import floating_ips as floating_ip_rows
from netconsole.backend.store import instances as instance_rows
from netconsole.backend.store import networks as network_rows
from netconsole.backend.store import settings as setting_rows
from netconsole.backend.store.views import fixed_ip_view, fixed_ip_views, instance_view
from netconsole.backend.survey import Survey, difference
from netconsole.backend.trial import Guardian, NotConfirmed, session_interface

Confirm = Callable[[int], bool]
"""Asks whether to keep a change; given the seconds that there are to answer."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Result]):
    """What a change did."""

    change_id: str
    result: Result
    plan: Plan
    recovered: tuple[str, ...] = ()
    """Changes that an earlier process left half done and that were taken back first."""


class Service:
    """Everything that can be asked of one host.

    Safe to use from several threads, each call on its own connection.
    """

    def __init__(
        self, options: Options, *, read_only: bool = False, confirm: Confirm | None = None
    ) -> None:
        """`read_only` refuses every change, as does a process without privileges.

        `confirm` asks the admin whether to keep a change of the path that the SSH session came
        in on; without it such a change is refused.
        """
        self.confirm = confirm
        """Replaced by a front end that cannot ask at the terminal."""
        self.read_only_because = "asked for with --read-only" if read_only else privileges.lacking()
        """Why changes are refused; None where they are not."""
        self._options = options
        self._store = Store(options.connection, read_only=self.read_only_because is not None)
        driver = NoHost if touches_nothing(options) else Host
        self._host = driver(options.networks_path, (IP_FORWARD,))
        self._lock = f"{options.state_path}/host.lock"
        self._journal = Journal(f"{options.state_path}/journal")

    # Reading

    def status(self) -> Status:
        """One consistent picture of the store, the host, and the plan between them."""
        return self.survey().status()

    def survey(self) -> Survey:
        """The records, the host and the plan between them, all of one moment."""
        observed = self._host.observe()
        try:
            with self._store.reading() as connection:
                found = records(connection, self._options.host)
                usage = network_rows.usage(connection)
        except Unavailable as error:
            unreadable = {**observed.unreadable, "store": str(error)}
            return self._picture(Records(), {}, replace(observed, unreadable=unreadable), None)
        events = lease_events(found, observed.leases, self._options)
        if events and self.read_only_because is None:
            self._note_leases_if_idle(observed)
        found = with_events(found, events)
        return self._picture(found, usage, observed, intent(found, self._options))

    def plan(self) -> Plan:
        """The steps between the host and the store. Raises Unavailable where it cannot be known."""
        seen = self.survey()
        for part, reason in seen.observed.unreadable.items():
            raise Unavailable(f"cannot tell what is to do: {part}: {reason}")
        return seen.plan

    def networks(self) -> tuple[Network, ...]:
        """Every network, in the order in which they were made."""
        with self._store.reading() as connection:
            return network_rows.every(connection)

    def network(self, name: str) -> Network:
        """A network by its label or uuid; raises NotFound."""
        with self._store.reading() as connection:
            return network_rows.find(connection, name)

    def fixed_ips(self, network: str) -> tuple[FixedIP, ...]:
        """Every address of a network, in order; raises NotFound."""
        with self._store.reading() as connection:
            found = network_rows.find(connection, network)
            return fixed_ip_rows.of_network(connection, found.id)

    def fixed_ip(self, address: str) -> FixedIPView:
        """An address with its network and instance; raises InvalidValue or NotFound."""
        wanted = parse_address("fixed address", address)
        with self._store.reading() as connection:
            (view,) = self._with_leases(connection, (fixed_ip_view(connection, wanted),))
        return view

    def fixed_ip_views(self, network: str | None = None) -> tuple[FixedIPView, ...]:
        """Every address of a network, or of all; raises NotFound."""
        with self._store.reading() as connection:
            found = None if network is None else network_rows.find(connection, network)
            return self._with_leases(connection, fixed_ip_views(connection, found))

    def _with_leases(
        self, connection: Connection, views: tuple[FixedIPView, ...]
    ) -> tuple[FixedIPView, ...]:
        found = records(connection, self._options.host)
        return views_with_events(views, lease_events(found, self._host.leases(), self._options))

    def instances(self) -> tuple[InstanceView, ...]:
        """Every instance with its ports and addresses."""
        with self._store.reading() as connection:
            return tuple(
                instance_view(connection, instance) for instance in instance_rows.every(connection)
            )

    def instance(self, name: str) -> InstanceView:
        """An instance by its name or uuid; raises NotFound."""
        with self._store.reading() as connection:
            return instance_view(connection, instance_rows.find(connection, name))

    def floating_ips(self) -> tuple[FloatingIP, ...]:
        """Every floating address, in the order in which they were made."""
        with self._store.reading() as connection:
            return floating_ip_rows.every(connection)

    def quotas(self, project: str) -> tuple[Quota, ...]:
        """What a project may have, and what it has."""
        with self._store.reading() as connection:
            return quotas(connection, project, self._options)

    def history(self) -> tuple[JournalEntry, ...]:
        """The changes of this host, the newest first."""
        return tuple(self._journal.entries())

    def _note_leases_if_idle(self, observed: HostState) -> None:
        """A change under way notes the leases itself, and keeps the store locked meanwhile."""
        with host_lock_if_free(self._lock) as free:
            if free:
                with self._store.transaction() as connection:
                    self._note_leases(connection, observed.leases)

    def _picture(
        self,
        found: Records,
        usage: Mapping[int, NetworkUsage],
        observed: HostState,
        wanted: HostState | None,
    ) -> Survey:
        if wanted is None:
            wanted, steps = HostState(), Plan()
        else:
            observed, steps = difference(observed, wanted)
        return Survey(
            records=found,
            usage=usage,
            observed=observed,
            wanted=wanted,
            plan=steps,
            options=self._options,
            read_only_because=self.read_only_because,
        )

    # Changing

    def preview(self, change: Change[Result]) -> Plan:
        """The steps that a change would take; the store is rolled back. Raises as `do` does."""
        self._refuse_if_read_only(change.title)
        with self._store.transaction() as connection:
            steps = self._write(connection, change, self._host.observe()).steps
            connection.rollback()
        return steps

    def do(self, change: Change[Result]) -> Outcome[Result]:
        """Perform a change: the store and the host, both or neither.

        Raises InvalidValue, NotFound, Conflict or Exhausted where the change is refused, ReadOnly
        where this service may not change, StepFailed where the host refuses a step, and
        NotVerified where it is not as planned afterwards.
        """
        self._refuse_without_privileges(change.title)
        auditor = Auditor(f"{self._options.state_path}/audit.jsonl")
        with auditor.change(change.title):
            self._refuse_if_read_only(change.title)
            with host_lock(self._lock):
                recovered = recover(self._journal)
                outcome = self._do(change)
            auditor.did(outcome.change_id, outcome.plan.commands)
        return replace(outcome, recovered=recovered)

    def undo(self, change_id: str | None = None) -> Outcome[None]:
        """Take back a playbook's cure: the one named, or the latest.

        Raises NotFound where there is none, Conflict where the change is of another kind or was
        taken back already.
        """
        self._refuse_if_read_only("undo")
        entry = self._undoable(change_id)
        outcome = self.do(ApplyFix(name=f"undo {entry.id}", plan=entry.plan.inverse))
        self._journal.close(entry.id, "undone")
        return outcome

    def _undoable(self, change_id: str | None) -> JournalEntry:
        if change_id is None:
            for entry in self._journal.entries():
                if entry.undoable and entry.end == "done" and not entry.title.startswith("undo "):
                    return entry
            raise NotFound("no fix to undo")
        entry = self._journal.entry(change_id)
        if not entry.undoable:
            raise Conflict(f"change {change_id} ({entry.title}) came from the store: change that")
        if entry.end != "done":
            raise Conflict(f"change {change_id} ({entry.title}) was taken back already")
        return entry

    def _refuse_without_privileges(self, title: str) -> None:
        """Before the audit log is opened: who may not change the host may not write that either."""
        if privileges.lacking() is not None:
            self._refuse_if_read_only(title)

    def _refuse_if_read_only(self, title: str) -> None:
        if self.read_only_because is not None:
            raise ReadOnly(f"{title}: refused, this is read-only ({self.read_only_because})")

    def _do(self, change: Change[Result]) -> Outcome[Result]:
        applied: Applied | None = None
        try:
            with self._store.transaction() as connection, ExitStack() as trial:
                observed = self._host.observe()
                written = self._write(connection, change, observed)
                guardian = self._guardian(written.steps, observed, trial)
                applied = apply(
                    written.steps, self._journal, change.title, undoable=written.wanted is None
                )
                self._verify(written.wanted)
                self._note_leases(connection, self._host.leases())
                if guardian is not None:
                    self._ask(guardian)
        except BaseException as error:
            if applied is not None:
                self._settle(applied, change, error)
            raise
        applied.keep()
        return Outcome(applied.entry.id, written.result, applied.plan)

    def _guardian(self, steps: Plan, observed: HostState, trial: ExitStack) -> Guardian | None:
        """Who takes a change back that cuts the admin's own session off."""
        interface = session_interface(steps, observed, os.environ)
        if interface is None:
            return None
        if self.confirm is None:
            raise Conflict(
                f"this touches {interface}, which your SSH session came in on: do it on the "
                "command line of a terminal, where it can be confirmed"
            )
        return trial.enter_context(Guardian(self._options.state_path, self._options.trial_seconds))

    def _ask(self, guardian: Guardian) -> None:
        guardian.applied()
        seconds = self._options.trial_seconds
        if self.confirm is None or not self.confirm(seconds):
            raise NotConfirmed(f"not confirmed within {seconds} s: taken back")
        guardian.confirmed()

    def _settle(self, applied: Applied, change: Change[Result], error: BaseException) -> None:
        """What becomes of the steps when the change as a whole failed.

        A repair is kept as far as it went; anything else leaves no trace.
        """
        if isinstance(change, Converge) and not isinstance(error, NotConfirmed):
            applied.keep()
        elif complaints := applied.take_back():
            raise StepFailed("; ".join((str(error), *complaints))) from error

    def _write(
        self, connection: Connection, change: Change[Result], observed: HostState
    ) -> "_Written[Result]":
        """Write the store and say what follows for the host."""
        for part, reason in observed.unreadable.items():
            raise Unavailable(f"{change.title}: {part}: {reason}")
        self._note_leases(connection, observed.leases)
        written = change.write(connection, self._options)
        if written.fix is not None:
            return _Written(written.result, written.fix, None)
        found = records(connection, self._options.host)
        wanted = replace(intent(found, self._options, written.released), leases=written.leases)
        self._note_sysctls(connection, found, observed, wanted)
        return _Written(written.result, plan(observed, wanted), wanted)

    def _verify(self, wanted: HostState | None) -> None:
        if wanted is not None:
            verify(lambda: plan(self._host.observe(), wanted))

    def _note_leases(self, connection: Connection, leases: Mapping[str, tuple[Lease, ...]]) -> None:
        """Write what the lease files say of the addresses."""
        found = records(connection, self._options.host)
        for event in lease_events(found, leases, self._options):
            if event.frees:
                fixed_ip_rows.disassociate(connection, event.fixed_ip)
            else:
                leased = event.event == "leased"
                fixed_ip_rows.set_leased(connection, event.fixed_ip, leased)

    def _note_sysctls(
        self, connection: Connection, found: Records, observed: HostState, wanted: HostState
    ) -> None:
        """Remember the host's settings from before its first network, until after its last."""
        host = self._options.host
        if not any(network.host == host for network in found.networks):
            setting_rows.forget_sysctls(connection, host)
            return
        for key, value in wanted.sysctls.items():
            former = observed.sysctls.get(key)
            if former is not None and former != value:
                setting_rows.remember_sysctl(connection, host, key, former)


@dataclass(frozen=True, slots=True)
class _Written(Generic[Result]):
    result: Result
    steps: Plan
    wanted: HostState | None
    """What the host should hold afterwards; None for a fix, which goes beyond the store."""
