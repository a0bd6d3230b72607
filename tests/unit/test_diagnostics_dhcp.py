"""What the checks of DHCP, DNS and dnsmasq conclude, and what they leave to each other."""

from dataclasses import replace

import pytest
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
    OFFER,
    OWN_DNS,
    PLACE,
    PROCESS,
    PROCESSES,
    ROUTING,
    STRANGER,
    UPSTREAM,
    snapshot,
)

from netconsole.backend.hoststate import Lease
from netconsole.backend.lease_file import as_text
from netconsole.backend.steps import (
    AddDhcpHosts,
    Plan,
    ReleaseLease,
    ReloadDnsmasq,
    RunProgram,
    SetSysctl,
    StartDnsmasq,
    StopDnsmasq,
    WriteFile,
)
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.checks.dnsmasq_processes import whose
from netconsole.diagnostics.evidence.log import denied
from netconsole.diagnostics.finding import Finding, Verdict
from netconsole.diagnostics.parts.dhcp import Answer, DhcpAnswers
from netconsole.diagnostics.parts.dns import DnsAnswers
from netconsole.diagnostics.parts.dnsmasq import DhcpListener, DnsmasqProcesses, LeaseFile
from netconsole.diagnostics.parts.log import LogLine, SystemLog
from netconsole.diagnostics.parts.owners import Owner, Owners
from netconsole.diagnostics.parts.packet_filter import (
    FilterRule,
    NftChain,
    NftTable,
    PacketFilter,
)
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.parts.storage import StateStorage
from netconsole.diagnostics.snapshot import Snapshot

SEEN = snapshot()
PID_FILE = f"{NETWORKS}/nova-br100.pid"
LEASE_FILE = f"{NETWORKS}/nova-br100.leases"
ROGUE = Answer("br100", MAC, "OFFER", "192.168.0.9", "192.168.0.1", "02:00:00:00:00:09", "veth1", 9)
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
    assert whose(command) == owner
    other = replace(DNSMASQ, network="", bridge="", state="foreign", pids=(9,), command=command)
    seen = snapshot(replace(HEALTHY, dnsmasq=(DNSMASQ, other)))
    assert found("dnsmasq_processes", seen=seen).verdict == "ok"
    intruder = replace(other, command=f"{command} --interface=br100")
    finding = found(
        "dnsmasq_processes", seen=snapshot(replace(HEALTHY, dnsmasq=(DNSMASQ, intruder)))
    )
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert f"of {owner} (pid 9)" in finding.because


# dhcp_hosts


def test_an_unknown_host_and_a_lease_in_the_way_are_told_in_words() -> None:
    add = AddDhcpHosts(PID_FILE, ((f"{NETWORKS}/x", f"{MAC},web1.novalocal,10.0.0.2\n"),))
    assert "no host file for web1" in found("dhcp_hosts", seen=snapshot(HEALTHY, add)).because
    release = ReleaseLease("br100", "10.0.0.2", "fa:16:3e:00:00:99")
    because = found("dhcp_hosts", seen=snapshot(HEALTHY, release)).because
    assert "fa:16:3e:00:00:99 holds the lease of 10.0.0.2" in because


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
    rule = ("-i", "br100", "-p", "udp", "-m", "udp", "--dport", "67", "-j", "ACCEPT")
    table = ("iptables", "-w", "-t", "filter")
    assert finding.fix is not None
    assert finding.fix.steps[0] == RunProgram(
        (*table, "-I", "INPUT", "1", *rule), (*table, "-D", "INPUT", *rule)
    )


def test_whoever_manages_the_rules_is_told_how() -> None:
    owners = Owners((Owner("firewalld", "process 3 (firewalld)"),))
    finding = found("dhcp_firewall", input_rules(policy="DROP"), owners)
    assert "firewall-cmd --permanent --zone=trusted --add-interface=br100" in finding.remedy


def test_a_legacy_rule_is_changed_by_the_legacy_program() -> None:
    chain = replace(FILTER.chains[0], kind="legacy", policy="DROP", rules=())
    finding = found("dhcp_firewall", replace(FILTER, chains=(*FILTER.chains, chain)))
    assert finding.fix is not None
    assert finding.fix.commands[0].startswith("iptables-legacy -w -t filter -I INPUT 1 -i br100")


# dhcp_probe, dhcp_rogue


