"""The option `repair_drift`, kind by kind: what an admin changed by hand is mended when it says."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from agent import curl, running_agent
from cloud import FLOATING, answer, configure, create_cloud, netconsole
from private_host import PrivateHost, eventually

OPTIONS = "/var/lib/netconsole/networks/nova-br100.opts"
KINDS: Mapping[str, tuple[str, str]] = {
    "links": (
        "ip link set dev $(ls /sys/class/net/br100/brif) down",
        "ip -brief link show master br100 up | grep .",
    ),
    "addresses": (
        f"ip address delete {FLOATING}/32 dev eth0",
        f"ip address show dev eth0 | grep {FLOATING}",
    ),
    "rules": (
        "iptables -t nat -F nova-network-floating-snat",
        "iptables -t nat -S nova-network-floating-snat | grep SNAT",
    ),
    "guards": ("nft delete table netdev netconsole", "nft list table netdev netconsole"),
    "dnsmasq": ("pkill -KILL -x dnsmasq", "pgrep -x dnsmasq"),
    "files": (f"chmod 0600 {OPTIONS}", f"stat -c %a {OPTIONS} | grep 644"),
    "settings": ("sysctl -w net.ipv4.ip_forward=0", "sysctl net.ipv4.ip_forward | grep 1"),
}
"""How something of each kind is changed by hand, and what succeeds where it is as it should be."""
EVERY = set(KINDS)


@contextmanager
def agent(host: PrivateHost, repair_drift: str) -> Iterator[None]:
    configure(host, f"repair_drift = {repair_drift}")
    with running_agent(host):
        yield


def change_all(host: PrivateHost, last: str = "settings") -> None:
    """Change something of every kind; where that one is mended, the others have been seen."""
    for kind in (*(EVERY - {last}), last):
        host.run("sh", "-ec", KINDS[kind][0])


def as_it_should(host: PrivateHost) -> set[str]:
    """The kinds of which all is as it should be."""
    script = "".join(
        f"({looks}) >/dev/null 2>&1 && echo {kind}\n" for kind, (_, looks) in KINDS.items()
    )
    return set(host.run("sh", "-c", f"{script}true").stdout.split())


def causes(host: PrivateHost) -> list[str]:
    """Why each repair was made."""
    titles = [str(each["title"]) for each in answer(host, "history")]
    return [each.removeprefix("repair: ") for each in titles if each.startswith("repair: ")]


def has_seen_all(host: PrivateHost) -> bool:
    """Whether the agent has seen a step for each of the kinds."""
    return len({step["step"] for step in curl(host, "/v1/status")[1]["drift"]}) >= len(KINDS)


@pytest.fixture(scope="module")
def cloud() -> Iterator[PrivateHost]:
    """A host that is as it should be again after each test."""
    with PrivateHost() as host:
        create_cloud(host)
        yield host


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_alone_is_always_mended(cloud: PrivateHost, kind: str) -> None:
    before = causes(cloud)
    with agent(cloud, f"never, {kind}:always"):
        change_all(cloud, last=kind)
        eventually(lambda: kind in as_it_should(cloud))
        eventually(lambda: causes(cloud) == ["drift", *before])
        assert as_it_should(cloud) == {kind}
    netconsole(cloud, "apply")
    assert as_it_should(cloud) == EVERY


def test_an_admin_is_not_fought_until_the_next_start(host: PrivateHost) -> None:
    create_cloud(host)
    with agent(host, "boot"):
        change_all(host)
        eventually(lambda: has_seen_all(host))
        assert as_it_should(host) == set()
    assert causes(host) == []
    with agent(host, "never, files:boot"):
        eventually(lambda: causes(host) == ["the agent started"])
        assert as_it_should(host) == {"files"}
    with agent(host, "never"):
        eventually(lambda: curl(host, "/v1/status")[1]["drift"])
        assert as_it_should(host) == {"files"}
    assert len(causes(host)) == 1
    with agent(host, "boot"):
        eventually(lambda: as_it_should(host) == EVERY)
        eventually(lambda: causes(host) == ["the agent started"] * 2)


def test_all_is_always_mended(host: PrivateHost) -> None:
    create_cloud(host)
    with agent(host, "always"):
        for _ in range(2):
            change_all(host)
            eventually(lambda: as_it_should(host) == EVERY)
    assert set(causes(host)) == {"drift"}


def test_a_file_is_mended_together_with_what_tells_dnsmasq_of_it(host: PrivateHost) -> None:
    """One without the other had no effect, or was done again and again."""
    create_cloud(host)
    with agent(host, "never, dnsmasq:always"):
        host.run("sh", "-c", KINDS["files"][0])
        eventually(lambda: curl(host, "/v1/status")[1]["drift"])
        host.run("pkill", "-KILL", "-x", "dnsmasq")
        eventually(lambda: "dnsmasq" in as_it_should(host))
        eventually(lambda: len(curl(host, "/v1/status")[1]["drift"]) == 2)
    (repair,) = [each for each in answer(host, "history") if each["title"] == "repair: drift"]
    assert [step["step"] for step in repair["steps"]] == ["StartDnsmasq"]
    with agent(host, "never, files:always"):
        eventually(lambda: "files" in as_it_should(host))
        eventually(lambda: causes(host)[0] == "the agent started")
    steps = answer(host, "history")[0]["steps"]
    assert [step["step"] for step in steps] == ["WriteFile", "ReloadDnsmasq"]
