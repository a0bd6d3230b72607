"""What a host holds, and what it should hold: two immutable values around one core.

`intent` makes one from the records, `observe` makes one from the kernel; `plan` is the
difference. Nothing here touches the host.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.model.belongings import Belongings
from netconsole.backend.model.bridging import BridgeSettings, PortSettings
from netconsole.backend.model.guards import Guard, GuardTable
from netconsole.backend.model.listens_at import ListensAt
from netconsole.backend.model.subject import Subject, Subjects
from netconsole.backend.model.table_names import Family, Kind, TableName

OWNER_PREFIX = "netconsole:"
"""Links of ours carry an alias (IFLA_IFALIAS, see ip-link(8)) that begins so."""

BUILTIN_CHAINS = frozenset({"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"})


class ChainKey(NamedTuple):
    """Names one chain of the packet filter."""

    family: Family
    table: TableName
    chain: str


class Rule(NamedTuple):
    """One rule, in the words in which iptables-save(8) prints it, without `-A CHAIN`.

    Rules are equal when their words are. A tuple, as there are five for each floating address: it
    is made in half the time of a dataclass.
    """

    spec: str
    subject: Subject | None = None
    """What it is about; known for wanted rules, and None for those that all others stand on."""
    at_end: bool = False
    """In a built-in chain: goes behind what others exempt, not before all (`rule_order`)."""
    packets: int = 0
    bytes: int = 0
    interfaces: tuple[str, ...] = ()
    """Those that it asks for; known for wanted rules."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self.spec == other.spec

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.spec)


@dataclass(frozen=True, slots=True)
class Link:
    """What a network interface has, or should have.

    `None` means: not our business (wanted), not applicable (observed).
    """

    name: str
    kind: str
    up: bool = True
    mac: str | None = None
    master: str | None = None
    mtu: int | None = None
    alias: str = ""
    peer: str | None = None
    """The other end of a veth pair, which is the guest's."""
    hairpin: bool | None = None
    group_fwd_mask: int | None = None
    """Of a bridge's port: which frames to 01:80:c2:00:00:0x it hands on, a bit each."""
    forward_delay: int | None = None
    """Of a bridge, in hundredths of a second."""
    nf_call_iptables: bool | None = None
    """Of a bridge: whether its frames meet iptables, whatever the switch for all bridges says."""
    nf_call_ip6tables: bool | None = None
    """The same for ip6tables."""
    parent: str | None = None
    """Of a VLAN device, the interface whose tagged frames it carries."""
    vlan: int | None = None

    @property
    def ours(self) -> bool:
        """Whether netconsole made this link."""
        return self.alias.startswith(OWNER_PREFIX)


@dataclass(frozen=True, slots=True)
class LinkDetails:
    """What the kernel tells of a network interface besides, in the same answer."""

    index: int = 0
    settled: bool = True
    """Whether the kernel has told its bridge of the carrier by now (RUNNING)."""
    arp: bool = True
    """Whether it asks and answers by ARP; not with the flag NOARP."""
    vlan_protocol: str = ""
    mode: str = ""
    """Of a macvlan: private, vepa, bridge, passthru or source."""
    promiscuity: int = 0
    """How many ask for every frame: one for each bridge that it is a port of."""
    has_xdp: bool = False
    """Whether a program of XDP is attached, which is given frames before all else."""
    queue: str = ""
    """Its queueing discipline."""
    queue_length: int = 0
    bridge: BridgeSettings | None = None
    port: PortSettings | None = None


_NO_DETAILS = LinkDetails()


@dataclass(frozen=True, slots=True)
class ObservedLink(Link):
    """A network interface that is there."""

    carrier: bool = field(default=True, compare=False)
    """Whether someone is at its other end (IFF_LOWER_UP, netdevice(7))."""
    forwarding: bool = field(default=True, compare=False)
    """Of a bridge's port that is up: whether the bridge lets frames through there."""
    medium: str = field(default="ether", compare=False)
    """What it carries, in ip(8)'s words: `ether`, `loopback`, `none`."""
    other_names: tuple[str, ...] = field(default=(), compare=False)
    """The kernel takes these for it as well (`altname`, ip-link(8)), and no other link may have
    one."""
    details: LinkDetails = field(default=_NO_DETAILS, compare=False)
    """What no plan compares."""


