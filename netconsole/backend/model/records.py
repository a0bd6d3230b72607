"""The records of the store: what an admin has asked for.

Field names are those of nova's tables (`networks`, `fixed_ips`, `floating_ips`), so that the
command line, the screens, the JSON and the store all say the same word for the same thing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.model.hoststate import FormerLink, Place

PortKind = Literal["tap", "veth"]
ManagerKind = Literal["flat", "flatdhcp", "vlan"]
DnsScope = Literal["public", "private"]


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """Which store it is, wherever its file lies, and how many changes it has seen."""

    uuid: str
    serial: int


@dataclass(frozen=True, slots=True)
class Network:
    """One network: an address range, the bridge that carries it, and who serves it."""

    id: int
    uuid: str
    label: str
    cidr: str
    netmask: str
    broadcast: str
    gateway: str | None
    dhcp_server: str | None
    dhcp_start: str
    bridge: str
    bridge_interface: str | None = None
    dns1: str | None = None
    dns2: str | None = None
    vlan: int | None = None
    vpn_private_address: str | None = None
    vpn_public_address: str | None = None
    vpn_public_port: int | None = None
    multi_host: bool = False
    share_address: bool = False
    enable_dhcp: bool = True
    injected: bool = False
    mtu: int | None = None
    priority: int | None = None
    project_id: str | None = None
    host: str | None = None
    cidr_v6: str | None = None
    gateway_v6: str | None = None
    netmask_v6: str | None = None
    """As an address: ffff:ffff:ffff:ffff::."""
    manager: ManagerKind | None = None
    """Whose it is among nova's managers; None of one that was made before that was noted, which is
    the Flat or the FlatDHCP manager's."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A virtual machine as far as its network goes."""

    uuid: str
    name: str
    """What its people call it."""
    project_id: str
    host: str
    hostname: str
    """What it is told to call itself, and is found by in the DNS."""
    id: int = 0
    """Names its chain of the packet filter, as in nova; 0 until the store has given it one."""


@dataclass(frozen=True, slots=True)
class Port:
    """An instance's interface: its MAC address and the device on the host that carries it."""

    id: int
    uuid: str
    mac: str
    network_id: int
    instance_uuid: str
    kind: PortKind
    device: str
    peer: str | None = None
    """The guest's end of a veth pair, as created; it leaves the host when it is moved."""
    guarded: bool = True
    """Whether the guest may send as itself alone, by its own MAC and IP addresses."""


@dataclass(frozen=True, slots=True)
class AllowedAddress:
    """A range from which a guarded port may send beside its own addresses, as VRRP needs."""

    id: int
    port_id: int
    cidr: str


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A project's named set of rules on what may reach the instances that are its members."""

    id: int
    name: str
    description: str
    project_id: str


@dataclass(frozen=True, slots=True)
class Membership:
    """An instance's being in a security group."""

    security_group_id: int
    instance_uuid: str


@dataclass(frozen=True, slots=True)
class Regrouping:
    """What of security groups a change was about; nothing that a host has where no field is set."""

    group: int | None = None
    """Whose rules or members are others now."""
    rule: int | None = None
    """The rule that came or went."""
    source: int | None = None
    """The group whose members it lets in."""
    member: str | None = None
    """The uuid of the instance that came or went."""


@dataclass(frozen=True, slots=True)
class Refiltering:
    """Which instance of this host came or went; nothing that filters guests where it is none."""

    instance: Instance | None = None
    groups: tuple[int, ...] = ()
    """The security groups in which it is, or was."""


class Reached(NamedTuple):
    """An address at which a guest is reached, with its port; of a port without one as well."""

    instance: int
    """By its number."""
    device: str
    mac: str
    cidr_v6: str | None
    """Of its network: of the range the guest makes itself an address by its MAC address."""
    address: str | None


@dataclass(frozen=True, slots=True)
class FixedIP:
    """One address of a network and where it is in its life (allocated, leased, reserved)."""

    id: int
    address: str
    network_id: int
    allocated: bool = False
    leased: bool = False
    reserved: bool = False
    instance_uuid: str | None = None
    port_id: int | None = None
    mac: str | None = None
    """Of the port, which may be gone while its lease lasts."""
    host: str | None = None
    updated_at: datetime | None = None
    allocated_at: datetime | None = None
    """Of a port's addresses, DHCP hands out the one that it got first."""


