"""What the checks of DHCP and dnsmasq conclude, and what they leave to each other."""

from dataclasses import replace

import pytest
from dhcp_samples import MINE, PID_FILE, SEEN, found, input_rules, leases, named
from evidence_samples import (
    ARGV,
    ASKED,
    DNSMASQ,
    FILTER,
    HEALTHY,
    LEASES,
    MAC,
    NETWORKS,
    NOW,
    PROCESS,
    PROCESSES,
    STRANGER,
    snapshot,
)

from netconsole.backend.model.dnsmasq_arguments import started_by
from netconsole.backend.model.hoststate import Lease
from netconsole.backend.model.lease_file import as_text
from netconsole.backend.steps import (
    AddDhcpHosts,
    ChangeRules,
    Plan,
    ReleaseLease,
    RunProgram,
    SetSysctl,
    StartDnsmasq,
    StopDnsmasq,
    WriteFile,
)
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Verdict
from netconsole.diagnostics.model.target import Target
from netconsole.diagnostics.parts.dhcp import DhcpAnswers
from netconsole.diagnostics.parts.dns import DnsAnswers
from netconsole.diagnostics.parts.dnsmasq import PortListener
from netconsole.diagnostics.parts.dnsmasq_files import (
    READ,
    SEARCH,
    DnsmasqFiles,
    DnsmasqReader,
    FileMode,
)
from netconsole.diagnostics.parts.log import LogLine, SystemLog
from netconsole.diagnostics.parts.owners import Owner, Owners
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.parts.storage import StateStorage


def test_a_healthy_host_has_all_of_it_in_order() -> None:
    assert {name: found(name).verdict for name in MINE} == dict.fromkeys(MINE, "ok")


def test_each_is_silent_about_what_another_names() -> None:
    no_answer = DhcpAnswers(2.5, (ASKED, STRANGER))
    damaged = {
        "dnsmasq_processes": replace(PROCESSES, processes=(replace(PROCESS, state="T"),)),
        "inotify": replace(PROCESSES, processes=(replace(PROCESS, watched=(9,)),)),
        "dhcp_nak": leases(),
        "clock": leases(*LEASES, written=NOW + 7200),
        "dnsmasq_load": replace(PROCESSES, processes=(replace(PROCESS, busy=1.0),)),
        "dhcp_firewall": input_rules("-p udp -m udp --dport 67 -j DROP"),
    }
    for name, part in damaged.items():
        assert named(SEEN.with_parts(part)) == [name]
        silent = no_answer if name in ("dnsmasq_processes", "inotify", "dhcp_firewall") else None
        if silent:
            assert named(SEEN.with_parts(part, silent)) == [name]
    assert named(SEEN.with_parts(no_answer)) == ["dhcp_probe"]


def test_a_host_without_networks_has_nothing_of_it() -> None:
    empty = replace(HEALTHY, networks=(), allocations=(), floating_ips=(), dnsmasq=())
    seen = snapshot(empty).with_parts(DhcpAnswers(0.0), DnsAnswers(), StateStorage(), SystemLog())
    assert {CHECKS[name].examine(seen).verdict for name in MINE} == {"not-applicable"}


def test_without_an_instance_nobody_is_asked_for_and_strangers_still_are() -> None:
    told = DhcpAnswers(2.5, (STRANGER,))
    seen = snapshot(replace(HEALTHY, allocations=())).with_parts(told)
    assert found("dhcp_probe", seen=seen).verdict == "not-applicable"
    assert found("dhcp_rogue", seen=seen).verdict == "ok"


# dnsmasq_processes


@pytest.mark.parametrize("text", [None, "8\n", ""])
def test_a_pid_file_that_names_another_is_rewritten(text: str | None) -> None:
    files = {} if text is None else {PID_FILE: text}
    finding = found("dnsmasq_processes", replace(PROCESSES, pid_files=files))
    assert finding.fix == Plan((WriteFile(PID_FILE, "7\n", former=text),))


def test_a_stopped_one_goes_on() -> None:
    halted = replace(PROCESSES, processes=(replace(PROCESS, state="T"),))
    finding = found("dnsmasq_processes", halted)
    assert finding.fix == Plan((RunProgram(("kill", "-CONT", "7"), ("kill", "-STOP", "7")),))


