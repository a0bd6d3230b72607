"""Ports that are up and dead all the same: status and doctor say so, and of those alone."""

import json
from collections.abc import Iterator

import pytest
from lab_faults import run_playbook
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires(
    "namespaces", "ip", "iptables", "dnsmasq", "busybox", "udhcpc", "conntrack", "arping"
)


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with RunningLab() as running:
        yield running


def device(lab: RunningLab, instance: str) -> str:
    """The port of an instance."""
    return next(name for name, (owner, _) in ports(lab).items() if owner == instance)


def ports(lab: RunningLab) -> dict[str, tuple[str, str]]:
    """Whose each port is, and its state."""
    told = json.loads(lab.netconsole("status", "--json").stdout)
    return {a["device"]: (a["instance"], a["device_state"]) for a in told["allocations"]}


def states(lab: RunningLab) -> list[str]:
    """The states of all ports, the usual one left out."""
    return [state for _, state in ports(lab).values() if state != "up"]


@pytest.mark.parametrize(("number", "word"), [("0", "disabled"), ("1", "listening")])
def test_a_port_that_is_shut_is_told_and_opened(lab: RunningLab, number: str, word: str) -> None:
    port = device(lab, "web2")
    lab.run("bridge", "link", "set", "dev", port, "state", number)
    assert ports(lab)[port] == ("web2", "blocked")
    assert states(lab) == ["blocked"]
    said = lab.netconsole("status").stdout
    assert f"wrong: port {port} of web2 is blocked" in said

    status, document = run_playbook(lab, "stp", "--apply")

    assert f"{port} (web2) is {word}" in document["finding"]["because"]
    assert (status, document["verified"]) == (0, True)
    assert states(lab) == []
    lab.netconsole("lab", "exec", "web2", "--", "ping", "-q", "-c1", "-W5", "10.0.0.1")


def test_a_port_whose_other_end_is_on_the_host_has_no_guest(lab: RunningLab) -> None:
    port = device(lab, "db1")
    lab.run("ip", "link", "del", port)
    lab.netconsole("apply")
    assert states(lab) == ["no carrier"]
    peers = json.loads(lab.run("ip", "-json", "link", "show", "dev", port).stdout)
    lab.run("ip", "link", "set", peers[0]["link"], "up")

    eventually(lambda: states(lab) == ["no guest"])

    assert f"wrong: port {port} of db1 is without a guest" in lab.netconsole("status").stdout
    done = lab.netconsole("doctor", "--only", "bridge", "--json", check=False)
    (found,) = json.loads(done.stdout)["findings"]
    assert "lies on this host itself" in found["because"]
