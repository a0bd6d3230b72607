"""The doctor in a lab: content with a healthy one, and every fault named by its own check."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from running_lab import RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping", "ping"
)

FLOATING = "203.0.113.129"


@pytest.fixture
def healthy(lab: RunningLab) -> Iterator[RunningLab]:
    """The lab, found healthy; each test has to leave it so."""
    assert named(lab) == []
    yield lab
    assert named(lab) == []


def doctor(lab: RunningLab) -> tuple[int, list[dict[str, Any]]]:
    done = lab.netconsole("doctor", "--json", check=False)
    return done.returncode, json.loads(done.stdout)["findings"]


def named(lab: RunningLab) -> list[str]:
    """Return the checks that found something; the exit status has to say as much."""
    status, findings = doctor(lab)
    quiet = ("ok", "info", "not-applicable")
    found = [each["check"] for each in findings if each["verdict"] not in quiet]
    assert status == (1 if found else 0)
    return found


def test_settings_are_read_where_no_address_has_ever_been(lab: RunningLab) -> None:
    """Where the kernel has not even made its main table of routes."""
    code = (
        "from netconsole.diagnostics.evidence.settings import read_sysctls as read;"
        "print('net/ipv4/ip_default_ttl' in read().values)"
    )
    assert lab.run("unshare", "--net", sys.executable, "-c", code).stdout == "True\n"


def test_a_healthy_lab_is_checked_in_full(healthy: RunningLab) -> None:
    status, findings = doctor(healthy)
    assert status == 0
    verdicts = {each["check"]: each["verdict"] for each in findings}
    assert set(verdicts.values()) <= {"ok", "info", "not-applicable"}
    for check in ("ip_forward", "bridge", "dnsmasq_processes", "floating_nat", "rp_filter"):
        assert verdicts[check] == "ok"


@pytest.mark.parametrize(
    ("command", "check"),
    [
        ("sysctl -w net.ipv4.ip_forward=0", "ip_forward"),
        ("ip link set br100 down", "bridge"),
        ("ip address delete 10.0.0.1/24 dev br100", "gateway"),
        (
            f"iptables -t nat -A nova-network-PREROUTING -d {FLOATING}/32 -j DNAT "
            "--to-destination 10.0.0.9",
            "floating_nat",
        ),
        ("iptables -F nova-network-FORWARD", "drift"),
    ],
)
def test_what_differs_from_the_store_is_named_once_and_apply_heals_it(
    healthy: RunningLab, command: str, check: str
) -> None:
    healthy.run("sh", "-c", command)
    found = named(healthy)
    healthy.netconsole("apply")
    assert found == [check]


def test_a_rule_that_is_there_twice_is_named(healthy: RunningLab) -> None:
    chain = "nova-network-PREROUTING"
    rules = healthy.run("iptables", "-t", "nat", "-S", chain).stdout.splitlines()
    rule = next(line for line in rules if FLOATING in line)
    healthy.run("sh", "-c", f"iptables -t nat {rule}")
    found = named(healthy)
    healthy.netconsole("apply")
    assert found == ["floating_nat"]


def test_forwarding_switched_off_at_one_interface_is_named(healthy: RunningLab) -> None:
    healthy.run("sysctl", "-w", "net.ipv4.conf.br100.forwarding=0")
    found = named(healthy)
    healthy.run("sysctl", "-w", "net.ipv4.conf.br100.forwarding=1")
    assert found == ["ip_forward"]


def test_the_playbook_heals_what_the_lab_broke(healthy: RunningLab) -> None:
    healthy.netconsole("lab", "break", "rp_filter")
    try:
        ping = ("ping", "-c1", "-W1", FLOATING)
        assert healthy.inside("outside", *ping).returncode == 1
        healthy.netconsole("playbook", "run", "rp_filter", "--apply")
        assert healthy.inside("outside", *ping).returncode == 0
        assert named(healthy) == []
        healthy.netconsole("playbook", "run", "rp_filter", "--undo")
        assert healthy.inside("outside", *ping).returncode == 1
    finally:
        healthy.netconsole("lab", "mend", "rp_filter")


@pytest.mark.requires("setpriv")
def test_an_ordinary_user_is_told_what_could_not_be_checked_and_why(healthy: RunningLab) -> None:
    as_nobody = ("setpriv", "--reuid=65534", "--clear-groups", "netconsole", "doctor", "--json")
    done = healthy.run(*as_nobody, check=False)
    findings = {each["check"]: each for each in json.loads(done.stdout)["findings"]}
    assert done.returncode == 3
    unknown = {name for name, each in findings.items() if each["verdict"] == "unknown"}
    assert {"floating_nat", "drift"} <= unknown
    assert all(each["fix"] is None for each in findings.values() if each["verdict"] == "unknown")
    assert "root" in findings["floating_nat"]["because"]
    assert findings["rp_filter"]["verdict"] == "ok"


def test_without_a_store_the_rest_is_checked_all_the_same(healthy: RunningLab) -> None:
    broken = ("env", "NETCONSOLE_CONFIG_FILE=/nonexistent", "netconsole", "doctor", "--json")
    done = healthy.run(*broken, check=False)
    findings = {each["check"]: each["verdict"] for each in json.loads(done.stdout)["findings"]}
    assert done.returncode == 3
    assert findings["rp_filter"] == "ok"
    assert findings["drift"] == "unknown"


def test_people_get_one_line_a_check_and_the_cure(healthy: RunningLab) -> None:
    healthy.netconsole("lab", "break", "rp_filter")
    try:
        lines = healthy.netconsole("doctor", check=False).stdout.splitlines()
    finally:
        healthy.netconsole("lab", "mend", "rp_filter")
    words = {line.split()[2]: line.split()[1] for line in lines[1 : lines.index("")]}
    assert words.pop("rp_filter") == "FAIL"
    assert set(words.values()) <= {"ok", "info", "n/a"}
    assert lines[-2:] == [
        "rp_filter: netconsole playbook run rp_filter --apply",
        "    netconsole explain rp_filter",
    ]


def test_playbooks_are_listed_and_explained(healthy: RunningLab) -> None:
    listed = json.loads(healthy.netconsole("playbook", "list", "--json").stdout)
    assert "rp_filter" in [each["name"] for each in listed]
    page = healthy.netconsole("playbook", "show", "rp_filter").stdout.splitlines()
    assert {"Symptom", "Cause", "What else looks like it", "Cure", "Source"} <= set(page)
    assert healthy.netconsole("explain", "A1").stdout.splitlines()[0].startswith("rp_filter (A1")
    missing = healthy.netconsole("playbook", "show", "nonsense", check=False)
    assert missing.returncode == 2
    assert "nonsense" in missing.stderr


def test_evidence_is_carried_in_a_file_and_judged_anywhere(healthy: RunningLab) -> None:
    healthy.netconsole("lab", "break", "rp_filter")
    try:
        healthy.netconsole("doctor", "--save", "/run/evidence.json", check=False)
    finally:
        healthy.netconsole("lab", "mend", "rp_filter")
    assert healthy.run("stat", "-c%a", "/run/evidence.json").stdout == "600\n"
    as_nobody = ("setpriv", "--reuid=65534", "--clear-groups")
    healthy.run("chmod", "644", "/run/evidence.json")
    said = healthy.run(
        *as_nobody, "netconsole", "doctor", "--json", "--from", "/run/evidence.json", check=False
    )
    found = {each["check"]: each for each in json.loads(said.stdout)["findings"]}
    assert (said.returncode, found["rp_filter"]["verdict"]) == (1, "fail")
    missing = healthy.netconsole("doctor", "--from", "/run/nothing.json", check=False)
    assert missing.returncode == 2
    assert "/run/nothing.json" in missing.stderr