def test_one_that_is_held_up_in_the_kernel_has_no_cure_by_command() -> None:
    held_up = replace(DNSMASQ, state="stopped", stopped="held up in the kernel")
    finding = found("dnsmasq_processes", seen=snapshot(replace(HEALTHY, dnsmasq=(held_up,))))
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert "held up in the kernel" in finding.because


@pytest.mark.parametrize(
    ("command", "owner"),
    [
        ("dnsmasq --conf-file=/var/lib/libvirt/dnsmasq/default.conf", "libvirt"),
        ("dnsmasq --conf-dir=/etc/NetworkManager/dnsmasq-shared.d", "NetworkManager"),
        ("dnsmasq --dhcp-leasefile=/var/lib/incus/networks/incusbr0/dnsmasq.leases", "Incus"),
        ("dnsmasq --pid-file=/var/snap/lxd/common/lxd/networks/lxdbr0/dnsmasq.pid", "LXD"),
        ("dnsmasq -k", "an unknown program"),
    ],
)
def test_a_dnsmasq_of_others_is_known_by_its_arguments(command: str, owner: str) -> None:
    argv = tuple(command.split())
    assert started_by(argv) == owner
    other = replace(
        DNSMASQ, network="", bridge="", state="foreign", pids=(9,), command=command, argv=argv
    )
    seen = snapshot(replace(HEALTHY, dnsmasq=(DNSMASQ, other)))
    assert found("dnsmasq_processes", seen=seen).verdict == "ok"
    intruder = replace(other, argv=(*argv, "--interface=br100"))
    finding = found(
        "dnsmasq_processes", seen=snapshot(replace(HEALTHY, dnsmasq=(DNSMASQ, intruder)))
    )
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert f"of {owner} (pid 9)" in finding.because


def test_who_has_the_port_of_one_that_is_missing_is_named() -> None:
    missing = replace(HEALTHY, dnsmasq=(replace(DNSMASQ, state="missing", pids=()),))
    seen = snapshot(missing)
    held = PortListener("10.0.0.1", "", "named", 99, 53)
    none = replace(PROCESSES, processes=(), listeners=(), name_listeners=())
    assert "so that it cannot start" not in found("dnsmasq_processes", none, seen=seen).because
    taken = replace(none, name_listeners=(held,))
    finding = found("dnsmasq_processes", taken, seen=seen)
    assert "named (pid 99) has UDP port 53 of 10.0.0.1" in finding.because
    assert finding.fix is None
    local = replace(none, name_listeners=(replace(held, address="127.0.0.1"),))
    assert "cannot start" not in found("dnsmasq_processes", local, seen=seen).because


# dhcp_hosts


def test_an_unknown_host_and_a_lease_in_the_way_are_told_in_words() -> None:
    add = AddDhcpHosts(PID_FILE, ((f"{NETWORKS}/x", f"{MAC},web1.novalocal,10.0.0.2\n"),))
    assert "no host file for web1" in found("dhcp_hosts", seen=snapshot(HEALTHY, add)).because
    release = ReleaseLease("br100", "10.0.0.2", "fa:16:3e:00:00:99")
    because = found("dhcp_hosts", seen=snapshot(HEALTHY, release)).because
    assert "fa:16:3e:00:00:99 holds the lease of 10.0.0.2" in because


def test_a_lease_in_the_way_ends_by_steps_that_can_be_undone() -> None:
    stranger = Lease(int(NOW) + 9000, "fa:16:3e:00:00:99", "10.0.0.3", "ghost")
    release = ReleaseLease("br100", "10.0.0.3", "fa:16:3e:00:00:99")
    held = leases(*LEASES, stranger)
    fix = found("dhcp_hosts", held, seen=snapshot(HEALTHY, release)).fix
    assert fix is not None
    stop, write, start = fix.steps
    assert (stop, start) == (StopDnsmasq("br100", ARGV, (7,)), StartDnsmasq("br100", ARGV))
    assert write == WriteFile(
        f"{NETWORKS}/nova-br100.leases", as_text(LEASES), former=as_text((*LEASES, stranger))
    )


