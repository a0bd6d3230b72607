"""Status: what a host holds and should hold, put together for people and programs.

The field names here are the keys of `netconsole status --json`, but for the inner ones.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.model.option_source import OptionSource
from netconsole.backend.model.subject import Subject, Subjects
from netconsole.backend.model.table_names import Family

INNER = {"inner": True}
"""Marks a field that programs reading JSON are not shown; another says it in words."""

Origin = Literal["ours", "foreign"]
RuleState = Literal["present", "missing", "unexpected"]
FloatingState = Literal["free", "ok", "drift", "unknown"]
LinkState = Literal[
    "up",
    "no carrier",
    "no guest",
    "blocked",
    "down",
    "unplugged",
    "missing",
    "not here",
    "unknown",
]
"""`up`: someone is at the other end. `no carrier`: nobody is, such as at the tap of a guest that
does not run, or at a bridge without ports. `not here`: it is not for this host to have it.

Of a port, `no guest`: its other end lies on this host itself, unused. `blocked`: its bridge
lets no frame through. `unplugged`: it is on no bridge, or on another one than its network's."""
DnsmasqState = Literal[
    "running", "stopped", "missing", "stale", "duplicate", "orphan", "foreign", "unknown"
]


@dataclass(frozen=True, slots=True)
class Bypass:
    """A rule of others that lets packets in to instances before their groups are asked, or, of the
    family bridge, by ports before their guards are."""

    family: Family
    chain: str
    """Where our jump stands: FORWARD, OUTPUT for what the host itself sends, nova-filter-top, or
    PREROUTING of ebtables."""
    jump: str
    """Our jump, as iptables-save and ebtables-save print it."""
    entry: int
    """The place, from 1, of the rule above it that this one is, or that leads to it."""
    place: str
    """Where it stands, in words."""
    rule: str
    whole: bool
    """Whether it takes whatever begins a connection to the instances of a network, or comes in by
    a port; if not, it depends on the packet."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The host itself."""

    name: str
    public_interface: str
    """By which packets leave: of an interface in a bridge, that bridge."""
    my_ip: str | None
    ip_forward: bool
    access: Literal["read-write", "read-only"]
    read_only_because: str | None
    unreadable: dict[str, str]
    """The parts that could not be read, and why."""
    forwarding_wanted: bool = True
    """Whether a network has this host as its router; with the Flat manager none has."""
    ipv6_forwarding_wanted: bool = False
    """Whether one with IPv6 has."""
    unsupported: dict[str, str] = field(default_factory=dict)
    """The parts that a network wants and this kernel cannot hold, and why."""
    my_ip_is_lost: bool = False
    """Whether no interface of this host has it."""
    metadata_unserved: str = ""
    """Where this host's instances are led for their metadata, if nobody listens there."""
    metadata_failed: str = ""
    """Why the agent, which should answer them, does not listen."""
    configuration_kept: str = ""
    """Why the agent goes by its former configuration, where that of now cannot be used."""
    missing_program: str = ""
    """That which could take away what is left of ours in tables that `iptables` does not show."""
    unguarded: tuple[str, ...] = ()
    """The instances of this host that may send as any other (`instance unguard`), by name."""
    guards_off: bool = False
    """Whether the option guard takes the guards off every port."""
    guards_off_source: OptionSource | None = None
    """The file that does."""
    groups_off: bool = False
    """Whether firewall_driver switches the security groups off."""
    groups_off_source: OptionSource | None = None
    """The file that does."""
    bypassed: tuple[Bypass, ...] = ()
    """Rules of others that let packets in to instances before the groups are asked."""
    guards_bypassed: tuple[Bypass, ...] = ()
    """Rules of others that take frames before the guards of ebtables are asked."""
    unfinished: tuple[str, ...] = ()
    """Changes that were cut off half done, each in a sentence that says what to do."""
    another: str | None = None
    """Why what the host carries is not of this store, where it is not."""
    anothers: tuple[str, ...] = ()
    """What that is: links, dnsmasq processes, chains."""
    removes_most: str | None = None
    """How much the plan removes, where that is most of what is ours."""
    wanted_unknown: str | None = None
    """Why it is not known what the host should hold, where it is not."""
    obstacles: tuple[str, ...] = ()
    """What the store asks for and this host cannot have as it is, each in a sentence."""


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """A network and how much of it is in use."""

    label: str
    cidr: str
    gateway: str | None
    dhcp_server: str | None
    bridge: str
    bridge_state: LinkState
    ports: int
    allocated: int
    leased: int
    reserved: int
    total: int
    project_id: str | None
    state: Literal["ok", "drift", "unknown"]
    mtu: int | None = None
    """Bytes; None where the guests use what is usual."""
    multi_host: bool = False
    """Whether every host serves its own guests, and no others."""
    has_dhcp: bool = field(default=True, metadata=INNER)
    """Whether its guests get their addresses by DHCP; with the Flat manager they are injected."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """A fixed address that is associated with an instance."""

    address: str
    network: str
    instance: str
    project: str
    mac: str
    allocated: bool
    leased: bool
    reserved: bool
    floating: tuple[str, ...]
    device: str
    """The interface on the host that carries the port."""
    device_state: LinkState
    lease_expires: int | None
    """Seconds since the epoch."""
    host: str = ""
    """Where its instance runs; empty where that is not known."""
    guarded: bool = True
    """Whether its guest may send as itself alone."""


@dataclass(frozen=True, slots=True)
class FloatingIPStatus:
    """A floating address, and whether the host carries what it needs."""

    address: str
    pool: str
    interface: str
    project: str | None
    instance: str | None
    fixed_address: str | None
    address_present: bool | None
    """None where it is not known."""
    rules_present: int
    rules_expected: int
    state: FloatingState

    @property
    def carried(self) -> bool:
        """Whether it is in use and this host is the one that carries it."""
        return self.fixed_address is not None and self.rules_expected > 0


@dataclass(frozen=True, slots=True)
class DnsmasqStatus:
    """A dnsmasq, ours or another's, and the processes that should be there."""

    network: str
    bridge: str
    state: DnsmasqState
    pids: tuple[int, ...]
    expected_processes: int
    expected_because: str
    leases: int
    command: str
    stopped: str = ""
    """Why it answers nobody, where it is there and stopped."""
    argv: tuple[str, ...] = field(default=(), metadata=INNER)


