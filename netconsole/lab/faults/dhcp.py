"""Faults of DHCP and DNS around dnsmasq: hosts, rules, other servers, silent name servers."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.service.service import Service
from netconsole.backend.steps import AddDhcpHosts, ChangeRules
from netconsole.lab.clouds.kinds import BRIDGE
from netconsole.lab.faults import traffic
from netconsole.lab.faults.dnsmasq import option, pid, where_served
from netconsole.lab.faults.fault import Fault, command_fault, recall, remember, run_inside
from netconsole.lab.faults.planned import follow_plan, planned
from netconsole.lab.sandbox.commands import LabFailed, run
from netconsole.lab.sandbox.ground import HOME
from netconsole.lab.sandbox.members import OUTSIDE, pid_of
from netconsole.lab.sandbox.processes import execute, fork

_VICTIM: Final = "web2"
_SERVER: Final = "db1"
"""The instance that serves DHCP though nobody asked it to."""

_DROPPED: Final = ("PREROUTING", "-i", BRIDGE, "-p", "udp", "--dport", "67", "-j", "DROP")
_REJECTED: Final = ("INPUT", "-p", "udp", "--dport", "67", "-j", "DROP")
_GUARD: Final = ("inet", "host_guard")
_LET_IN: Final = (
    "ct state established,related accept",
    "meta l4proto { icmp, ipv6-icmp } accept",
    'iifname "lo" accept',
    "tcp dport { 22, 80 } accept",
)
_CHECKSUMS: Final = "nova-network-POSTROUTING"
_UDHCPD_SETTINGS: Final = """\
start 192.168.77.10
end 192.168.77.20
interface eth0
lease_file {home}/udhcpd.leases
pidfile {home}/udhcpd.pid
option router 192.168.77.1
option subnet 255.255.255.0
"""


def _host_file(service: Service) -> Path:
    for each in service.status().allocations:
        if each.instance == _VICTIM:
            return option(service, "dhcp-hostsdir") / each.mac.replace(":", "-")
    raise Conflict(f"there is no instance {_VICTIM}")


def _host_unknown(service: Service) -> bool:
    return any(isinstance(step, AddDhcpHosts) for step in service.plan().steps)


def _forget_host(service: Service) -> None:
    file = _host_file(service)
    remember("dhcp_hosts", {str(file): file.read_text(encoding="utf-8")})
    file.unlink()
    os.kill(pid(service), signal.SIGHUP)


def _mend_host(service: Service) -> None:
    for path, text in recall("dhcp_hosts").items():
        Path(path).write_text(text, encoding="utf-8")


def _unheard(service: Service) -> bool:
    return (HOME / "before" / "dhcp_probe.json").exists()


def _put_host_file_unheard(service: Service) -> None:
    """Take the file away, have it forgotten, and put it back by a link, which says nothing."""
    file = _host_file(service)
    remember("dhcp_probe", {"file": str(file)})
    aside = file.parent.with_name("aside")
    file.rename(aside)
    os.kill(pid(service), signal.SIGHUP)
    time.sleep(0.3)
    os.link(aside, file)
    aside.unlink()


def _have_all_read(service: Service) -> None:
    if recall("dhcp_probe"):
        os.kill(pid(service), signal.SIGHUP)


def _server_pid() -> int | None:
    """Return the process of the instance's DHCP server, as this host counts."""
    try:
        member = pid_of(_SERVER)
    except NotFound:
        return None
    here = Path(f"/proc/{member}/ns/net").readlink()
    for each in Path("/proc").iterdir():
        try:
            if (
                each.name.isdigit()
                and b"udhcpd" in (each / "cmdline").read_bytes()
                and (each / "ns/net").readlink() == here
            ):
                return int(each.name)
        except OSError:
            continue
    return None


def _serve_dhcp(service: Service) -> None:
    settings = HOME / "udhcpd.conf"
    settings.write_text(_UDHCPD_SETTINGS.format(home=HOME), encoding="ascii")
    (HOME / "udhcpd.leases").touch()
    target = str(pid_of(_SERVER))
    traffic.as_anybody(service, _SERVER)

    def serve() -> int:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        nsenter = ("nsenter", "--target", target, "--net")
        return execute((*nsenter, "busybox", "udhcpd", "-f", "-a", "100", str(settings)))

    fork(serve)
    deadline = time.monotonic() + 5
    while _server_pid() is None:
        if time.monotonic() > deadline:
            raise LabFailed("udhcpd did not start")
        time.sleep(0.02)


def _end_server(service: Service) -> None:
    if (found := _server_pid()) is not None:
        os.kill(found, signal.SIGTERM)
        traffic.as_itself(service, _SERVER)


def _has_rule(table: str, rule: tuple[str, ...]) -> Callable[[Service], bool]:
    def has_rule(service: Service) -> bool:
        try:
            run("iptables", "-w", "-t", table, "-C", *rule)
        except LabFailed:
            return False
        return True

    return has_rule


