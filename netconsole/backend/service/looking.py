"""Looking: the store, the host and the plan between them, whole or over a former look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from netconsole.backend.configuration.options import Options
from netconsole.backend.host import Host, NoHost, mark
from netconsole.backend.host.parts import Parts, together
from netconsole.backend.intent import heeded, intent, touches_nothing
from netconsole.backend.managers import refuse_others
from netconsole.backend.model.errors import Conflict, Unavailable
from netconsole.backend.model.facility import EVERYTHING, EVERYTHING_AGAIN, Again, Facility
from netconsole.backend.model.hoststate import Lease, Observed, Wanted
from netconsole.backend.model.kernel_settings import IP_FORWARD, interface_of
from netconsole.backend.model.records import NetworkUsage, Records, StoreIdentity
from netconsole.backend.plan.adoption import asked_before, noted
from netconsole.backend.plan.ownership import (
    Another,
    another_by_itself,
    another_by_mark,
    as_anothers,
)
from netconsole.backend.plan.unread import concerning
from netconsole.backend.steps import Plan
from netconsole.backend.store import Store, records
from netconsole.backend.store import fixed_ips as fixed_ip_rows
from netconsole.backend.store import floating_ips as floating_ip_rows
from netconsole.backend.store import identity as identity_rows
from netconsole.backend.store import networks as network_rows
from netconsole.backend.survey.differences import differing, differing_host
from netconsole.backend.survey.leases import lease_events, with_events
from netconsole.backend.survey.survey import Survey, difference
from netconsole.backend.system import privileges
from netconsole.backend.system.garbage import at_rest
from netconsole.backend.transaction.journal import Journal
from netconsole.backend.transaction.journal_entry import unfinished
from netconsole.backend.transaction.lock import host_lock_if_free

_TELLING: Final = frozenset({"rules", "mark"})
"""The parts without which it is not known whose the host is."""
_OF_STORE: Final = frozenset({Facility.STORE, Facility.MARK})
"""What is asked of the store turns on the mark."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a look needs of the store, all of one moment."""

    found: Records
    usage: Mapping[int, NetworkUsage]
    identity: StoreIdentity | None
    later: frozenset[str]
    """Floating addresses that came with changes after the one of the host's mark."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the store asks of the host, and by what."""

    told: Records
    """What is stored, with what the lease files say."""
    heeded: object
    """What of the host it turns on."""
    wanted: Wanted
    """Some of it may be more than this kernel can hold."""


@dataclass(frozen=True, slots=True)
class Look:
    """A survey, and that of which it was made, over which the next can be made."""

    survey: Survey
    changed: frozenset[Facility]
    """In what it differs from the look before; in everything, where there was none."""
    parts: Parts
    stored: Stored | None
    """None where the store could not be read."""
    asked: Asked | None = None
    """None where it is not known, or the host is another's."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where files are on which a look turns."""

    networks: str
    """The directory of dnsmasq's files; in it is one for each network's hosts."""
    store: str
    """The database, with its log beside it."""
    journal: str
    """A directory, as the next."""
    marks: str


