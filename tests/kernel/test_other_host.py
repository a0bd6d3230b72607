"""Another host, asked by SSH: a real server, and a link that dies."""

import json
import subprocess

import pytest
from agent import add_users, start_agent
from cloud import answer, create_network
from private_host import PrivateHost, eventually
from secure_shell import HOME, serve_ssh_of_host

pytestmark = pytest.mark.requires("root", "dropbear", "ssh")

HOST = "ssh://root@203.0.113.2:22"


@pytest.fixture
def node(host: PrivateHost) -> PrivateHost:
    create_network(host)
    add_users(host)
    start_agent(host)
    serve_ssh_of_host(host)
    return host


def outside(node: PrivateHost, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as an admin does at another host, in the network that the node's is."""
    words = ("ip", "netns", "exec", "outside", "netconsole", "--host", HOST, *command)
    return node.run(*words, check=False, environment={"HOME": HOME, "TMPDIR": "/run"})


def test_every_command_is_the_other_hosts(node: PrivateHost) -> None:
    seen = outside(node, "status")
    assert seen.stdout.startswith("testhost: ok, as the store says"), seen
    made = outside(node, "dns", "create-domain", "example.org")
    assert made.returncode == 0, made.stderr
    assert [each["domain"] for each in answer(node, "dns", "domains")] == ["example.org"]
    lines = map(json.loads, node.read("/var/lib/netconsole/audit.jsonl").splitlines())
    (line,) = (each for each in lines if each["asked"] == "dns create-domain example.org")
    assert (line["login"], line["ssh_peer"]) == ("root", "203.0.113.1")
    refused = outside(node, "network", "delete", "nowhere")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    found = outside(node, "doctor", "--only", "state_directory")
    assert found.stdout.splitlines()[1].startswith("✓ ok     state_directory")
    for local in (("playbook", "run", "rp_filter"), ("lab", "mend", "x"), ("doctor", "--probe")):
        assert outside(node, *local).returncode != 0


def test_what_stands_in_the_way_is_one_line(node: PrivateHost) -> None:
    node.run("pkill", "-TERM", "-f", "netconsole agent")
    eventually(lambda: node.run("test", "-e", "/run/netconsole/agent.sock", check=False).returncode)
    seen = outside(node, "network", "list")
    assert (seen.returncode, seen.stderr.count("\n")) == (3, 1)
    assert "no agent answers at /run/netconsole/agent.sock" in seen.stderr
    node.run("pkill", "dropbear")
    eventually(lambda: "refused" in outside(node, "network", "list").stderr)
    for wrong in ("node2", "http://node2", "ssh://", "ssh://-oProxyCommand=x", "ssh://a/b"):
        told = node.run("netconsole", "--host", wrong, "network", "list", check=False)
        assert (told.returncode, "must be ssh://HOST" in told.stderr) == (2, True), wrong


WATCH = f"""
import sys, time
from netconsole.door.channel import SshChannel, parse_target
from netconsole.door.remote import RemoteDoor

channel = SshChannel(parse_target("{HOST}"))
door = RemoteDoor(channel)
began = time.monotonic()

def told(sight):
    kind = "error" if isinstance(sight, Exception) else "sight"
    print(kind, sight if kind == "error" else sight.status.host.name, flush=True)

over = door.subscribe(told)
sys.stdin.read()
over()
door.close()
"""


def test_a_dead_link_is_said_and_taken_up_again(node: PrivateHost) -> None:
    program = ("env", f"HOME={HOME}", "TMPDIR=/run", "python3", "-c", WATCH)
    watch = node.spawn("ip", "netns", "exec", "outside", *program)
    assert watch.stdout is not None
    assert watch.stdout.readline() == "sight testhost\n"
    node.outside("ip", "link", "set", "dev", "eth0", "down")
    assert watch.stdout.readline().startswith("error 203.0.113.2: ")
    node.outside("ip", "link", "set", "dev", "eth0", "up")
    lines = iter(watch.stdout.readline, "")
    assert any(line == "sight testhost\n" for line in lines)
