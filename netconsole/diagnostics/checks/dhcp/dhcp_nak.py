"""C6: has the DHCP server lost the lease of a guest that uses its address?"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netconsole.backend.model.hoststate import Lease
from netconsole.backend.model.lease_file import as_text
from netconsole.backend.steps import Plan, StartDnsmasq, Step, StopDnsmasq, WriteFile
from netconsole.backend.survey.status import Allocation
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.dhcp import dhcp_hosts
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dhcp import DhcpAnswers
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcess, DnsmasqProcesses
from netconsole.diagnostics.parts.log import SystemLog
from netconsole.diagnostics.parts.routing import Neighbour, Routing
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_instances, of_networks, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "dhcp_nak"
TITLE = "No guest's lease is lost"
REMEDY = (
    "The fix stops dnsmasq, writes the leases as `netconsole` knows them, and starts it again. "
    "Undo brings back the file as it was, without what guests have renewed since."
)
AUTHORITATIVE = "--dhcp-authoritative"
SHOWN = 8

_DEAD = ("FAILED", "INCOMPLETE", "NONE")
_MINUTE = 60


class _Server(NamedTuple):
    bridge: str
    process: DnsmasqProcess
    victims: tuple[Allocation, ...]


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for guests that are heard under their address, of whose lease dnsmasq knows nothing."""
    servers = tuple(_servers(snapshot))
    refusals = _refusals(snapshot)
    hurt = [each for each in servers if each.victims]
    rows = (
        *(_row(each, victim) for each in hurt for victim in each.victims[:SHOWN]),
        *refusals[-SHOWN:],
    )
    if hurt and dhcp_hosts.CHECK.examine(snapshot).verdict == "fail":
        names = ", ".join(each.instance for each in hurt[0].victims[:4])
        because = f"{names} use their addresses without a lease; dhcp_hosts says why."
        return Finding(ID, TITLE, "info", because, rows)
    if hurt:
        names = ", ".join(each.instance for each in hurt[0].victims[:4])
        because = (
            f"{names}, on {hurt[0].bridge}, use their addresses, and the lease file of dnsmasq "
            "knows nothing of that: it answers their next renewal with a NAK, at which a guest "
            "drops its address at once and begins anew."
        )
        fix = Plan(tuple(step for each in hurt for step in _write_leases(snapshot, each)))
        return Finding(ID, TITLE, "warn", because, rows, (), fix, None, REMEDY, "likely")
    if not servers:
        because = "No dnsmasq of a network runs here that could refuse a lease."
        return Finding(ID, TITLE, "not-applicable", because)
    if refusals:
        because = "Leases were refused lately; the guests that are heard now have theirs."
        return Finding(ID, TITLE, "info", because, rows)
    because = "Every guest that is heard under its address has its lease."
    return Finding(ID, TITLE, "ok", because)


def _servers(snapshot: Snapshot) -> Iterator[_Server]:
    status = snapshot.part(Backend).status
    processes = snapshot.part(DnsmasqProcesses)
    neighbours = snapshot.part(Routing).neighbours
    for each in status.dnsmasq:
        process = processes.get(each.pids[0]) if each.state == "running" and each.pids else None
        if process is None or AUTHORITATIVE in process.argv:
            continue
        file = processes.lease_files.get(process.option("dhcp-leasefile"))
        if file is None:
            continue
        held = {(lease.address, lease.mac) for lease in file.leases}
        victims = (
            allocation
            for allocation in status.allocations
            if allocation.network == each.network
            and allocation.allocated
            and (allocation.address, allocation.mac) not in held
            and any(_is_heard(neighbour, allocation, each.bridge) for neighbour in neighbours)
        )
        yield _Server(each.bridge, process, tuple(victims))


def _is_heard(neighbour: Neighbour, allocation: Allocation, bridge: str) -> bool:
    """Whether the guest answered the host's ARP request with its own hardware address."""
    return (
        (neighbour.interface, neighbour.address) == (bridge, allocation.address)
        and neighbour.mac.lower() == allocation.mac
        and neighbour.state not in _DEAD
        and not neighbour.proxy
    )


def _write_leases(snapshot: Snapshot, server: _Server) -> tuple[Step, ...]:
    """A guest took its lease before this dnsmasq started, so that it ends before this time."""
    process = server.process
    path = process.option("dhcp-leasefile")
    file = snapshot.part(DnsmasqProcesses).lease_files[path]
    length = process.lease_seconds
    start = int(process.started) // _MINUTE * _MINUTE
    added = (
        Lease(start + length if length else 0, each.mac, each.address, each.instance)
        for each in server.victims
    )
    text = f"{file.text}{as_text(added)}"
    return (
        StopDnsmasq(server.bridge, process.argv, (process.pid,)),
        WriteFile(path, text, former=file.text),
        StartDnsmasq(server.bridge, process.argv),
    )


def _refusals(snapshot: Snapshot) -> tuple[Evidence, ...]:
    """Return what was refused lately: by the log, and by what a probe overheard."""
    log = snapshot.get(SystemLog) or SystemLog()
    overheard = snapshot.get(DhcpAnswers)
    pids = {pid for each in snapshot.part(Backend).status.dnsmasq for pid in each.pids}
    return (
        *(
            Evidence("in the log", line.text)
            for line in log.dnsmasq
            if line.pid in pids and "DHCPNAK" in line.text
        ),
        *(
            Evidence(f"NAK to {each.mac} on {each.bridge}", each.message, note=each.server)
            for each in (overheard.overheard if overheard else ())
            if each.kind == "NAK"
        ),
    )


def _row(server: _Server, victim: Allocation) -> Evidence:
    label = f"lease of {victim.address} on {server.bridge}"
    return Evidence(label, "none", f"of {victim.mac}", f"{victim.instance} answers ARP there")


PAGE = Explanation(
    symptom="Guests lose their address for a moment, or for good if their client is careless, some "
    "time after dnsmasq or the host was restarted, or after networks moved here from another host.",
    cause="A guest renews by asking for the address that it has. A dnsmasq that knows no such "
    "lease, as its file was lost or belongs to another host, answers NAK (`lease not found`), "
    "unless it is authoritative; the guest has to drop the address.",
    evidence="Guests that answered this host's ARP requests under their address, against the "
    "lines of the lease file. What dnsmasq wrote into the log of refusals, and those that a probe "
    "overheard, are shown besides.",
    look_alikes=(
        ("dhcp_rogue", "another server refuses: its identifier is not the network's."),
        ("dhcp_hosts", "the store gives the guest another address: the file says so."),
        ("a guest with a static address", "it holds no lease either, and will never renew one."),
        ("clock", "the leases were there, and ended before their time."),
    ),
    cure="The lease file is written before dnsmasq starts again: about 20 ms without DHCP and DNS. "
    "`dhcp-authoritative` in the file that dnsmasq_config_file names makes dnsmasq take over such "
    "leases by itself; give it only where no other DHCP server is on the network.",
    source="RFC 2131 section 4.3.2; dnsmasq(8), --dhcp-authoritative, --dhcp-leasefile",
)

CHECK = Check(
    ID,
    ("C6",),
    TITLE,
    frozenset({Backend, DnsmasqProcesses, Routing}),
    0.6,
    judge,
    PAGE,
    uses=frozenset({DhcpAnswers}) | dhcp_hosts.CHECK.needs | dhcp_hosts.CHECK.uses,
    narrow=narrowed(of_plan, of_networks, of_instances),
    reach=Reach.NETWORK,
    wrong="A guest's lease is lost",
)
