"""Survey: the records, the host and the plan between them put together into a Status. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netconsole.backend.hoststate import ChainKey, Dnsmasq, HostState, Link, Rule
from netconsole.backend.leases import lease_of
from netconsole.backend.options import Options
from netconsole.backend.records import FloatingIP, Network, NetworkUsage, Records
from netconsole.backend.rules import is_ours
from netconsole.backend.status import (
    Allocation,
    DnsmasqState,
    DnsmasqStatus,
    DriftStep,
    FloatingIPStatus,
    FloatingState,
    HostStatus,
    LinkState,
    NatRule,
    NetworkStatus,
    Status,
)
from netconsole.backend.steps import Plan, Step


@dataclass(frozen=True, slots=True)
class Survey:
    """All that a status is made from, of one moment."""

    records: Records
    usage: Mapping[int, NetworkUsage]
    observed: HostState
    wanted: HostState
    plan: Plan
    options: Options
    read_only_because: str | None

    def status(self) -> Status:
        """Put it together."""
        return Status(
            host=self._host(),
            networks=tuple(self._network(network) for network in self.records.networks),
            allocations=tuple(self._allocations()),
            floating_ips=tuple(self._floating_ips()),
            dnsmasq=tuple(self._dnsmasq()),
            nat=tuple(nat_rules(self.observed, self.wanted)),
            drift=tuple(DriftStep(type(step).__name__, step.commands) for step in self.plan.steps),
        )

    def _host(self) -> HostStatus:
        return HostStatus(
            name=self.options.host,
            public_interface=self.options.public_interface,
            my_ip=self.options.my_ip,
            ip_forward=self.observed.sysctls.get("net.ipv4.ip_forward") == "1",
            access="read-write" if self.read_only_because is None else "read-only",
            read_only_because=self.read_only_because,
            unreadable=dict(self.observed.unreadable),
        )

    # Networks and allocations

    def _network(self, network: Network) -> NetworkStatus:
        link = self.observed.links.get(network.bridge)
        usage = self.usage.get(network.id, NetworkUsage())
        return NetworkStatus(
            label=network.label,
            cidr=network.cidr,
            gateway=network.gateway,
            dhcp_server=network.dhcp_server,
            bridge=network.bridge,
            bridge_state=_link_state(link),
            ports=sum(port.network_id == network.id for port in self.records.ports),
            allocated=usage.allocated,
            leased=sum(
                row.leased for row in self.records.fixed_ips if row.network_id == network.id
            ),
            reserved=usage.reserved,
            total=usage.total,
            project_id=network.project_id,
            state="drift" if self._touches(network) else "ok",
        )

    def _touches(self, network: Network) -> bool:
        """Whether a step of the plan is about a network: its bridge, its range, its files."""
        return any(mentions(step, network.bridge, network.cidr) for step in self.plan.steps)

    def _allocations(self) -> Iterator[Allocation]:
        networks = {network.id: network for network in self.records.networks}
        instances = {instance.uuid: instance for instance in self.records.instances}
        ports = {port.id: port for port in self.records.ports}
        floating = _by_fixed_ip(self.records.floating_ips)
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
                device_state=_link_state(self.observed.links.get(device)),
                lease_expires=lease.expires if lease else None,
            )

    # Floating addresses

    def _floating_ips(self) -> Iterator[FloatingIPStatus]:
        fixed = {row.id: row for row in self.records.fixed_ips}
        names = {instance.uuid: instance.name for instance in self.records.instances}
        addresses = {(found.interface, found.address) for found in self.observed.addresses}
        wanted = Counter(_owners(self.wanted.chains))
        present = Counter(_owners(_present_rules(self.observed, self.wanted)))
        knows_rules = "rules" not in self.observed.unreadable
        for floating in self.records.floating_ips:
            row = fixed.get(floating.fixed_ip_id or 0)
            has_address = (floating.interface, f"{floating.address}/32") in addresses
            rules = present[floating.address]
            drifts = has_address != (row is not None) or rules != wanted[floating.address]
            state: FloatingState
            if not knows_rules:
                state = "unknown"
            elif drifts:
                state = "drift"
            else:
                state = "ok" if row else "free"
            yield FloatingIPStatus(
                address=floating.address,
                pool=floating.pool,
                interface=floating.interface,
                project=floating.project_id,
                instance=names.get(row.instance_uuid or "") if row else None,
                fixed_address=row.address if row else None,
                address_present=has_address,
                rules_present=rules,
                rules_expected=wanted[floating.address],
                state=state,
            )

    # dnsmasq

    def _dnsmasq(self) -> Iterator[DnsmasqStatus]:
        labels = {network.bridge: network.label for network in self.records.networks}
        wanted = {server.bridge: server for server in self.wanted.dnsmasq}
        seen: set[str] = set()
        for server in self.observed.dnsmasq:
            goal = wanted.get(server.bridge)
            state = _dnsmasq_state(server, goal, seen)
            seen.add(server.bridge)
            yield self._server(server, labels.get(server.bridge, ""), state)
        for bridge, server in wanted.items():
            if bridge not in seen:
                yield self._server(server, labels[bridge], "missing")

    def _server(self, server: Dnsmasq, network: str, state: DnsmasqState) -> DnsmasqStatus:
        expected, because = _expected_processes(server, state)
        return DnsmasqStatus(
            network=network,
            bridge=server.bridge,
            state=state,
            pids=server.pids,
            expected_processes=expected,
            expected_because=because,
            leases=len(self.observed.leases.get(server.bridge, ())),
            command=" ".join(server.argv),
        )


def _link_state(link: Link | None) -> LinkState:
    if link is None:
        return "missing"
    return "up" if link.up else "down"


def _by_fixed_ip(floating_ips: tuple[FloatingIP, ...]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for floating in floating_ips:
        if floating.fixed_ip_id is not None:
            found.setdefault(floating.fixed_ip_id, []).append(floating.address)
    return found


def mentions(step: Step, *words: str) -> bool:
    """Whether a command of a step has one of the words in it, whole."""
    wanted = set(words)
    return any(wanted.intersection(command.replace("'", " ").split()) for command in step.commands)


def _dnsmasq_state(server: Dnsmasq, goal: Dnsmasq | None, seen: set[str]) -> DnsmasqState:
    if not server.bridge:
        return "foreign"
    if goal is None:
        return "orphan"
    if server.argv != goal.argv:
        return "stale"
    return "duplicate" if server.bridge in seen else "running"


def _expected_processes(server: Dnsmasq, state: DnsmasqState) -> tuple[int, str]:
    """How many processes a healthy dnsmasq with these arguments has, and why."""
    if state in ("duplicate", "orphan"):
        return 0, "no network asks for it"
    if any(argument.startswith("--dhcp-script") for argument in server.argv):
        return 2, "one that serves, and its helper child that runs the --dhcp-script"
    return 1, "no --dhcp-script is given, so there is no helper child"


# NAT rules


def nat_rules(observed: HostState, wanted: HostState) -> Iterator[NatRule]:
    """Every rule of the nat table: those that are there, then those that are missed."""
    for key, rules in observed.chains.items():
        if key.table != "nat":
            continue
        goal = {rule.spec: rule for rule in wanted.chains.get(key, ())}
        left = Counter(goal.keys())
        for rule in rules:
            match = goal.get(rule.spec)
            expected = match is not None and left[rule.spec] > 0
            left[rule.spec] -= 1
            ours = is_ours(key.chain, rule.spec)
            yield NatRule(
                table=key.table,
                chain=key.chain,
                rule=rule.spec,
                packets=rule.packets,
                bytes=rule.bytes,
                origin="ours" if ours else "foreign",
                state="unexpected" if ours and not expected else "present",
                owner=match.owner if match else "",
            )
    if "rules" not in observed.unreadable:
        yield from _missing_rules(observed, wanted)
    for key, rules in observed.legacy_chains.items():
        for rule in rules:
            if key.table == "nat":
                yield _legacy_rule(key, rule)


def _legacy_rule(key: ChainKey, rule: Rule) -> NatRule:
    """A rule in force beside ours. One of ours is left from when iptables was the other kind."""
    ours = is_ours(key.chain, rule.spec)
    return NatRule(
        table=key.table,
        chain=key.chain,
        rule=rule.spec,
        packets=rule.packets,
        bytes=rule.bytes,
        origin="ours" if ours else "foreign",
        state="unexpected" if ours else "present",
        owner="",
        legacy=True,
    )


def _missing_rules(observed: HostState, wanted: HostState) -> Iterator[NatRule]:
    for key, rules in wanted.chains.items():
        if key.table != "nat":
            continue
        present = {rule.spec for rule in observed.chains.get(key, ())}
        for rule in rules:
            if rule.spec not in present:
                yield NatRule(key.table, key.chain, rule.spec, 0, 0, "ours", "missing", rule.owner)


def _owners(chains: Mapping[ChainKey, tuple[Rule, ...]]) -> Iterator[str]:
    return (rule.owner for rules in chains.values() for rule in rules if rule.owner)


def _present_rules(observed: HostState, wanted: HostState) -> dict[ChainKey, tuple[Rule, ...]]:
    """The wanted rules that are there, each as often as it is there."""
    return {
        key: tuple(goal[rule.spec] for rule in observed.chains.get(key, ()) if rule.spec in goal)
        for key, rules in wanted.chains.items()
        for goal in ({rule.spec: rule for rule in rules},)
    }