class Looking:
    """The part of the service that looks at a host and its store.

    What the lease files say is noted in the store on the way, where this process may write.
    """

    def __init__(self, options: Options, *, read_only: bool = False) -> None:
        self.read_only_because = "asked for with --read-only" if read_only else privileges.lacking()
        """Why changes are refused; None where they are not."""
        self.may_save = not read_only
        """Whether an admin may have files written: who only lacks privileges may, with their own
        rights; whoever is to read only, perhaps as root, may not."""
        self._options = options
        self._store = Store(options.connection, read_only=self.read_only_because is not None)
        driver = NoHost if touches_nothing(options) else Host
        self._host = driver(options.networks_path, (IP_FORWARD,))
        self._lock = f"{options.state_path}/host.lock"
        self._journal = Journal(f"{options.state_path}/journal")

    @property
    def places(self) -> Places:
        """Where files are on which a look turns."""
        options = self._options
        journal = f"{options.state_path}/journal"
        return Places(options.networks_path, self._store.path, journal, mark.DIRECTORY)

    def survey(self) -> Survey:
        """Return the records, the host and the plan between them, all of one moment."""
        return self.look().survey

    def look(self, former: Look | None = None, again: Again = EVERYTHING_AGAIN) -> Look:
        """Look at all of it, or, over a former look, at some of it again.

        Who looks at some of it answers for that nothing has happened to the rest since. What
        happens while this looks may be seen or not: it needs another look.
        """
        with at_rest():
            return self._look(former, again)

    def _survey(self) -> Survey:
        return self._look(None, EVERYTHING_AGAIN).survey

    def _look(self, former: Look | None, again: Again) -> Look:
        under_way = self._journal.is_under_way
        parts, stored = self._read(former, again)
        observed = together(parts)
        if isinstance(stored, Unavailable):
            unknown = _without(observed, "store", stored)
            return _seen(former, self._told(Records(), {}, unknown), parts, None)
        try:
            refuse_others(stored.found.networks, self._options)
        except Conflict as error:
            unknown = _without(observed, "plan", error)
            return _seen(former, self._told(stored.found, stored.usage, unknown), parts, stored)
        others = self._whose(observed, stored.identity, lambda: stored.found)
        if others is not None and not under_way and not self._journal.is_under_way:
            theirs = as_anothers(observed, others)
            survey = replace(self._told(stored.found, stored.usage, theirs), another=others)
            return _seen(former, survey, parts, stored)
        asked = self._asked(former, stored, observed)
        survey = self._planned(former, again, stored, asked, observed)
        return _seen(former, survey, parts, stored, asked)

    def _read(self, former: Look | None, again: Again) -> tuple[Parts, Stored | Unavailable]:
        """Read the host, and the store meanwhile, where it is asked for or was not read before."""
        stored: Stored | Unavailable | None = former.stored if former else None
        with self._host.looking(former.parts if former else None, again) as seen:
            if stored is None or not again.facilities.isdisjoint(_OF_STORE):
                try:
                    stored = self._stored(seen)
                except Unavailable as error:
                    stored = error
            return seen(), stored  # raises here where the host could not be read

    def _stored(self, seen: Callable[[], Parts]) -> Stored:
        with self._store.reading() as connection:
            found = records(connection, self._options.host)
            usage = network_rows.usage(connection)
            by = together(seen()).mark
            later = floating_ip_rows.since(connection, by.serial) if by else frozenset[str]()
            return Stored(found, usage, identity_rows.identity(connection), later)

    def _asked(self, former: Look | None, stored: Stored, observed: Observed) -> Asked:
        """What the store asks, by what the lease files say; as before where nothing is new."""
        events = lease_events(stored.found, observed.leases, self._options)
        if events and self.read_only_because is None:
            self._note_leases_if_idle(observed)
        path = self._options.networks_path
        asked = asked_before(stored.found, stored.later, observed, path)
        places = noted(observed, asked, stored.found, (), self._options)
        told = replace(with_events(stored.found, events), former_addresses=places)
        turned_on = heeded(observed)
        before = former.asked if former else None
        if before is not None and (before.told, before.heeded) == (told, turned_on):
            return before
        return Asked(told, turned_on, intent(told, self._options, observed=observed))

    def _planned(
        self, former: Look | None, again: Again, stored: Stored, asked: Asked, observed: Observed
    ) -> Survey:
        """What the host can hold of it, and the plan; as before where nothing is new."""
        wanted = replace(self._host.possible(asked.wanted, observed), was_asked=True)
        before = former.survey if former else None
        is_as_asked = former is not None and former.asked is asked
        if is_as_asked and before is not None and before.wanted == wanted:
            wanted = before.wanted  # what it is about, which equality passes over, is as well
        known = _settings(former, again)
        closer = self._host.observe_closer(concerning(observed, wanted), wanted, known=known)
        if (
            before is not None
            and before.wanted is wanted
            and before.another is None
            and differing_host(before.observed, closer) <= {Facility.COUNTERS}
        ):
            steps, lacking = before.plan, before.obstacles
        else:
            closer, steps, lacking = difference(closer, wanted)
        survey = self._told(asked.told, stored.usage, closer)
        return replace(survey, wanted=wanted, plan=steps, obstacles=lacking, wanted_unknown=None)

    def _told(
        self, found: Records, usage: Mapping[int, NetworkUsage], observed: Observed
    ) -> Survey:
        """A survey without what the host should hold, and why that is unknown if it is."""
        unknown = observed.unreadable.get("store") or observed.unreadable.get("plan")
        if obstacle := self._journal.obstacle:
            unreadable = {**observed.unreadable, "journal": obstacle}
            observed = replace(observed, unreadable=unreadable)
        return Survey(
            records=found,
            usage=usage,
            observed=observed,
            wanted=Wanted(),
            plan=Plan(),
            options=self._options,
            read_only_because=self.read_only_because,
            unfinished=tuple(map(unfinished, self._journal.cut_off())),
            wanted_unknown=unknown,
        )

    def _asked_before(self, connection: Connection, found: Records, observed: Observed) -> Records:
        """What of the records the host was asked for by the last change of it."""
        by, path = observed.mark, self._options.networks_path
        later = floating_ip_rows.since(connection, by.serial) if by else ()
        return asked_before(found, later, observed, path)

    def _another(self, connection: Connection, observed: Observed) -> Another | None:
        """Why what the host holds is not of this store; None where it is."""
        store = identity_rows.identity(connection)
        return self._whose(observed, store, lambda: records(connection, self._options.host))

    def _whose(
        self,
        observed: Observed,
        identity: StoreIdentity | None,
        found: Callable[[], Records],
    ) -> Another | None:
        """The mark says it without a look at what the store holds."""
        if not _TELLING.isdisjoint(observed.unreadable):
            return None
        path = self._options.networks_path
        if observed.mark is not None:
            return another_by_mark(observed, observed.mark, identity, path)
        stored = found()
        return another_by_itself(observed, stored, intent(stored, self._options), path)

    def _note_leases_if_idle(self, observed: Observed) -> None:
        """A change under way notes the leases itself, and keeps the store locked meanwhile."""
        with host_lock_if_free(self._lock) as free:
            if free:
                with self._store.transaction() as connection:
                    found = records(connection, self._options.host)
                    self._note_leases(connection, found, observed.leases)

    def _note_leases(
        self, connection: Connection, found: Records, leases: Mapping[str, tuple[Lease, ...]]
    ) -> None:
        """Write what the lease files say of the addresses among the records."""
        for event in lease_events(found, leases, self._options):
            if event.frees:
                fixed_ip_rows.disassociate(connection, event.fixed_ip)
            else:
                leased = event.event == "leased"
                fixed_ip_rows.set_leased(connection, event.fixed_ip, leased)


def _without(observed: Observed, part: str, reason: Exception) -> Observed:
    return replace(observed, unreadable={**observed.unreadable, part: str(reason)})


def _settings(former: Look | None, again: Again) -> Mapping[str, str]:
    """The kernel settings that nothing has happened to: those of a link come and go with it."""
    if former is None or Facility.SETTINGS in again.facilities:
        return {}
    known = former.survey.observed.sysctls
    if Facility.LINKS not in again.facilities:
        return known
    if again.links is None:
        return {}
    return {key: value for key, value in known.items() if interface_of(key) not in again.links}


def _seen(
    former: Look | None,
    survey: Survey,
    parts: Parts,
    stored: Stored | None,
    asked: Asked | None = None,
) -> Look:
    changed = EVERYTHING if former is None else differing(former.survey, survey)
    return Look(survey, changed, parts, stored, asked)