@dataclass(frozen=True, slots=True)
class WantedLink(Link):
    """A network interface as it should be."""

    peer_mac: str | None = None
    mac_of: str | None = None
    """Of a bridge: take the MAC address of this interface, which its peers know."""
    named_by: str = field(default="", compare=False)
    """What names the interface to other hosts: an option, or a network's bridge_interface."""
    subjects: Subjects = field(default=(), compare=False)
    """The networks and the port that it is for."""


@dataclass(frozen=True, slots=True)
class FormerLink:
    """A link of others, as networks found it that use it."""

    name: str
    up: bool
    used_by: tuple[str, ...] = ()
    """The addresses on it, without prefix lengths, and the links that are in it or over it."""
    bridge: str = ""
    """Whose port it was made; nothing where it stayed what it was."""
    moved: Belongings = field(default_factory=Belongings)
    """What went along to that bridge."""


Place = tuple[str, str]
"""Where an address is: the interface, and the address with its prefix length."""


class Address(NamedTuple):
    """An address on an interface, as `ip address` prints it. A tuple, as Rule is.

    Addresses are equal when place and broadcast are.
    """

    interface: str
    address: str
    """With its prefix length: 10.0.0.1/24."""
    broadcast: str | None = None
    announcements: int = 1
    """Wanted: how often the neighbours are told when it comes."""
    subject: Subject | None = None
    """Wanted or released: the network, the floating address or the service that it is of."""
    scope: str = ""
    """Wanted or released: `link` for one that the host is not to speak from (ip-address(8))."""
    seen_scope: str = ""
    """Observed: `global`, `site`, `link` or `host`, whoever made it so."""
    flags: tuple[str, ...] = ()
    """Observed: tentative, dadfailed, secondary, dynamic."""

    @property
    def is_v6(self) -> bool:
        """Whether it is an IPv6 address."""
        return ":" in self.address

    @property
    def is_single(self) -> bool:
        """Whether it is of no subnet, as a floating address is put on."""
        return self.address.endswith("/32")

    @property
    def is_floating(self) -> bool:
        """Whether it is wanted, or released, as a floating address."""
        return self.subject is not None and self.subject.kind == "floating"

    @property
    def subjects(self) -> Subjects:
        """What a step on it is about."""
        return () if self.subject is None else (self.subject,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self[:3] == other[:3]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:3])


class File(NamedTuple):
    """A file of ours: its whole text and its permission bits. A tuple: each port has one.

    Files are equal when text and mode are.
    """

    content: str
    mode: int = 0o644
    subjects: Subjects = ()
    """Wanted only: the network and the port that it is for."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, File) and self[:2] == other[:2]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:2])


@dataclass(frozen=True, slots=True)
class Lease:
    """One line of a dnsmasq lease file."""

    expires: int
    """Seconds since the epoch; 0 means never."""
    mac: str
    address: str
    hostname: str


@dataclass(frozen=True, slots=True)
class Dnsmasq:
    """A dnsmasq process, wanted or running. `bridge` is empty for one that is not ours."""

    bridge: str
    argv: tuple[str, ...]
    pids: tuple[int, ...] = field(default=(), compare=False)
    stopped: str = field(default="", compare=False)
    """Observed only: why it answers nobody though it is there: stopped by a signal, say."""
    changed_file: str = ""
    """Observed only: its configuration file, if that says something else than when it started."""
    configured: str | None = field(default=None, compare=False)
    """Observed only: what that file said then, where it is known."""
    subjects: Subjects = field(default=(), compare=False)
    """Wanted only: the network that it serves."""

    @property
    def pid_file(self) -> str:
        """The path given by --pid-file, or nothing."""
        return dnsmasq_arguments.value(self.argv, "pid-file")

    @property
    def lease_file(self) -> str:
        """The path given by --dhcp-leasefile, or nothing."""
        return dnsmasq_arguments.value(self.argv, "dhcp-leasefile")

    @property
    def configuration(self) -> str:
        """The path given by --conf-file, or nothing."""
        return dnsmasq_arguments.value(self.argv, "conf-file")


@dataclass(frozen=True, slots=True)
class Mark:
    """From which store a host was configured last."""

    store: str
    """Its uuid."""
    serial: int
    """How many changes that store had seen."""
    database: str
    """Where it lay."""


@dataclass(frozen=True, slots=True)
class HostState:
    """What a host holds and what it should hold have in common: all that netconsole configures."""

    links: Mapping[str, Link] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    chains: Mapping[ChainKey, tuple[Rule, ...]] = field(default_factory=dict)
    """Wanted built-in chains hold our jumps only; observed ones hold every rule."""
    dnsmasq: tuple[Dnsmasq, ...] = ()
    dhcp_hosts: Mapping[str, File] = field(default_factory=dict)
    """Files in a network's --dhcp-hostsdir, by path: one a port."""
    files: Mapping[str, File] = field(default_factory=dict)
    """The other files in `networks_path`, by path."""
    directories: frozenset[str] = frozenset()
    leases: Mapping[str, tuple[Lease, ...]] = field(default_factory=dict)
    """Of each bridge: what its lease file says, or is to say where it is made."""
    guards: Mapping[str, Guard] = field(default_factory=dict)
    """What the guest behind a port may send as, by the port's interface."""
    guard_table: GuardTable = frozenset()
    """What says so to the kernel."""


