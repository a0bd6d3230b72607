"""The checks of DHCP, DNS and dnsmasq on what one host shows: what they say to a part of it."""

from dataclasses import replace

from evidence_samples import FILTER, MAC, NETWORKS, NOW, PROCESSES, snapshot

from netconsole.backend.filtering.saved_tables import FilterRule
from netconsole.backend.model.hoststate import Lease
from netconsole.backend.model.lease_file import as_text
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.dhcp import DhcpAnswer
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcesses, LeaseFile
from netconsole.diagnostics.parts.packet_filter import PacketFilter

SEEN = snapshot()
PID_FILE = f"{NETWORKS}/nova-br100.pid"
LEASE_FILE = f"{NETWORKS}/nova-br100.leases"
ROGUE = DhcpAnswer(
    "br100", MAC, "OFFER", "192.168.0.9", "192.168.0.1", "02:00:00:00:00:09", "veth1", 9
)
MINE = (
    "clock",
    "dhcp_checksum",
    "dhcp_firewall",
    "dhcp_hosts",
    "dhcp_nak",
    "dhcp_probe",
    "dhcp_rogue",
    "dns",
    "dnsmasq_load",
    "dnsmasq_processes",
    "inotify",
    "mandatory_access",
    "state_directory",
)


def found(check: str, *parts: object, seen: Snapshot = SEEN) -> Finding:
    return CHECKS[check].examine(seen.with_parts(*parts))


def named(seen: Snapshot) -> list[str]:
    """The checks of this family that find something."""
    return [name for name in MINE if CHECKS[name].examine(seen).found]


def leases(*held: Lease, written: float = NOW - 3000) -> DnsmasqProcesses:
    file = LeaseFile(written, as_text(held), held)
    return replace(PROCESSES, lease_files={LEASE_FILE: file})


def input_rules(*specs: str, policy: str = "ACCEPT") -> PacketFilter:
    chain = FILTER.chains[0]
    rules = tuple(FilterRule(spec, 5) for spec in specs)
    return replace(FILTER, chains=(replace(chain, rules=rules, policy=policy), *FILTER.chains[1:]))