HOSTS = FileMode(f"{NETWORKS}/nova-br100.hosts", 0o755, 0, 0, READ | SEARCH, "root")
HOST = FileMode(f"{NETWORKS}/nova-br100.hosts/{MAC.replace(':', '-')}", 0o644, 0, 0, READ, "root")


def reading(*modes: FileMode, user: int = 65534) -> DnsmasqFiles:
    return DnsmasqFiles((DnsmasqReader(7, user, (65534,), "nobody", modes),))


@pytest.mark.parametrize(
    ("closed", "commands"),
    [
        ((HOSTS, replace(HOST, mode=0o600)), [f"chmod 0644 {HOST.path}"]),
        ((replace(HOSTS, mode=0o700), HOST), [f"chmod 0755 {HOSTS.path}"]),
        ((replace(HOSTS, mode=0o770), HOST), [f"chmod 0775 {HOSTS.path}"]),
    ],
)
def test_files_that_dnsmasq_may_not_read_are_opened(
    closed: tuple[FileMode, ...], commands: list[str]
) -> None:
    finding = found("dhcp_hosts", reading(*closed))
    assert finding.verdict == "fail"
    assert "runs as nobody and may not read" in finding.because
    assert finding.fix is not None
    assert list(finding.fix.commands[1:-1]) == commands
    deaf = replace(PROCESSES, processes=(replace(PROCESS, watched=()),))
    assert found("inotify", deaf, reading(*closed)).verdict == "info"


def test_what_root_its_group_or_everybody_may_read_is_open() -> None:
    assert found("dhcp_hosts", reading(HOSTS, HOST)).verdict == "ok"
    shut = replace(HOST, mode=0o600)
    assert found("dhcp_hosts", reading(HOSTS, shut, user=0)).verdict == "ok"
    ours = replace(HOST, mode=0o640, group=65534)
    assert found("dhcp_hosts", reading(HOSTS, ours)).verdict == "ok"


def test_a_directory_above_that_is_shut_is_left_to_the_admin() -> None:
    above = FileMode("/var/lib/netconsole", 0o750, 0, 0, SEARCH, "root")
    finding = found("dhcp_hosts", reading(above, HOSTS, HOST))
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert "chmod o+x /var/lib/netconsole" in finding.remedy


def test_a_lost_lease_of_a_host_that_is_not_known_is_no_fault_of_its_own() -> None:
    assert found("dhcp_nak", leases()).verdict == "warn"
    assert found("dhcp_nak", leases(), reading(replace(HOSTS, mode=0o700))).verdict == "info"


def test_as_many_leases_as_there_may_be_leave_new_guests_without() -> None:
    few = replace(PROCESS, argv=(*ARGV[:5], "--dhcp-lease-max=1", *ARGV[6:]))
    finding = found("dhcp_hosts", replace(PROCESSES, processes=(few,)))
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert "--dhcp-lease-max" in finding.because


def test_what_the_log_says_of_our_own_dnsmasq_counts() -> None:
    text = "not using configured address 10.0.0.2 because it is leased to fa:16:3e:00:00:99"
    ours, other = LogLine(NOW - 60, 7, text), LogLine(NOW - 60, 8, text)
    assert found("dhcp_hosts", SystemLog((other,))).verdict == "ok"
    finding = found("dhcp_hosts", SystemLog((other, ours)))
    assert finding.verdict == "info"
    assert "another client holds the lease" in finding.because


# dhcp_firewall


def test_a_rule_that_drops_is_named_with_its_counter_and_one_for_the_bridge_put_in_front() -> None:
    finding = found(
        "dhcp_firewall", input_rules("-i br100 -p udp -j DROP", "-j nova-network-INPUT")
    )
    assert "DHCP requests and DNS questions that come in by br100" in finding.because
    assert "5 packets so far" in finding.because
    rules = [f"-i br100 -p udp -m udp --dport {port} -j ACCEPT" for port in (67, 53)]
    there = tuple(f"-I INPUT {place} {rule}" for place, rule in enumerate(rules, start=1))
    back = tuple(f"-D INPUT {rule}" for rule in reversed(rules))
    assert finding.fix == Plan((ChangeRules("ipv4", "filter", there, back),))


