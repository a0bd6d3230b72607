"""Playbooks in a lab: a guest that is silent, an archive for a colleague."""

import base64
import json
import tarfile
from collections.abc import Iterator
from io import BytesIO

import pytest
from lab_faults import PROGRAMS, examined, run_playbook
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)

FLOATING = "203.0.113.129"


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with RunningLab() as running:
        yield running


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
    lab.netconsole("lab", "break", "nat-flushed")
    try:
        status, document = run_playbook(lab, "bundle", "--no-probe", "--target", "/run/t.tar.gz")
    finally:
        lab.netconsole("lab", "mend", "nat-flushed")
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
    assert refused.returncode == 2
    assert "/nowhere/t.tar.gz" in refused.stderr
