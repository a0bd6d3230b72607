"""A fault in a lab, from the break to the cure and back: what every fault is put through.

The check of its name has to name it, alone; its fix has to heal it, and the same evidence to show
that; undo has to bring back the former state, exactly; and mending has to leave the lab healthy.
"""

import json
import subprocess
import time
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from private_host import eventually
from running_lab import RunningLab

PROGRAMS = (
    *("namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc"),
    *("conntrack", "arping", "ping"),
)
"""What a lab needs of the machine."""

_STATE = """
ip -json -details link show; ip -json address show; ip route show table all; ip rule show
ip neighbour show nud permanent; ip neighbour show proxy; bridge fdb show | grep -v ' master '
ethtool -k bond0 | grep -v fixed; bridge vlan show; tc qdisc show | sed 's/ refcnt [0-9]*//'
iptables-save; ip6tables-save; iptables-legacy-save; ebtables-save | grep -v '^[*]'
nft -s list ruleset
grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/bridge /proc/sys/net/ipv4/ip_forward
grep -s . /proc/sys/net/ipv[46]/neigh/default/gc_thresh? /proc/sys/net/core/netdev_max_backlog
grep -s . /proc/sys/net/ipv4/ip_default_ttl /proc/sys/net/ipv4/ip_local_port_range
grep -s . /proc/sys/net/ipv[46]/neigh/*/mcast_solicit
grep -s . $(ls /proc/sys/net/netfilter/nf_conntrack_* | grep -v count)
cat /etc/sysctl.d/*.conf /etc/modules-load.d/*.conf; ls /var/lib/netconsole/networks
"""
"""Everything that a fix could change, without what moves by itself."""
_MOVING = ("tentative", "gc_timer", "hello_timer", "timer", "#", "expires", "rtt", "cache")
_LINK_LOCAL = "local fe80:"
"""The route of such an address is there once it is no more tentative."""


SETTLING_SECONDS = 20.0


_seen_healthy: WeakKeyDictionary[RunningLab, tuple[int, tuple[str, ...], tuple[str, ...]]] = (
    WeakKeyDictionary()
)
"""How many commands were run in a lab until it was seen healthy, with which options."""


