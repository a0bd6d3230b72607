"""The host: observing it, and saying what it can hold. One driver a kernel facility."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from netconsole.backend.host import (
    asking,
    belongings,
    dnsmasq,
    filters,
    guards,
    mark,
    parts,
    sysctls,
    vicinity,
)
from netconsole.backend.host.configurators import configured_by, dhcp_clients
from netconsole.backend.host.parts import Parts
from netconsole.backend.host.standing import still, undone
from netconsole.backend.intent.above import leaving
from netconsole.backend.intent.bridged import BRIDGE_NF, BRIDGE_NF_V6, bridged
from netconsole.backend.intent.settings import heeding
from netconsole.backend.kernel import other_nat, settings
from netconsole.backend.kernel.addresses import places
from netconsole.backend.model import kernel_settings
from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.facility import EVERYTHING, EVERYTHING_AGAIN, Again, Facility
from netconsole.backend.model.hoststate import Address, HostState, Lease, Mark, Observed, Wanted
from netconsole.backend.model.subject import WHOLE_HOST, GuestChain, Scope
from netconsole.backend.plan import addresses, former, moves
from netconsole.backend.plan.configurators import notes
from netconsole.backend.plan.egress import Others
from netconsole.backend.plan.scope import leaving_chains
from netconsole.backend.steps import MoveAddresses, Plan

_UNCOUNTED: Final = Again(EVERYTHING - {Facility.COUNTERS})


class Host:
    """This machine, or rather the network namespace in which the process runs."""

    def __init__(self, networks_path: str, sysctl_keys: Iterable[str]) -> None:
        self._networks_path = networks_path
        self._sysctl_keys = tuple(sysctl_keys)

    def observe(self, scope: Scope = WHOLE_HOST, known: Observed | None = None) -> Observed:
        """Return what the host holds. Parts that cannot be read are named in `unreadable`.

        Of floating addresses in a `scope` their places are looked at and what they need,
        ip_forward and the IPv4 packet filter. What is `known` of that is not looked at again as
        long as its generation is the kernel's; its counters are old then, which no plan minds.
        Of ports their vicinity is looked at, and the tables that filter guests, of groups those
        alone, or some of their chains; until these have names, who configured this host.
        """
        known = known or Observed()
        if scope.is_named_later:
            return _with_mark(Observed())
        if scope.vicinity is not None:
            with ThreadPoolExecutor(max_workers=1) as aside:  # a program lists the chains
                listed = aside.submit(_observe_guests, scope.chains)
                near = vicinity.observe(self._networks_path, self._sysctl_keys, scope.vicinity)
                guests = listed.result()
            guarding = _observe_bridge_guards(near)
            unreadable = {**near.unreadable, **guarding.unreadable, **guests.unreadable}
            chains = {**guests.chains, **guarding.chains}
            return _with_mark(replace(near, chains=chains, unreadable=unreadable))
        if scope.is_of_groups:
            return _with_mark(_observe_guests(scope.chains))
        if not scope.is_whole:
            seen = _with_mark(parts.rules(known, only_ipv4=True))
            found = _observe_places(scope.floating_addresses)
            return replace(seen, sysctls=settings.observe(self._sysctl_keys), addresses=found)
        return parts.together(self.look({Facility.RULES: known}, _UNCOUNTED))

    def look(self, former: Parts | None = None, again: Again = EVERYTHING_AGAIN) -> Parts:
        """Return what the whole host holds, by facility: over what was seen before, some of it
        anew."""
        return parts.read(self._networks_path, self._sysctl_keys, former, again)

    @contextmanager
    def looking(
        self, former: Parts | None = None, again: Again = EVERYTHING_AGAIN
    ) -> Iterator[Callable[[], Parts]]:
        """Look while the caller does something else; give what asks for what was seen.

        Programs list rules and addresses for as long as it takes to read the store.
        """
        with ThreadPoolExecutor(max_workers=1) as aside:
            yield aside.submit(self.look, former, again).result

    def prepare_mark(self) -> None:
        """See that a mark can be written; raises Unavailable."""
        mark.prepare()

    def mark(self, by: Mark) -> None:
        """Note from which store this host is configured; raises Unavailable."""
        mark.write(by)

    def note_guards(self, seen: Observed) -> None:
        """Note of the guards what the next look need not ask nft for; raises Unavailable."""
        guards.note(seen)

    def observe_closer(
        self,
        observed: Observed,
        wanted: Wanted,
        remembered: Collection[str] | None = None,
        scope: Scope = WHOLE_HOST,
        known: Mapping[str, str] = MappingProxyType({}),
    ) -> Observed:
        """Return what was observed, and what is asked of the host only when a plan turns on it.

        What the kernel changes along with a switch is as much as there are interfaces: it is
        looked at where the switch has to be written, or is not `remembered` yet. The settings
        that are `known` are not read again.
        """
        gone = addresses.released(observed, wanted)
        keys = (*addresses.promotions(observed, gone), *wanted.sysctls)
        keys += former.keep_keys(observed, wanted)
        for name in ("default", *(link.name for link in moves.gone(observed, wanted))):
            keys += (kernel_settings.accept_ra(name), kernel_settings.disable_ipv6(name))
        found = {key: known[key] for key in keys if key in known}
        found |= settings.observe(key for key in keys if key not in known)
        for switch in kernel_settings.SWITCHES:
            value = wanted.sysctls.get(switch)
            is_known = remembered is None or switch in remembered
            if None not in (value, found.get(switch)) and (found[switch] != value or not is_known):
                found |= settings.observe(kernel_settings.along(switch))
        return replace(
            _with_ipv6(observed, wanted),
            sysctls={**observed.sysctls, **found},
            leading_maps=filters.observe_leading_maps(leaving_chains(observed, wanted, scope)),
            belongings={
                name: belongings.observe(name) for name in moves.interfaces(observed, wanted)
            },
        )

    def notes(self, steps: Plan, observed: Observed, wanted: Wanted) -> tuple[str, ...]:
        """Return what an admin has to do so that steps are not undone by others, and undo
        nothing."""
        ports = [step.port for step in steps.steps if isinstance(step, MoveAddresses)]
        others = notes(steps, configured_by(ports), dhcp_clients(ports))
        return (*others, *asking.notes(observed, wanted))

    def has_chains(self, chains: Collection[GuestChain]) -> bool:
        """Whether chains that filter guests are there."""
        return filters.are_there(chains)

    def leads_alone(self, leaving: Mapping[GuestChain, int]) -> bool | None:
        """Whether chains have so many rules and jumps to them, and nothing else leads there.

        None where the kernel does not say.
        """
        return filters.are_used(leaving)

    def stopped(self, by_ebtables: bool) -> dict[str, int]:
        """Return how many frames the guards of ports have dropped, by the kind of lie.

        Raises NetconsoleError where they cannot be read.
        """
        return guards.stopped(by_ebtables)

    def others(self) -> Others:
        """Return what of others the kernel asks beside our rules where packets leave."""
        return other_nat.observe()

    def leases(self, bridges: Collection[str]) -> dict[str, tuple[Lease, ...]]:
        """Return the leases of some bridges; raises Unavailable where they cannot be read."""
        return dnsmasq.observe_leases(self._networks_path, bridges).whole()

    def leases_of(
        self, bridges: Iterable[str], tenants: frozenset[str]
    ) -> dict[str, tuple[Lease, ...]]:
        """Return the leases of some bridges that are of certain addresses, or MAC addresses.

        Raises Unavailable where they cannot be read.
        """
        return dnsmasq.observe_some_leases(self._networks_path, bridges, tenants).whole()

    def still(self, way_back: Plan) -> tuple[Plan, tuple[str, ...]]:
        """Return what of a way back has something to take back, and what is left alone, and why.

        Raises NetconsoleError or OSError where it cannot be seen.
        """
        needed, left = still(way_back.steps)
        return Plan(needed), left

    def undone(self, cure: Plan) -> Plan:
        """Return those steps of a cure whose effect is not to be seen. Raises NetconsoleError."""
        return Plan(undone(cure.steps))

    def enforceable(self, wanted: Wanted, observed: Observed) -> Wanted:
        """Return what this kernel can hold of that by which guests are filtered and guarded.

        Among that are those bridges' own switches that this host needs and can have.
        """
        wanted = guards.possible(wanted, observed)
        return bridged(wanted, observed, settings.read(BRIDGE_NF), settings.read(BRIDGE_NF_V6))

    def possible(self, wanted: Wanted, observed: Observed) -> Wanted:
        """Return what this kernel can hold of a state; the rest is left out and told of."""
        if wanted.sysctls.get(kernel_settings.IPV6_FORWARDING) == "1":
            above = (leaving(name, wanted.above) for name in wanted.uplinks)
            accepting = sysctls.accepting({*wanted.uplinks, *above})
            wanted = heeding(wanted, observed, sysctls.learners(), accepting)
        redirecting = [key for key in wanted.chains if (key.family, key.table) == ("bridge", "nat")]
        if redirecting and (reason := filters.refused(filters.REDIRECTION)):
            chains = {key: found for key, found in wanted.chains.items() if key not in redirecting}
            unsupported = {**wanted.unsupported, "bridge redirection": reason}
            wanted = replace(wanted, chains=chains, unsupported=unsupported)
        return self.enforceable(wanted, observed)


def _observe_places(addresses: Collection[str]) -> tuple[Address, ...]:
    try:
        return places(addresses)
    except OSError as error:
        raise Unavailable(f"addresses: {error.strerror or error}") from error


def _observe_guests(chains: frozenset[GuestChain] | None = None) -> Observed:
    try:
        return filters.observe_guests() if chains is None else filters.observe_chains(chains)
    except NetconsoleError as error:
        return Observed(unreadable={"rules": str(error)})


def _observe_bridge_guards(near: Observed) -> Observed:
    """The table nat of ebtables, where there is no table of nftables that guards ports."""
    if near.guard_table or "guards" in near.unreadable:
        return Observed()
    try:
        seen = filters.observe_bridge()
    except NetconsoleError as error:
        return Observed(unreadable={"rules": str(error)})
    chains = {at: rules for at, rules in seen.chains.items() if at.table == "nat"}
    return replace(seen, chains=chains)


def _with_ipv6(observed: Observed, wanted: Wanted) -> Observed:
    """What was observed, and what others have in the IPv6 tables where chains of ours come."""
    if _has_ipv6(observed) or not _has_ipv6(wanted):
        return observed
    try:
        seen = filters.observe_ipv6(needed=True)
    except NetconsoleError as error:
        return replace(observed, unreadable={**observed.unreadable, "rules": str(error)})
    return replace(
        observed,
        chains={**observed.chains, **seen.chains},
        unreadable={**observed.unreadable, **seen.unreadable},
    )


def _has_ipv6(state: HostState) -> bool:
    return any(key.family == "ipv6" for key in state.chains)


class NoHost(Host):
    """nova's NullL3: nothing of the host is looked at, so that nothing is to do."""

    def observe(self, scope: Scope = WHOLE_HOST, known: Observed | None = None) -> Observed:
        return Observed()

    def look(self, former: Parts | None = None, again: Again = EVERYTHING_AGAIN) -> Parts:
        return {}

    def observe_closer(
        self,
        observed: Observed,
        wanted: Wanted,
        remembered: Collection[str] | None = None,
        scope: Scope = WHOLE_HOST,
        known: Mapping[str, str] = MappingProxyType({}),
    ) -> Observed:
        return observed

    def stopped(self, by_ebtables: bool) -> dict[str, int]:
        return {}

    def others(self) -> Others:
        return Others()

    def leases(self, bridges: Collection[str]) -> dict[str, tuple[Lease, ...]]:
        return {}

    def prepare_mark(self) -> None:
        pass

    def mark(self, by: Mark) -> None:
        pass


def _with_mark(seen: Observed) -> Observed:
    found = parts.marked()
    return replace(seen, mark=found.mark, unreadable={**seen.unreadable, **found.unreadable})
