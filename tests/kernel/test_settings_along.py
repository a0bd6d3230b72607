"""Kernel settings that change along with ours: what they were, they are again afterwards."""

import json

import pytest
from cloud import configure, create_network, netconsole
from kills import killed
from private_host import PrivateHost

from netconsole.backend.model.kernel_settings import (
    IP_FORWARD,
    IPV6_FORWARDING,
    lost,
    name_of,
    written,
)

CREATE = (
    *("network", "create", "vmnet", "--bridge", "br100"),
    *("--fixed-range-v4", "10.0.0.0/24", "--fixed-range-v6", "fd00:10::/64"),
)
HARDENED = (
    "net.ipv4.conf.all.accept_redirects=0",
    "net.ipv4.conf.default.accept_redirects=0",
    "net.ipv4.conf.eth0.accept_redirects=0",
    "net.ipv4.conf.eth1.forwarding=1",
    "net.ipv6.conf.eth1.forwarding=1",
    "net/ipv4/conf/eth1.5/forwarding=1",
)
ROUTER = (
    *("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"),
    *("net.ipv4.conf.eth1.forwarding=0", "net.ipv4.conf.all.accept_redirects=1"),
    "net.ipv6.conf.eth1.forwarding=0",
)

SETTINGS = """
import json, pathlib
found = {}
for each in sorted(pathlib.Path("/proc/sys/net").glob("ipv[46]/conf/*/*")):
    try:
        found[str(each.relative_to("/proc/sys"))] = each.read_text().strip()
    except OSError:
        pass
found["net/ipv4/ip_forward"] = pathlib.Path("/proc/sys/net/ipv4/ip_forward").read_text().strip()
print(json.dumps(found))
"""


def settings(host: PrivateHost) -> dict[str, str]:
    """All settings of the host and its interfaces, by path; those of our bridge left out."""
    found = json.loads(host.run("python3", "-c", SETTINGS).stdout)
    return {path: value for path, value in found.items() if "/br100/" not in path}


def write(host: PrivateHost, *assignments: str) -> None:
    host.run("sysctl", "-q", "-w", *assignments)


@pytest.fixture(name="found", params=[HARDENED, ROUTER], ids=["hardened", "router"])
def found_(host: PrivateHost, request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a host as an admin has made them."""
    for name in ("eth1", "eth1.5"):
        host.run("ip", "link", "add", name, "type", "bridge")
    configure(host)
    netconsole(host, "apply")
    assignments: tuple[str, ...] = request.param
    write(host, *assignments)
    return settings(host)


def test_what_goes_along_with_ours_is_as_it_was_afterwards(
    host: PrivateHost, found: dict[str, str]
) -> None:
    refused_create(host)
    assert settings(host) == found, "after a creation that failed"

    for number, when in ((0, "after"), (1, "before"), (1, "after")):
        assert killed(host, number, when, *CREATE)
        netconsole(host, "apply")
        assert settings(host) == found, f"after one killed {when} step {number}"

    netconsole(host, *CREATE)
    host.run("ip", "link", "add", "eth2", "type", "bridge")
    held = settings(host)
    assert (held["net/ipv4/ip_forward"], held["net/ipv6/conf/all/forwarding"]) == ("1", "1")
    unchanged = {path for path in held if path.endswith(("rp_filter", "eth0/accept_redirects"))}
    assert all(held[path] == found[path] for path in unchanged & found.keys())
    write(host, "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
    netconsole(host, "apply")
    assert settings(host) == held, "as before someone switched it off"

    netconsole(host, "network", "delete", "vmnet")
    host.run("ip", "link", "delete", "eth2")
    assert settings(host) == found, "after the last network"


LISTEN = """
import socket
with socket.create_server(("0.0.0.0", 53)):
    print("listening", flush=True)
    input()
"""


def refused_create(host: PrivateHost) -> None:
    """Try to create a network where its DNS server finds its port taken."""
    other = host.spawn("python3", "-c", LISTEN)
    assert other.stdout is not None
    assert other.stdout.readline() == "listening\n"
    failed = host.run("netconsole", *CREATE, check=False)
    assert "Address already in use" in failed.stderr
    other.communicate("\n", timeout=60)


def test_an_interface_that_comes_later_is_what_the_admin_wanted_of_such(host: PrivateHost) -> None:
    configure(host)
    netconsole(host, "apply")
    host.run("ip", "link", "add", "eth1", "type", "bridge")
    write(host, "net.ipv4.conf.default.forwarding=1", "net.ipv4.conf.eth0.forwarding=1")
    create_network(host)
    host.run("ip", "link", "add", "eth2", "type", "bridge")
    netconsole(host, "network", "delete", "vmnet")
    host.run("ip", "link", "add", "eth3", "type", "bridge")
    forwarding = {
        name: host.run("sysctl", "-n", f"net.ipv4.conf.{name}.forwarding").stdout.strip()
        for name in ("all", "eth0", "eth1", "eth2", "eth3")
    }
    assert forwarding == {"all": "0", "eth0": "1", "eth1": "0", "eth2": "1", "eth3": "1"}


@pytest.mark.parametrize("assignments", [HARDENED, ROUTER], ids=["hardened", "router"])
def test_what_is_foretold_is_what_the_kernel_does(
    host: PrivateHost, assignments: tuple[str, ...]
) -> None:
    for name in ("eth1", "eth1.5"):
        host.run("ip", "link", "add", name, "type", "bridge")
    write(host, *assignments)
    for switch in (IP_FORWARD, IPV6_FORWARDING):
        before = {name_of(path): value for path, value in settings(host).items()}
        value = "0" if before[switch] == "1" else "1"
        write(host, f"{switch}={value}")
        after = {name_of(path): value for path, value in settings(host).items()}
        assert written(switch, value, before) == after
        changed = {
            key
            for key in before
            if after[key] != before[key] and not key.endswith("conf.all.forwarding")
        }
        assert {key for key, _ in lost(switch, value, before)} >= changed - {switch}
