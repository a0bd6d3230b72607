"""What the agent answers tells of nothing that lasts only until it has done its own part."""

import json

import pytest
from agent import SOCKET, curl, start_agent
from cloud import FLOATING, answer, configure, create_cloud, create_network, netconsole
from private_host import PrivateHost, eventually

pytestmark = pytest.mark.requires("root", "iptables", "curl", "dnsmasq")

WATCHED = "/run/watched"
DRIFT = ("iptables", "-t", "nat", "-D", "nova-network-snat", "1")


def test_from_its_first_answer_it_serves_metadata(host: PrivateHost) -> None:
    create_network(host)
    netconsole(host, "instance", "create", "web1", "--project", "demo")
    assert answer(host, "--no-agent", "status")["host"]["metadata_unserved"]
    watch_from_the_start(host)
    host.spawn("netconsole", "agent")
    eventually(lambda: there(host))
    _, told = curl(host, "/v1/status")
    assert told["host"] == answer(host, "--no-agent", "status")["host"]
    assert complaints(host) == {""}


def test_right_after_a_change_it_tells_what_the_change_left(host: PrivateHost) -> None:
    configure(host)
    start_agent(host)
    watch_from_the_start(host)
    for change in (
        lambda: create_network(host),
        lambda: netconsole(host, "instance", "create", "web1", "--project", "demo"),
        lambda: netconsole(host, "floating", "create", "--ip-range", "203.0.113.128/28"),
        lambda: netconsole(host, "floating", "associate", "203.0.113.129", "web1"),
        lambda: netconsole(host, "instance", "delete", "web1"),
    ):
        change()
        told = netconsole(host, "status")
        assert told == netconsole(host, "--no-agent", "status")
        assert "wrong: " not in told
    assert complaints(host) == {""}


def test_right_after_a_repair_the_findings_are_of_now(host: PrivateHost) -> None:
    create_network(host)
    start_agent(host)
    host.run(*DRIFT)
    eventually(lambda: "drift" in failing(host))
    netconsole(host, "apply")
    assert "drift" not in failing(host)


def test_counters_that_are_told_are_of_now(host: PrivateHost) -> None:
    create_cloud(host)
    start_agent(host)
    host.outside("ping", "-c1", "-w5", FLOATING)
    told = answer(host, "status")["nat"]
    assert told == answer(host, "--no-agent", "status")["nat"]
    assert sum(each["packets"] for each in told if FLOATING in each["rule"]) > 0
    host.outside("ping", "-c1", "-w5", FLOATING)
    to_viewer = json.loads(netconsole(host, "--read-only", "status", "--json"))
    assert to_viewer["nat"] == answer(host, "--no-agent", "status")["nat"]
    assert to_viewer["host"]["access"] == "read-only"
    host.run("iptables", "-t", "nat", "-I", "nova-network-PREROUTING", "-d", f"{FLOATING}/32")
    eventually(lambda: "unexpected" in netconsole(host, "status"))
    for _ in range(3):
        host.outside("ping", "-c1", "-w5", FLOATING)
        assert netconsole(host, "status") == netconsole(host, "--no-agent", "status")


def failing(host: PrivateHost) -> set[str]:
    _, told = curl(host, "/v1/findings")
    return {each["check"] for each in told if each["verdict"] == "fail"}


def there(host: PrivateHost) -> bool:
    """Whether the agent has its socket: the first question of all is the one that counts."""
    return host.run("test", "-S", SOCKET, check=False).returncode == 0


def watch_from_the_start(host: PrivateHost) -> None:
    """Have every picture written down, from when the agent begins to answer."""
    asking = f"curl -sSN --unix-socket {SOCKET} http://agent/v1/watch >>{WATCHED} 2>/dev/null"
    host.spawn("sh", "-c", f"until {asking}; do sleep 0.02; done")


def complaints(host: PrivateHost) -> set[str]:
    """What the pictures until now have said of metadata."""
    lines = host.read(WATCHED).splitlines()
    return {json.loads(line)["status"]["host"]["metadata_unserved"] for line in lines}
