"""A dnsmasq is stopped only for one that starts; where that shows too late, it comes back."""

import pytest
from cloud import answer, create_network, netconsole
from private_host import PrivateHost, eventually
from running_lab import RunningLab

FILE = "/etc/dnsmasq-nova.conf"
CONFIGURED = f"dnsmasq_config_file = {FILE}"
LINE = f"{FILE}, line 2: "


@pytest.fixture
def served(host: PrivateHost) -> PrivateHost:
    """A host with a network whose dnsmasq has a configuration file."""
    host.write(FILE, "log-dhcp\ncache-size=100\n")
    create_network(host, CONFIGURED)
    return host


def pids(host: PrivateHost) -> list[int]:
    (found,) = [each["pids"] for each in answer(host, "status")["dnsmasq"] if each["bridge"]]
    assert isinstance(found, list)
    return found


def refused(host: PrivateHost, *more: str) -> str:
    """The one line that an apply which is refused says."""
    done = host.run("netconsole", "apply", *more, check=False, timeout=25)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("netconsole: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("user=nosuchuser", f"{LINE}unknown user or group: nosuchuser"),
        ("listen-address=1.2.3.4", f"{LINE}failed to create listening socket for 1.2.3.4: "),
        ("interface=nope0", f"{LINE}unknown interface nope0"),
        ("log-facility=/nowhere/log", f"{LINE}cannot open log /nowhere/log: "),
        ("dumpfile=/nowhere/dump", f"{LINE}cannot create /nowhere/dump: "),
        ("dhcp-script=/no # why\nleasefile-ro", "dnsmasq: cannot run lease-init script /no: "),
        ("dhcp-script=/bin/true\ndhcp-scriptuser=nosuch", "unknown user or group: nosuch"),
        ("conf-file=/nowhere/more", f"{LINE}cannot read /nowhere/more: No such file"),
        ("conf-dir=/nowhere", f"{LINE}cannot access directory /nowhere: No such file"),
        ("conf-script=kill -9 $PPID", f"start again: {FILE}: ended by signal 9 (Killed); "),
        ("bind-dynamic", f"{FILE}: cannot set --bind-interfaces and --bind-dynamic"),
    ],
)
def test_nothing_is_stopped_for_a_dnsmasq_that_would_not_start(
    served: PrivateHost, line: str, said: str
) -> None:
    before = pids(served)
    served.write(FILE, f"# why\n{line}\n")

    told = refused(served)

    assert said in told
    assert "the one that runs was not stopped" in told
    assert pids(served) == before


def test_what_the_host_has_is_there_to_be_named(served: PrivateHost) -> None:
    before = pids(served)
    served.write(FILE, "interface=eth0\nlisten-address=203.0.113.2\nno-dhcp-interface=eth0\n")
    netconsole(served, "apply")
    assert pids(served) != before


def test_a_script_that_makes_configuration_has_the_network_of_the_host(served: PrivateHost) -> None:
    """It is run by dnsmasq --test and by the start, and not where there is no network."""
    before = pids(served)
    script = "ip -4 -o address show dev eth0 >> /run/ran && echo cache-size=300"
    served.write(FILE, f"conf-script={script}\n")
    netconsole(served, "apply")
    assert pids(served) != before
    assert served.read("/run/ran").count("203.0.113.2/24") == 2


def test_where_it_shows_too_late_the_former_comes_back_as_it_was(served: PrivateHost) -> None:
    host = served
    host.write("/etc/dnsmasq-more.conf", "cache-size=200\n")
    host.write(FILE, "conf-file=/etc/dnsmasq-more.conf\naddress=/former.test/192.0.2.7\n")
    netconsole(host, "apply")
    host.run("dnsmasq", "--conf-file=", "--port=5353", "--pid-file=/run/another.pid")
    before = pids(host)
    host.write(FILE, "# why\nport=5353\n")

    for _ in range(2):
        assert "does not start: /etc/dnsmasq-nova.conf" in refused(host)
        servers = [each for each in answer(host, "status")["dnsmasq"] if each["bridge"]]
        assert [each["state"] for each in servers] == ["stale"]
        assert servers[0]["pids"] != before
        asked = ("busybox", "nslookup", "-type=a", "former.test", "10.0.0.1")
        assert "192.0.2.7" in host.run(*asked).stdout

    host.write(FILE, "address=/later.test/192.0.2.8\n")
    netconsole(host, "apply")
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_a_rehearsal_has_no_effects(served: PrivateHost) -> None:
    """The script is called by the start that comes too late, which reaches nothing else."""
    host = served
    host.write("/run/script", "#!/bin/sh\necho $1 >> /run/called\n")
    host.run("chmod", "+x", "/run/script")
    bus = "import socket; s = socket.create_server('/run/dbus/system_bus_socket'"
    bus += (
        ", family=socket.AF_UNIX); open('/run/listens', 'w'); s.accept(); open('/run/asked', 'w')"
    )
    host.run("mkdir", "-p", "/run/dbus")
    host.spawn("python3", "-c", bus)
    eventually(lambda: host.run("test", "-e", "/run/listens", check=False).returncode == 0)
    host.run("dnsmasq", "--conf-file=", "--port=5353", "--pid-file=/run/another.pid")
    host.write(
        "/etc/more.conf", "dhcp-script = /run/script # why\nleasefile-ro\nenable-dbus # why\n"
    )
    host.write(
        FILE, "port=5353\nlog-facility=/run/log\ndumpfile=/run/dump\nconf-file=/etc/more.conf\n"
    )

    assert "failed to create listening socket" in refused(host)

    assert host.read("/run/called") == "init\n"
    for path in ("/run/asked", "/run/log", "/run/dump"):
        assert host.run("test", "-e", path, check=False).returncode == 1


def test_a_log_that_is_there_is_not_written_to(served: PrivateHost) -> None:
    served.write("/run/log", "")
    served.write(FILE, "log-facility=/run/log\n")
    netconsole(served, "apply")
    assert served.read("/run/log").count(" started, version ") == 1


def test_nor_is_it_stopped_where_no_proc_may_be_mounted(lab: RunningLab) -> None:
    configuration = "/etc/netconsole/netconsole.conf"
    lab.run("sh", "-c", f"echo interface=nope0 >{FILE}; echo {CONFIGURED} >>{configuration}")
    runs = lab.run("pgrep", "-x", "dnsmasq").stdout
    done = lab.netconsole("apply", check=False)
    assert "unknown interface nope0; the one that runs was not stopped" in done.stderr
    assert lab.run("pgrep", "-x", "dnsmasq").stdout == runs
