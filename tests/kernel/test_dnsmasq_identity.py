"""Which dnsmasq is ours: by what the kernel says of a process, not by what it calls itself."""

import shlex
from typing import Any

import pytest
from cloud import answer, create_network, netconsole
from private_host import PrivateHost, eventually

PID_FILE = "/var/lib/netconsole/networks/nova-br100.pid"
IMPOSTOR = r"""
$0 = "@ARGV"; open(NAME, ">", "/proc/self/comm"); print NAME $ARGV[0]; close(NAME);
$| = 1; print "here\n"; sleep 600;
"""
"""Takes its arguments for its own command line, and the first for its name."""


def servers(host: PrivateHost) -> list[Any]:
    found: list[Any] = answer(host, "status")["dnsmasq"]
    return found


def impersonate(host: PrivateHost, command: str) -> int:
    """Run a program that is no dnsmasq under its name and arguments; return its pid."""
    process = host.spawn("perl", "-e", IMPOSTOR, *shlex.split(command))
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    found = host.run("pgrep", "-x", "dnsmasq").stdout.split()
    (pid,) = [each for each in found if "perl" in host.run("readlink", f"/proc/{each}/exe").stdout]
    assert host.read(f"/proc/{pid}/cmdline").rstrip("\0 ") == command
    return int(pid)


def lives(host: PrivateHost, pid: int) -> bool:
    return host.run("kill", "-0", str(pid), check=False).returncode == 0


def test_a_program_of_the_same_name_and_arguments_is_no_dnsmasq(host: PrivateHost) -> None:
    create_network(host)
    (server,) = servers(host)
    impostor = impersonate(host, server["command"])

    assert servers(host) == [server]
    assert host.run("netconsole", "plan", check=False).returncode == 0

    host.run("kill", "-KILL", str(server["pids"][0]))
    eventually(lambda: servers(host)[0]["state"] == "missing")
    netconsole(host, "apply")
    (again,) = servers(host)
    assert again["state"] == "running"
    host.run("sh", "-c", f"echo {impostor} > {PID_FILE}")
    netconsole(host, "network", "delete", "vmnet")
    assert servers(host) == []
    assert lives(host, impostor)


def test_a_pid_file_that_is_lost_or_of_before_does_not_mislead(host: PrivateHost) -> None:
    create_network(host)
    (server,) = servers(host)
    host.run("rm", PID_FILE)
    assert servers(host) == [server]

    host.run("kill", "-KILL", str(server["pids"][0]))
    eventually(lambda: not lives(host, server["pids"][0]))
    another = ("dnsmasq", "--conf-file=", "--port=0", f"--pid-file={PID_FILE}")
    host.run(*another)
    pid = int(host.read(PID_FILE))
    assert [each["state"] for each in servers(host)] == ["stale"]

    host.run("touch", "-d", "1 hour ago", PID_FILE)

    assert sorted(each["state"] for each in servers(host)) == ["foreign", "missing"]
    netconsole(host, "apply")
    assert lives(host, pid)
    assert sorted(each["state"] for each in servers(host)) == ["foreign", "running"]


def test_a_dnsmasq_in_another_network_namespace_is_not_ours(host: PrivateHost) -> None:
    create_network(host)
    (server,) = servers(host)
    words = (word for word in shlex.split(server["command"]) if "interface" not in word)
    elsewhere = [word.replace("10.0.0.1", "127.0.0.9") for word in words]
    host.outside(*elsewhere)
    other = int(host.read(PID_FILE))

    assert [(each["state"], each["pids"]) for each in servers(host)] == [
        ("running", server["pids"])
    ]
    netconsole(host, "network", "delete", "vmnet")
    assert lives(host, other)
    assert not lives(host, server["pids"][0])


@pytest.mark.requires("root")
@pytest.mark.parametrize("aside", ["", "/usr/sbin/dnsmasq.old", "/usr/sbin/dnsmasq-2.89"])
def test_it_is_ours_also_when_its_package_was_upgraded(host: PrivateHost, aside: str) -> None:
    host.run("mkdir", "/run/upper", "/run/work")
    layers = "lowerdir=/usr/sbin,upperdir=/run/upper,workdir=/run/work"
    host.run("mount", "-t", "overlay", "overlay", "-o", layers, "/usr/sbin")
    create_network(host)
    (server,) = servers(host)

    host.run("cp", "-p", "/usr/sbin/dnsmasq", "/usr/sbin/dnsmasq.new")
    if aside:
        host.run("mv", "/usr/sbin/dnsmasq", aside)
    host.run("mv", "/usr/sbin/dnsmasq.new", "/usr/sbin/dnsmasq")

    runs = host.run("readlink", f"/proc/{server['pids'][0]}/exe").stdout.rstrip()
    assert runs == aside or runs == "/usr/sbin/dnsmasq (deleted)"
    assert servers(host) == [server]
    assert host.run("netconsole", "plan", check=False).returncode == 0


CONFIGURED = "dnsmasq_config_file = /etc/dnsmasq-nova.conf"


def test_a_changed_configuration_file_is_a_restart_unless_dnsmasq_refuses_it(
    host: PrivateHost,
) -> None:
    host.write("/etc/dnsmasq-nova.conf", "log-dhcp\nconf-file=/etc/dnsmasq-more.conf\n")
    host.write("/etc/dnsmasq-more.conf", "cache-size=100\n")
    create_network(host, CONFIGURED)
    (server,) = servers(host)
    host.write("/etc/dnsmasq-nova.conf", "# why\n\nlog-dhcp\nconf-file=/etc/dnsmasq-more.conf\n")
    assert host.run("netconsole", "plan", check=False).returncode == 0

    host.write("/etc/dnsmasq-more.conf", "cache-size=200\n")

    planned = host.run("netconsole", "plan", check=False)
    assert planned.returncode == 2
    reason = "restarts the dnsmasq of br100: /etc/dnsmasq-nova.conf changed since it started"
    assert reason in planned.stderr
    assert planned.stdout.startswith("dnsmasq --test ")
    assert servers(host)[0]["state"] == "stale"
    netconsole(host, "apply")
    (again,) = servers(host)
    assert again["state"] == "running"
    assert again["pids"] != server["pids"]
    assert host.run("netconsole", "plan", check=False).returncode == 0

    host.write("/etc/dnsmasq-nova.conf", "log-dhcp\nno-such-option=1\n")
    refused = host.run("netconsole", "apply", check=False)
    assert refused.returncode == 1
    assert "bad option at line 2 of /etc/dnsmasq-nova.conf" in refused.stderr
    assert refused.stderr.splitlines()[-1].startswith("netconsole: ")
    assert servers(host)[0]["pids"] == again["pids"]
