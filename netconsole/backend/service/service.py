"""The one door: every verb, read and write, and the access mode that guards them."""

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from netconsole.backend.changes import Change, Result
from netconsole.backend.changes.converge import Converge, Repair, TakeBack
from netconsole.backend.changes.title import spelled
from netconsole.backend.model.errors import (
    Conflict,
    NetconsoleError,
    PartlyDone,
    ReadOnly,
    RemovesMost,
    Unavailable,
)
from netconsole.backend.model.hoststate import Mark, Observed
from netconsole.backend.model.phrases import command
from netconsole.backend.plan import unread
from netconsole.backend.plan.agreement import Preview, refuse_another
from netconsole.backend.plan.exposure import closing, exposed
from netconsole.backend.plan.filters import after
from netconsole.backend.plan.left_out import without
from netconsole.backend.plan.ownership import removes_most
from netconsole.backend.service.half_done import half_done, lacking, nothing_done
from netconsole.backend.service.outcome import Confirm, Outcome
from netconsole.backend.service.writing import Prepared, Writing
from netconsole.backend.steps import Plan
from netconsole.backend.store import identity as identity_rows
from netconsole.backend.store import records
from netconsole.backend.system import privileges
from netconsole.backend.system.garbage import at_rest
from netconsole.backend.system.who import Asker, this_process
from netconsole.backend.transaction.apply import Applied, apply, recover, verify
from netconsole.backend.transaction.audit import Auditor
from netconsole.backend.transaction.journal import JournalEntry, OpenEntry
from netconsole.backend.transaction.lock import host_lock
from netconsole.backend.transaction.telling import tell
from netconsole.backend.transaction.trial import Guardian, NotConfirmed, session_interface


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a change was asked for."""

    agreed: Plan | None
    confirm: Confirm | None
    by: Asker


class Service(Writing):
    """Everything that can be asked of one host, and every change of it.

    Safe to use from several threads, each call on its own connection.
    """

    def preview(self, change: Change[Result]) -> Preview:
        """Return the steps that a change would take; the store is rolled back. Raises as `do`
        does."""
        self.refuse_if_read_only(change.title)
        with at_rest(), self._store.transaction() as connection:
            written = self._write(connection, change, self._journal.is_under_way)
            connection.rollback()
        return Preview(written.steps.steps, written.notes)

    def do(
        self,
        change: Change[Result],
        agreed: Plan | None = None,
        *,
        confirm: Confirm | None = None,
        by: Asker | None = None,
    ) -> Outcome[Result]:
        """Perform a change: the store and the host, both or neither.

        `agreed` is the plan that the admin was shown and agreed to: raises PlanChanged, before
        anything is done, where another would be carried out now. Without `confirm` a change is
        refused that might cut off the admin's own SSH session. `by` is who asks, where it is not
        this process. Raises InvalidValue, NotFound,
        Conflict or Exhausted where the change is refused, ReadOnly where this service may not
        change, StepFailed where the host refuses a step, and NotVerified where it is not as
        planned afterwards.
        """
        manner = _Manner(agreed, confirm, by or this_process())
        return self._audited(change.title, lambda: change, manner)

    def _audited(
        self, title: str, found: Callable[[], Change[Result]], manner: _Manner
    ) -> Outcome[Result]:
        """Perform the change that is found under the lock; it is one line in the audit log."""
        self._refuse_without_privileges(title)
        auditor = self._auditor(manner.by)
        with auditor.change(title):
            self.refuse_if_read_only(title)
            with host_lock(self._lock), at_rest():
                recovered = recover(self._journal, auditor.killed)
                try:
                    outcome = self._do(found(), manner, auditor, is_ours=bool(recovered))
                except BaseException as error:
                    for sentence in recovered:
                        error.add_note(sentence)
                    raise
        return replace(outcome, recovered=recovered)

    def _auditor(self, by: Asker) -> Auditor:
        return Auditor(f"{self._options.state_path}/audit.jsonl", by.who, tell)

    def refuse(self, title: str, because: str, by: Asker) -> ReadOnly:
        """Log that somebody asked for a change who may not make any; return what to tell them.

        Raises Unavailable where that cannot be logged.
        """
        refusal = ReadOnly(f"{title}: refused, {because}")
        with suppress(ReadOnly), self._auditor(by).change(title):
            raise refusal
        return refusal

    def undo(
        self,
        change_id: str | None = None,
        agreed: Plan | None = None,
        *,
        confirm: Confirm | None = None,
        by: Asker | None = None,
    ) -> Outcome[None]:
        """Take back a playbook's cure: the one named, or the latest; the rest is as of `do`.

        Raises NotFound where there is none, Conflict where the change is of another kind or was
        taken back already, PlanChanged where the way back is not the one that was agreed to.
        """
        title = spelled("undo", *([change_id] if change_id else []))
        manner = _Manner(agreed, confirm, by or this_process())
        return self._audited(title, lambda: _taking_back(self.undoable(change_id)), manner)

    def preview_undo(self, change_id: str | None = None) -> Preview:
        """Return the steps that `undo` would take; raises as it does."""
        self.refuse_if_read_only("undo")
        return self.preview(_taking_back(self.undoable(change_id)))

    def _refuse_without_privileges(self, title: str) -> None:
        """Before the audit log is opened: who may not change the host may not write that either."""
        if privileges.lacking() is not None:
            self.refuse_if_read_only(title)

    def _do(
        self, change: Change[Result], manner: _Manner, auditor: Auditor, *, is_ours: bool
    ) -> Outcome[Result]:
        """Carry out a change; of a repair that fails, take down the ports that it leaves open.

        What a change puts right that held guests before it is a repair as well.
        """
        begun: list[Plan] = []
        try:
            return self._carry_out(change, manner, auditor, begun.append, is_ours=is_ours)
        except NetconsoleError as error:
            mends = any(step.stays for plan in begun for step in plan.steps)
            if mends or isinstance(change, Converge):
                self._close_exposed(change.title, manner.by, error)
            raise

    def _carry_out(
        self,
        change: Change[Result],
        manner: _Manner,
        auditor: Auditor,
        begins: Callable[[Plan], None],
        *,
        is_ours: bool,
    ) -> Outcome[Result]:
        applied: Applied | None = None
        written: Prepared[Result] | None = None
        with ExitStack() as ending:
            try:
                with self._store.transaction() as connection, ExitStack() as trial:
                    written = self._write(connection, change, is_ours)
                    refuse_another(change.title, manner.agreed, written.steps)
                    if isinstance(change, Repair) and not written.steps:
                        return nothing_done(change.title, written)
                    self._refuse_most_removed(change, written)
                    mark = self._next_mark(connection)
                    guards = _needs_guardian(written, manner)
                    guardian: Guardian | None = None

                    def prepare(entry: OpenEntry) -> None:
                        nonlocal guardian
                        ending.callback(_note, auditor, entry, written.steps)
                        auditor.reserve(written.steps.commands)
                        begins(written.steps)
                        if guards:
                            guardian = trial.enter_context(self._guardian(entry))

                    applied = self._apply(change, written, manner.by, prepare, trial=guards)
                    notes = (*written.notes, *self._verify(change, written, applied))
                    self._note_leases_after(connection, written)
                    if guardian is not None:
                        self._ask(guardian, manner.confirm)
                    applied.entry.check()
            except BaseException as error:
                if applied is not None and written is not None:
                    self._settle(applied, change, written, error)
                raise
            self._keep(applied, change, written, mark, notes)
        return Outcome(applied.entry.id, written.result, applied.plan, written.waits, notes)

    def _apply(
        self,
        change: Change[Result],
        written: Prepared[Result],
        by: Asker,
        prepare: Callable[[OpenEntry], None],
        *,
        trial: bool,
    ) -> Applied:
        return apply(
            written.steps,
            self._journal,
            change.title,
            undoable=written.wanted is None,
            trial=trial,
            undoes=change.undoes if isinstance(change, TakeBack) else "",
            by=by.who,
            goes_on=isinstance(change, Converge),
            prepare=prepare,
        )

    def _note_leases_after(self, connection: Connection, written: Prepared[Result]) -> None:
        """Write what the lease files say now; but for that, the addresses are as found before."""
        if written.scope.is_of_ports:
            self._note_some_leases(connection)
        elif written.scope.is_whole:
            former = written.former
            found = records(connection, self._options.host) if former is None else former.found
            left = {each.bridge for each in written.obstacles if each.bridge}
            bridges = {each.bridge for each in found.networks} - left
            self._note_leases(connection, found, self._host.leases(bridges))

    def _guardian(self, entry: OpenEntry) -> Guardian:
        return Guardian(self._options.state_path, self._options.trial_seconds, entry)

    def _ask(self, guardian: Guardian, confirm: Confirm | None) -> None:
        guardian.applied()
        if confirm is None or not confirm(self._options.trial_seconds):
            raise NotConfirmed("not confirmed: taken back")
        guardian.confirmed()

    def _settle(
        self,
        applied: Applied,
        change: Change[Result],
        written: Prepared[Result],
        error: BaseException,
    ) -> None:
        """What becomes of the steps when the change as a whole failed.

        A repair is kept as far as it went; anything else leaves no trace.
        """
        if isinstance(change, Converge) and not isinstance(error, NotConfirmed):
            kept = applied.keep_failed(error)
            if written.former is not None:
                with self._store.transaction() as connection:
                    written.former.remember(connection)
                    mark = self._next_mark(connection)
                self._host.mark(mark)
            if isinstance(error, Exception):
                raise kept from error
        elif complaint := applied.take_back(error):
            raise complaint from error

    def _keep(
        self,
        applied: Applied,
        change: Change[Result],
        written: Prepared[Result],
        mark: Mark,
        notes: tuple[str, ...],
    ) -> None:
        """Say in the journal, and on the host, that a change is done; store and host are by now.

        Raises PartlyDone or Conflict where a repair did not do all that was asked.
        """
        left_undone = lacking(written, applied) if isinstance(change, Converge) else ()
        try:
            applied.keep(left_undone)
            if written.wanted is not None:
                self._host.mark(mark)
        except Unavailable as error:
            raise PartlyDone(
                f"{change.title}: done, but {error}: the next change does it once more"
            ) from error
        if left_undone:
            raise half_done(change.title, written, applied, left_undone, notes)

    def _close_exposed(self, title: str, by: Asker, error: NetconsoleError) -> None:
        """Take down the ports that are bridged without all that holds them, and say so."""
        seen = self._survey()
        names = exposed(seen.observed, seen.wanted)
        if not names:
            return
        ports, shown = closing(names, seen.wanted), ", ".join(names)
        asked = f"{title}: take down {shown}"
        auditor = self._auditor(by)
        with auditor.change(asked), ExitStack() as ending:

            def prepare(entry: OpenEntry) -> None:
                ending.callback(_note, auditor, entry, ports)

            apply(ports, self._journal, asked, by=by.who, prepare=prepare).keep()
        error.add_note(
            f"{shown}: taken down, as not all is there that filters and guards the guest; "
            f"{command('apply')} takes it up again once that is so"
        )

    def _refuse_most_removed(self, change: Change[Result], written: Prepared[Result]) -> None:
        """A verb that deletes says what; bringing the host in line does not."""
        if not isinstance(change, Converge) or change.removes_most or written.wanted is None:
            return
        if most := removes_most(written.observed, written.wanted, written.steps):
            raise RemovesMost(
                f"{change.title}: {most}; nothing is done without the host's name: "
                f"`netconsole {change.title}` asks for it, --yes-remove-all is for scripts"
            )

    def _next_mark(self, connection: Connection) -> Mark:
        """What the host is to say of this store; that it can is seen before anything is done."""
        self._host.prepare_mark()
        store = identity_rows.advance(connection)
        return Mark(store.uuid, store.serial, self._options.connection)

    def _verify(
        self, change: Change[Result], written: Prepared[Result], applied: Applied
    ) -> tuple[str, ...]:
        """Look again, and return what had no effect. Raises NotVerified.

        Of floating addresses it is known how the kernel words its rules. So what is known of
        the packet filter moves along with our own transactions: the kernel made each of them
        whole, and its generation tells whether there were others.
        """
        if written.wanted is None:
            return verify(lambda: self._host.undone(written.steps), applied.without)
        wanted = written.wanted
        foretold = bool(written.scope.floating_addresses)
        expected = after(written.observed, written.steps) if foretold else None

        def left() -> Plan:
            seen = self._host.observe(written.scope, expected)
            unread.refuse("not verified", *without(seen, wanted, written.obstacles))
            self._host.note_guards(seen)
            if not written.scope.is_of_ports:
                self._known = Observed(chains=seen.chains, generation=seen.generation)
            seen = self._host.observe_closer(seen, wanted, scope=written.scope)
            steps = written.left(seen)
            return change.taken(steps) if isinstance(change, Converge) else steps

        return verify(left, applied.without, applied.failed)


def _needs_guardian(written: Prepared[Result], manner: _Manner) -> bool:
    """Whether the change may cut the admin's own session off, and has to be confirmed."""
    interface = session_interface(written.steps, written.observed, manner.by.session)
    if interface is not None and manner.confirm is None:
        raise Conflict(
            f"this touches {interface}, which your SSH session came in on: do it at a "
            "terminal, where it can be confirmed"
        )
    return interface is not None


def _taking_back(cure: JournalEntry) -> TakeBack:
    return TakeBack(name=spelled("undo", cure.id), plan=cure.plan.inverse, undoes=cure.id)


def _note(auditor: Auditor, entry: OpenEntry, steps: Plan) -> None:
    """Tell the audit log what became of a change that was begun."""
    taken = Plan(steps.steps[: entry.taken])
    auditor.did(entry.id, taken.commands, entry.outcome)
