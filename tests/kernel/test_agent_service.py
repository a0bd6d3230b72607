"""The agent as a service of a real systemd, which is the first process of a host of its own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from booted_host import BootedHost
from cloud import FLOATING, configure, create_cloud, create_network, reaches
from private_host import eventually

pytestmark = pytest.mark.requires(
    "root", "systemd", "control group", "namespaces", "nsenter", "iptables", "ping"
)

SERVICE = "netconsole-agent.service"
UNIT = f"/etc/systemd/system/{SERVICE}"
INSTALLED = (UNIT, "/etc/sysusers.d/netconsole.conf", "/etc/tmpfiles.d/netconsole.conf")
EXPOSURE = 54
"""In tenths, of ten: what `systemd-analyze security` may find at most."""


@pytest.fixture
def booted(tmp_path: Path) -> Iterator[BootedHost]:
    with BootedHost(tmp_path) as host:
        yield host


def agent(host: BootedHost, *words: str, status: int = 0) -> str:
    """Run `netconsole agent`, and return what it wrote, to both."""
    done = host.run("netconsole", "agent", *words, check=False)
    assert done.returncode == status, done
    return done.stdout + done.stderr


def drop_in(host: BootedHost, *lines: str) -> None:
    host.write(f"{UNIT}.d/test.conf", "\n".join(("[Service]", *lines, "")))
    host.systemctl("daemon-reload")


def main_pid(host: BootedHost) -> int:
    return int(host.systemctl("show", "--value", "--property=MainPID", SERVICE))


def program(host: BootedHost) -> str:
    return host.run("sh", "-c", "command -v netconsole").stdout.strip()


def dnsmasq_pids(host: BootedHost) -> list[str]:
    return host.run("pgrep", "-x", "dnsmasq").stdout.split()


def test_it_is_installed_runs_and_goes_again(booted: BootedHost) -> None:
    host = booted
    before = host.run("find", "/etc", "-newer", "/etc/machine-id").stdout

    agent(host, "install", "--now")

    assert host.systemctl("is-active", SERVICE) == "active"
    assert host.systemctl("is-enabled", SERVICE) == "enabled"
    assert host.run("getent", "group", "netconsole", "netconsole-admin").stdout.count("\n") == 2
    assert host.run("stat", "-c", "%a", "/run/netconsole").stdout == "755\n"
    said = json.loads(agent(host, "status", "--json"))
    assert said["answers"]
    assert (said["installed"], said["enabled"]) == ("installed", "enabled")
    assert said["active"] == "active (running)"
    assert said["pid"] == main_pid(host)
    agent(host, "install")  # once more, as after an upgrade
    host.systemctl("stop", SERVICE)
    stopped = host.systemctl("show", "--value", "--property=Result", SERVICE)
    assert stopped == "success"

    agent(host, "uninstall")

    assert host.systemctl("is-enabled", SERVICE, check=False) in ("", "not-found")
    left = host.run("find", "/etc", "-newer", "/etc/machine-id").stdout
    assert [path for path in INSTALLED if f"{path}\n" in left] == []
    assert set(left.split()) - set(before.split()) <= {
        *("/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-", "/etc/.pwd.lock"),
        *("/etc", "/etc/systemd/system", "/etc/systemd/system/multi-user.target.wants"),
        *("/etc/sysusers.d", "/etc/tmpfiles.d"),
    }
    assert "nothing to do" in agent(host, "uninstall")


def test_what_an_admin_changed_is_left_to_them(booted: BootedHost) -> None:
    host = booted
    agent(host, "install")
    changed = f"{host.read(UNIT)}# mine\n"
    host.write(UNIT, changed)
    drop_in(host, "Nice=1")

    assert UNIT in agent(host, "install", status=1)
    said = agent(host, "status", status=1)
    assert f"changed by an admin: {UNIT}" in said
    said = agent(host, "uninstall")

    assert host.read(UNIT) == changed
    assert f"{UNIT}: an admin's" in said
    assert f"{UNIT}.d/test.conf: an admin's" in said
    assert host.run("ls", *INSTALLED[1:], check=False).stdout == ""


def test_a_host_is_as_the_store_says_after_a_boot(booted: BootedHost) -> None:
    host = booted
    create_cloud(host)
    agent(host, "install")
    host.halt()

    host.boot()

    assert host.systemctl("is-active", SERVICE) == "active"
    assert host.run("netconsole", "plan", check=False).returncode == 0
    assert FLOATING in host.run("ip", "address", "show", "eth0").stdout
    assert dnsmasq_pids(host)


def test_guests_start_once_their_networks_are_there(booted: BootedHost) -> None:
    host = booted
    create_cloud(host)
    agent(host, "install")
    looking = "ip -brief link show br100; ip -brief address show eth0; nft list tables netdev"
    host.write(
        "/etc/systemd/system/libvirtd.service",
        f"[Service]\nType=oneshot\nExecStart=/bin/sh -c '({looking}) > /var/seen'\n"
        "[Install]\nWantedBy=multi-user.target\n",
    )
    host.systemctl("enable", "libvirtd.service")
    host.halt()

    host.boot()

    seen = host.read("/var/seen")
    for thing in ("br100", FLOATING, "table netdev netconsole"):
        assert thing in seen


def test_its_files_may_be_elsewhere(booted: BootedHost) -> None:
    host = booted
    configuration = ("--config-file", "/srv/my conf/nova.conf")
    lines = ("[DEFAULT]", "state_path = /srv/of state", "networks_path = /srv/networks")
    manager = "network_manager = nova.network.manager.FlatDHCPManager"
    host.write(configuration[1], "\n".join((*lines, manager, "my_ip = 203.0.113.2", "")))
    host.run("netconsole", *configuration, "agent", "install", "--now")

    words = ("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100")
    host.run("netconsole", *configuration, *words)

    assert host.systemctl("is-active", SERVICE) == "active"
    assert host.run("ls", "/srv/of state/netconsole.sqlite", "/srv/networks/nova-br100.pid").stdout
    host.run("pkill", "-x", "dnsmasq")
    host.systemctl("restart", SERVICE)
    (serving,) = dnsmasq_pids(host)
    assert SERVICE in host.read(f"/proc/{serving}/cgroup")  # the agent has started it
    host.run("netconsole", *configuration, "agent", "uninstall")


def test_no_packet_is_lost_when_it_restarts_stops_or_is_killed(booted: BootedHost) -> None:
    host = booted
    create_cloud(host)
    agent(host, "install")
    host.run("pkill", "-x", "dnsmasq")
    host.systemctl("start", SERVICE)
    serving = dnsmasq_pids(host)  # of the service, as it has started them
    assert reaches(host)
    flow = host.spawn("ip", "netns", "exec", "outside", "ping", "-q", "-i", "0.01", FLOATING)
    eventually(lambda: host.run("pgrep", "-x", "ping", check=False).stdout)

    host.systemctl("restart", SERVICE)
    killed = main_pid(host)
    host.run("kill", "-KILL", str(killed))
    eventually(lambda: main_pid(host) not in (0, killed))
    eventually(lambda: host.systemctl("is-active", SERVICE, check=False) == "active")
    host.systemctl("stop", SERVICE)

    assert dnsmasq_pids(host) == serving
    host.run("pkill", "-INT", "-x", "ping")
    told, _ = flow.communicate(timeout=60)
    sent, received = (int(word) for word in told.split() if word.isdecimal())
    assert sent > 20
    assert sent - received <= 1, told  # the last may be under way


def test_its_bounds_hide_nothing_from_the_checks(booted: BootedHost) -> None:
    host = booted
    create_cloud(host)
    agent(host, "install")
    looking = f"{program(host)} doctor --probe --json"
    rehearsing = "unshare --net --pid --fork true && touch /run/rehearsed"
    drop_in(host, f'ExecStartPre=-/bin/sh -c "{looking} > /run/inside.json; {rehearsing}"')
    outside = unknown_checks(
        host.run("netconsole", "doctor", "--probe", "--json", check=False).stdout
    )

    host.systemctl("start", SERVICE)

    assert unknown_checks(host.read("/run/inside.json")) == outside
    assert host.run("ls", "/run/rehearsed").stdout  # dnsmasq's configuration can be tried


def unknown_checks(told: str) -> list[str]:
    return [each["check"] for each in json.loads(told)["findings"] if each["verdict"] == "unknown"]


def test_one_that_hangs_is_started_again(booted: BootedHost) -> None:
    host = booted
    drop_in(host, "WatchdogSec=2")
    agent(host, "install", "--now")
    hanging = main_pid(host)

    host.run("kill", "-STOP", str(hanging))

    eventually(lambda: main_pid(host) not in (0, hanging))
    eventually(lambda: host.systemctl("is-active", SERVICE, check=False) == "active")
    log = host.run("journalctl", "--unit", SERVICE, "--output=cat", "--no-pager").stdout
    assert "Watchdog timeout" in log


def test_changes_and_what_it_says_are_in_the_journal_with_fields(booted: BootedHost) -> None:
    host = booted
    create_network(host)
    host.run("netconsole", "network", "create", "bad", "--fixed-range-v4", "no", check=False)
    words = "from netconsole.agent.log import say; say('hello\\nthere', kind='greeting')"
    host.run("systemd-run", "--wait", f"{Path(program(host)).parent}/python", "-c", words)
    # Of what systemd starts stderr may be the journal, of a terminal's it is not.
    assert host.run("python3", "-c", words).stderr == "hello\\nthere\n"

    listed = json.loads(host.run("netconsole", "log", "--json").stdout)

    created, refused, said = listed[-3:]
    assert refused["outcome"].startswith("failed: ")
    assert created["title"].startswith("network create vmnet")
    assert (created["outcome"], created["login"], created["end"]) == ("done", "root", "done")
    assert (created["priority"], said["priority"]) == ("notice", "info")
    assert (said["message"], said["kind"]) == ("hello\nthere", "greeting")
    found = ("journalctl", "--output=cat", f"NETCONSOLE_CHANGE={created['change']}")
    assert host.run(*found).stdout == f"{created['message']}\n"
    following = host.spawn("netconsole", "log", "--follow", "--lines=1")
    assert following.stdout is not None
    assert "hello" in following.stdout.readline()
    host.run("netconsole", "network", "delete", "vmnet")
    assert "root: network delete vmnet: done" in following.stdout.readline()
    host.run("pkill", "-f", "netconsole log --follow")


def test_a_repair_is_in_the_journal_once(booted: BootedHost) -> None:
    """The agent does not repeat what the journal has of every change."""
    host = booted
    uplink = ("ip", "link", "add", "eth1", "type", "veth", "peer", "name", "wire")
    host.run(*uplink)
    create_network(host, "flat_interface = eth1")
    host.run("ip", "link", "delete", "wire")
    host.run("ip", "link", "delete", "br100")
    agent(host, "install", "--now")

    def said(words: str) -> list[str]:
        told = json.loads(host.run("netconsole", "log", "--json").stdout)
        return [each["message"] for each in told if words in each["message"]]

    eventually(lambda: said("ready, at"))
    (partly,) = said("flat_interface 'eth1'")
    assert partly.startswith("repair: the agent started: failed: done but for: flat_interface")

    host.run(*uplink)

    eventually(lambda: said("repair: eth1 can be had now"))
    eventually(lambda: host.run("netconsole", "plan", check=False).returncode == 0)
    assert said("eth1 can be had now") == ["repair: eth1 can be had now: done"]


def test_a_reload_reads_the_configuration_again_without_a_restart(booted: BootedHost) -> None:
    host = booted
    create_network(host)
    agent(host, "install", "--now")
    pid = main_pid(host)

    configure(host, "metrics_listen = 127.0.0.1:9555")
    host.systemctl("reload", SERVICE)

    asking = ("curl", "--silent", "--fail", "http://127.0.0.1:9555/metrics")
    eventually(lambda: "netconsole_build_info" in host.run(*asking, check=False).stdout)
    eventually(lambda: host.systemctl("is-active", SERVICE, check=False) == "active")
    assert main_pid(host) == pid


def test_the_unit_is_sound_and_bounded(booted: BootedHost) -> None:
    host = booted
    agent(host, "install")
    assert host.run("systemd-analyze", "verify", UNIT).stderr == ""
    words = ("security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", UNIT)
    done = host.run("systemd-analyze", *words, check=False)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_without_systemd_or_root_it_says_so(booted: BootedHost) -> None:
    host = booted
    user = host.run(
        *("setpriv", "--reuid=65534", "--clear-groups", "netconsole", "agent", "install"),
        check=False,
    )
    assert (user.returncode, user.stderr.count("\n")) == (3, 1)
    assert "run as root" in user.stderr
    host.run("mv", "/run/systemd/system", "/run/systemd/aside")
    said = agent(host, "install", status=3)
    assert "netconsole agent" in said
    assert said.count("\n") == 1
    host.run("mv", "/run/systemd/aside", "/run/systemd/system")
