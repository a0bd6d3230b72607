"""Evidence of a healthy host, for tests to damage."""

from netconsole.backend.status import (
    DnsmasqStatus,
    FloatingIPStatus,
    HostStatus,
    NetworkStatus,
    Status,
)
from netconsole.backend.steps import ChangeRules, Plan, Step
from netconsole.diagnostics.parts.backend import Configuration, Host
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.listeners import Listeners
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.parts.virtual_machines import VhostDevice, VirtualMachines
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
        Links(()),
        Routing(),
    )
