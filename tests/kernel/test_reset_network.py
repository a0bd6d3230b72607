"""`instance reset-network`: what is missing comes back, and the neighbours hear of it."""

import json

from cloud import FLOATING, answer, create_cloud, netconsole, reaches
from private_host import PrivateHost, eventually

GATEWAY, WRONG = "10.0.0.1", "02:00:00:00:00:99"


def mac_for(host: PrivateHost, namespace: str, address: str) -> str:
    """What a namespace believes the MAC address of one of its neighbours to be."""
    words = ("ip", "-n", namespace, "-json", "neighbour", "show", address, "dev", "eth0")
    return str(json.loads(host.run(*words).stdout)[0].get("lladdr"))


def mislead(host: PrivateHost, namespace: str, address: str) -> None:
    """Make a namespace believe what is not so, and ready to learn better at once."""
    locktime = ("sysctl", "-q", "-w", "net.ipv4.neigh.eth0.locktime=0")
    host.run("ip", "netns", "exec", namespace, *locktime)
    entry = (address, "lladdr", WRONG, "dev", "eth0", "nud", "stale")
    host.run("ip", "-n", namespace, "neighbour", "replace", *entry)


def mac_of(host: PrivateHost, interface: str) -> str:
    return host.read(f"/sys/class/net/{interface}/address").strip()


def test_neighbours_with_old_addresses_learn_better_and_what_is_missing_comes_back(
    host: PrivateHost,
) -> None:
    create_cloud(host)
    device = answer(host, "instance", "show", "web1")["ports"][0]["port"]["device"]
    host.run("iptables", "-t", "nat", "-F", "nova-network-PREROUTING")
    host.run("ip", "link", "set", device, "nomaster")
    mislead(host, "web1", GATEWAY)
    mislead(host, "outside", FLOATING)
    before = host.run("pgrep", "-x", "dnsmasq").stdout
    planned = netconsole(host, "nova", "reset-network", "web1", "--dry-run")
    assert f"ip link set dev {device} master br100" in planned
    assert "kill -HUP" in planned.splitlines()[-3]
    assert mac_for(host, "outside", FLOATING) == WRONG, "nothing was done yet"

    netconsole(host, "nova", "reset-network", "web1")
    assert host.run("netconsole", "plan", check=False).stdout == ""
    assert host.run("pgrep", "-x", "dnsmasq").stdout == before
    eventually(lambda: mac_for(host, "web1", GATEWAY) == mac_of(host, "br100"))
    eventually(lambda: mac_for(host, "outside", FLOATING) == mac_of(host, "eth0"))
    eventually(lambda: reaches(host))


def test_who_is_not_there_is_not_found(host: PrivateHost) -> None:
    refused = host.run("netconsole", "instance", "reset-network", "nobody", check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("netconsole: instance 'nobody' does not exist: ")
    assert refused.stderr.count("\n") == 1