def test_what_stands_before_the_rule_that_drops_still_decides() -> None:
    narrow = "-m mac --mac-source fa:16:3e:00:00:09 -j DROP"
    finding = found("dhcp_firewall", input_rules(narrow, "-p udp --dport 67 -j DROP"))
    assert finding.fix is not None
    assert [line.split(" -i")[0] for line in finding.fix.commands] == [
        "iptables -t filter -I INPUT 2"
    ]


def test_whoever_manages_the_rules_is_told_how() -> None:
    owners = Owners((Owner("firewalld", "process 3 (firewalld)"),))
    finding = found("dhcp_firewall", input_rules(policy="DROP"), owners)
    assert "firewall-cmd --permanent --zone=trusted --add-interface=br100" in finding.remedy


def test_a_legacy_rule_is_changed_by_the_legacy_program() -> None:
    chain = replace(FILTER.chains[0], kind="legacy", policy="DROP", rules=())
    finding = found("dhcp_firewall", replace(FILTER, chains=(*FILTER.chains, chain)))
    assert finding.fix is not None
    assert finding.fix.commands[0].startswith("iptables-legacy -t filter -A INPUT -i br100")


# dnsmasq_load, inotify


@pytest.mark.parametrize(("open_files", "verdict"), [((14, 1024), "ok"), ((14, 3), "fail")])
def test_a_dnsmasq_that_may_open_no_further_file_is_named(
    open_files: tuple[int, int], verdict: str
) -> None:
    process = replace(PROCESS, open_files=open_files)
    finding = found("dnsmasq_load", replace(PROCESSES, processes=(process,)))
    assert finding.verdict == verdict
    assert ("may have 3 (RLIMIT_NOFILE)" in finding.because) == (verdict == "fail")


@pytest.mark.parametrize(("busy", "verdict"), [(0.4, "ok"), (0.6, "warn"), (0.95, "fail")])
def test_how_busy_it_is(busy: float, verdict: Verdict) -> None:
    process = replace(PROCESS, busy=busy)
    assert found("dnsmasq_load", replace(PROCESSES, processes=(process,))).verdict == verdict


def test_one_that_watches_another_directory_is_restarted() -> None:
    deaf = replace(PROCESSES, processes=(replace(PROCESS, watched=(1245,)),))
    assert found("inotify", deaf).fix == Plan(
        (StopDnsmasq("br100", ARGV, (7,)), StartDnsmasq("br100", ARGV))
    )
    hidden = replace(PROCESSES, processes=(replace(PROCESS, watched=None),))
    assert found("inotify", hidden).verdict == "unknown"


def test_a_limit_that_is_nearly_reached_is_doubled_and_can_be_kept() -> None:
    sysctls = Sysctls({"fs/inotify/max_user_instances": "128"})
    assert found("inotify", replace(PROCESSES, inotify_instances=100), sysctls).verdict == "ok"
    finding = found("inotify", replace(PROCESSES, inotify_instances=120), sysctls)
    assert finding.fix == Plan((SetSysctl("fs.inotify.max_user_instances", "256", "128"),))
    assert finding.persist


def test_what_is_missing_of_another_instance_is_an_aside_of_the_target() -> None:
    add = AddDhcpHosts(PID_FILE, ((f"{NETWORKS}/x", f"{MAC},web1.novalocal,10.0.0.2\n"),))
    release = ReleaseLease("br100", "10.0.0.2", "fa:16:3e:00:00:99")
    web1 = Target("web1", "web1", "10.0.0.2", mac=MAC)
    web2 = Target("web2", "web2", "10.0.0.3", mac="fa:16:3e:00:00:03")
    for step in (add, release):
        seen = snapshot(HEALTHY, step)
        assert found("dhcp_hosts", seen=replace(seen, target=web1)).verdict == "fail"
        other = found("dhcp_hosts", seen=replace(seen, target=web2))
        assert (other.verdict, other.fix) == ("info", None)
        assert other.because.startswith("Not about web2: ")