@pytest.mark.parametrize(
    ("answers", "probe", "rogue"),
    [
        ((OFFER,), "ok", "ok"),
        ((), "fail", "ok"),
        ((replace(OFFER, milliseconds=1500),), "warn", "ok"),
        ((replace(OFFER, address="10.0.0.7"),), "fail", "ok"),
        ((OFFER, ROGUE), "ok", "fail"),
        ((ROGUE,), "fail", "fail"),
        ((OFFER, replace(OFFER, mac=STRANGER.mac)), "ok", "fail"),
        ((OFFER, replace(ROGUE, server="10.0.0.1")), "ok", "fail"),
    ],
)
def test_who_answers_and_what(answers: tuple[Answer, ...], probe: Verdict, rogue: Verdict) -> None:
    told = DhcpAnswers(2.5, (ASKED, STRANGER), answers)
    assert (found("dhcp_probe", told).verdict, found("dhcp_rogue", told).verdict) == (probe, rogue)


def test_silence_without_a_cause_is_healed_by_reading_again() -> None:
    finding = found("dhcp_probe", DhcpAnswers(2.5, (ASKED,)))
    assert finding.fix == Plan((ReloadDnsmasq("br100", PID_FILE),))


def test_silence_where_rules_could_not_be_read_leaves_dnsmasq_alone() -> None:
    tables = (NftTable("inet", "firewalld", (NftChain("in", hook="input", policy="accept"),)),)
    seen = SEEN.with_parts(replace(FILTER, foreign_tables=tables))
    finding = found("dhcp_probe", DhcpAnswers(2.5, (ASKED,)), seen=seen)
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert "inet firewalld" in finding.because


def test_a_late_answer_to_an_earlier_question_counts_too() -> None:
    told = DhcpAnswers(2.5, (ASKED,), (OFFER,), overheard=(ROGUE,))
    finding = found("dhcp_rogue", told)
    assert "behind the port of web1, offers 192.168.0.9" in finding.because
    assert finding.fix is not None
    (step,) = finding.fix.steps
    assert "-i veth1 " in step.commands[0]
    assert step.inverse is not None
    assert "-D FORWARD -i veth1 " in step.inverse.commands[0]


def test_a_server_on_this_host_has_no_port_to_be_silenced_at() -> None:
    here = replace(ROGUE, port="br100")
    heard = replace(PROCESSES, listeners=(DhcpListener("*", "", "kea-dhcp4", 50),))
    finding = found("dhcp_rogue", DhcpAnswers(2.5, (ASKED,), (OFFER, here)), heard)
    assert (finding.verdict, finding.fix) == ("fail", None)
    assert "kea-dhcp4 (50)" in finding.because


def test_a_bridge_that_could_not_be_probed_is_not_known() -> None:
    told = DhcpAnswers(2.5, problems={"br100": "ip: Operation not permitted"})
    assert found("dhcp_probe", told).verdict == found("dhcp_rogue", told).verdict == "unknown"


# dhcp_nak, clock


def test_a_lost_lease_is_written_before_dnsmasq_starts_again() -> None:
    finding = found("dhcp_nak", leases())
    assert finding.fix is not None
    stop, write, start = finding.fix.steps
    end = (int(NOW) - 3600) // 60 * 60 + 86400
    assert stop == StopDnsmasq("br100", ARGV, (7,))
    assert write == WriteFile(LEASE_FILE, f"{end} {MAC} 10.0.0.2 web1 *\n", former="")
    assert start == StartDnsmasq("br100", ARGV)


def test_a_guest_that_nobody_hears_or_that_is_another_has_lost_nothing() -> None:
    assert found("dhcp_nak", leases(), Routing()).verdict == "ok"
    (neighbour,) = ROUTING.neighbours
    for other in (
        replace(neighbour, state="FAILED"),
        replace(neighbour, mac="fa:16:3e:00:00:99"),
        replace(neighbour, interface="eth0"),
    ):
        assert found("dhcp_nak", leases(), Routing(neighbours=(other,))).verdict == "ok"


def test_an_authoritative_dnsmasq_refuses_nobody() -> None:
    process = replace(PROCESS, argv=(*ARGV, "--dhcp-authoritative"))
    assert found("dhcp_nak", replace(leases(), processes=(process,))).verdict == "not-applicable"


@pytest.mark.parametrize(
    ("ends", "written", "verdict"),
    [
        (NOW + 80_000, NOW - 10, "ok"),
        (NOW - 60, NOW - 10, "ok"),
        (NOW - 7200, NOW - 90_000, "warn"),
        (NOW + 80_000, NOW + 7200, "warn"),
        (NOW + 900_000, NOW - 10, "info"),
        (0, NOW - 10, "ok"),
    ],
)
def test_the_clock_by_the_leases(ends: float, written: float, verdict: Verdict) -> None:
    lease = replace(LEASES[0], expires=int(ends))
    assert found("clock", leases(lease, written=written)).verdict == verdict


# dnsmasq_load, inotify


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


# dns

