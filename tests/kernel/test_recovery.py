"""What is found half done, unreadable or without its keeper is dealt with, and said."""

import json
import shlex
import subprocess

from cloud import CONFIGURATION, FLOATING, answer, configure, create_network, held, netconsole
from kills import killed
from private_host import PrivateHost, eventually
from pseudo_terminal import Terminal

STATE = "/var/lib/netconsole"
CREATE = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
SESSION = {"SSH_CONNECTION": "203.0.113.1 50000 203.0.113.2 22"}


def steps_before(host: PrivateHost, command: str) -> int:
    """How many steps of the network's creation come before the one with this command."""
    shown = json.loads(host.run("netconsole", *CREATE, "--dry-run", "--json").stdout)["steps"]
    return next(n for n, step in enumerate(shown) if command in step["commands"][0])


def test_what_an_admin_made_since_is_not_taken_for_ours(host: PrivateHost) -> None:
    """Killed after AddLink: the bridge has no mark yet. Once in use, it is the admin's."""
    configure(host)
    netconsole(host, "apply")
    number = steps_before(host, "ip link add name br100")
    assert killed(host, number, "after", *CREATE)
    host.run("ip", "address", "add", "192.0.2.1/24", "dev", "br100")
    said = host.run("netconsole", "apply").stderr
    assert "br100 was made, or taken into use, by someone else: left alone" in said
    assert "192.0.2.1/24" in host.run("ip", "address", "show", "dev", "br100").stdout

    # A reboot, and the admin makes the bridge anew, with the host's own address.
    host.run("ip", "link", "delete", "br100")
    assert killed(host, number + 2, "after", *CREATE)
    host.write("/run/boot_id", "11111111-2222-3333-4444-555555555555\n")
    host.run("mount", "--bind", "/run/boot_id", "/proc/sys/kernel/random/boot_id")
    host.run("sh", "-c", r"printf '*filter\nCOMMIT\n' | iptables-restore")
    host.run("ip", "link", "delete", "br100")
    host.run("ip", "link", "add", "br100", "type", "bridge")
    host.run("ip", "address", "add", "192.0.2.1/24", "dev", "br100")
    said = host.run("netconsole", "apply").stderr
    assert "when this host went down" in said
    assert "192.0.2.1/24" in host.run("ip", "address", "show", "dev", "br100").stdout
    assert not host.run("find", f"{STATE}/networks", "-type", "f", check=False).stdout
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_rules_of_others_outlive_a_repair_that_was_killed_before_it_ran(host: PrivateHost) -> None:
    """Beside rules of nft ours are deleted by number: there is another's in its place."""
    create_network(host)
    host.run("iptables", "-t", "nat", "-D", "PREROUTING", "-j", "nova-network-PREROUTING")
    for length in ("9", "10"):
        rule = ("ip", "nat", "PREROUTING", "ip", "length", length, "accept")
        host.run("nft", "insert", "rule", *rule)
    before = host.run("nft", "list", "chain", "ip", "nat", "PREROUTING").stdout
    assert killed(host, 0, "before", "apply")
    assert "left half done, taken back first" in host.run("netconsole", "apply").stderr
    after = host.run("nft", "list", "chain", "ip", "nat", "PREROUTING").stdout
    kept = [line for line in after.splitlines() if "nova-network-PREROUTING" not in line]
    assert kept == before.splitlines()
    assert "jump nova-network-PREROUTING" in after


def test_a_change_that_cannot_be_read_stops_changes_and_nothing_else(host: PrivateHost) -> None:
    create_network(host)
    path = f"{STATE}/journal/20260101T000000000000-0000.open"
    host.write(path, '{"steps": 7}\n')

    refused = host.run("netconsole", "floating", "create", "--ip-range", FLOATING, check=False)
    assert refused.returncode == 3
    assert path in refused.stderr
    assert f"rm -r {path}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert answer(host, "floating", "list") == []
    assert path in host.run("netconsole", "status", check=False).stdout
    assert host.run("netconsole", "plan", check=False).stdout == ""
    rows = answer(host, "history")
    assert [row["title"] for row in rows] == [" ".join(CREATE), None]
    host.run("rm", "-r", path)
    netconsole(host, "floating", "create", "--ip-range", FLOATING)


