"""Evidence of a healthy host, for tests to damage."""

from netconsole.backend.filtering.native_tables import parse_table
from netconsole.backend.filtering.rule_lines import place_of
from netconsole.backend.filtering.saved_tables import FilterChain, FilterRule, parse_saved
from netconsole.backend.model.hoststate import Lease
from netconsole.backend.model.lease_file import as_text
from netconsole.backend.model.subject import together
from netconsole.backend.model.table_names import Kind
from netconsole.backend.steps import ChangeRules, Plan, Step
from netconsole.backend.survey.status import (
    Allocation,
    DnsmasqStatus,
    FloatingIPStatus,
    HostStatus,
    NetworkStatus,
    Status,
)
from netconsole.backend.wording.rule_subjects import subject_of
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.parts.connections import Connections
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.dhcp import DhcpAnswer, DhcpAnswers, Discover
from netconsole.diagnostics.parts.dns import DnsAnswer, DnsAnswers
from netconsole.diagnostics.parts.dnsmasq import (
    DnsmasqProcess,
    DnsmasqProcesses,
    LeaseFile,
    PortListener,
)
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.listeners import Listeners
from netconsole.diagnostics.parts.log import SystemLog
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.routing import Neighbour, Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.parts.storage import StatePlace, StateStorage
from netconsole.diagnostics.parts.virtual_machines import VhostDevice, VirtualMachines
from netconsole.diagnostics.parts.xtables_lock import XtablesLock

FLOATING = "203.0.113.129"
NETWORK = NetworkStatus(
    "vmnet", "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "br100", "up", 1, 1, 1, 4, 256, None, "ok"
)
ASSOCIATED = FloatingIPStatus(
    FLOATING, "public", "eth0", "demo", "web1", "10.0.0.2", True, 5, 5, "ok"
)
NETWORKS = "/var/lib/netconsole/networks"
ARGV = (
    "dnsmasq",
    f"--pid-file={NETWORKS}/nova-br100.pid",
    "--listen-address=10.0.0.1",
    "--interface=br100",
    "--dhcp-range=set:vmnet,10.0.0.2,static,255.255.255.0,86400s",
    "--dhcp-lease-max=256",
    f"--dhcp-hostsdir={NETWORKS}/nova-br100.hosts",
    f"--dhcp-leasefile={NETWORKS}/nova-br100.leases",
    "--no-resolv",
    "--server=203.0.113.1",
)
MAC = "fa:16:3e:00:00:02"
DNSMASQ = DnsmasqStatus(
    "vmnet", "br100", "running", (7,), 1, "no script", 1, " ".join(ARGV), argv=ARGV
)
WEB1 = Allocation(
    address="10.0.0.2",
    network="vmnet",
    instance="web1",
    project="demo",
    mac=MAC,
    allocated=True,
    leased=True,
    reserved=False,
    floating=(FLOATING,),
    device="veth1",
    device_state="up",
    lease_expires=None,
)
HEALTHY = Status(
    HostStatus("h", "eth0", None, True, "read-write", None, {}),
    (NETWORK,),
    (WEB1,),
    (ASSOCIATED,),
    (DNSMASQ,),
    (),
    (),
)
FORWARDING = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/br100/forwarding": "1",
    "net/ipv4/conf/eth0/forwarding": "1",
}
DNAT = f"-A nova-network-PREROUTING -d {FLOATING}/32 -j DNAT --to-destination 10.0.0.2"