class Host(Protocol):
    """Where netconsole can be run: a lab, or a host of a test's own."""

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command there."""


@dataclass(frozen=True)
class Examined:
    """What a doctor said."""

    status: int
    findings: dict[str, dict[str, Any]]

    @property
    def named(self) -> list[str]:
        """The checks that found something, or could not be made."""
        quiet = ("ok", "info", "not-applicable")
        return [name for name, each in self.findings.items() if each["verdict"] not in quiet]

    def named_but(self, others: tuple[str, ...]) -> list[str]:
        """Those named, without some others."""
        return [name for name in self.named if name not in others]

    def named_beside(self, others: tuple[str, ...]) -> list[str]:
        """Those named beside some others, which have to be named as well."""
        assert set(others) <= set(self.named), self.reasons
        return self.named_but(others)

    @property
    def reasons(self) -> dict[str, str]:
        """What was said of each of them."""
        return {name: self.findings[name]["because"] for name in self.named}


def examined(host: Host, *options: str) -> Examined:
    """Run the doctor; its exit status has to agree with what it says."""
    done = host.run("netconsole", "doctor", "--json", *options, check=False)
    assert done.stdout, done.stderr
    findings = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    found = Examined(done.returncode, findings)
    verdicts = {each["verdict"] for each in findings.values()}
    wanted = 1 if verdicts & {"warn", "fail"} else 3 if "unknown" in verdicts else 0
    assert done.returncode == wanted
    return found


def settled(host: Host, named: list[str], *options: str, beside: tuple[str, ...] = ()) -> Examined:
    """Run the doctor, and again for some seconds where it does not name just these yet.

    What follows the host's addresses does so a moment later, as the metadata service.
    """
    until = time.monotonic() + SETTLING_SECONDS
    while (found := examined(host, *options)).named_but(beside) != named:
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    return found


def state(host: Host) -> list[str]:
    """Everything of the host that a fix could change."""
    said = host.run("sh", "-c", f"{{ {_STATE} }} 2>/dev/null", check=False).stdout
    lines: list[str] = []
    for line in said.splitlines():
        if line.startswith("[{") and "ifindex" in line:
            lines += [json.dumps(_still(link)) for link in json.loads(line)]
        elif not line.startswith(("#", ":", _LINK_LOCAL)):
            lines.append(line)
    return lines


def _still(link: dict[str, Any]) -> dict[str, Any]:
    """A link without its timers."""
    return {
        name: _still(value) if isinstance(value, dict) else value
        for name, value in link.items()
        if not any(word in name for word in _MOVING)
    }


def run_playbook(host: Host, name: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Run a playbook, or a check as one."""
    done = host.run("netconsole", "playbook", "run", name, "--json", *options, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def put_through(
    lab: RunningLab,
    fault: str,
    check: str,
    *options: str,
    undone: bool = True,
    beside: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Break, name, heal, verify, undo, mend; return the finding. `options` are the doctor's.

    With `undone` false the fix has no way back, as it says. `beside` are the checks that name what
    the fault needs to happen at all, for as long as it is not mended.
    """
    begin_healthy(lab, *options)
    lab.netconsole("lab", "break", fault)
    try:
        finding = to_the_cure_and_back(lab, check, *options, undone=undone, beside=beside)
    finally:
        lab.netconsole("lab", "mend", fault)
    end_healthy(lab, *options)
    return finding


def put_through_by_hand(lab: RunningLab, fault: str, check: str, *options: str) -> dict[str, Any]:
    """Break, name, mend; return the finding, whose cure is no command of ours. `options` are the
    doctor's."""
    begin_healthy(lab, *options)
    lab.netconsole("lab", "break", fault)
    try:
        found = settled(lab, [check], *options)
    finally:
        lab.netconsole("lab", "mend", fault)
    assert found.named == [check], found.reasons
    finding = found.findings[check]
    assert finding["fix"] is None
    assert finding["remedy"]
    end_healthy(lab, *options)
    return finding


def begin_healthy(lab: RunningLab, *options: str, beside: tuple[str, ...] = ()) -> None:
    """Fail unless nothing is named, and tell which test has left it so.

    What the test before has seen is not looked at again: that is where it ended with the same
    look, and nothing was run in the lab since.
    """
    if _seen_healthy.get(lab) != (lab.commands, options, beside):
        before = lab.users[-1:]
        eventually(lambda: not lab.run("ip", "-6", "address", "show", "tentative").stdout)
        found = settled(lab, [], *options, beside=beside)
        assert found.named_beside(beside) == [], f"left by {before}: {found.reasons}"


def end_healthy(lab: RunningLab, *options: str, beside: tuple[str, ...] = ()) -> None:
    """Fail unless nothing is named, and remember that."""
    found = settled(lab, [], *options, beside=beside)
    assert found.named_beside(beside) == [], found.reasons
    _seen_healthy[lab] = lab.commands, options, beside


def to_the_cure_and_back(
    host: Host, check: str, *options: str, undone: bool = True, beside: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Name what is broken, alone, heal, verify and undo; return the finding."""
    broken = state(host)
    found = settled(host, [check], *options, beside=beside)
    assert found.named_beside(beside) == [check], found.reasons
    finding = found.findings[check]
    assert finding["fix"], "a fault without a fix"
    status, document = run_playbook(host, check, "--apply")
    assert (status, document["verified"]) == (0, True), document
    found = settled(host, [], *options, beside=beside)
    assert found.named_beside(beside) == [], found.reasons
    if undone:
        status, _ = run_playbook(host, check, "--undo")
        assert status == 0
        now = state(host)
        assert now == broken, list(unified_diff(broken, now, n=0))
        # The bound is back at once; whether it is met now is up to the packets.
        eventually(lambda: _named_alone(host, check, *options, beside=beside))
    return finding


def _named_alone(host: Host, check: str, *options: str, beside: tuple[str, ...]) -> bool:
    """Whether it is the only one named, or nothing is yet."""
    found = examined(host, *options)
    assert found.named_beside(beside) in ([], [check]), found.reasons
    return found.named_beside(beside) == [check]
