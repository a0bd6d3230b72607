"""Playbooks in a lab: a guest that is silent, an archive for a colleague."""

import base64
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from lab_faults import PROGRAMS, examined, run_playbook
from lab_guests import gets_address
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)

FLOATING = "203.0.113.129"


def test_a_silent_guest_is_told_from_a_dead_network(lab: RunningLab) -> None:
    assert run_playbook(lab, "guest_answers", "--target", "web1")[0] == 0
    lab.inside("web1", "ip", "link", "set", "eth0", "down")
    lab.run("ip", "neighbour", "flush", "dev", "br100")
    try:
        status, document = run_playbook(lab, "guest_answers", "--target", FLOATING)
        assert status == 1
        assert "web1 (10.0.0.2) does not answer ARP" in document["finding"]["because"]
        assert run_playbook(lab, "guest_answers", "--target", "web2")[0] == 0
        whole = examined(lab, "--probe")
        assert whole.named == []
        assert whole.findings["guest_answers"]["verdict"] == "info"
    finally:
        lab.inside("web1", "ip", "link", "set", "eth0", "up")
        lab.inside("web1", "ip", "route", "add", "default", "via", "10.0.0.1")


def test_a_guest_that_only_drops_ping_is_there(lab: RunningLab) -> None:
    setting = "net.ipv4.icmp_echo_ignore_all"
    lab.inside("db1", "sysctl", "-qw", f"{setting}=1")
    try:
        status, document = run_playbook(lab, "guest_answers", "--target", "db1")
        assert (status, document["finding"]["verdict"]) == (0, "info")
        assert "a filter inside it" in document["finding"]["because"]
    finally:
        lab.inside("db1", "sysctl", "-qw", f"{setting}=0")


def test_a_target_that_means_nothing_is_refused_in_one_line(lab: RunningLab) -> None:
    done = lab.netconsole("playbook", "run", "guest_answers", "--target", "web9", check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "'web9'" in done.stderr


def test_the_bundle_has_everything_but_secrets(lab: RunningLab) -> None:
    secret = "s3cr3t-of-the-lab"  # noqa: S105  it protects nothing
    lab.run("sh", "-c", f"echo '# x_password = {secret}' > /etc/sysctl.d/10-odd.conf")
    lab.netconsole("lab", "break", "nat_flushed")
    try:
        status, document = run_playbook(lab, "bundle", "--no-probe", "--target", "/run/t.tar.gz")
    finally:
        lab.netconsole("lab", "mend", "nat_flushed")
        lab.run("rm", "/etc/sysctl.d/10-odd.conf")
    assert status == 1, "the archive is written, and something was found"
    assert document["delivered"].startswith("/run/t.tar.gz: ")
    assert lab.run("stat", "-c%a", "/run/t.tar.gz").stdout == "600\n"
    data = lab.run("base64", "/run/t.tar.gz").stdout
    with tarfile.open(fileobj=BytesIO(base64.b64decode(data))) as archive:
        files = {
            entry.name.partition("/")[2]: extracted.read().decode()
            for entry in archive
            if (extracted := archive.extractfile(entry)) is not None
        }
    assert not [name for name, text in files.items() if secret in text]
    assert "# x_password = (removed)" in files["files/etc/sysctl.d/10-odd.conf"]
    assert "nova-network-floating-snat" in files["commands/iptables.txt"]
    assert "-A nova-network-PREROUTING" in files["plan.txt"]
    assert json.loads(files["options.json"])["public_interface"] == "eth0"
    named = [each["check"] for each in json.loads(files["findings.json"]) if each["fix"]]
    assert named == ["floating_nat"]
    assert "floating_nat" in files["README"]
    refused = lab.netconsole(
        "playbook", "run", "bundle", "--no-probe", "--target", "/nowhere/t.tar.gz", check=False
    )
    assert refused.returncode == 1
    assert "/nowhere/t.tar.gz: cannot be written" in refused.stderr


def port_of(lab: RunningLab, instance: str) -> str:
    status = json.loads(lab.netconsole("status", "--json").stdout)
    return next(
        str(each["device"]) for each in status["allocations"] if each["instance"] == instance
    )


@contextmanager
def pinging(lab: RunningLab) -> Iterator[None]:
    """The world outside pings the floating address; a new flow, so that no old one is followed."""
    ping = ("ping", "-c30", "-i0.2", FLOATING)
    pings = lab.spawn("netconsole", "lab", "exec", "outside", "--", *ping)
    yield
    pings.kill()
    pings.communicate(timeout=60)


def evidence(finding: dict[str, Any]) -> dict[str, str]:
    return {row["label"]: row["value"] for row in finding["evidence"]}


def test_packets_that_a_bridge_drops_are_counted_between_port_and_bridge(lab: RunningLab) -> None:
    watch = ("packet-loss", "--target", "web1", "--seconds", "3")
    status, document = run_playbook(lab, *watch)
    assert status == 0, document["finding"]["because"]
    sent = int(evidence(document["finding"])["queries sent"])
    assert sent > 0

    port = port_of(lab, "web1")
    rule = ("INPUT", "-i", port, "-p", "IPv4", "--ip-proto", "udp", "--ip-dport", "53")
    lab.run("ebtables", "-A", *rule, "-j", "DROP")
    try:
        status, document = run_playbook(lab, *watch)
    finally:
        lab.run("ebtables", "-D", *rule, "-j", "DROP")
    found = document["finding"]
    assert (status, found["check"], found["verdict"]) == (1, "packet_loss", "fail")
    asked = evidence(found)["queries sent"]
    assert evidence(found)[f"{port} to br100"] == f"0 of {asked} seen at both"
    assert evidence(found)[f"dns at {port}"] == f"0 of {asked} answered"


def test_answers_that_are_dropped_are_missed_in_the_other_direction(lab: RunningLab) -> None:
    port = port_of(lab, "web2")
    rule = ("OUTPUT", "-o", port, "-p", "IPv4", "--ip-proto", "udp", "--ip-sport", "53")
    lab.run("ebtables", "-A", *rule, "-j", "DROP")
    try:
        _, document = run_playbook(lab, "packet_loss", "--target", "web2", "--seconds", "3")
    finally:
        lab.run("ebtables", "-D", *rule, "-j", "DROP")
    rows = evidence(document["finding"])
    asked = rows["queries sent"]
    assert rows[f"{port} to br100"] == f"{asked} of {asked} seen at both"
    assert rows[f"br100 to {port}"] == f"0 of {asked} seen at both"


def test_a_floating_address_is_watched_on_both_sides_of_nat(lab: RunningLab) -> None:
    watch = ("packet_loss", "--target", FLOATING, "--seconds", "3")
    status, document = run_playbook(lab, *watch)
    assert (status, document["finding"]["verdict"]) == (0, "info")
    assert "lost before this host" in document["finding"]["because"]

    lab.netconsole("lab", "break", "nat_flushed")
    try:
        with pinging(lab):
            status, document = run_playbook(lab, *watch)
    finally:
        lab.netconsole("lab", "mend", "nat_flushed")
    assert (status, document["finding"]["verdict"]) == (1, "fail")
    assert "from eth0 to" in document["finding"]["because"]
    with pinging(lab):
        status, document = run_playbook(lab, *watch)
    assert status == 0
    assert int(evidence(document["finding"])["destination address changed"]) > 0


@pytest.mark.requires("tap")
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("dnsmasq_killed", "dnsmasq_processes"),
        ("dhcp_hosts", "dhcp_hosts"),
        ("dhcp_firewall", "dhcp_firewall"),
    ],
)
def test_an_instance_without_an_address_gets_one_again(
    lab: RunningLab, fault: str, cause: str
) -> None:
    eventually(lambda: gets_address(lab, "web2"))
    lab.netconsole("lab", "break", fault)
    try:
        assert not gets_address(lab, "web2")
        status, document = run_playbook(lab, "no-address", "--target", "web2", "--apply")
        assert (status, document["verified"]) == (0, True), document
        assert document["finding"]["check"] == cause
        eventually(lambda: gets_address(lab, "web2"))
    finally:
        lab.netconsole("lab", "mend", fault)


