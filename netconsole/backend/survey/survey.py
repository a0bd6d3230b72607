"""Survey: the records, the host and the plan between them put together into a Status. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.above import leaving
from netconsole.backend.intent.addresses import floating_interface
from netconsole.backend.intent.links import filters_guests
from netconsole.backend.model import subject
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.guards import BY_EBTABLES
from netconsole.backend.model.hoststate import (
    ChainKey,
    Dnsmasq,
    HostState,
    Observed,
    ObservedLink,
    Rule,
    Wanted,
)
from netconsole.backend.model.kernel_settings import IP_FORWARD, IPV6_FORWARDING
from netconsole.backend.model.listens_at import is_heard
from netconsole.backend.model.obstacle import Obstacle
from netconsole.backend.model.records import FloatingIP, Instance, Network, NetworkUsage, Records
from netconsole.backend.model.subject import Subject
from netconsole.backend.plan import plan, unhindered
from netconsole.backend.plan.left_out import without
from netconsole.backend.plan.obstacles import obstacles
from netconsole.backend.plan.ownership import Another, removes_most
from netconsole.backend.steps import Plan
from netconsole.backend.survey.bypass import bypasses
from netconsole.backend.survey.dnsmasq_states import dnsmasq_state, expected_processes
from netconsole.backend.survey.drift import drift_steps
from netconsole.backend.survey.groups import groups_told
from netconsole.backend.survey.guard_bypass import guard_bypasses
from netconsole.backend.survey.leases import lease_of
from netconsole.backend.survey.nat import nat_rules
from netconsole.backend.survey.status import (
    Allocation,
    Bypass,
    DnsmasqState,
    DnsmasqStatus,
    FloatingIPStatus,
    FloatingState,
    HostStatus,
    LinkState,
    NatRule,
    NetworkStatus,
    Status,
)

UNPLANNED = frozenset({"store", "plan"})
"""Parts of which one that cannot be read leaves unknown what the host should hold."""


def difference(observed: Observed, wanted: Wanted) -> tuple[Observed, Plan, tuple[Obstacle, ...]]:
    """Return the plan, as far as what is wanted can be had, and what cannot.

    Where something stands in the way that cannot be left out, the plan is empty and the state says
    so.
    """
    found = obstacles(observed, wanted)
    if not found:
        return observed, unhindered(observed, wanted), ()
    possible = without(observed, wanted, found)
    observed = replace(observed, unreadable=possible[0].unreadable)
    try:
        return observed, plan(*possible), found
    except Conflict as error:
        unreadable = {**observed.unreadable, "plan": str(error)}
        return replace(observed, unreadable=unreadable), Plan(), found


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a status is made from, of one moment."""

    records: Records
    usage: Mapping[int, NetworkUsage]
    observed: Observed
    wanted: Wanted
    plan: Plan
    options: Options
    read_only_because: str | None
    unfinished: tuple[str, ...] = ()
    """Changes that were cut off half done, in sentences."""
    another: Another | None = None
    """Whose the host is, where it is not this store's."""
    wanted_unknown: str | None = None
    """Why it is not known what the host should hold, where it is not: `wanted` is empty then."""
    obstacles: tuple[Obstacle, ...] = ()
    """What of `wanted` this host cannot have as it is: the plan is without it."""
    metadata_failed: str = ""
    """Why this process does not serve metadata where it should; nothing where it does, or has not
    to."""
    configuration_kept: str = ""
    """Why this process goes by its former configuration, where it does."""

    @property
    def removes_most(self) -> str | None:
        """How much the plan removes, where that is most of what is ours."""
        return removes_most(self.observed, self.wanted, self.plan)

    def status(self) -> Status:
        """Put it together."""
        return Status(
            host=self._host(),
            networks=tuple(self._networks()),
            allocations=tuple(self._allocations()),
            floating_ips=tuple(self._floating_ips()),
            dnsmasq=tuple(self._dnsmasq()),
            nat=tuple(self._nat()),
            drift=drift_steps(self.plan, self.wanted),
            security_groups=groups_told(self.records),
        )

    def _host(self) -> HostStatus:
        return HostStatus(
            name=self.options.host,
            public_interface=leaving(self.options.public_interface, self.wanted.above),
            my_ip=self.options.my_ip,
            my_ip_is_lost=self._my_ip_is_lost(),
            ip_forward=self.observed.sysctls.get(IP_FORWARD) == "1",
            access="read-write" if self.read_only_because is None else "read-only",
            read_only_because=self.read_only_because,
            unreadable={
                **self.observed.unreadable,
                **{each.file: each.reason for each in self.obstacles if each.file},
            },
            forwarding_wanted=self.wanted.sysctls.get(IP_FORWARD) == "1",
            ipv6_forwarding_wanted=self.wanted.sysctls.get(IPV6_FORWARDING) == "1",
            unsupported=dict(self.wanted.unsupported),
            missing_program=self.observed.missing_program,
            metadata_unserved=self._metadata_unserved(),
            metadata_failed=self.metadata_failed,
            configuration_kept=self.configuration_kept,
            unguarded=self._unguarded(),
            guards_off=not self.options.guard,
            guards_off_source=self.options.guard_source,
            groups_off=not filters_guests(self.options),
            groups_off_source=self.options.firewall_source,
            bypassed=self._bypassed(),
            guards_bypassed=self._guards_bypassed(),
            unfinished=self.unfinished,
            another=self.another.because if self.another else None,
            anothers=self.another.objects if self.another else (),
            removes_most=self.removes_most,
            wanted_unknown=self.wanted_unknown,
            obstacles=tuple(each.because for each in self.obstacles if not each.file),
        )

    def _metadata_unserved(self) -> str:
        """Nothing where no instance is here to ask, or nobody knows who listens."""
        options, listening = self.options, self.observed.listening
        host, port = options.metadata_host, options.metadata_port
        if host is None or listening is None or self.another is not None:
            return ""
        led = self.wanted.chains.get(ChainKey("ipv4", "nat", "nova-network-PREROUTING"), ())
        if not any(rule.subject == subject.METADATA for rule in led):
            return ""
        here = {each.address.partition("/")[0] for each in self.observed.addresses}
        redirected = here if host == "127.0.0.1" else ()  # to the address of the bridge itself
        if any(is_heard(listening, each, port) for each in (host, *redirected)):
            return ""
        is_asked = any(map(self._is_here, self.records.instances))
        return f"{host}:{port}" if is_asked and host in {*here, "127.0.0.1"} else ""

    def _bypassed(self) -> tuple[Bypass, ...]:
        """None where the groups are switched off, or nobody knows what ours is."""
        if "rules" in self.observed.unreadable or self.another is not None:
            return ()
        return bypasses(self.observed.chains, self.records.networks)

    def _guards_bypassed(self) -> tuple[Bypass, ...]:
        """None where nftables guards the ports, or nobody knows what ours is."""
        if "rules" in self.observed.unreadable or self.another is not None:
            return ()
        held = BY_EBTABLES in self.wanted.unsupported
        return guard_bypasses(self.observed.chains, self.wanted.guards if held else ())

    def _unguarded(self) -> tuple[str, ...]:
        here = {one.uuid: one.name for one in self.records.instances if self._is_here(one)}
        ports = (port for port in self.records.ports if not port.guarded)
        return tuple(sorted({here[p.instance_uuid] for p in ports if p.instance_uuid in here}))

    def _is_here(self, instance: Instance) -> bool:
        return instance.host == self.options.host

    def _my_ip_is_lost(self) -> bool:
        here = {each.address.partition("/")[0] for each in self.observed.addresses}
        return bool(here) and self.options.my_ip not in (None, *here)

    def _nat(self) -> Iterator[NatRule]:
        for rule in nat_rules(self.observed, self.wanted):
            if rule.origin == "ours" and self.another is not None:
                yield replace(rule, origin="foreign", state="present")
            else:
                yield replace(rule, state="present") if self.wanted_unknown else rule

    # Networks and allocations

    def _networks(self) -> Iterator[NetworkStatus]:
        drifting = {about for step in self.plan.steps for about in step.subjects}
        drifting |= {about for each in self.obstacles for about in each.subjects}
        for network in self.records.networks:
            yield self._network(network, subject.network(network.label) in drifting)

    def _network(self, network: Network, drifts: bool) -> NetworkStatus:
        link = self.observed.links.get(network.bridge)
        usage = self.usage.get(network.id, NetworkUsage())
        return NetworkStatus(
            label=network.label,
            cidr=network.cidr,
            gateway=network.gateway,
            dhcp_server=network.dhcp_server,
            bridge=network.bridge,
            bridge_state=_link_state(link, here=network.bridge in self.wanted.links),
            ports=sum(port.network_id == network.id for port in self.records.ports),
            allocated=usage.allocated,
            leased=sum(
                row.leased for row in self.records.fixed_ips if row.network_id == network.id
            ),
            reserved=usage.reserved,
            total=usage.total,
            project_id=network.project_id,
            state="drift" if drifts else "unknown" if self.observed.unreadable else "ok",
            mtu=network.mtu,
            multi_host=network.multi_host,
            has_dhcp=network.enable_dhcp and network.dhcp_server is not None,
        )

    def _allocations(self) -> Iterator[Allocation]:
        networks = {network.id: network for network in self.records.networks}
        instances = {instance.uuid: instance for instance in self.records.instances}
        ports = {port.id: port for port in self.records.ports}
        floating = _by_fixed_ip(self.records.floating_ips)
        unused = _unused_ends(self.observed.links)
        for row in self.records.fixed_ips:
            network = networks[row.network_id]
            instance = instances.get(row.instance_uuid or "")
            port = ports.get(row.port_id or 0)
            device = port.device if port else ""
            lease = lease_of(row, network, self.observed.leases)
            yield Allocation(
                address=row.address,
                network=network.label,
                instance=instance.name if instance else row.instance_uuid or "",
                project=instance.project_id if instance else "",
                mac=row.mac or "",
                allocated=row.allocated,
                leased=row.leased,
                reserved=row.reserved,
                floating=tuple(floating.get(row.id, ())),
                device=device,
                device_state=self._port_state(device, unused),
                lease_expires=lease.expires if lease else None,
                host=instance.host if instance else "",
                guarded=port is None or port.guarded,
            )

    # Floating addresses

    def _floating_ips(self) -> Iterator[FloatingIPStatus]:
        fixed = {row.id: row for row in self.records.fixed_ips}
        instances = {instance.uuid: instance for instance in self.records.instances}
        addresses = _places(self.observed)
        wanted_addresses = _places(self.wanted)
        wanted = Counter(_subjects(self.wanted.chains))
        present = Counter(_subjects(_present_rules(self.observed, self.wanted)))
        is_known = "rules" not in self.observed.unreadable and not self.wanted_unknown
        for floating in sorted(self.records.floating_ips, key=attrgetter("id")):
            row = fixed.get(floating.fixed_ip_id or 0)
            instance = instances.get(row.instance_uuid or "") if row else None
            interface = floating_interface(floating, self.options, self.wanted.above)
            place = (interface, f"{floating.address}/32")
            has_address = place in addresses
            about = subject.floating(floating.address)
            rules, goal = present[about], wanted[about]
            drifts = has_address != (place in wanted_addresses) or rules != goal
            state: FloatingState
            if not is_known:
                state = "unknown"
            elif drifts:
                state = "drift"
            else:
                state = "ok" if row else "free"
            yield FloatingIPStatus(
                address=floating.address,
                pool=floating.pool,
                interface=interface,
                project=floating.project_id or (instance.project_id if instance else None),
                instance=instance.name if instance else None,
                fixed_address=row.address if row else None,
                address_present=has_address,
                rules_present=rules,
                rules_expected=goal,
                state=state,
            )

    def _port_state(self, device: str, unused: frozenset[str]) -> LinkState:
        link, wanted = self.observed.links.get(device), self.wanted.links.get(device)
        if link is not None and wanted is not None and link.master != wanted.master:
            return "unplugged"
        state = _link_state(link, here=wanted is not None)
        if link is None or state != "up":
            return state
        if link.kind == "veth" and link.peer in unused:
            return "no guest"
        bridge = self.observed.links.get(link.master or "")
        is_shut = not link.forwarding and bridge is not None and bridge.up
        return "blocked" if is_shut else state

    # dnsmasq

    def _dnsmasq(self) -> Iterator[DnsmasqStatus]:
        labels = {network.bridge: network.label for network in self.records.networks}
        wanted = {server.bridge: server for server in self.wanted.dnsmasq}
        running: set[str] = set()
        for server in self.observed.dnsmasq:
            state = dnsmasq_state(server, wanted.get(server.bridge), running)
            if state == "orphan" and not self.observed.unreadable.keys().isdisjoint(UNPLANNED):
                state = "unknown"
            if state in ("running", "stopped"):
                running.add(server.bridge)
            yield self._server(server, labels.get(server.bridge, ""), state)
        seen = {server.bridge for server in self.observed.dnsmasq}
        for bridge, server in wanted.items():
            if bridge not in seen:
                yield self._server(server, labels[bridge], "missing")

    def _server(self, server: Dnsmasq, network: str, state: DnsmasqState) -> DnsmasqStatus:
        expected, because = expected_processes(server, state)
        return DnsmasqStatus(
            network=network,
            bridge=server.bridge,
            state=state,
            pids=server.pids,
            expected_processes=expected,
            expected_because=because,
            leases=len(self.observed.leases.get(server.bridge, ())),
            command=" ".join(server.argv),
            argv=server.argv,
            stopped=server.stopped,
        )


