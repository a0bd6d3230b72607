"""C3: does each dnsmasq know its instances, and is no lease in their way?"""

from typing import Final

from netconsole.backend.model.dhcp_host import host_in
from netconsole.backend.steps import (
    AddDhcpHosts,
    Plan,
    ReleaseLease,
    RemoveDhcpHosts,
    RunProgram,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcess, DnsmasqProcesses
from netconsole.diagnostics.parts.dnsmasq_files import SEARCH, DnsmasqFiles, FileMode
from netconsole.diagnostics.parts.log import LogLine, SystemLog
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.closed_files import ClosedFiles, closed_files
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "dhcp_hosts"
TITLE = "The DHCP servers know every instance"
REMEDY = "`netconsole apply` writes and removes host files, and gives back leases in the way."
OPENED = (
    "The fix lets everybody read them, as they hold no secret, and restarts that dnsmasq: about 20 "
    "ms without it. What closed them, a umask or a copy from a backup, may do so again."
)
GIVEN_BACK = (
    "The fix takes the leases out of the file while dnsmasq is stopped, about 20 ms. `netconsole "
    "apply` gives them back in their holders' names instead, which cannot be undone. Undo brings "
    "back the file as it was, without what guests have renewed since."
)
SHOWN = 8

COMPLAINTS = {
    "no address available": "it found no free address",
    "not using configured address": "another client holds the lease of the instance's address",
    "no address range available": "no range of its is for the network that the request came from",
}
"""What dnsmasq writes into the log when it leaves a request unanswered, and what that means."""


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Compare the host files and leases with the store, then look at what dnsmasq complained of."""
    host = snapshot.part(Backend)
    ours = _ours(host, snapshot.part(DnsmasqProcesses))
    steps = claimed(host.plan, ID).steps
    log = snapshot.get(SystemLog) or SystemLog()
    lines = complaints(log, frozenset(each.pid for each in ours))
    full = [each for each in ours if _leases(snapshot, each) >= _most_leases(each)]
    rows = (
        *(_server(snapshot, each) for each in ours),
        *(Evidence("not yet done", words) for step in steps for words in step.commands[:SHOWN]),
        *(Evidence("in the log", line.text) for line in lines[-SHOWN:]),
    )
    pids = {each.pid: each for each in ours}
    if closed := closed_files(snapshot, host.plan, pids, written_anew=False):
        return _may_not_read(pids[closed.reader.pid], closed, rows)
    if steps:
        return _different(snapshot, ours, steps, rows)
    if full:
        limit = _most_leases(full[0])
        because = (
            f"The dnsmasq of {full[0].option('interface')} holds {limit} leases, as many as "
            "--dhcp-lease-max lets it: it leaves the request of every new guest unanswered."
        )
        remedy = "Raise dhcp-lease-max in the file that dnsmasq_config_file names; then restart it."
        return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, remedy=remedy)
    if unread := _unread(host, ours):
        return Finding(
            ID, TITLE, "unknown", f"Not all files of dnsmasq can be read; {unread}.", rows
        )
    if not ours:
        because = "No dnsmasq of a network runs here that could know instances."
        return Finding(ID, TITLE, "not-applicable", because)
    if lines:
        meaning = next(said for words, said in COMPLAINTS.items() if words in lines[-1].text)
        because = (
            f"A dnsmasq lately left a request unanswered, as {meaning}; now its files are as the "
            "store says."
        )
        return Finding(ID, TITLE, "info", because, rows, confidence="likely")
    because = "Every instance has its host file, and no other client holds the lease of one."
    return Finding(ID, TITLE, "ok", because, rows)


def _different(
    snapshot: Snapshot,
    ours: list[DnsmasqProcess],
    steps: tuple[Step, ...],
    rows: tuple[Evidence, ...],
) -> Finding:
    """What lies between store and host."""
    because = f"{_explained(steps[0])}."
    if steps[1:]:
        because += f" {len(steps) - 1} more steps like this lie between store and host."
    given_back = _given_back(snapshot, ours, steps)
    fix = given_back or snapshot.part(Backend).fix
    remedy = GIVEN_BACK if given_back else REMEDY
    return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, fix, remedy=remedy)


def _given_back(
    snapshot: Snapshot, ours: list[DnsmasqProcess], steps: tuple[Step, ...]
) -> Plan | None:
    """Return how leases that are in the way end, so that it can be undone; None where that is not
    all that is to be done. A message in the holder's name could not be taken back."""
    stolen = [each for each in steps if isinstance(each, ReleaseLease)]
    if len(stolen) < len(steps):
        return None
    made: list[Step] = []
    for server in ours:
        bridge, path = server.option("interface"), server.option("dhcp-leasefile")
        file = snapshot.part(DnsmasqProcesses).lease_files.get(path)
        held = {(each.mac, each.address) for each in stolen if each.bridge == bridge}
        if file is None or not held:
            continue
        kept = [
            line
            for line in file.text.splitlines(keepends=True)
            if (*line.split()[1:3], "", "")[:2] not in held
        ]
        made += (
            StopDnsmasq(bridge, server.argv, (server.pid,)),
            WriteFile(path, "".join(kept), former=file.text),
            StartDnsmasq(bridge, server.argv),
        )
    return Plan(tuple(made)) or None


def _may_not_read(
    server: DnsmasqProcess, found: ClosedFiles, rows: tuple[Evidence, ...]
) -> Finding:
    """Of files whose modes keep out the user as whom dnsmasq runs."""
    bridge, closed, user = server.option("interface"), found.files, found.reader.user_name
    because = (
        f"The dnsmasq of {bridge} {found.said}: it does not know the instances that are told of "
        "there, and leaves their requests unanswered."
    )
    rows = (
        *rows,
        *(
            Evidence(each.path, f"{each.mode:04o} of {each.owner_name}", f"{_opened(each):04o}")
            for each in closed[:SHOWN]
        ),
    )
    if any(each.needs == SEARCH for each in closed):
        # Whatever else is below that directory would be open as well.
        remedy = f"Let {user} go through {closed[0].path}: `chmod o+x {closed[0].path}`."
        return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, remedy=remedy)
    fix = Plan(
        (
            StopDnsmasq(bridge, server.argv, (server.pid,)),
            *(_opening(each) for each in closed),
            StartDnsmasq(bridge, server.argv),
        )
    )
    return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, fix, remedy=OPENED)


