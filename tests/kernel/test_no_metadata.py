"""The playbook of instances without metadata names what is broken, in each way that it can be."""

import pytest
from lab_faults import PROGRAMS, run_playbook
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "curl")

ASK = ("netconsole", "lab", "exec", "web1", "curl", "-sS", "-m", "3", "-o", "/dev/null")
URL = "http://169.254.169.254/openstack"
DROP = "iptables -w {} INPUT -p tcp --dport 8775 -j DROP"

WAYS = {
    "the rule is gone": (
        "netconsole lab break metadata",
        "netconsole lab mend metadata",
        "metadata",
    ),
    "no service runs": (
        "netconsole lab break metadata_service",
        "netconsole lab mend metadata_service",
        "metadata",
    ),
    "the gateway is gone": (
        "netconsole lab break gateway; netconsole lab exec web1 ip neighbour flush dev eth0",
        "netconsole lab mend gateway",
        "gateway",
    ),
    "a firewall drops it before our rules": (
        DROP.format("-I"),
        DROP.format("-D"),
        "dhcp_firewall",
    ),
}
"""How it breaks, how it is mended, and the check that names it."""


@pytest.mark.parametrize(("broken", "mended", "check"), WAYS.values(), ids=WAYS.keys())
def test_the_playbook_finds_what_is_broken(
    lab: RunningLab, broken: str, mended: str, check: str
) -> None:
    assert lab.run(*ASK, URL).returncode == 0
    lab.run("sh", "-ec", broken)
    try:
        assert lab.run(*ASK, URL, check=False).returncode != 0
        _, document = run_playbook(lab, "no-metadata", "--target", "web1")
    finally:
        lab.run("sh", "-ec", mended)
    found = {each["check"]: each["verdict"] for each in document["findings"]}
    first = next(name for name, verdict in found.items() if verdict in ("warn", "fail"))
    assert first == check, document
    assert lab.run(*ASK, URL).returncode == 0
    _, document = run_playbook(lab, "no-metadata", "--target", "web1")
    verdicts = {each["verdict"] for each in document["findings"]}
    assert verdicts <= {"ok", "info", "not-applicable"}, document


def test_where_the_host_lets_nothing_in_guests_are_answered(lab: RunningLab) -> None:
    """As nova's API had it: its port is let in, whatever else a firewall of the host refuses."""
    lab.run("iptables", "-w", "-P", "INPUT", "DROP")
    try:
        assert lab.run(*ASK, URL).returncode == 0
    finally:
        lab.run("iptables", "-w", "-P", "INPUT", "ACCEPT")