def test_slow_names_are_led_back_to_the_half_in_which_time_is_lost(lab: RunningLab) -> None:
    assert run_playbook(lab, "slow-dns", "--target", "vmnet")[0] == 0
    lab.netconsole("lab", "break", "dns")
    try:
        status, document = run_playbook(lab, "slow-dns", "--target", "web1")
        assert status == 1
        assert document["finding"]["check"] == "dns"
        assert "203.0.113.1, which the dnsmasq of vmnet asks" in document["finding"]["because"]
    finally:
        lab.netconsole("lab", "mend", "dns")
    lab.netconsole("lab", "break", "dnsmasq_stopped")
    try:
        status, document = run_playbook(lab, "slow-dns", "--apply")
        assert (status, document["verified"]) == (0, True)
        assert document["finding"]["check"] == "dnsmasq_processes"
    finally:
        lab.netconsole("lab", "mend", "dnsmasq_stopped")


def test_the_cure_of_dnsmasq_touches_ours_alone_and_only_what_is_wrong(lab: RunningLab) -> None:
    lab.netconsole("network", "create", "second", "--fixed-range-v4=10.9.0.0/24", "--bridge=br9")
    other = "/run/libvirt/dnsmasq.pid"
    lab.run("mkdir", "-p", "/run/libvirt")
    lab.run("ip", "link", "add", "virbr0", "type", "bridge")
    lab.run("ip", "link", "set", "virbr0", "up")
    lab.run(
        *("dnsmasq", "--conf-file=", f"--pid-file={other}", "--port=0", "--interface=virbr0"),
        *("--except-interface=lo", "--bind-dynamic", "--dhcp-range=192.168.122.50,192.168.122.60"),
        *("--dhcp-leasefile=/run/libvirt/leases",),
    )
    try:
        before = {name: dnsmasq_of(lab, name) for name in ("vmnet", "second")}
        foreign = lab.run("cat", other).stdout.strip()
        lab.run("kill", str(before["second"]))
        status, document = run_playbook(lab, "dnsmasq", "--apply")
        assert (status, document["verified"]) == (0, True), document
        rows = [(row["label"], row["value"]) for row in document["finding"]["evidence"]]
        assert ("dnsmasq of libvirt", f"pid {foreign}") in rows
        assert ("dnsmasq of second", "missing, 0") in rows
        assert dnsmasq_of(lab, "vmnet") == before["vmnet"]
        assert dnsmasq_of(lab, "second") not in (None, before["second"])
        assert lab.run("cat", other).stdout.strip() == foreign
        lab.run("kill", "-0", foreign)
    finally:
        lab.run("sh", "-c", f"kill $(cat {other}); ip link delete virbr0")
        lab.netconsole("network", "delete", "second")


def dnsmasq_of(lab: RunningLab, network: str) -> int | None:
    status = json.loads(lab.netconsole("status", "--json").stdout)
    running = [each for each in status["dnsmasq"] if each["network"] == network]
    return next((int(pid) for each in running for pid in each["pids"]), None)