DEAD = replace(UPSTREAM, code="", problem="no answer within 2 s", milliseconds=2000)


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ((OWN_DNS, UPSTREAM), "ok", "answered"),
        ((replace(DEAD, server="10.0.0.1", upstream=False), UPSTREAM), "fail", "in dnsmasq"),
        ((OWN_DNS, DEAD), "fail", "between dnsmasq and that server"),
        ((OWN_DNS, replace(UPSTREAM, code="REFUSED")), "fail", "answers REFUSED"),
        ((OWN_DNS, DEAD, replace(UPSTREAM, server="192.0.2.1")), "warn", "Another one does"),
        (
            (replace(OWN_DNS, milliseconds=900), replace(UPSTREAM, milliseconds=899)),
            "warn",
            "between dnsmasq and that server",
        ),
        ((replace(OWN_DNS, milliseconds=900), UPSTREAM), "warn", "in dnsmasq itself"),
        ((replace(OWN_DNS, code="SERVFAIL"), UPSTREAM), "fail", "answers SERVFAIL"),
    ],
)
def test_on_which_side_of_dnsmasq_the_time_is_lost(
    answers: tuple[object, ...], verdict: Verdict, words: str
) -> None:
    finding = found("dns", DnsAnswers(answers))  # type: ignore[arg-type]  # of DnsAnswer, all
    assert finding.verdict == verdict
    assert words in finding.because


def test_a_slow_dnsmasq_that_is_busy_is_left_to_that_check() -> None:
    busy = replace(PROCESSES, processes=(replace(PROCESS, busy=1.0),))
    slow = DnsAnswers((replace(OWN_DNS, milliseconds=900), UPSTREAM))
    assert named(SEEN.with_parts(busy, slow)) == ["dnsmasq_load"]


# state_directory, mandatory_access


def test_a_mount_is_made_writable_and_a_broken_file_system_is_not() -> None:
    mounted = found("state_directory", StateStorage((replace(PLACE, read_only_mount=True),)))
    assert mounted.fix is not None
    assert mounted.fix.commands == ("mount -o remount,bind,rw /",)
    broken = replace(PLACE, read_only_mount=True, read_only_file_system=True)
    finding = found("state_directory", StateStorage((broken,)))
    assert (finding.verdict, finding.fix) == ("fail", None)


@pytest.mark.parametrize(
    ("place", "verdict"),
    [
        (replace(PLACE, free_bytes=0), "fail"),
        (replace(PLACE, free_bytes=1 << 20), "warn"),
        (replace(PLACE, free_inodes=0), "fail"),
        (replace(PLACE, free_inodes=50), "warn"),
        (replace(PLACE, free_inodes=0, total_inodes=0), "ok"),
    ],
)
def test_how_much_room_there_is(place: object, verdict: Verdict) -> None:
    assert found("state_directory", StateStorage((place,))).verdict == verdict  # type: ignore[arg-type]  # a StatePlace


APPARMOR = (
    '[  100.500000] audit: type=1400 audit(1.2:3): apparmor="DENIED" operation="open" '
    'profile="/usr/sbin/dnsmasq" name="{name}" pid={pid} comm="dnsmasq" requested_mask="r"\n'
    "[  101.000000] br100: port 1(veth1) entered forwarding state\n"
)


def test_a_denial_of_our_files_is_named_and_one_of_others_is_not_ours() -> None:
    for name, pid, verdict in (
        (f"{NETWORKS}/nova-br100.hosts/", 99, "fail"),
        ("/etc/dnsmasq.d/", 7, "fail"),
        ("/var/lib/libvirt/dnsmasq/x", 99, "info"),
    ):
        lines = denied(APPARMOR.format(name=name, pid=pid), NOW)
        assert [line.moment for line in lines] == [NOW + 100.5]
        log = SystemLog(denials=lines, enforcing=("AppArmor",))
        assert found("mandatory_access", log).verdict == verdict
    assert found("mandatory_access", SystemLog()).verdict == "not-applicable"
    closed = SystemLog(problem="dmesg: Operation not permitted", enforcing=("SELinux",))
    assert found("mandatory_access", closed).verdict == "unknown"


def test_a_host_without_networks_has_nothing_of_it() -> None:
    empty = replace(HEALTHY, networks=(), allocations=(), floating_ips=(), dnsmasq=())
    seen = snapshot(empty).with_parts(DhcpAnswers(0.0), DnsAnswers(), StateStorage(), SystemLog())
    assert {CHECKS[name].examine(seen).verdict for name in MINE} == {"not-applicable"}


def test_without_an_instance_nobody_is_asked_for_and_strangers_still_are() -> None:
    told = DhcpAnswers(2.5, (STRANGER,))
    seen = snapshot(replace(HEALTHY, allocations=())).with_parts(told)
    assert found("dhcp_probe", seen=seen).verdict == "not-applicable"
    assert found("dhcp_rogue", seen=seen).verdict == "ok"
