"""A change of the way the admin's SSH session comes in: kept only when the admin can say so."""

from cloud import CONFIGURATION, answer, held
from private_host import PrivateHost, eventually
from pseudo_terminal import Terminal

SESSION = {"SSH_CONNECTION": "203.0.113.1 50000 203.0.113.2 22"}
CREATE = (
    *("netconsole", "network", "create", "vmnet"),
    *("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"),
)


def prepare(host: PrivateHost, seconds: int) -> list[str]:
    host.write(
        "/etc/netconsole/netconsole.conf",
        f"{CONFIGURATION}flat_interface = eth0\ntrial_seconds = {seconds}\n",
    )
    host.run("netconsole", "apply")
    return held(host)


def networks(host: PrivateHost) -> list[str]:
    return [row["label"] for row in answer(host, "network", "list")]


def test_yes_keeps_it(host: PrivateHost) -> None:
    prepare(host, 60)
    with Terminal(host.entered(*CREATE), environment=SESSION) as terminal:
        terminal.wait_for("Type yes within 60 s")
        terminal.press(*"yes", "enter")
        assert terminal.exit_status(30) == 0
    assert networks(host) == ["vmnet"]
    assert "203.0.113.2/24" in host.run("ip", "address", "show", "br100").stdout
    assert host.run("netconsole", "plan", check=False).returncode == 0


def test_silence_takes_it_back(host: PrivateHost) -> None:
    before = prepare(host, 1)
    with Terminal(host.entered(*CREATE), environment=SESSION) as terminal:
        terminal.wait_for("not confirmed: taken back")
        assert terminal.exit_status(30) == 1
    assert networks(host) == []
    assert sorted(held(host)) == sorted(before)


def test_a_session_that_dies_takes_it_back_without_anyone(host: PrivateHost) -> None:
    before = prepare(host, 60)
    with Terminal(host.entered(*CREATE), environment=SESSION) as terminal:
        terminal.wait_for("Type yes within 60 s")
        host.run("pkill", "-KILL", "-f", "bin/netconsole network create")
        eventually(lambda: sorted(held(host)) == sorted(before))
    assert networks(host) == []
    log = "/var/lib/netconsole/audit.jsonl"
    eventually(lambda: '"killed, taken back by its guardian"' in host.read(log))
    assert '"ssh_peer": "203.0.113.1"' in host.read(log).splitlines()[-1]


def test_a_process_that_is_stuck_is_ended_and_its_change_taken_back(host: PrivateHost) -> None:
    before = prepare(host, 1)
    with Terminal(host.entered(*CREATE), environment=SESSION) as terminal:
        terminal.wait_for("Type yes within 1 s")
        host.run("pkill", "-STOP", "-f", "bin/netconsole network create")
        eventually(lambda: sorted(held(host)) == sorted(before))
    assert networks(host) == []


def test_without_a_terminal_it_is_refused_and_nothing_happens(host: PrivateHost) -> None:
    before = prepare(host, 60)
    refused = host.run(*CREATE, check=False, environment=SESSION)
    assert refused.returncode == 1
    assert "eth0, which your SSH session came in on" in refused.stderr
    assert held(host) == before


def test_a_session_to_an_address_of_an_advertisement_is_on_trial(host: PrivateHost) -> None:
    """Whoever made the address: the kernel, of what a router said, or a DHCP client."""
    given = ("mngtmpaddr", "nodad", "valid_lft", "3600", "preferred_lft", "3600")
    host.run("ip", "address", "add", "2001:db8::2/64", "dev", "eth0", *given)
    before = prepare(host, 60)
    session = {"SSH_CONNECTION": "2001:db8::1 50000 2001:db8::2 22"}
    refused = host.run(*CREATE, check=False, environment=session)
    assert "eth0, which your SSH session came in on" in refused.stderr
    assert held(host) == before


def test_other_changes_ask_nothing(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION)
    host.run(*CREATE, environment=SESSION)
    assert networks(host) == ["vmnet"]


def test_a_floating_address_that_the_session_came_to_is_on_trial(host: PrivateHost) -> None:
    """New connections would reach the instance, and with those that are ended this one."""
    host.write("/etc/netconsole/netconsole.conf", f"{CONFIGURATION}trial_seconds = 1\n")
    host.run("ip", "address", "add", "203.0.113.130/24", "dev", "eth0")
    session = {"SSH_CONNECTION": "203.0.113.1 50000 203.0.113.130 22"}
    host.run(*CREATE, environment=session)
    create = ("instance", "create", "web1", "--project", "demo", "--network", "vmnet")
    host.run("netconsole", *create, "--port-kind", "veth", environment=session)
    host.run("netconsole", "floating", "create", "--ip-range", "203.0.113.128/28")
    associate = ("floating", "associate")
    host.run("netconsole", *associate, "203.0.113.129", "web1", environment=session)
    before = sorted(held(host))

    mine = ("netconsole", *associate, "203.0.113.130", "web1")
    refused = host.run(*mine, check=False, environment=session)
    assert refused.returncode == 1
    assert "eth0, which your SSH session came in on" in refused.stderr
    with Terminal(host.entered(*mine), environment=session) as terminal:
        terminal.wait_for("not confirmed: taken back")
        assert terminal.exit_status(30) == 1
    assert sorted(held(host)) == before