@dataclass(frozen=True, slots=True)
class NatRule:
    """One rule of the nat table, present or missed."""

    table: str
    chain: str
    rule: str
    packets: int
    bytes: int
    origin: Origin
    state: RuleState
    owner: str
    """The name of the floating address or network that wants it."""
    legacy: bool = False
    """In a table of the kind that `iptables` is not and does not show, though it is in force:
    legacy tables, or those of nft where `iptables` is the legacy kind."""
    subject: Subject | None = field(default=None, metadata=INNER)
    """What it is about, wanted or left over; None where that is not known."""


@dataclass(frozen=True, slots=True)
class GroupRuleStatus:
    """A rule of a security group, and from which group it is, if it is from one."""

    rule: SecurityGroupRule
    source_group: str | None
    source_project: str | None
    """Whose that is."""
    says: str
    """In words."""


@dataclass(frozen=True, slots=True)
class SecurityGroupStatus:
    """A security group: what it lets in, and to whom."""

    id: int
    name: str
    project: str
    rules: tuple[GroupRuleStatus, ...]
    instances: tuple[str, ...]
    """By name."""
    lets_everything_in: bool
    """Whether everything is let in from everywhere, of IPv4 or of IPv6: so are the groups of a
    store from before there were any."""


@dataclass(frozen=True, slots=True)
class DriftStep:
    """One step of the plan that would bring the host back."""

    step: str
    commands: tuple[str, ...]
    subjects: tuple[Subjects, ...] = field(default=(), metadata=INNER)
    """What each command is about."""


@dataclass(frozen=True, slots=True)
class Status:
    """Everything `netconsole status` says."""

    host: HostStatus
    networks: tuple[NetworkStatus, ...]
    allocations: tuple[Allocation, ...]
    floating_ips: tuple[FloatingIPStatus, ...]
    dnsmasq: tuple[DnsmasqStatus, ...]
    nat: tuple[NatRule, ...]
    drift: tuple[DriftStep, ...]
    security_groups: tuple[SecurityGroupStatus, ...] = ()


def told_to_viewer(status: Status, because: str | None) -> Status:
    """Return a status as it is told to somebody who may only look, and why that is so."""
    host = replace(status.host, access="read-only", read_only_because=because)
    return replace(status, host=host)
