"""Evidence of a healthy host, for tests to damage."""

from netconsole.backend.status import (
    DnsmasqStatus,
    FloatingIPStatus,
    HostStatus,
    NetworkStatus,
    Status,
)
from netconsole.backend.steps import ChangeRules, Plan, Step
from netconsole.diagnostics.evidence.nft_listing import parse_table
from netconsole.diagnostics.evidence.packet_filter import parse
from netconsole.diagnostics.parts.backend import Configuration, Host
from netconsole.diagnostics.parts.connections import Connections
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.listeners import Listeners
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import Kind, PacketFilter
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.parts.virtual_machines import VhostDevice, VirtualMachines
from netconsole.diagnostics.parts.xtables_lock import XtablesLock
from netconsole.diagnostics.snapshot import Snapshot

FLOATING = "203.0.113.129"
NETWORK = NetworkStatus(
    "vmnet", "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "br100", "up", 1, 1, 1, 4, 256, None, "ok"
)
ASSOCIATED = FloatingIPStatus(
    FLOATING, "public", "eth0", "demo", "web1", "10.0.0.2", True, 5, 5, "ok"
)
DNSMASQ = DnsmasqStatus("vmnet", "br100", "running", (7,), 1, "no script", 1, "dnsmasq")
HEALTHY = Status(
    HostStatus("h", "eth0", None, True, "read-write", None, {}),
    (NETWORK,),
    (),
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


def nat(*lines: str) -> ChangeRules:
    return ChangeRules("ipv4", "nat", lines, ())


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
    chains = (*parse(saved, command, "ipv4"), *parse(other, second, "ipv4"))
    family, name = nft.split()[1:3] if nft else ("", "")
    return PacketFilter(command, chains, (parse_table(family, name, nft),) if nft else ())


def snapshot(
    status: Status = HEALTHY, *steps: Step, sysctls: dict[str, str] = FORWARDING
) -> Snapshot:
    return Snapshot.of(
        Host(status, Plan(steps)),
        Sysctls(sysctls),
        DropIns((), None),
        ReversePaths((), 0),
        Configuration("", "203.0.113.2", 8775),
        Listeners(()),
        Modules(()),
        VirtualMachines((), VhostDevice(present=False)),
        Counters({}, {}, 0.6),
        Connections(),
        packet_filter(),
        Owners(),
        XtablesLock(),
        Links(()),
        Routing(),
    )
