"""Commands that ask the agent, where there is one: what they say and do is what it was without."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent import add_users, by, curl, open_at_rest, open_files, start_agent
from cloud import answer, configure, create_cloud, create_network, held
from private_host import PrivateHost, eventually
from pseudo_terminal import Terminal

from netconsole import __version__

pytestmark = pytest.mark.requires("root")

NETCONSOLE = str(Path(sys.executable).parent / "netconsole")
DOMAIN = ("dns", "create-domain", "example.org")
HEAVY = (
    *("sqlalchemy", "aiohttp", "cattrs", "netconsole.backend.service.service", "pyroute2"),
    *("http.client", "email", "ssl", "pathlib", "urllib.parse", "tempfile", "traceback"),
    *("netconsole.door.ssh_channel", "netconsole.backend.model.records"),
    "netconsole.backend.model.hoststate",
)


@pytest.fixture
def door(host: PrivateHost) -> PrivateHost:
    create_cloud(host)
    add_users(host)
    start_agent(host)
    return host


@pytest.mark.parametrize(
    "command",
    [
        *(("status", "--json"), ("status",), ("plan",), ("plan", "--json"), ("guards", "--json")),
        *(("network", "list", "--json"), ("network", "show", "vmnet"), ("instance", "list")),
        *(("instance", "show", "web1", "--json"), ("fixed", "list", "--json"), ("fixed", "list")),
        *(
            ("floating", "list"),
            ("floating", "list", "--json"),
            ("history", "--json"),
            ("vpn", "list"),
        ),
        *(("secgroup", "list", "--json"), ("dns", "list"), ("dns", "domains"), ("history",)),
        ("secgroup", "test", "--from", "203.0.113.1", "--to", "web1", "--protocol", "icmp"),
        *(("nova", "list"), ("nova", "floating-ip-bulk-list"), ("nova-manage", "fixed", "list")),
    ],
)
def test_what_is_said_is_the_same_to_the_byte(
    shared: PrivateHost, command: tuple[str, ...]
) -> None:
    def told(*manner: str) -> tuple[str, str, int]:
        done = shared.run("netconsole", *manner, *command, check=False)
        return done.stdout, done.stderr, done.returncode

    deadline = time.monotonic() + 20  # a packet counted between the two makes them differ once
    while (asked := told()) != (alone := told("--no-agent")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert asked == alone


@pytest.fixture(scope="module")
def shared() -> Iterator[PrivateHost]:
    """A host with an agent, which these tests only look at; it is quiet."""
    with PrivateHost() as host:
        create_network(host)
        host.run("netconsole", "instance", "create", "web1", "--project", "demo")
        host.run("netconsole", "floating", "create", "--ip-range", "203.0.113.128/28")
        add_users(host)
        start_agent(host)
        yield host


def test_who_looks_needs_neither_rights_nor_a_configuration(door: PrivateHost) -> None:
    door.run("chmod", "0700", "/etc/netconsole", "/var/lib/netconsole")
    seen = by(door, "looker", "status")
    assert (seen.returncode, seen.stderr) == (0, "")
    assert "web1" in seen.stdout
    assert "read-only: looker is in the group netconsole, which only looks" in seen.stdout
    before = held(door)
    refused = by(door, "looker", *DOMAIN)
    assert refused.returncode == 3
    assert refused.stderr == (
        "netconsole: dns create-domain example.org: refused, looker is in the group netconsole, "
        "which only looks: `usermod --append --groups netconsole-admin looker` lets them change\n"
    )
    assert by(door, "looker", *DOMAIN, "--dry-run").stderr == refused.stderr
    assert held(door) == before


def test_who_looks_is_told_what_the_agent_found(door: PrivateHost) -> None:
    door.run("chmod", "0700", "/var/lib/netconsole")
    seen = json.loads(by(door, "looker", "doctor", "--json").stdout)
    by_root = json.loads(door.run("netconsole", "doctor", "--json", check=False).stdout)

    def verdicts(told: dict[str, list[dict[str, str]]]) -> dict[str, str]:
        return {each["check"]: each["verdict"] for each in told["findings"]}

    assert verdicts(seen) == verdicts(by_root)
    door.run("install", "-d", "-o", "looker", "/run/looker")
    shown = ("console", "--size", "160x30", "--keys", "p", "--screenshot")
    by(door, "looker", *shown, "/run/looker/shown.svg")
    assert "this looks at the host itself" in door.read("/run/looker/shown.svg").replace(
        "&#160;", " "
    )


def test_who_is_not_let_in_is_told_so_in_a_line_and_goes_on_without(shared: PrivateHost) -> None:
    seen = by(shared, "stranger", "status")
    assert seen.returncode == 0
    assert seen.stderr.count("\n") == 1
    assert "`usermod --append --groups netconsole stranger` lets them look" in seen.stderr
    assert by(shared, "stranger", "--no-agent", "status").stderr == ""


def test_an_admin_changes_without_being_root(door: PrivateHost) -> None:
    made = by(door, "changer", "floating", "disassociate", "203.0.113.129")
    assert made.returncode == 0, made.stderr
    assert "-d 203.0.113.129" not in door.run("iptables", "-t", "nat", "-S").stdout
    line = json.loads(door.read("/var/lib/netconsole/audit.jsonl").splitlines()[-1])
    assert (line["login"], line["asked"]) == ("changer", "floating disassociate 203.0.113.129")
    refused = by(door, "changer", "network", "delete", "nowhere")
    assert refused.returncode == 1
    assert refused.stderr == (
        "netconsole: network 'nowhere' does not exist: `netconsole network list` shows which do\n"
    )
    assert by(door, "changer", "--read-only", *DOMAIN).returncode == 3


def test_an_agent_that_hangs_or_has_died_is_done_without(host: PrivateHost) -> None:
    create_network(host)
    agent = start_agent(host)
    open_at_rest(host)  # stopped while it writes, it would keep the store locked
    host.run("pkill", "-STOP", "-f", "netconsole agent")
    seen = host.run("netconsole", "network", "list")
    assert ("vmnet" in seen.stdout, seen.stderr) == (
        True,
        "netconsole: without the agent: the agent hangs: "
        "`systemctl restart netconsole-agent` begins it anew\n",
    )
    agent.send_signal(signal.SIGCONT)  # nsenter(1) stops with what it runs
    host.run("pkill", "-KILL", "-f", "netconsole agent")
    assert "agent" not in host.run("netconsole", *DOMAIN).stderr
    assert [each["domain"] for each in answer(host, "dns", "domains")] == ["example.org"]


def test_a_configuration_of_its_own_is_not_the_agents(shared: PrivateHost) -> None:
    shared.write("/run/other.conf", "[DEFAULT]\nstate_path = /run/other\n")
    assert (
        shared.run("netconsole", "--config-file", "/run/other.conf", "network", "list").stdout
        == (
            shared.run(
                "netconsole", "--no-agent", "--config-file", "/run/other.conf", "network", "list"
            )
        ).stdout
    )
    shared.write("/run/same.conf", "[DEFAULT]\nagent_socket = /run/netconsole/agent.sock\n")
    asked = shared.run("netconsole", "--config-file", "/run/same.conf", "network", "list").stdout
    assert "vmnet" in asked


def test_status_by_the_agent_imports_nothing_heavy(shared: PrivateHost) -> None:
    program = (
        "import sys; from netconsole.cli.main import run; status = run(['status']); "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules), file=sys.stderr)"
    )
    seen = shared.run("env", "python3", "-c", program)
    assert ("web1" in seen.stdout, seen.stderr.split()) == (True, [])


def test_an_older_or_newer_end_is_told_so(shared: PrivateHost) -> None:
    header = ("-H", "Netconsole-API: 2", "-H", "Netconsole-Version: 9.0")
    status, told = curl(shared, "/v1/networks", None, *header)
    assert status == 403
    assert "install one version" in told["error"]["message"]


OTHER_VERSION = """
import sys
import netconsole
netconsole.__version__ = sys.argv[1]
from netconsole.cli.main import run
run(["agent"])
"""


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (
            "0.0.9",
            f"which is older: install {__version__} there, then "
            "`systemctl restart netconsole-agent`",
        ),
        ("0.10.0", "which is newer: install 0.10.0 here"),
    ],
)
def test_an_agent_of_another_version_is_said_to_be(
    host: PrivateHost, version: str, told: str
) -> None:
    host.spawn("env", "python3", "-c", OTHER_VERSION, version)
    said = f"netconsole: this is {__version__}, the agent is {version}, {told}\n"
    eventually(lambda: host.run("netconsole", "network", "list", check=False).stderr == said)


def test_who_interrupts_a_change_is_told_that_the_agent_goes_on(door: PrivateHost) -> None:
    lock = "/var/lib/netconsole/host.lock"
    held_up = door.spawn("flock", lock, "cat")
    eventually(lambda: door.run("flock", "-n", lock, "true", check=False).returncode)
    made = door.spawn(NETCONSOLE, *DOMAIN)
    eventually(lambda: lock in open_files(door))
    asked = "dns create-domain example.org"
    door.run("pkill", "-INT", "-f", "bin/netconsole dns")
    _, said = made.communicate(timeout=60)
    assert made.returncode == 130, said
    assert said.strip() == (
        f"netconsole: {asked}: interrupted here, and the agent goes on with it: "
        "`netconsole history` says how it ended"
    )
    held_up.communicate("")
    eventually(lambda: answer(door, "dns", "domains"))


def test_a_change_of_the_sessions_path_asks_at_the_terminal(host: PrivateHost) -> None:
    configure(host, "flat_interface = eth0", "trial_seconds = 60")
    host.run("netconsole", "apply")
    before = held(host)
    start_agent(host)
    session = "SSH_CONNECTION=203.0.113.1 50000 203.0.113.2 22"
    create = (
        *("env", session, NETCONSOLE, "network", "create", "vmnet"),
        *("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"),
    )
    refused = host.run(*create, check=False)
    assert "eth0, which your SSH session came in on" in refused.stderr
    assert held(host) == before

    with Terminal(host.command(*create)) as terminal:
        terminal.wait_for("Type yes within 60 s")
        terminal.press(*"no", "enter")
        terminal.wait_for("not confirmed: taken back")
        assert terminal.exit_status(30) == 1
    assert sorted(held(host)) == sorted(before)

    with Terminal(host.command(*create)) as terminal:
        terminal.wait_for("Type yes within 60 s")
        host.run("pkill", "-KILL", "-f", "bin/netconsole network create")
        eventually(lambda: sorted(held(host)) == sorted(before))
    line = json.loads(host.read("/var/lib/netconsole/audit.jsonl").splitlines()[-1])
    assert (line["ssh_peer"], line["end"]) == ("203.0.113.1", "undone")

    with Terminal(host.command(*create)) as terminal:
        terminal.wait_for("Type yes within 60 s")
        terminal.press(*"yes", "enter")
        assert terminal.exit_status(30) == 0
    assert [row["label"] for row in answer(host, "network", "list")] == ["vmnet"]
    assert "203.0.113.2/24" in host.run("ip", "address", "show", "br100").stdout
