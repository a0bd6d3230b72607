"""C1: does each network have its dnsmasq processes, as many as there should be and no others?"""

from typing import Final

from netconsole.backend.status import DnsmasqStatus
from netconsole.diagnostics.check import Check
from netconsole.diagnostics.claims import claimed
from netconsole.diagnostics.finding import Evidence, Finding
from netconsole.diagnostics.page import Page
from netconsole.diagnostics.parts.backend import Host
from netconsole.diagnostics.snapshot import Snapshot

ID: Final = "dnsmasq_processes"
TITLE = "Each network has its dnsmasq, and only one"
REMEDY = "`netconsole apply` starts, stops or restarts only these; never killall dnsmasq."

_MEANING = {
    "missing": "guests on it get no address, cannot renew one and have no DNS",
    "stale": "it runs with arguments that are no longer the right ones",
    "duplicate": "two servers answer the same guests, with leases of their own",
    "orphan": "it serves a network that is no more",
}


def judge(snapshot: Snapshot) -> Finding:
    """Compare the processes with those that the networks want, and why."""
    host = snapshot.part(Host)
    ours = [each for each in host.status.dnsmasq if each.state != "foreign"]
    bad = [each for each in ours if each.state != "running" or _lacks_processes(each)]
    rows = tuple(_row(each) for each in host.status.dnsmasq)
    steps = claimed(host.plan, host.status, ID)
    if reason := host.status.host.unreadable.get("dnsmasq"):
        because = f"The processes could not be read: {reason}."
        return Finding(ID, TITLE, "unknown", because, rows)
    if bad:
        because = " ".join(_explained(each) for each in bad[:2])
        if bad[2:]:
            because += f" So are {len(bad) - 2} more not as they should be."
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if steps:
        because = f"dnsmasq runs, but is not told all that it should know: {steps.commands[0]}."
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if not ours:
        return Finding(ID, TITLE, "not-applicable", "No network here is served by dnsmasq.")
    because = " ".join(
        f"{each.network}: {len(each.pids)} of {each.expected_processes}, {each.expected_because}."
        for each in ours[:3]
    )
    return Finding(ID, TITLE, "ok", because, rows)


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
        return Evidence("dnsmasq of another program", f"pid {pids}", note=each.command)
    expected = f"running, {each.expected_processes}"
    value = f"{each.state}, {len(each.pids)}"
    return Evidence(f"dnsmasq of {each.network}", value, expected, each.expected_because)


PAGE = Page(
    symptom="Instances get no address, keep none when they renew, resolve no names, or get "
    "addresses of the wrong network.",
    cause="Each network that has DHCP is served by one dnsmasq on its bridge. None answers nobody; "
    "two answer the same guest with leases of their own; one with old arguments goes on with the "
    "old range, servers and lease time, because dnsmasq reads its arguments once.",
    evidence="Every process named dnsmasq in this network namespace, by its arguments. One of ours "
    "names a pid file in networks_path; its arguments must be those that the network wants now. "
    "A dnsmasq with a --dhcp-script is two processes, the second its helper; ours has none, so "
    "that one is right. TCP queries fork more for a moment.",
    look_alikes=(
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

CHECK = Check(ID, ("C1",), TITLE, frozenset({Host}), 0.5, judge, PAGE)