def _opened(file: FileMode) -> int:
    """Return the mode with what dnsmasq needs given to everybody."""
    return file.mode | file.needs << 6 | file.needs << 3 | file.needs


def _opening(file: FileMode) -> RunProgram:
    return RunProgram(
        ("chmod", f"{_opened(file):04o}", file.path), ("chmod", f"{file.mode:04o}", file.path)
    )


_RULES_OUT = (
    "bridge and dhcp_firewall: those stop the request of every instance of a network alike",
)


def complaints(log: SystemLog, pids: frozenset[int]) -> tuple[LogLine, ...]:
    """Return what these dnsmasq wrote of requests that they left unanswered."""
    return tuple(
        line
        for line in log.dnsmasq
        if line.pid in pids and any(words in line.text for words in COMPLAINTS)
    )


def _explained(step: Step) -> str:
    match step:
        case AddDhcpHosts():
            (_, content), *_ = step.files
            if host := host_in(content):
                return (
                    f"The DHCP server has no host file for {host.name.partition('.')[0]} "
                    f"({host.mac}), which is to get {host.address}: it leaves requests of hosts "
                    "that it does not know unanswered"
                )
        case RemoveDhcpHosts():
            (path, content), *_ = step.files
            return f"{path} tells the DHCP server what the store does not say: {content.strip()}"
        case ReleaseLease():
            return (
                f"{step.mac} holds the lease of {step.address}, which the store gives to another: "
                "dnsmasq offers an address to nobody while someone else has its lease"
            )
    return f"Not as the store says: {step.commands[0]}"


def _ours(host: Backend, processes: DnsmasqProcesses) -> list[DnsmasqProcess]:
    pids = {each.pids[0] for each in host.status.dnsmasq if each.state == "running" and each.pids}
    return [each for each in processes.processes if each.pid in pids]


def _unread(host: Backend, servers: list[DnsmasqProcess]) -> str:
    """Say which host files or leases could not be read, and why; nothing where all could."""
    for server in servers:
        named = (server.option("dhcp-hostsdir"), server.option("dhcp-leasefile"))
        for path, reason in host.status.host.unreadable.items():
            if path in named or path.rpartition("/")[0] in named:
                return f"{path}: {reason}"
    return ""


def _leases(snapshot: Snapshot, server: DnsmasqProcess) -> int:
    file = snapshot.part(DnsmasqProcesses).lease_files.get(server.option("dhcp-leasefile"))
    return len(file.leases) if file else 0


def _most_leases(server: DnsmasqProcess) -> int:
    """Return --dhcp-lease-max, 1000 where it is not given (dnsmasq(8))."""
    given = server.option("dhcp-lease-max")
    return int(given) if given.isdigit() else 1000


def _server(snapshot: Snapshot, server: DnsmasqProcess) -> Evidence:
    leases, most = str(_leases(snapshot, server)), _most_leases(server)
    return Evidence(f"leases on {server.option('interface')}", leases, note=f"of {most} at most")


PAGE = Explanation(
    symptom="One instance gets no address, while others on the same network do.",
    cause="A dnsmasq with static hosts answers only hardware addresses that it has a host line "
    "for. It reads a new file in its --dhcp-hostsdir at once, and forgets a removed one at SIGHUP. "
    "It offers the address of that line unless another client holds its lease, and nothing at all "
    "when it has --dhcp-lease-max leases.",
    evidence="The host files and the lease file against the store: each difference is a step of "
    "`netconsole plan`. Whether the user as whom dnsmasq runs may read them, and the directories "
    "above. Then the number of leases, and what dnsmasq wrote into the log in the last "
    "15 minutes: `no address available`, `not using configured address … because it is leased to`.",
    look_alikes=(
        ("dnsmasq_processes", "nobody on the network gets an address."),
        ("dhcp_firewall", "nobody on the network gets an address; a rule's counter moves."),
        ("bridge", "the port of the instance is missing, down, or in no bridge."),
        ("inotify", "the file is there and dnsmasq, which did not hear of it, does not know it."),
    ),
    cure="`netconsole apply` writes the missing files (no reload), removes those that nobody asks "
    "for (one SIGHUP, which empties the DNS cache too), and gives back a lease that is in the way "
    "in its holder's name: a guest that still uses that address keeps it until it renews. The cure "
    "here takes it out of the file, so that it can be undone, and opens files that dnsmasq may not "
    "read; either restarts it.",
    source="dnsmasq(8), --dhcp-host, --dhcp-hostsdir, --dhcp-lease-max, NOTES; RFC 2131",
)

CHECK = Check(
    ID,
    ("C3",),
    TITLE,
    frozenset({Backend, DnsmasqProcesses}),
    0.6,
    judge,
    PAGE,
    uses=frozenset({DnsmasqFiles, SystemLog}),
    narrow=narrowed(of_plan, of_networks),
    reach=Reach.NETWORK,
    wrong="A DHCP server does not know an instance as the store does",
)
