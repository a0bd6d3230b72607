"""Another host, asked by SSH: a real server, and a link that dies."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import nova_database
import pytest
from cloud import answer
from nova_database import OTHER, VMNET
from private_host import eventually
from secure_shell import HOME
from two_hosts import CABLE, CLIENT, FAR, NEAR, URL, TwoHosts, two_hosts

from netconsole import __version__

pytestmark = pytest.mark.requires(
    "root", "namespaces", "nsenter", "ip", "iptables", "dropbear", "ssh"
)


OTHER_VERSION = """
import sys
import netconsole
netconsole.__version__ = sys.argv[1]
from netconsole.cli.main import run
run(["agent"])
"""


@pytest.fixture
def hosts() -> Iterator[TwoHosts]:
    with two_hosts() as both:
        yield both


def test_every_command_is_the_other_hosts(hosts: TwoHosts) -> None:
    seen = hosts.ask("status")
    assert seen.stdout.startswith("node2: ok, as the store says"), seen
    made = hosts.ask("dns", "create-domain", "example.org")
    assert made.returncode == 0, made.stderr
    assert [each["domain"] for each in answer(hosts.far, "dns", "domains")] == ["example.org"]
    assert answer(hosts.near, "dns", "domains") == []
    lines = map(json.loads, hosts.far.read("/var/lib/netconsole/audit.jsonl").splitlines())
    (line,) = (each for each in lines if each["asked"] == "dns create-domain example.org")
    assert (line["login"], line["ssh_peer"]) == ("root", NEAR)
    refused = hosts.ask("network", "delete", "nowhere")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)


def test_checks_probes_and_cures_are_the_other_hosts(hosts: TwoHosts) -> None:
    found = hosts.ask("doctor", "--only", "state_directory")
    assert "✓ ok     state_directory" in found.stdout, found
    probed = json.loads(hosts.ask("doctor", "--only", "gateway", "--probe", "--json").stdout)
    assert [each["verdict"] for each in probed["findings"]] == ["ok"], probed

    traced = json.loads(hosts.ask("trace", "--from", "host", "--to", NEAR, "--json").stdout)
    assert (traced["source"], traced["end"]) == (FAR, "answered"), traced
    waited = hosts.ask(
        *("trace", "--wait", "--seconds", "1", "--from", "host", "--to", NEAR, "udp", "9")
    )
    assert (waited.returncode, waited.stdout) == (1, ""), waited
    assert f"\nnone came in 1 s: udp 9 from host to {NEAR}\n" in waited.stderr, waited
    refused = hosts.ask("--read-only", "trace", "--from", "host", "--to", NEAR)
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1), refused

    hosts.far.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    looked = hosts.ask("playbook", "run", "ip_forward")
    assert looked.returncode == 1, looked
    assert hosts.far.read("/proc/sys/net/ipv4/ip_forward") == "0\n"
    saved = hosts.ask("doctor", "--save", "/run/node2.json")
    assert saved.returncode == 1, saved.stderr
    judged = hosts.near.run(
        *("netconsole", "doctor", "--from", "/run/node2.json", "--only", "ip_forward", "--json"),
        check=False,
    )
    assert [each["verdict"] for each in json.loads(judged.stdout)["findings"]] == ["fail"]
    healed = json.loads(hosts.ask("playbook", "run", "ip_forward", "--apply", "--json").stdout)
    assert healed["verified"], healed
    assert hosts.far.read("/proc/sys/net/ipv4/ip_forward") == "1\n"
    undone = hosts.ask("playbook", "run", "ip_forward", "--undo")
    assert undone.returncode == 0, undone.stderr
    assert hosts.far.read("/proc/sys/net/ipv4/ip_forward") == "0\n"
    assert hosts.near.read("/proc/sys/net/ipv4/ip_forward") == "1\n"
    wrong = hosts.ask("playbook", "run", "guest_answers", "--target", "web9")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1), wrong


def captures(hosts: TwoHosts) -> bool:
    return len(hosts.far.read("/proc/net/packet").splitlines()) > 1


def test_a_capture_is_the_other_hosts_and_saved_here(hosts: TwoHosts) -> None:
    hosts.far.spawn("ping", "-i0.2", "203.0.113.1")
    words = ("capture", "--on", "eth0", "--on", CABLE, "--count", "40", "--seconds", "60")
    # Of a capture of four seconds most is not too near its beginning or its end to be judged.
    done = hosts.ask(*words, "--write", "/run/far.pcapng", "icmp")
    assert done.returncode == 1, "what is seen at one alone is lost"
    assert "203.0.113.2 > 203.0.113.1" in done.stdout.replace(" -> ", " > "), done.stdout
    assert "capturing at eth0 and cable0" in done.stderr
    again = ("netconsole", "capture", "--read", "/run/far.pcapng", "--json")
    read = json.loads(hosts.near.run(*again, check=False).stdout)
    assert read["points"][0]["packets"] >= 40
    assert read["points"][1]["packets"] == 0
    wrong = hosts.ask("capture", "--on", "nowhere0")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1), wrong


def test_a_capture_spares_the_session_that_carries_it_and_ends_with_it(hosts: TwoHosts) -> None:
    asked = ("netconsole", "--host", URL, "capture", "--on", CABLE, "--seconds", "0", "--json")
    saved = ("--write", "/run/ended.pcapng", "tcp", "port", "22")
    capture = hosts.near.spawn(*asked, *saved, environment=CLIENT)
    eventually(lambda: captures(hosts))
    for _ in range(3):
        hosts.ask("network", "list")
    hosts.near.run("pkill", "-INT", "-f", "bin/netconsole --host")
    said, _ = capture.communicate(timeout=60)
    assert not captures(hosts), "it has ended, and said what it saw"
    seen = json.loads(said)["points"][0]["packets"]
    assert seen > 0, "other sessions are seen"
    again = ("netconsole", "capture", "--read", "/run/ended.pcapng", "--json")
    assert json.loads(hosts.near.run(*again).stdout)["points"][0]["packets"] == seen

    capture = hosts.near.spawn(*asked, environment=CLIENT)
    eventually(lambda: captures(hosts))
    hosts.near.run("pkill", "-KILL", "-f", "bin/netconsole --host")
    hosts.near.run("pkill", "-KILL", "ssh")
    eventually(lambda: not captures(hosts))
    capture.communicate(timeout=60)


def test_a_capture_ends_there_where_the_link_is_dead(hosts: TwoHosts) -> None:
    """Whether the near end lives or not: no sshd is asked to notice."""
    asked = ("netconsole", "--host", URL, "capture", "--on", CABLE, "--seconds", "0", "--json")
    capture = hosts.near.spawn(*asked, environment=CLIENT)
    eventually(lambda: captures(hosts))
    hosts.cut()
    hosts.near.run("pkill", "-KILL", "-f", "bin/netconsole --host")
    hosts.near.run("pkill", "-KILL", "ssh")
    eventually(lambda: not captures(hosts))
    hosts.mend()
    capture.communicate(timeout=60)


def test_a_database_of_nova_here_is_taken_over_there(hosts: TwoHosts, tmp_path: Path) -> None:
    nova_database.create(tmp_path / "nova.sqlite")
    hosts.near.run("cp", str(tmp_path / "nova.sqlite"), "/run/nova.sqlite")
    words = ("import", "nova", "--connection", "sqlite:////run/nova.sqlite")
    assert hosts.far.run("test", "-e", "/run/nova.sqlite", check=False).returncode == 1
    assert hosts.ask("network", "delete", "vmnet").returncode == 0
    near = answer(hosts.near, "network", "list")

    shown = hosts.ask(*words, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "0 networks served by this host (node2), 2 by others" in shown.stderr
    assert answer(hosts.far, "network", "list") == []
    done = hosts.ask(*words)

    assert done.returncode == 0, done.stderr
    assert re.search("fixed addresses +512", done.stdout), done.stdout
    assert {each["uuid"] for each in answer(hosts.far, "network", "list")} == {VMNET, OTHER}
    hosts.far.run("sh", "-c", "netconsole instance user-data web1 | grep -a 'Extra user data here'")
    assert "Extra user data here" not in hosts.far.read("/var/lib/netconsole/audit.jsonl")
    assert answer(hosts.near, "network", "list") == near
    again = hosts.ask(*words)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1), again
    wrong = hosts.ask("import", "nova", "--connection", "sqlite:////run/nowhere.sqlite")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (3, 1), wrong


@pytest.mark.parametrize(
    "words",
    [
        *(("lab", "mend", "x"), ("agent", "status"), ("agent", "install", "--dry-run")),
        *(("playbook", "run", "bundle"), ("completion", "bash")),
    ],
)
def test_what_is_of_this_very_host_is_refused_in_a_line(
    shared: TwoHosts, words: tuple[str, ...]
) -> None:
    refused = shared.ask(*words)
    assert refused.returncode in (1, 2), refused
    assert (refused.stdout, refused.stderr.count("\n")) == ("", 1), refused


@pytest.fixture(scope="module")
def shared() -> Iterator[TwoHosts]:
    """Two hosts that tests only look at."""
    with two_hosts() as both:
        yield both


def test_what_stands_in_the_way_is_one_line(hosts: TwoHosts) -> None:
    far = hosts.far
    far.run("pkill", "-TERM", "-f", "netconsole agent")
    eventually(lambda: far.run("test", "-e", "/run/netconsole/agent.sock", check=False).returncode)
    seen = hosts.ask("network", "list")
    assert (seen.returncode, seen.stderr.count("\n")) == (3, 1)
    assert "no agent answers at /run/netconsole/agent.sock" in seen.stderr
    far.run("pkill", "dropbear")
    eventually(lambda: "refused" in hosts.ask("network", "list").stderr)
    for wrong in ("node2", "http://node2", "ssh://", "ssh://-oProxyCommand=x", "ssh://a/b"):
        told = hosts.near.run("netconsole", "--host", wrong, "network", "list", check=False)
        assert (told.returncode, "must be ssh://HOST" in told.stderr) == (2, True), wrong


CHATTY = 'echo "Welcome to node2"; printf "Today: "'


def test_what_a_login_prints_before_the_answer_is_passed_over(hosts: TwoHosts) -> None:
    enter = hosts.far.read(f"{HOME}/enter")
    hosts.far.write(f"{HOME}/enter", enter.replace("exec", f"{CHATTY}\nexec"))
    for words in (("network", "list"), ("dns", "create-domain", "example.org")):
        seen = hosts.ask(*words)
        assert (seen.returncode, "Welcome" in seen.stdout + seen.stderr) == (0, False), seen
    saved = hosts.ask("doctor", "--only", "state_directory")
    assert "✓ ok     state_directory" in saved.stdout, saved
    hosts.far.write(f"{HOME}/enter", "#!/bin/sh\necho This account is closed.; exit 1\n")
    refused = hosts.ask("network", "list")
    assert (refused.returncode, refused.stderr) == (
        3,
        "netconsole: 198.51.100.2: the connection has ended; "
        "instead of an answer came 'This account is closed.'\n",
    )


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (
            "0.0.9",
            f"which is older: install {__version__} there, then "
            f"`ssh -l root -p 22 -- {FAR} systemctl restart netconsole-agent`",
        ),
        ("9.10.0", "which is newer: install 9.10.0 here"),
    ],
)
def test_an_agent_of_another_version_is_said_to_be_and_where_to_mend_it(
    hosts: TwoHosts, version: str, told: str
) -> None:
    hosts.far.run("pkill", "-TERM", "-f", "netconsole agent")
    hosts.agent.wait(timeout=60)
    hosts.far.spawn("env", "python3", "-c", OTHER_VERSION, version)
    said = f"netconsole: this is {__version__}, the agent of {FAR} is {version}, {told}\n"
    eventually(lambda: hosts.ask("network", "list").stderr == said)


def test_an_agent_that_hangs_there_is_said_in_a_line(hosts: TwoHosts) -> None:
    hosts.far.run("pkill", "-STOP", "-f", "netconsole agent")
    seen = hosts.ask("network", "list")
    assert (seen.returncode, seen.stdout, seen.stderr.count("\n")) == (3, "", 1), seen
    assert "`systemctl restart netconsole-agent` begins it anew" in seen.stderr
    hosts.agent.send_signal(signal.SIGCONT)
    hosts.far.run("pkill", "-CONT", "-f", "netconsole agent")
    assert hosts.ask("network", "list").returncode == 0


WATCH = f"""
import sys
from netconsole.door.ssh_channel import SshChannel, parse_target
from netconsole.door.remote import RemoteDoor

door = RemoteDoor(SshChannel(parse_target("{URL}")))

def told(sight):
    kind = "error" if isinstance(sight, Exception) else "sight"
    print(kind, sight if kind == "error" else sight.status.host.name, flush=True)

subscription = door.subscribe(told)
sys.stdin.read()
subscription.end()
door.close()
"""


def test_a_dead_link_is_said_and_taken_up_again(hosts: TwoHosts) -> None:
    watch = hosts.near.spawn("python3", "-c", WATCH, environment=CLIENT)
    assert watch.stdout is not None
    assert watch.stdout.readline() == "sight node2\n"
    hosts.cut()
    lines = iter(watch.stdout.readline, "")
    assert any(line.startswith("error 198.51.100.2: ") for line in lines)
    hosts.mend()
    assert any(line == "sight node2\n" for line in lines)