def test_without_an_audit_log_nothing_is_changed(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    before = held(host)
    host.run("ln", "-sf", "/dev/full", f"{STATE}/audit.jsonl")
    refused = host.run("netconsole", *CREATE, check=False)
    assert refused.returncode == 3
    assert "audit log" in refused.stderr
    assert held(host) == before
    assert answer(host, "network", "list") == []


def test_a_repair_that_failed_says_so_everywhere(host: PrivateHost) -> None:
    """Someone takes the address away again and again, so that it is never as planned."""
    create_network(host)
    taker = "while :; do ip address delete 10.0.0.1/24 dev br100 2>/dev/null; done"
    process = host.spawn("sh", "-c", taker)

    def apply() -> subprocess.CompletedProcess[str] | None:
        """It is done after all where the taker had no processor while it was looked at."""
        host.run("sysctl", "-w", "net.ipv4.ip_forward=0")
        done = host.run("netconsole", "apply", check=False)
        return done if done.returncode else None

    failed = eventually(apply)
    process.kill()

    assert failed is not None
    assert failed.returncode == 4
    assert "what was done stays" in failed.stderr
    entry = answer(host, "history")[0]
    assert entry["end"] == "failed"
    assert "still to do: ip address add 10.0.0.1/24" in entry["because"]
    assert entry["taken"] == len(entry["steps"]) > 0
    line = json.loads(host.read(f"{STATE}/audit.jsonl").splitlines()[-1])
    assert (line["change_id"], line["end"]) == (entry["id"], "failed")
    assert line["commands"] == [each for step in entry["steps"] for each in step["commands"]]
    assert host.run("sysctl", "-n", "net.ipv4.ip_forward").stdout == "1\n"


NOT_PRINTED = """
import sys
from netconsole.cli import main, network
def fail(*_):
    raise {error}
network.print_networks = fail
sys.argv[0] = "netconsole"
sys.exit(main.main())
"""


def test_what_was_done_and_could_not_be_said_is_no_failure_that_left_nothing(
    host: PrivateHost,
) -> None:
    """Neither where stdout takes nothing, nor where there is a bug in what prints."""
    configure(host)
    labels: list[str] = []

    def create(before: str, after: str = "") -> subprocess.CompletedProcess[str]:
        number = len(labels) + 1
        labels.append(f"Büro {number} €")
        arguments = f"network create '{labels[-1]}' --fixed-range-v4 10.0.{number}.0/24"
        command = f"{before} {arguments} --bridge br{number} {after}"
        return host.run("sh", "-c", command, check=False)

    for closed in ("--json >/dev/full", ">&-", ">&- 2>&-"):
        done = create("netconsole", closed)
        assert done.returncode == 4
        if "2>" not in closed:
            assert "done, but stdout could not be written" in done.stderr
    for error, words in (
        ("LookupError('x')", "LookupError: x (a bug; the report is in /run/netconsole-report-"),
        ("MemoryError", "there is not enough memory for this"),
        ("OSError(24, 'Too many open files')", "Too many open files: the system refuses"),
    ):
        done = create(f"TMPDIR=/run python3 -c {shlex.quote(NOT_PRINTED.format(error=error))}")
        assert done.returncode == 4
        told = done.stderr.splitlines()[-1]
        assert told.startswith("netconsole: network create ")
        assert f": done, but {words}" in told
    for encoding in ("ascii", "utf-16"):
        done = create(f"PYTHONIOENCODING={encoding} netconsole", ">/run/printed 2>&1")
        assert done.returncode == 0
    assert [row["label"] for row in answer(host, "network", "list")] == labels
    assert {entry["end"] for entry in answer(host, "history")} == {"done"}


def on_trial(host: PrivateHost) -> list[str]:
    host.write(
        "/etc/netconsole/netconsole.conf",
        f"{CONFIGURATION}flat_interface = eth0\ntrial_seconds = 60\n",
    )
    host.run("netconsole", "apply")
    return sorted(held(host))


def test_nothing_is_taken_for_dead_that_lives(host: PrivateHost) -> None:
    """The lock is removed and replaced under a change on trial; another change waits for it."""
    on_trial(host)
    with Terminal(host.entered("netconsole", *CREATE), environment=SESSION) as terminal:
        terminal.wait_for("Type yes within 60 s")
        host.run("rm", f"{STATE}/host.lock")
        host.run("touch", f"{STATE}/host.lock")
        other = host.spawn("netconsole", "floating", "create", "--ip-range", FLOATING)
        holds = f"readlink /proc/{other.pid}/fd/* 2>/dev/null | grep -q journal"
        eventually(lambda: host.run("sh", "-c", "pgrep -f 'floating create'").stdout)
        host.run("sh", "-c", f"{holds} || sleep 1")
        assert other.poll() is None
        host.run("pkill", "-KILL", "-f", "netconsole.backend.transaction.trial")
        terminal.press(*"yes", "enter")
        assert terminal.exit_status(60) == 0
    _, said = other.communicate(timeout=60)
    assert other.returncode == 0, said
    assert "taken back" not in said
    assert [row["label"] for row in answer(host, "network", "list")] == ["vmnet"]
    assert "203.0.113.2/24" in host.run("ip", "address", "show", "br100").stdout


def test_a_trial_without_its_guardian_is_taken_back_by_who_comes_first(host: PrivateHost) -> None:
    before = on_trial(host)
    with Terminal(host.entered("netconsole", *CREATE), environment=SESSION) as terminal:
        terminal.wait_for("Type yes within 60 s")
        host.run("pkill", "-KILL", "-f", "netconsole.backend.transaction.trial")
        host.run("pkill", "-KILL", "-f", "bin/netconsole network create")
    said = "is on trial, and nobody is left to hear a yes"
    assert said in host.run("netconsole", "status", check=False).stdout
    assert "was on trial, and nobody is left" in host.run("netconsole", "apply").stderr
    assert sorted(held(host)) == before
    assert said not in host.run("netconsole", "status", check=False).stdout


def test_a_guardian_does_its_duty_when_all_state_is_gone(host: PrivateHost) -> None:
    on_trial(host)
    with Terminal(host.entered("netconsole", *CREATE), environment=SESSION) as terminal:
        terminal.wait_for("Type yes within 60 s")
        host.run("rm", "-rf", STATE)
        host.run("pkill", "-KILL", "-f", "bin/netconsole network create")
        eventually(lambda: "br100" not in host.run("ip", "link").stdout)
    assert "203.0.113.2/24" in host.run("ip", "address", "show", "dev", "eth0").stdout
    assert "default via 203.0.113.1 dev eth0" in host.run("ip", "route").stdout


BATCH = """
import sys
from netconsole.backend.transaction.apply import apply
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.transaction.journal import Journal
from netconsole.backend.steps import AddAddress, AddLink, Plan, SetLink

steps = (
    AddLink("br7", "bridge", "netconsole:test"),
    SetLink("br7", "alias", "netconsole:test", ""),
    SetLink("eth0", "mtu", "1400", "1500"),
    AddAddress("eth0", "203.0.113.2/24"),
    SetLink("eth0", "mtu", "1300", "1400"),
)
try:
    apply(Plan(steps), Journal("/run/journal"), "test")
except StepFailed as error:
    print(error)
(entry,) = Journal("/run/journal").entries()
print(entry.end, entry.taken, entry.because)
"""


def test_a_batch_that_fails_names_the_command_and_is_undone_as_far_as_it_went(
    host: PrivateHost,
) -> None:
    before = held(host)
    said = host.run("python3", "-c", BATCH).stdout.splitlines()
    assert said[0].startswith("ip address add 203.0.113.2/24 dev eth0: ")
    assert said[1] == f"undone 3 {said[0]}"
    assert held(host) == before