def _places(state: HostState) -> set[tuple[str, str]]:
    return {(address.interface, address.address) for address in state.addresses}


def _link_state(link: ObservedLink | None, *, here: bool) -> LinkState:
    if link is None:
        return "missing" if here else "not here"
    if not link.up:
        return "down"
    return "up" if link.carrier else "no carrier"


def _unused_ends(links: Mapping[str, ObservedLink]) -> frozenset[str]:
    """The ends of veth pairs on this host of which no bridge and no other link makes use."""
    used = {link.peer for link in links.values() if link.kind != "veth"}
    ends = (link for link in links.values() if link.kind == "veth" and link.master is None)
    return frozenset(link.name for link in ends if link.name not in used)


def _by_fixed_ip(floating_ips: tuple[FloatingIP, ...]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for floating in floating_ips:
        if floating.fixed_ip_id is not None:
            found.setdefault(floating.fixed_ip_id, []).append(floating.address)
    return found


def _subjects(chains: Mapping[ChainKey, tuple[Rule, ...]]) -> Iterator[Subject]:
    return (rule.subject for rules in chains.values() for rule in rules if rule.subject)


def _present_rules(observed: Observed, wanted: Wanted) -> dict[ChainKey, tuple[Rule, ...]]:
    """The wanted rules that are there, each as often as it is there."""
    return {
        key: tuple(goal[rule.spec] for rule in observed.chains.get(key, ()) if rule.spec in goal)
        for key, rules in wanted.chains.items()
        for goal in ({rule.spec: rule for rule in rules},)
    }
