"""A playbook's verdict is about its target: what is wrong of another instance is an aside."""

import pytest
from lab_faults import PROGRAMS, examined, run_playbook
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "root", "nft")

BREAK = """
port=$(bridge fdb show br br100 | sed -n "s/^$1 dev \\([^ ]*\\) .*/\\1/p" | head -n 1)
bridge link set dev $port bcast_flood off
iptables -I nova-network-inst-2 -s 192.0.2.7 -j DROP
iptables -I FORWARD -s 10.0.0.3 -j DROP
chain=$(nft list chains netdev | sed -n "s/.*chain \\(.*$port.*\\) {/\\1/p" | head -n 1)
nft flush chain netdev netconsole $chain
"""
MEND = """
iptables -D FORWARD -s 10.0.0.3 -j DROP
for port in $(ls /sys/class/net/br100/brif); do bridge link set dev $port bcast_flood on; done
netconsole apply
"""
CHECKS = ("hairpin", "group_rules", "guards", "forward_filter")


def test_what_is_wrong_of_another_instance_is_no_verdict_on_the_target(lab: RunningLab) -> None:
    mac = lab.inside("web2", "cat", "/sys/class/net/eth0/address").stdout.strip()
    lab.run("sh", "-ec", BREAK, "sh", mac)
    try:
        found = {
            (check, target): run_playbook(lab, check, "--no-probe", "--target", target)[1]
            for check in CHECKS
            for target in ("web1", "web2")
        }
    finally:
        lab.run("sh", "-c", MEND)
    verdicts = {place: each["finding"]["verdict"] for place, each in found.items()}
    assert {verdicts[check, "web2"] for check in CHECKS} == {"fail"}, verdicts
    assert {verdicts[check, "web1"] for check in CHECKS} <= {"info", "ok"}, verdicts
    assert [
        each for each in found.values() if each["finding"]["fix"] and each["target"] == "web1"
    ] == []
    assert examined(lab).named == []


def test_a_check_alone_sends_the_packets_that_it_goes_by(lab: RunningLab) -> None:
    rule = ("FORWARD", "-p", "tcp", "-m", "string", "--string", "GET /", "--algo", "bm")
    lab.run("iptables", "-I", *rule, "-j", "DROP")
    try:
        _, document = run_playbook(lab, "forward_filter", "--target", "web1")
    finally:
        lab.run("iptables", "-D", *rule, "-j", "DROP")
    assert document["finding"]["verdict"] == "fail"
    assert "GET /" in document["finding"]["because"]


def test_a_neighbour_that_is_not_reached_is_no_verdict_on_who_asks_it(lab: RunningLab) -> None:
    rule = ("FORWARD", "-d", "10.0.0.3", "-j", "DROP")
    lab.run("iptables", "-I", *rule)
    try:
        books = {
            target: run_playbook(lab, "packet_loss", "--seconds", "1", "--target", target)[1]
            for target in ("web1", "web2")
        }
    finally:
        lab.run("iptables", "-D", *rule)
    told = {target: document["finding"] for target, document in books.items()}
    assert told["web1"]["verdict"] == "info"
    assert told["web1"]["because"].startswith("Not about web1: ")
    assert "10.0.0.3" in told["web2"]["because"]
    assert not told["web2"]["because"].startswith("Not about")
