"""Reading: everything that can be asked of one host and its store."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from netconsole.backend.changes.quota import Quota, quotas
from netconsole.backend.configuration.options import Options
from netconsole.backend.managers.ranges import parse_address
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, NotFound, Unavailable
from netconsole.backend.model.group_rules import Attempt, DefaultRule
from netconsole.backend.model.guards import BY_EBTABLES
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.phrases import command
from netconsole.backend.model.records import (
    DnsDomain,
    DnsEntry,
    FixedIP,
    FixedIPView,
    FloatingIP,
    InstanceView,
    Network,
    SecurityGroup,
    SecurityGroupView,
    VpnView,
)
from netconsole.backend.plan.agreement import Preview
from netconsole.backend.plan.obstacles import left_as_they_are
from netconsole.backend.service.looking import Looking
from netconsole.backend.steps import Plan
from netconsole.backend.store import dns as dns_rows
from netconsole.backend.store import fixed_ips as fixed_ip_rows
from netconsole.backend.store import floating_ips as floating_ip_rows
from netconsole.backend.store import guest_data as guest_rows
from netconsole.backend.store import instances as instance_rows
from netconsole.backend.store import networks as network_rows
from netconsole.backend.store import records, refuse_broken
from netconsole.backend.store import security_groups as group_rows
from netconsole.backend.store.version import Versions
from netconsole.backend.store.views import (
    fixed_ip_view,
    fixed_ip_views,
    instance_view,
    instance_views,
    security_group_view,
    security_group_views,
    vpn_views,
)
from netconsole.backend.survey.enforcement import Answer, answers
from netconsole.backend.survey.guarding import Guarding, guarding
from netconsole.backend.survey.leases import lease_events, views_with_events
from netconsole.backend.survey.senders import Source
from netconsole.backend.survey.status import Status
from netconsole.backend.survey.survey import Survey
from netconsole.backend.transaction.journal import JournalEntry


class Reading(Looking):
    """The reading half of the service."""

    @property
    def options(self) -> Options:
        """The configuration in force."""
        return self._options

    @property
    def is_changing(self) -> bool:
        """Whether somebody is at a change."""
        return len(self._journal.unfinished()) > len(self._journal.cut_off())

    def status(self) -> Status:
        """Return one consistent picture of the store, the host, and the plan between them."""
        return self.survey().status()

    def guards(self) -> Guarding:
        """Return what each port of this host may send as, and what of its guest was stopped.

        Raises Unavailable where the counters cannot be read.
        """
        seen = self.survey()
        return guarding(seen, self.stopped(seen))

    def stopped(self, seen: Survey) -> dict[str, int]:
        """Return how many frames of guests the guards have dropped, by kind, since they are there.

        Raises NetconsoleError or OSError where that cannot be read.
        """
        return self._host.stopped(BY_EBTABLES in seen.wanted.unsupported)

    def plan(self) -> Plan:
        """Return the steps between the host and the store.

        Raises Unavailable where it cannot be known, Conflict where something stands in the way.
        """
        return self.planned().plan

    def planned(self) -> Survey:
        """Return a survey whose plan is known; raises as `plan` does."""
        seen = self.survey()
        for part, reason in seen.observed.unreadable.items():
            if part == "plan":
                raise Conflict(reason)
            raise Unavailable(f"cannot tell what is to do: {part}: {reason}")
        return seen

    def preview_of(self, seen: Survey) -> Preview:
        """Return the plan of a survey as it is shown."""
        notes = self._host.notes(seen.plan, seen.observed, seen.wanted)
        return Preview(seen.plan.steps, (*notes, *left_as_they_are(seen.obstacles)))

    def networks(self) -> tuple[Network, ...]:
        """Return every network, in the order in which they were made."""
        with self._store.reading() as connection:
            return network_rows.every(connection)

    def network(self, name: str) -> Network:
        """Return a network by its label or uuid; raises NotFound."""
        with self._store.reading() as connection:
            return network_rows.find(connection, name)

    def fixed_ips(self, network: str) -> tuple[FixedIP, ...]:
        """Return every address of a network, in order; raises NotFound."""
        with self._store.reading() as connection:
            refuse_broken(connection)
            found = network_rows.find(connection, network)
            return fixed_ip_rows.of_network(connection, found.id)

    def fixed_ip(self, address: str) -> FixedIPView:
        """Return an address with its network and instance; raises InvalidValue or NotFound."""
        wanted = parse_address("fixed address", address)
        with self._store.reading() as connection:
            (view,) = self._with_leases(connection, (fixed_ip_view(connection, wanted),))
        return view

    def fixed_ip_views(self, network: str | None = None) -> Iterator[FixedIPView]:
        """Yield every address of a network, or of all, one network after the other; raises
        NotFound."""
        with self._store.reading() as connection:
            found = None if network is None else network_rows.find(connection, network)
            yield from self._with_leases(connection, fixed_ip_views(connection, found))

    def _with_leases(
        self, connection: Connection, views: Iterable[FixedIPView]
    ) -> Iterator[FixedIPView]:
        found = records(connection, self._options.host)
        leases = self._host.leases({each.bridge for each in found.networks})
        return views_with_events(views, lease_events(found, leases, self._options))

    def store_versions(self) -> Versions:
        """Return what tells, for little, whether the store was written since."""
        return self._store.versions()

    def guest_at(self, address: str) -> GuestData | None:
        """Return what the instance is told that has a fixed address; None where none has it."""
        with self._store.reading() as connection:
            try:
                row = fixed_ip_rows.find(connection, address)
            except NotFound:
                return None
            is_its_own = row.allocated and row.instance_uuid is not None
            return _guest(connection, row.instance_uuid or "") if is_its_own else None

    def guest_of(self, uuid: str) -> GuestData | None:
        """Return what an instance is told, by its uuid alone; None where there is none."""
        with self._store.reading() as connection:
            return _guest(connection, uuid)

    def instances(self) -> tuple[InstanceView, ...]:
        """Return every instance with its ports and addresses."""
        with self._store.reading() as connection:
            refuse_broken(connection)
            return instance_views(connection)

    def instance(self, name: str) -> InstanceView:
        """Return an instance by its name or uuid; raises NotFound."""
        with self._store.reading() as connection:
            refuse_broken(connection)
            return instance_view(connection, instance_rows.find(connection, name))

    def floating_ips(self) -> tuple[FloatingIP, ...]:
        """Return every floating address, in the order in which they were made."""
        with self._store.reading() as connection:
            refuse_broken(connection)
            return floating_ip_rows.every(connection)

    def dns_domains(self) -> tuple[DnsDomain, ...]:
        """Return every domain that names of floating addresses are in, by name."""
        with self._store.reading() as connection:
            return dns_rows.domains(connection)

    def dns_entries(
        self, domain: str | None = None, *, name: str | None = None, address: str | None = None
    ) -> tuple[DnsEntry, ...]:
        """Return the names of floating addresses: those in a domain, of a name, of an address, or
        all.

        Raises InvalidValue, and NotFound where there is no such domain.
        """
        wanted = {
            "domain": None if domain is None else validate.domain("DNS domain", domain),
            "name": None if name is None else name.lower(),
            "address": None if address is None else parse_address("floating address", address),
        }
        with self._store.reading() as connection:
            refuse_broken(connection)
            if wanted["domain"] is not None:
                dns_rows.find_domain(connection, wanted["domain"])
            found = dns_rows.entries(connection)
        return tuple(
            entry
            for entry in found
            if all(value in (None, getattr(entry, field)) for field, value in wanted.items())
        )

    def vpns(self) -> tuple[VpnView, ...]:
        """Return every network that keeps an address for its project's VPN, with the VPN's
        instance."""
        with self._store.reading() as connection:
            refuse_broken(connection)
            return vpn_views(connection)

    def security_groups(self, project: str | None = None) -> tuple[SecurityGroupView, ...]:
        """Return the security groups of a project, or of all, each with its rules and members.

        The `default` of each is among them, as it will be where it is not made yet.
        """
        with self._store.reading() as connection:
            refuse_broken(connection)
            return security_group_views(connection, project)

    def security_group(self, project: str, name: str) -> SecurityGroupView:
        """Return a project's group by name or id, its `default` in any case; raises NotFound."""
        with self._store.reading() as connection:
            refuse_broken(connection)
            return security_group_view(connection, project, name)

    def security_groups_of(self, instance: str) -> tuple[SecurityGroup, ...]:
        """Return the groups that an instance is in; raises NotFound."""
        with self._store.reading() as connection:
            refuse_broken(connection)
            return group_rows.groups_of(connection, instance_rows.find(connection, instance))

    def admissions(self, source: Source, instance: str, attempt: Attempt) -> tuple[Answer, ...]:
        """Whether an attempt of a source reaches an instance, by the records and by the rules.

        Raises as `admission.admissions` does, and Unavailable where the store cannot be read.
        """
        seen = self.survey()
        if reason := seen.observed.unreadable.get("store"):
            raise Unavailable(reason)
        return answers(seen, source, instance, attempt)

    def default_rules(self) -> tuple[DefaultRule, ...]:
        """Return the rules that new `default` groups get."""
        with self._store.reading() as connection:
            return group_rows.default_rules(connection)

    def quotas(self, project: str) -> tuple[Quota, ...]:
        """Return what a project may have, and what it has."""
        with self._store.reading() as connection:
            return quotas(connection, project, self._options)

    def history(self) -> tuple[JournalEntry, ...]:
        """Return the changes of this host, the newest first."""
        return tuple(self._journal.entries())

    def undoable(self, change_id: str | None = None) -> JournalEntry:
        """Return the cure that `undo` would take back: the one named, or the latest.

        Raises NotFound where there is none, Conflict where it is not one that stands.
        """
        if change_id is None:
            for entry in self._journal.entries():
                if entry.undoable and entry.end == "done" and not entry.undoes:
                    return entry
            raise NotFound(f"no fix to undo: {command('history')} shows what was done")
        entry = self._journal.entry(change_id)
        if not entry.undoable:
            raise Conflict(f"change {change_id} ({entry.title}) came from the store: change that")
        if entry.end != "done":
            raise Conflict(
                f"change {change_id} ({entry.title}) was taken back already: "
                f"{command('history')} shows by which"
            )
        return entry


def _guest(connection: Connection, uuid: str) -> GuestData | None:
    for instance in instance_rows.among(connection, {uuid}):
        return guest_rows.of_instance(connection, instance)
    return None