def _is_checksum_rule(step: object) -> bool:
    return isinstance(step, ChangeRules) and step.table == "mangle"


def _flush_mangle(service: Service) -> None:
    if not _has_rule("mangle", ("POSTROUTING", "-j", _CHECKSUMS))(service):
        raise Conflict(f"there is no chain {_CHECKSUMS}: this network manager serves no DHCP")
    run("iptables", "-w", "-t", "mangle", "-F", _CHECKSUMS)


_OUTSIDE_RULE: Final = ("INPUT", "-p", "udp", "--dport", "53", "-j", "DROP")


def _outside(*words: str) -> None:
    run_inside(OUTSIDE, "iptables", "-w", *words)


def _names_unanswered(service: Service) -> bool:
    try:
        _outside("-C", *_OUTSIDE_RULE)
    except LabFailed:
        return False
    return True


def _answer_names(service: Service) -> None:
    if _names_unanswered(service):
        _outside("-D", *_OUTSIDE_RULE)


def _is_mount(path: str) -> bool:
    """Whether something is mounted there; a directory bound to itself has no device of its own."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return any(line.split()[4] == path for line in lines)


@where_served
def _is_read_only(service: Service) -> bool:
    return bool(os.statvfs(service.options.networks_path).f_flag & os.ST_RDONLY)


def _make_read_only(service: Service) -> None:
    path = service.options.networks_path
    if not _is_mount(path):
        run("mount", "--bind", path, path)
    run("mount", "-o", "remount,bind,ro", path)


def _make_writable(service: Service) -> None:
    path = service.options.networks_path
    while _is_mount(path):
        run("umount", "--lazy", path)


FAULTS: Final = (
    Fault(
        "dhcp_hosts",
        f"The host file of {_VICTIM} was removed.",
        f"{_VICTIM} gets no address when it boots; the others do.",
        _host_unknown,
        _forget_host,
        _mend_host,
    ),
    Fault(
        "dhcp_probe",
        f"dnsmasq did not hear that the host file of {_VICTIM} was put back.",
        f"{_VICTIM} gets no address when it boots, though its file is there.",
        _unheard,
        _put_host_file_unheard,
        _have_all_read,
    ),
    command_fault(
        "dhcp_firewall",
        "A firewall drops DHCP requests in the table raw, before any rule of ours.",
        "No instance gets an address when it boots; tcpdump on the bridge shows every request.",
        _has_rule("raw", _DROPPED),
        (("iptables", "-w", "-t", "raw", "-I", *_DROPPED),),
        (("iptables", "-w", "-t", "raw", "-D", *_DROPPED),),
    ),
    command_fault(
        "dhcp_firewall_input",
        "Someone has put a rule that drops DHCP requests in front of ours in INPUT.",
        "No instance gets an address when it boots.",
        _has_rule("filter", _REJECTED),
        (("iptables", "-w", "-I", *_REJECTED),),
        (("iptables", "-w", "-D", *_REJECTED),),
    ),
    command_fault(
        "dhcp_firewall_nft",
        "A firewall of nftables lets in SSH and HTTP alone, and no rule of iptables shows it.",
        "No instance gets an address when it boots, or resolves a name.",
        lambda service: "host_guard" in run("nft", "list", "tables"),
        (
            ("nft", "add", "table", *_GUARD),
            (
                *("nft", "add", "chain", *_GUARD, "input"),
                "{ type filter hook input priority 10; policy drop; }",
            ),
            *(("nft", "add", "rule", *_GUARD, "input", rule) for rule in _LET_IN),
        ),
        (("nft", "delete", "table", *_GUARD),),
    ),
    Fault(
        "dhcp_checksum",
        "The rules that fill in the checksums of DHCP answers were flushed.",
        "Old guests get no address; new ones do.",
        planned(_is_checksum_rule),
        _flush_mangle,
        follow_plan(_is_checksum_rule),
    ),
    Fault(
        "dhcp_rogue",
        f"{_SERVER}, which has no guard, serves DHCP, with addresses of a network of its own.",
        "Instances that boot get an address of 192.168.77.0/24, some of the time.",
        lambda service: _server_pid() is not None,
        _serve_dhcp,
        _end_server,
    ),
    Fault(
        "dns",
        "The name server outside answers no more questions.",
        "Instances resolve each other's names, and no others; every attempt takes seconds.",
        _names_unanswered,
        lambda service: _outside("-I", *_OUTSIDE_RULE),
        _answer_names,
    ),
    Fault(
        "state_directory",
        "Someone has mounted the directory of dnsmasq's files read-only.",
        "No instance can be created; leases are lost when dnsmasq is restarted.",
        _is_read_only,
        _make_read_only,
        _make_writable,
    ),
)
