"""Faults of the packet filter and of connection tracking, put through from break to cure."""

import json

import pytest
from lab_faults import PROGRAMS, examined, put_through, put_through_by_hand, run_playbook
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "nft")


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("forward_filter", "forward_filter"),
        ("forward_filter_docker", "forward_filter"),
        ("forward_filter_nft", "forward_filter"),
        ("groups_bypassed", "groups_bypassed"),
        ("egress_source_nft", "egress_source"),
        ("ingress_destination", "ingress_destination"),
        ("legacy_filter", "legacy_filter"),
        ("conntrack_invalid", "conntrack_invalid"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


def test_what_no_undo_brings_back(lab: RunningLab) -> None:
    put_through(lab, "conntrack_stale", "conntrack_stale", undone=False)


def test_who_holds_the_lock_is_named_and_left(lab: RunningLab) -> None:
    assert "`kill " in put_through_by_hand(lab, "xtables_lock", "xtables_lock")["remedy"]


def test_a_rule_that_asks_for_a_port_is_worded_by_hand(lab: RunningLab) -> None:
    found = put_through_by_hand(lab, "port_rules", "port_rules")
    assert "-i br100 -p tcp" in found["remedy"]


def test_the_counter_of_the_rule_that_drops_moves_with_the_packets(lab: RunningLab) -> None:
    lab.netconsole("lab", "break", "forward_filter")
    ping = ("ping", "-q", "-i", "0.1", "-w", "20", "203.0.113.1")
    pinging = lab.spawn("netconsole", "lab", "exec", "web1", "--", *ping)
    try:
        eventually(lambda: "just now" in _said(lab, "forward_filter"))
    finally:
        pinging.kill()
        pinging.communicate()
        lab.netconsole("lab", "mend", "forward_filter")


def _said(lab: RunningLab, check: str) -> str:
    found = examined(lab).findings[check]
    return " ".join((found["because"], *(row["note"] for row in found["evidence"])))


def test_rules_of_other_programs_that_do_no_harm_are_no_finding(lab: RunningLab) -> None:
    made = (
        "iptables -N DOCKER-USER; iptables -I FORWARD -j DOCKER-USER; iptables -N LIBVIRT_FWI;"
        "nft add table inet firewalld; nft add chain inet firewalld filter_FORWARD "
        "'{ type filter hook forward priority 10; policy accept; }'"
    )
    gone = (
        "iptables -D FORWARD -j DOCKER-USER; iptables -X DOCKER-USER; iptables -X LIBVIRT_FWI;"
        "nft delete table inet firewalld"
    )
    lab.run("sh", "-ec", made)
    try:
        found = examined(lab)
        assert found.named == []
        other = found.findings["other_firewalls"]
        assert other["verdict"] == "info"
        assert "docker, firewalld, libvirt keep rules here" in other["because"]
    finally:
        lab.run("sh", "-ec", gone)


def test_without_nft_the_kernel_says_whether_there_is_anything_that_only_nft_shows(
    lab: RunningLab,
) -> None:
    hide = "mount --bind /dev/null /usr/sbin/nft"
    show = "umount /usr/sbin/nft"
    unread = ("drift",)  # the guards are in a table of nft themselves
    lab.run("sh", "-c", hide)
    try:
        assert examined(lab).named_beside(unread) == []
    finally:
        lab.run("sh", "-c", show)
    lab.run("sh", "-c", f"nft add table inet wall && {hide}")
    try:
        found = examined(lab)
        assert found.named_beside(unread) == ["forward_filter"]
        assert found.findings["forward_filter"]["verdict"] == "unknown"
        assert "inet wall" in found.findings["forward_filter"]["because"]
        nat = "'{ type nat hook postrouting priority 99; }'"
        lab.run("sh", "-c", f"{show} && nft add chain inet wall post {nat} && {hide}")
        found = examined(lab)
        assert found.named_beside(unread) == ["forward_filter", "egress_source"]
        assert found.findings["egress_source"]["verdict"] == "unknown"
    finally:
        lab.run("sh", "-c", f"{show} && nft delete table inet wall")


def test_frames_within_a_bridge_pass_again(lab: RunningLab) -> None:
    def reaches() -> bool:
        found = json.loads(lab.netconsole("status", "--json").stdout)["allocations"]
        address = next(each["address"] for each in found if each["instance"] == "web2")
        return lab.inside("web1", "ping", "-c1", "-w2", address).returncode == 0

    assert reaches()
    put_through(lab, "bridge_nf", "bridge_nf")
    lab.netconsole("lab", "break", "bridge_nf")
    try:
        assert not reaches()
        run_playbook(lab, "bridge_nf", "--apply")
        assert reaches()
        run_playbook(lab, "bridge_nf", "--undo")
        lab.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0")
        assert reaches()
        because = examined(lab).findings["bridge_nf"]["because"]
        assert "security groups do not hold between its guests" in because
        lab.run("ip", "link", "set", "br100", "type", "bridge", "nf_call_iptables", "1")
        assert not reaches(), "either of the two is enough"
        assert examined(lab).named == ["bridge_nf"]
    finally:
        lab.run("ip", "link", "set", "br100", "type", "bridge", "nf_call_iptables", "0")
        lab.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")
        lab.netconsole("lab", "mend", "bridge_nf")
