"""A dnsmasq is stopped only for one that starts; where that shows too late, it comes back."""

import pytest
from cloud import answer, create_network, netconsole
from private_host import PrivateHost

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
        ("conf-file=/nowhere/more", f"{LINE}cannot read /nowhere/more: No such file"),
        ("conf-dir=/nowhere", f"{LINE}cannot access directory /nowhere: No such file"),
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