@dataclass(frozen=True, slots=True)
class FloatingIP:
    """A public address that can be given to one fixed address at a time."""

    id: int
    address: str
    pool: str
    interface: str
    fixed_ip_id: int | None = None
    project_id: str | None = None
    host: str | None = None
    auto_assigned: bool = False


@dataclass(frozen=True, slots=True)
class DnsDomain:
    """A domain in which floating addresses have names.

    A public one may be a project's, a private one be kept for an availability zone, which has no
    effect here.
    """

    domain: str
    scope: DnsScope
    project_id: str | None = None
    availability_zone: str | None = None


@dataclass(frozen=True, slots=True)
class DnsEntry:
    """A name of a floating address: one address a name, any number of names an address."""

    id: int
    name: str
    domain: str
    address: str


@dataclass(frozen=True, slots=True)
class NetworkUsage:
    """How many addresses a network has, and how many are in which state."""

    total: int = 0
    allocated: int = 0
    leased: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class FixedIPView:
    """A fixed address with its network, and the instance that has it."""

    fixed_ip: FixedIP
    network: Network
    instance: Instance | None

    @property
    def host(self) -> str | None:
        """The host that has the address for itself, or the one on which its instance runs."""
        return self.fixed_ip.host or (self.instance.host if self.instance else None)


@dataclass(frozen=True, slots=True)
class PortView:
    """A port with all that hangs on it."""

    port: Port
    network: Network
    fixed_ips: tuple[FixedIP, ...]
    floating_ips: tuple[FloatingIP, ...]
    allowed_addresses: tuple[AllowedAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class InstanceView:
    """An instance with its ports, in the order in which they were made."""

    instance: Instance
    ports: tuple[PortView, ...]
    security_groups: tuple[SecurityGroup, ...] = ()
    """Those that it is in, the first made first."""


@dataclass(frozen=True, slots=True)
class GroupRuleView:
    """A rule of a security group, with the group from whose members it lets in."""

    rule: SecurityGroupRule
    source: SecurityGroup | None = None


@dataclass(frozen=True, slots=True)
class SecurityGroupView:
    """A security group with its rules, in the order in which they were made, and its members.

    One with id 0 is a `default` that its project has not needed yet: it is made when it does.
    """

    group: SecurityGroup
    rules: tuple[GroupRuleView, ...] = ()
    members: tuple[Instance, ...] = ()
    """By name."""


@dataclass(frozen=True, slots=True)
class VpnView:
    """A network that keeps an address for its project's VPN, and the instance that has it."""

    network: Network
    instance: Instance | None


@dataclass(frozen=True, slots=True)
class Records:
    """Everything one host needs to know of the store, read in one transaction.

    `fixed_ips` holds only the associated rows: a /16 has 65,536, of which few are in use.
    """

    networks: tuple[Network, ...] = ()
    instances: tuple[Instance, ...] = ()
    ports: tuple[Port, ...] = ()
    fixed_ips: tuple[FixedIP, ...] = ()
    floating_ips: tuple[FloatingIP, ...] = ()
    """The associated ones in the order in which they became so: the first of a guest's is the
    address by which it goes out."""
    dns_entries: tuple[DnsEntry, ...] = ()
    allowed_addresses: tuple[AllowedAddress, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    security_group_rules: tuple[SecurityGroupRule, ...] = ()
    memberships: tuple[Membership, ...] = ()
    host_addresses: tuple[FixedIP, ...] = ()
    """The rows that hosts have as their own gateway address in a network with many gateways."""
    former_sysctls: Mapping[str, str] = field(default_factory=dict)
    """Values that the host had before its first network; put back after its last."""
    former_links: Mapping[str, FormerLink] = field(default_factory=dict)
    """The host's links of others as they were before networks used them, by name."""
    former_addresses: frozenset[Place] = frozenset()
    """The addresses that the host had before the store asked for them."""