NOW = 1_700_000_000.0
LEASES = (Lease(int(NOW) + 40_000, MAC, "10.0.0.2", "web1"),)
PROCESS = DnsmasqProcess(7, 1, ARGV, "S", NOW - 3600, 0.01, (1244,))
PROCESSES = DnsmasqProcesses(
    NOW,
    (PROCESS,),
    {f"{NETWORKS}/nova-br100.pid": "7\n"},
    {f"{NETWORKS}/nova-br100.leases": LeaseFile(NOW - 3000, as_text(LEASES), LEASES)},
    {f"{NETWORKS}/nova-br100.hosts": 1244},
    (PortListener("0.0.0.0", "br100", "dnsmasq", 7),),  # noqa: S104  as ss prints it
    (PortListener("10.0.0.1", "", "dnsmasq", 7, 53),),
    3,
)
LINKS = Links(
    (KernelLink(2, "eth0", "", up=True, carrier=True, mac="02:00:00:00:00:02", mtu=1500),)
)
ACCEPTED = "-i br100 -p udp -m udp --dport 67 -j ACCEPT"
FILTER = PacketFilter(
    "nft",
    (
        FilterChain(
            "nft", "ipv4", "filter", "INPUT", "ACCEPT", (FilterRule("-j nova-network-INPUT"),)
        ),
        FilterChain("nft", "ipv4", "filter", "nova-network-INPUT", "", (FilterRule(ACCEPTED, 9),)),
    ),
)
ROUTING = Routing(neighbours=(Neighbour("10.0.0.2", "br100", MAC, "STALE"),))
PLACE = StatePlace("/var/lib/netconsole", "/", 1 << 30, 4 << 30, 9999, 99999, False, False)
ASKED = Discover("vmnet", "br100", MAC, "web1", "10.0.0.2")
STRANGER = Discover("vmnet", "br100", "02:6e:63:00:00:01")
OFFER = DhcpAnswer(
    "br100", MAC, "OFFER", "10.0.0.2", "10.0.0.1", "fa:16:3e:00:00:01", "br100", milliseconds=1
)
OWN_DNS = DnsAnswer("vmnet", "10.0.0.1", False, "nc-1.example.com", "NXDOMAIN", 4)
UPSTREAM = DnsAnswer("vmnet", "203.0.113.1", True, "nc-2.example.com", "NXDOMAIN", 3)


def nat(*lines: str) -> ChangeRules:
    """A step on the nat table, about what its rules tell themselves."""
    told = (subject_of(*place_of(line)) for line in lines)
    subjects = together(each for each in told if each is not None)
    return ChangeRules("ipv4", "nat", lines, (), subjects=subjects)


OUR_FILTER = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:nova-filter-top - [0:0]
:nova-network-FORWARD - [0:0]
-A FORWARD -j nova-filter-top
-A FORWARD -j nova-network-FORWARD
-A nova-network-FORWARD -i br100 -j ACCEPT
-A nova-network-FORWARD -o br100 -j ACCEPT
COMMIT
"""
"""As iptables-save prints it."""


def packet_filter(
    saved: str = OUR_FILTER, other: str = "", nft: str = "", command: Kind = "nft"
) -> PacketFilter:
    """A packet filter from what the programs print; `other` is of the kind that iptables is not."""
    second: Kind = "legacy" if command == "nft" else "nft"
    chains = (*parse_saved(saved, command, "ipv4"), *parse_saved(other, second, "ipv4"))
    family, name = nft.split()[1:3] if nft else ("", "")
    return PacketFilter(command, chains, (parse_table(family, name, nft),) if nft else ())


def snapshot(
    status: Status = HEALTHY, *steps: Step, sysctls: dict[str, str] = FORWARDING
) -> Snapshot:
    return Snapshot.of(
        Backend(status, Plan(steps)),
        Sysctls(sysctls),
        DropIns((), None),
        ReversePaths((), 0),
        ConfiguredOptions("", "203.0.113.2", 8775),
        Listeners(()),
        Modules(()),
        VirtualMachines((), VhostDevice(present=False)),
        Counters({}, {}, 0.6),
        Connections(),
        Owners(),
        XtablesLock(),
        LINKS,
        PROCESSES,
        FILTER,
        ROUTING,
        StateStorage((PLACE,)),
        SystemLog(enforcing=("AppArmor",)),
        DhcpAnswers(2.5, (ASKED, STRANGER), (OFFER,)),
        DnsAnswers((OWN_DNS, UPSTREAM)),
    )
