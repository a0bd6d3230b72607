"""The rows of a nova database that concern the network, called as its columns are."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class NovaNetwork:
    """A row of `networks`."""

    id: int
    uuid: str | None = None
    label: str | None = None
    injected: bool | None = None
    cidr: str | None = None
    cidr_v6: str | None = None
    multi_host: bool | None = None
    gateway: str | None = None
    netmask: str | None = None
    broadcast: str | None = None
    gateway_v6: str | None = None
    netmask_v6: str | None = None
    bridge: str | None = None
    bridge_interface: str | None = None
    dns1: str | None = None
    dns2: str | None = None
    vlan: int | None = None
    vpn_public_address: str | None = None
    vpn_public_port: int | None = None
    vpn_private_address: str | None = None
    dhcp_start: str | None = None
    project_id: str | None = None
    priority: int | None = None
    host: str | None = None
    mtu: int | None = None
    dhcp_server: str | None = None
    enable_dhcp: bool | None = True
    share_address: bool | None = False


@dataclass(frozen=True, slots=True)
class NovaFixedIP:
    """A row of `fixed_ips`."""

    id: int
    address: str
    network_id: int | None = None
    virtual_interface_id: int | None = None
    instance_uuid: str | None = None
    allocated: bool | None = False
    leased: bool | None = False
    reserved: bool | None = False
    host: str | None = None
    updated_at: datetime | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NovaFloatingIP:
    """A row of `floating_ips`."""

    id: int
    address: str
    fixed_ip_id: int | None = None
    project_id: str | None = None
    host: str | None = None
    auto_assigned: bool | None = False
    pool: str | None = None
    interface: str | None = None


@dataclass(frozen=True, slots=True)
class NovaInterface:
    """A row of `virtual_interfaces`."""

    id: int
    address: str
    network_id: int | None = None
    instance_uuid: str | None = None
    uuid: str | None = None
    deleted: int | None = 0
    """Not 0: the interface is gone, and named by an address whose lease lasts."""


@dataclass(frozen=True, slots=True)
class NovaInstance:
    """What a row of `instances` says of the network, and what its guest is told."""

    uuid: str
    project_id: str | None = None
    hostname: str | None = None
    display_name: str | None = None
    host: str | None = None
    image_ref: str | None = None
    kernel_id: str | None = None
    ramdisk_id: str | None = None
    availability_zone: str | None = None
    key_name: str | None = None
    key_data: str | None = field(default=None, repr=False)
    user_data: str | None = field(default=None, repr=False)
    """In base64."""


@dataclass(frozen=True, slots=True)
class NovaMetadata:
    """A row of `instance_metadata`."""

    id: int
    instance_uuid: str | None = None
    key: str | None = None
    value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NovaSecurityGroup:
    """A row of `security_groups`."""

    id: int
    name: str | None = None
    description: str | None = None
    project_id: str | None = None


@dataclass(frozen=True, slots=True)
class NovaSecurityGroupRule:
    """A row of `security_group_rules`."""

    id: int
    parent_group_id: int | None = None
    protocol: str | None = None
    from_port: int | None = None
    to_port: int | None = None
    cidr: str | None = None
    group_id: int | None = None
    """The source group. Where there is a range as well, that alone counts."""


@dataclass(frozen=True, slots=True)
class NovaMembership:
    """A row of `security_group_instance_association`."""

    id: int
    security_group_id: int
    instance_uuid: str


@dataclass(frozen=True, slots=True)
class NovaDefaultRule:
    """A row of `security_group_default_rules`."""

    id: int
    protocol: str | None = None
    from_port: int | None = None
    to_port: int | None = None
    cidr: str | None = None


@dataclass(frozen=True, slots=True)
class NovaRows:
    """The rows that are not deleted, each table in the order of its ids."""

    networks: tuple[NovaNetwork, ...] = ()
    fixed_ips: tuple[NovaFixedIP, ...] = ()
    floating_ips: tuple[NovaFloatingIP, ...] = ()
    virtual_interfaces: tuple[NovaInterface, ...] = ()
    instances: tuple[NovaInstance, ...] = ()
    metadata: tuple[NovaMetadata, ...] = ()
    security_groups: tuple[NovaSecurityGroup, ...] = ()
    security_group_rules: tuple[NovaSecurityGroupRule, ...] = ()
    memberships: tuple[NovaMembership, ...] = ()
    default_rules: tuple[NovaDefaultRule, ...] = ()
