"""Names of floating addresses, answered by the dnsmasq of the guests' network."""

from cloud import FLOATING, answer, boot, create_cloud, create_network, netconsole
from private_host import PrivateHost, eventually

NAME = "www.example.org"


def addresses(host: PrivateHost, name: str = NAME) -> list[str]:
    """What a guest is told when it asks its network's name server."""
    ask = ("busybox", "nslookup", "-type=a", name, "10.0.0.1")
    said = host.run("ip", "netns", "exec", "web1", *ask, check=False).stdout
    answered = said.partition(f"Name:\t{name}\n")[2]
    return [line.split()[1] for line in answered.splitlines() if line.startswith("Address")]


def test_a_guest_asks_for_a_name_and_gets_the_floating_address(host: PrivateHost) -> None:
    create_cloud(host)
    netconsole(host, "dns", "create-domain", "example.org")
    said = host.run("netconsole", "dns", "create", FLOATING, "www", "example.org").stderr
    assert "restarts the dnsmasq of br100: its arguments changed" in said
    eventually(lambda: addresses(host) == [FLOATING])
    ping = ("ip", "netns", "exec", "web1", "ping", "-c1", "-w60", FLOATING)
    assert host.run(*ping), "a guest reaches itself by the address that it is told"
    assert host.run("netconsole", "plan", check=False).stdout == ""

    another = "203.0.113.130"
    moved = host.run("netconsole", "dns", "create", another, "www", "example.org")
    assert "restarts" not in moved.stderr
    eventually(lambda: addresses(host) == [another])
    shown = answer(host, "dns", "list", "--address", another)
    assert [(row["name"], row["domain"]) for row in shown] == [("www", "example.org")]
    assert answer(host, "dns", "list", "--name", "ftp") == []

    netconsole(host, "dns", "delete-domain", "example.org")
    eventually(lambda: addresses(host) == [])
    left = host.run("find", "/var/lib/netconsole/networks", "-name", "*.names").stdout
    assert left == ""
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_a_file_of_names_that_someone_changed_is_drift(host: PrivateHost) -> None:
    create_cloud(host)
    netconsole(host, "dns", "create-domain", "example.org")
    netconsole(host, "dns", "create", FLOATING, "www", "example.org")
    host.write("/var/lib/netconsole/networks/nova-br100.names", f"192.0.2.1 {NAME}\n")
    planned = host.run("netconsole", "plan", check=False)
    assert planned.returncode == 2
    assert FLOATING in planned.stdout
    netconsole(host, "apply")
    eventually(lambda: addresses(host) == [FLOATING])


def test_a_network_that_comes_later_knows_the_names_too(host: PrivateHost) -> None:
    create_network(host)
    netconsole(host, "floating", "create", "--pool", "p", "--ip-range", f"{FLOATING}/32")
    netconsole(host, "dns", "create-domain", "example.org")
    netconsole(host, "network", "delete", "vmnet")
    netconsole(host, "dns", "create", FLOATING, "www", "example.org")
    create_network(host)
    boot(host, "web1")
    eventually(lambda: addresses(host) == [FLOATING])


def test_what_is_refused_is_said_in_one_line_and_leaves_nothing(host: PrivateHost) -> None:
    create_network(host)
    for status, words, said in (
        (2, ("create-domain", "a b"), "DNS domain 'a b'"),
        (2, ("create-domain", "a.org", "--private", "--project", "p"), "project 'p'"),
        (1, ("create", FLOATING, "www", "example.org"), "'example.org' does not exist"),
        (2, ("list", "--address", "x"), "floating address 'x'"),
        (1, ("list", "--domain", "a.org"), "'a.org' does not exist"),
    ):
        refused = host.run("netconsole", "dns", *words, check=False)
        assert (refused.returncode, refused.stdout) == (status, ""), words
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert answer(host, "dns", "domains") == answer(host, "dns", "list") == []
