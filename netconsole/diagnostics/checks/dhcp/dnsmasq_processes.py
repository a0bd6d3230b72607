"""C1: does each network have its dnsmasq processes, as many as there should be and no others?"""

from collections.abc import Mapping, Sequence
from typing import Final

from netconsole.backend.model.dnsmasq_arguments import served, started_by
from netconsole.backend.steps import Plan, RunProgram, WriteFile
from netconsole.backend.survey.status import DnsmasqStatus, Status
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dnsmasq import DnsmasqProcesses, PortListener
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles
from netconsole.diagnostics.parts.storage import StateStorage
from netconsole.diagnostics.reasoning.claims import claimed, hindered, hindering
from netconsole.diagnostics.reasoning.closed_files import closed_files
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "dnsmasq_processes"
TITLE = "Each network has its dnsmasq, and only one"
REMEDY = "`netconsole apply` starts, stops or restarts only these; never killall dnsmasq."
REOPENED = (
    "`netconsole apply` writes the file with its own mode, and has dnsmasq read it. What closed "
    "it, a umask or a copy from a backup, may do so again."
)

_MEANING = {
    "missing": "guests on it get no address, cannot renew one and have no DNS",
    "stale": "its arguments are no longer the right ones, or its configuration file changed",
    "duplicate": "two servers answer the same guests, with leases of their own",
    "orphan": "it serves a network that is no more",
}


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Compare the processes with those that the networks want, and why."""
    host, processes = snapshot.part(Backend), snapshot.part(DnsmasqProcesses)
    ours = [each for each in host.status.dnsmasq if each.state != "foreign"]
    there = ("running", "stopped")
    bad = [each for each in ours if each.state not in there or _lacks_processes(each)]
    rows = (
        *(_row(each) for each in host.status.dnsmasq),
        *(_listener(each) for each in processes.listeners),
    )
    steps = claimed(host.plan, ID)
    if reason := host.status.host.unreadable.get("dnsmasq"):
        because = f"The processes could not be read: {reason}."
        return Finding(ID, TITLE, "unknown", because, rows)
    obstacle = hindering(host, ID)
    if obstacle is not None and not _is_read_only(obstacle.directory, snapshot):
        because = " ".join((*map(_explained, bad[:2]), hindered(obstacle)))
        return Finding(ID, TITLE, "fail", because, rows, remedy=f"Then {REMEDY}")
    if bad:
        return _not_as_wanted(bad, host, processes, rows)
    if steps:
        pids = {pid for each in ours for pid in each.pids}
        if closed := closed_files(snapshot, host.plan, pids, written_anew=True):
            because = f"A dnsmasq of ours {closed.said}: guests are not told what stands there."
            return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REOPENED)
        because = f"dnsmasq runs, but is not told all that it should know: {steps.commands[0]}."
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if not ours:
        return Finding(ID, TITLE, "not-applicable", "No network here is served by dnsmasq.")
    for each in ours:
        unread = host.status.host.unreadable
        if found := _stopped(each, processes, rows) or _pid_file(each, processes, unread, rows):
            return found
    if found := _intruder(host.status, rows):
        return found
    because = " ".join(
        f"{each.network}: {len(each.pids)} of {each.expected_processes}, {each.expected_because}."
        for each in ours[:3]
    )
    return Finding(ID, TITLE, "ok", because, rows)


def _is_read_only(directory: str, snapshot: Snapshot) -> bool:
    """Whether nothing can be written there, which `state_directory` says."""
    storage = snapshot.get(StateStorage) or StateStorage(())
    return any(
        each.path == directory and (each.read_only_mount or each.read_only_file_system)
        for each in storage.places
    )


def _not_as_wanted(
    bad: Sequence[DnsmasqStatus],
    host: Backend,
    processes: DnsmasqProcesses,
    rows: tuple[Evidence, ...],
) -> Finding:
    """Return that some do not run as networks want them; and who has their port, where that is."""
    because = " ".join(_explained(each) for each in bad[:2])
    if bad[2:]:
        because += f" {len(bad) - 2} more are not as they should be."
    held = _port_holder(bad, host.status, processes)
    if held is None:
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    because += (
        f" {held.program or 'A program'} (pid {held.pid}) has UDP port {held.port} of "
        f"{held.address}, so that it cannot start."
    )
    remedy = (
        f"Have {held.program or 'it'} leave that address alone (of a resolver: "
        "bind-interfaces, or its listen-address), or end it; then `netconsole apply`."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


def _stopped(
    each: DnsmasqStatus, processes: DnsmasqProcesses, rows: tuple[Evidence, ...]
) -> Finding | None:
    halted = [pid for pid in each.pids if (found := processes.get(pid)) and found.state == "T"]
    if not halted:
        return _held_up(each, rows) if each.stopped else None
    pid = str(halted[0])
    because = (
        f"The dnsmasq of {each.network} (pid {pid}) is stopped by a signal: it is there, and "
        "hears nothing. Requests wait in its socket until they are too old to answer."
    )
    fix = Plan((RunProgram(("kill", "-CONT", pid), ("kill", "-STOP", pid)),))
    remedy = "SIGCONT lets it go on where it was; who stopped it (a debugger?) may do so again."
    rows = (*rows, Evidence(f"pid {pid}", "T (stopped)", "S (sleeping)", "as in proc(5), state"))
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def _held_up(each: DnsmasqStatus, rows: tuple[Evidence, ...]) -> Finding:
    """Of one that no signal of ours wakes."""
    because = (
        f"The dnsmasq of {each.network} (pid {each.pids[0]}) is there and answers nobody: it is "
        f"{each.stopped}."
    )
    remedy = (
        f"/proc/{each.pids[0]}/wchan and the kernel's log say what it waits for: a debugger has to "
        "let it go, a disk or a file server has to answer. Then it goes on by itself."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


def _pid_file(
    each: DnsmasqStatus,
    processes: DnsmasqProcesses,
    unread: Mapping[str, str],
    rows: tuple[Evidence, ...],
) -> Finding | None:
    """A reload goes to the process that the file names, so that a wrong one reloads nobody."""
    process = processes.get(each.pids[0]) if each.pids else None
    path = process.option("pid-file") if process else ""
    if process is None or not path:
        return None
    if path in unread:
        because = f"Whom a reload would reach cannot be told: {path}: {unread[path]}."
        return Finding(ID, TITLE, "unknown", because, rows)
    text = processes.pid_files.get(path)
    if text is not None and text.strip() == str(process.pid):
        return None
    value = "missing" if text is None else text.strip()
    because = (
        f"{path} should name the dnsmasq of {each.network}, {process.pid}, and is {value}: signals "
        "to reload it reach nobody, or another process, so that it goes on with hosts that are "
        "gone."
    )
    fix = Plan((WriteFile(path, f"{process.pid}\n", former=text),))
    rows = (*rows, Evidence(path, value, str(process.pid)))
    remedy = "The fix writes the pid file; the process itself is left as it is."
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def _intruder(status: Status, rows: tuple[Evidence, ...]) -> Finding | None:
    """A dnsmasq of others that serves a bridge of ours; it is not ours to end."""
    servers = {each.dhcp_server: each for each in status.networks if each.dhcp_server}
    bridges = {each.bridge: each for each in status.networks}
    for each in status.dnsmasq:
        if each.state != "foreign":
            continue
        network = next(
            (
                bridges.get(place) or servers.get(place)
                for place in served(each.argv)
                if place in bridges or place in servers
            ),
            None,
        )
        if network is not None:
            because = (
                f"A dnsmasq of {started_by(each.argv)} (pid {each.pids[0]}) serves "
                f"{network.bridge} as well, the bridge of {network.label}: guests take the answer "
                "of whichever is first, with leases of its own."
            )
            remedy = (
                "It is not ours to end: stop it where it was started. Its arguments: "
                f"{each.command}"
            )
            return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)
    return None


def _port_holder(
    bad: Sequence[DnsmasqStatus], status: Status, processes: DnsmasqProcesses
) -> PortListener | None:
    """Return who has a port that one that is missing needs; dnsmasq shares 67, and binds 53 to
    its address (--bind-interfaces)."""
    servers = {each.label: each.dhcp_server for each in status.networks}
    ours = {pid for each in status.dnsmasq for pid in each.pids if each.state != "foreign"}
    for each in bad:
        wanted = (servers.get(each.network), "0.0.0.0", "*")  # noqa: S104  as ss prints it
        for listener in processes.name_listeners if each.state == "missing" else ():
            free = listener.interface not in ("", each.bridge) or listener.pid in ours
            if listener.address in wanted and not free:
                return listener
    return None


def _listener(each: PortListener) -> Evidence:
    place = f"{each.address}, {each.interface or 'every interface'}"
    return Evidence("listens on UDP port 67", f"{each.program or '?'} ({each.pid})", note=place)


def _lacks_processes(each: DnsmasqStatus) -> bool:
    """Whether processes are missing; more are usual, as each DNS query over TCP forks one."""
    return each.state == "running" and len(each.pids) < each.expected_processes


def _explained(each: DnsmasqStatus) -> str:
    name = each.network or each.bridge
    if _lacks_processes(each):
        counts = f"{len(each.pids)} of {each.expected_processes} processes"
        return f"The dnsmasq of {name} has {counts}: {each.expected_because}."
    return f"The dnsmasq of {name} is {each.state}: {_MEANING.get(each.state, each.state)}."


def _row(each: DnsmasqStatus) -> Evidence:
    if each.state == "foreign":
        pids = ", ".join(map(str, each.pids))
        return Evidence(f"dnsmasq of {started_by(each.argv)}", f"pid {pids}", note=each.command)
    expected = f"running, {each.expected_processes}"
    value = f"{each.state}, {len(each.pids)}"
    return Evidence(f"dnsmasq of {each.network}", value, expected, each.expected_because)


PAGE = Explanation(
    symptom="Instances get no address, keep none when they renew, resolve no names, or get "
    "addresses of the wrong network.",
    cause="Each network that has DHCP is served by one dnsmasq on its bridge. None answers nobody; "
    "two answer the same guest with leases of their own; one with old arguments goes on with the "
    "old range, servers and lease time, because dnsmasq reads its arguments once.",
    evidence="Every process in this network namespace whose executable is dnsmasq. One of ours "
    "names a pid file in networks_path, and is named by it or has its lease file open; its "
    "arguments must be those that the network wants now, and dnsmasq_config_file what it was when "
    "it started. A dnsmasq with a --dhcp-script is two processes, the second its helper; ours has "
    "none, so that one is right. TCP queries fork more for a moment. Whether it is stopped is its "
    "state in /proc, the pid file must name it, and ss(8) lists who else listens on UDP port 67: a "
    "dnsmasq of ours is bound to its bridge, so that one bound to another interface does no harm. "
    "Who has UDP port 53 of its address keeps one that is missing from starting.",
    look_alikes=(
        ("dhcp_rogue", "a program that is no dnsmasq, or a guest, answers as well."),
        ("dhcp_probe", "one dnsmasq runs, with the right arguments, and does not answer."),
        (
            "dnsmasq of another program",
            "libvirt, NetworkManager, Incus and LXD run their own, "
            "told by their arguments; they are listed and left alone.",
        ),
        ("bridge", "dnsmasq runs, but on a bridge that is down or has no port."),
    ),
    cure="`netconsole apply` ends only the processes that are wrong and starts only what is "
    "missing. `killall dnsmasq`, which older guides give, also ends those of other programs and "
    "takes DHCP from every network at once.",
    source="dnsmasq(8), --dhcp-script, NOTES on SIGHUP",
)

CHECK = Check(
    ID,
    ("C1",),
    TITLE,
    frozenset({Backend, DnsmasqProcesses}),
    0.6,
    judge,
    PAGE,
    uses=frozenset({DnsmasqFiles, StateStorage}),
    narrow=narrowed(of_plan, of_networks),
    reach=Reach.NETWORK,
    shown_by_status=True,
    wrong="A network's dnsmasq is not as it should be",
)
