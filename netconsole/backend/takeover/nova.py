"""What the rows of a nova database become here. Pure.

UUIDs, MAC addresses, addresses and their states, floating associations, hosts and projects stay as
they are. Ids are nova's until the rows are written. Rows that point at something that is gone are
put right, and said in a note each: nova left such rows behind and had no way to mend them.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers import VLAN, manager
from netconsole.backend.managers.ranges import refuse_unusable
from netconsole.backend.model.group_rules import DefaultRule, SecurityGroupRule
from netconsole.backend.model.guest_data import GuestData
from netconsole.backend.model.hostnames import hostname
from netconsole.backend.model.phrases import count
from netconsole.backend.model.records import (
    FixedIP,
    FloatingIP,
    Instance,
    ManagerKind,
    Membership,
    Network,
    Port,
    SecurityGroup,
)
from netconsole.backend.takeover import values
from netconsole.backend.takeover.groups import groups_of
from netconsole.backend.takeover.rows import (
    NovaFixedIP,
    NovaFloatingIP,
    NovaInstance,
    NovaInterface,
    NovaNetwork,
    NovaRows,
)
from netconsole.backend.takeover.told import told_of

_VLANS = range(1, 4095)
_PORTS = range(1, 65536)
_MTUS = range(68, 65536)
"""What an IPv4 link may have (RFC 791); 0 is none to nova."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """The records that a nova database becomes, their ids still nova's."""

    networks: tuple[Network, ...] = ()
    instances: tuple[Instance, ...] = ()
    ports: tuple[Port, ...] = ()
    fixed_ips: tuple[FixedIP, ...] = ()
    floating_ips: tuple[FloatingIP, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    security_group_rules: tuple[SecurityGroupRule, ...] = ()
    memberships: tuple[Membership, ...] = ()
    default_rules: tuple[DefaultRule, ...] = ()
    notes: tuple[str, ...] = ()
    """What an admin should know: each a line."""
    told: tuple[GuestData, ...] = field(default=(), repr=False, metadata={"secret": True})
    """What the instances are told that are told anything; their ports are not among it."""


def takeover(rows: NovaRows, options: Options) -> Takeover:
    """Turn the rows into records. Raises InvalidValue for a value that breaks a rule of ours."""
    return _Mapping(rows, options).all()


class _Mapping:
    def __init__(self, rows: NovaRows, options: Options) -> None:
        self._rows = rows
        self._options = options
        self._notes: list[str] = []

    def all(self) -> Takeover:
        networks = self._networks()
        instances = self._instances()
        ports = self._ports(networks, instances)
        fixed_ips = self._fixed_ips(networks, instances, ports)
        floating_ips = self._floating_ips(fixed_ips)
        self._count_elsewhere(networks)
        self._note_managers(networks)
        groups = groups_of(self._rows, instances)
        self._notes.extend(groups.notes)
        told, notes = told_of(self._rows, instances)
        self._notes.extend(notes)
        return Takeover(
            tuple(networks.values()),
            tuple(instances.values()),
            tuple(ports.values()),
            tuple(fixed_ips.values()),
            floating_ips,
            groups.groups,
            groups.rules,
            groups.memberships,
            groups.default_rules,
            tuple(self._notes),
            told,
        )

    def _networks(self) -> dict[int, Network]:
        names = values.Names(values.shown)
        found = {}
        for row in self._rows.networks:
            label = names.give(row.label, f"network-{row.id}", str(row.id))
            if label != row.label:
                self._notes.append(
                    f"network {values.quoted(row.label)} (id {row.id}) is called {label!r} here"
                )
            network = _network(row, label)
            found[row.id] = replace(network, manager=_manager(network, self._options))
        return found

    def _instances(self) -> dict[str, Instance]:
        """Instances that have a port, or had one and still have its address."""
        needed = {row.instance_uuid for row in self._rows.virtual_interfaces if not row.deleted}
        names = values.Names(values.shown)
        hostnames = values.Names(lambda text: hostname(text, ""))
        found = {}
        for row in self._rows.instances:
            if row.uuid in needed:
                asked = row.display_name or row.hostname
                usual, distinct = f"server-{row.uuid}", row.uuid[:8]
                name = names.give(asked, usual, distinct)
                if name != asked:
                    self._notes.append(
                        f"instance {values.quoted(asked)} ({row.uuid}) is called {name!r} here"
                    )
                told = hostnames.give(row.hostname or name, usual, distinct)
                if row.hostname and told != row.hostname.lower():
                    former = values.quoted(row.hostname)
                    line = f"instance {name!r}: its host name {former} is {told!r} here"
                    self._notes.append(line)
                found[row.uuid] = _instance(row, name, told)
        portless = len(self._rows.instances) - len(found)
        if portless:
            self._notes.append(f"{count(portless, 'instance')} without a port left out")
        return found

    def _ports(
        self, networks: dict[int, Network], instances: dict[str, Instance]
    ) -> dict[int, Port]:
        found = {}
        for row in self._rows.virtual_interfaces:
            if row.deleted:
                continue
            if row.network_id in networks and row.instance_uuid in instances:
                found[row.id] = _port(row, row.network_id, row.instance_uuid)
            else:
                self._notes.append(
                    f"interface {row.address} left out: its instance or network is gone"
                )
        return found

    def _fixed_ips(
        self, networks: dict[int, Network], instances: dict[str, Instance], ports: dict[int, Port]
    ) -> dict[int, FixedIP]:
        macs = {row.id: row.address for row in self._rows.virtual_interfaces}
        found = {}
        for row in self._rows.fixed_ips:
            if row.network_id not in networks:
                self._notes.append(f"address {row.address} left out: its network is gone")
                continue
            mac = macs.get(row.virtual_interface_id or 0)
            fixed_ip = _fixed_ip(row, networks[row.network_id], mac)
            held = fixed_ip.instance_uuid in instances and fixed_ip.port_id in ports
            if fixed_ip.allocated and not held:
                self._notes.append(
                    f"address {row.address} is given back: it was allocated to an instance or "
                    "interface that is gone"
                )
            found[row.id] = fixed_ip if fixed_ip.allocated and held else _given_up(fixed_ip)
        values.refuse_twice("fixed_ips.address", (row.address for row in found.values()))
        return found

    def _floating_ips(self, fixed_ips: dict[int, FixedIP]) -> tuple[FloatingIP, ...]:
        found = []
        for row in self._rows.floating_ips:
            floating = _floating_ip(row, self._options)
            fixed_ip = fixed_ips.get(row.fixed_ip_id or 0)
            if row.fixed_ip_id is not None and (fixed_ip is None or not fixed_ip.allocated):
                self._notes.append(
                    f"floating address {row.address} is not associated here: the fixed address it "
                    "stood for has no instance"
                )
                floating = _floating_ip(row, self._options, associated=False)
            found.append(floating)
        values.refuse_twice("floating_ips.address", (row.address for row in found))
        return tuple(found)

    def _count_elsewhere(self, networks: dict[int, Network]) -> None:
        host = self._options.host
        others = [
            network
            for network in networks.values()
            if network.host != host and not network.multi_host
        ]
        served = len(networks) - len(others)
        self._notes.append(
            f"{count(served, 'network')} served by this host ({host}), {len(others)} by others"
        )

    def _note_managers(self, networks: dict[int, Network]) -> None:
        """Say whose the networks are: what has a VLAN is of the VLAN manager, and nothing else."""
        found = Counter(network.manager or "flat or flatdhcp" for network in networks.values())
        for kind, number in sorted(found.items()):
            self._notes.append(f"{count(number, 'network')} of the {kind} manager")


def _network(row: NovaNetwork, label: str) -> Network:
    def what(column: str) -> str:
        return f"networks.{column} of {label!r}"

    cidr = values.range_v4(what("cidr"), row.cidr)
    refuse_unusable(what("cidr"), str(cidr), IPNetwork(str(cidr)))
    gateway = values.optional_address(what("gateway"), row.gateway)
    first = gateway or str(cidr[1] if cidr.num_addresses > 1 else cidr[0])
    return Network(
        id=row.id,
        uuid=values.uuid(what("uuid"), row.uuid, f"network:{row.id}"),
        label=label,
        cidr=str(cidr),
        netmask=str(cidr.netmask),
        broadcast=values.address(what("broadcast"), row.broadcast or str(cidr[-1])),
        gateway=gateway,
        dhcp_server=values.optional_address(what("dhcp_server"), row.dhcp_server) or gateway,
        dhcp_start=values.address_in(what("dhcp_start"), row.dhcp_start or first, str(cidr)),
        bridge=values.interface(what("bridge"), row.bridge),
        bridge_interface=values.optional_interface(what("bridge_interface"), row.bridge_interface),
        dns1=values.ip_address(what("dns1"), row.dns1),
        dns2=values.ip_address(what("dns2"), row.dns2),
        vlan=values.whole(what("vlan"), row.vlan, _VLANS),
        vpn_private_address=values.optional_address(
            what("vpn_private_address"), row.vpn_private_address
        ),
        vpn_public_address=values.optional_address(
            what("vpn_public_address"), row.vpn_public_address
        ),
        vpn_public_port=values.whole(what("vpn_public_port"), row.vpn_public_port, _PORTS),
        multi_host=bool(row.multi_host),
        share_address=bool(row.share_address),
        enable_dhcp=row.enable_dhcp is None or bool(row.enable_dhcp),
        injected=bool(row.injected),
        mtu=values.whole(what("mtu"), row.mtu or None, _MTUS),
        priority=row.priority,
        project_id=values.called(what("project_id"), row.project_id),
        host=values.optional_name(what("host"), row.host),
        cidr_v6=values.range_v6(what("cidr_v6"), row.cidr_v6),
        gateway_v6=values.address_v6(what("gateway_v6"), row.gateway_v6),
        netmask_v6=values.address_v6(what("netmask_v6"), row.netmask_v6),
    )


def _manager(network: Network, options: Options) -> ManagerKind | None:
    """Whose a network is: nova does not say, but only the VLAN manager's have VLANs."""
    if network.vlan is not None:
        return VLAN.kind
    configured = manager(options)
    return None if configured is VLAN else configured.kind


def _instance(row: NovaInstance, name: str, hostname: str) -> Instance:
    what = f"of instance {name!r}"
    return Instance(
        uuid=values.uuid("instances.uuid", row.uuid, row.uuid),
        name=name,
        project_id=values.called(f"instances.project_id {what}", row.project_id) or "admin",
        host=values.optional_name(f"instances.host {what}", row.host) or "",
        hostname=hostname,
    )


def _port(row: NovaInterface, network_id: int, instance_uuid: str) -> Port:
    uuid = values.uuid("virtual_interfaces.uuid", row.uuid, f"interface:{row.address}")
    return Port(
        id=row.id,
        uuid=uuid,
        mac=values.mac("virtual_interfaces.address", row.address),
        network_id=network_id,
        instance_uuid=instance_uuid,
        kind="tap",
        device=f"tap{uuid.replace('-', '')[:12]}",
    )


def _fixed_ip(row: NovaFixedIP, network: Network, mac: str | None) -> FixedIP:
    what = f"fixed_ips.address of network {network.label!r}"
    return FixedIP(
        id=row.id,
        address=values.address_in(what, row.address, network.cidr),
        network_id=network.id,
        allocated=bool(row.allocated),
        leased=bool(row.leased),
        reserved=bool(row.reserved),
        instance_uuid=_holder(row),
        port_id=row.virtual_interface_id,
        mac=mac and values.mac("virtual_interfaces.address", mac),
        host=values.optional_name("fixed_ips.host", row.host),
        updated_at=_utc(row.updated_at or row.created_at),
    )


def _holder(row: NovaFixedIP) -> str | None:
    what = f"fixed_ips.instance_uuid of {row.address}"
    return values.uuid(what, row.instance_uuid, "") if row.instance_uuid else None


def _utc(moment: datetime | None) -> datetime | None:
    """A time as nova wrote it: in UTC, and not saying so."""
    return moment and moment.replace(tzinfo=UTC)


def _given_up(row: FixedIP) -> FixedIP:
    """An address without an instance: free, or free as soon as its lease is over."""
    if row.leased and row.mac:
        return replace(row, allocated=False, port_id=None)
    return replace(row, allocated=False, leased=False, port_id=None, instance_uuid=None, mac=None)


def _floating_ip(row: NovaFloatingIP, options: Options, *, associated: bool = True) -> FloatingIP:
    interface = row.interface or options.public_interface
    return FloatingIP(
        id=row.id,
        address=values.address("floating_ips.address", row.address),
        pool=values.called("floating_ips.pool", row.pool) or options.default_floating_pool,
        interface=interface and values.interface("floating_ips.interface", interface),
        fixed_ip_id=row.fixed_ip_id if associated else None,
        project_id=values.called("floating_ips.project_id", row.project_id),
        host=values.optional_name("floating_ips.host", row.host) if associated else None,
        auto_assigned=bool(row.auto_assigned) and associated,
    )