class SavedTables(NamedTuple):
    """Tables as iptables-save(8) or one of its twins printed them."""

    family: Family
    kind: Kind
    text: str
    read_at: float
    """When, by the monotonic clock, in seconds."""


@dataclass(frozen=True, slots=True)
class Observed(HostState):
    """What a host holds."""

    links: Mapping[str, ObservedLink] = field(default_factory=dict)
    belongings: Mapping[str, Belongings] = field(default_factory=dict)
    """What hangs on an interface, of those that a plan moves."""
    generation: int | None = None
    """Of the packet filter whose IPv4 chains these are. As long as the kernel has
    the same, nobody has changed any; None where it has none."""
    other_kind: Kind | None = None
    """The kind of which iptables is not, where that has tables here as well and
    its programs are installed, which can change them."""
    other_chains: Mapping[ChainKey, tuple[Rule, ...]] = field(default_factory=dict)
    """The IPv4 chains of that kind. Packets pass both."""
    missing_program: str = ""
    """That which could take ours out of that kind, where it is not installed."""
    leading_maps: Mapping[ChainKey, str] = field(default_factory=dict)
    """The map of nftables whose elements lead to a chain of ours that has to go."""
    mark: Mark | None = None
    """From which store the host was configured since it started."""
    listening: frozenset[ListensAt] | None = None
    """Where somebody waits for TCP connections; None where that is not known."""
    guard_form: str = ""
    """Where nft was asked for the guards of some ports alone: the form in which the kernel has
    what all ports share, for the next look to know it by."""
    saved: tuple[SavedTables, ...] = field(default=(), compare=False)
    """The listings of which these chains were just made, for who asks more of them than a plan;
    of a part alone, and none where they were known before."""
    networks_unfit: str = ""
    """Why `networks_path` can hold no files of ours, where it cannot."""
    unreadable: Mapping[str, str] = field(default_factory=dict)
    """The parts that could not be read, and why."""


@dataclass(frozen=True, slots=True)
class Wanted(HostState):
    """What a host should hold."""

    links: Mapping[str, WantedLink] = field(default_factory=dict)
    sysctls_along: Mapping[str, str] = field(default_factory=dict)
    """Written again where another has to be written that the kernel resets them with.
    For the rest they are the admin's."""
    above: Mapping[str, str] = field(default_factory=dict)
    """The bridge or bond of each interface that is a port of one."""
    uplinks: frozenset[str] = frozenset()
    """The interfaces at which a router may advertise itself to the host."""
    former_links: Mapping[str, FormerLink] = field(default_factory=dict)
    """The links of others that networks do not use any more, as they were."""
    networks_path: str = ""
    """The directory that holds all these files."""
    released: frozenset[Address] = frozenset()
    """Addresses of ours that must be on no interface."""
    former_addresses: frozenset[Place] = frozenset()
    """Those that were there before the store asked for them, which stay."""
    release_leases: bool = True
    """Leases of ports that are no more are given back at once."""
    was_asked: bool = False
    """Whether the store asked for all of it before the change as well. What holds guests is not
    taken back then."""
    guest_ethertypes: tuple[int, ...] = ()
    """Which guests may send beside IPv4, ARP and IPv6."""
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """The parts that this kernel cannot hold and that are left out, and why."""
