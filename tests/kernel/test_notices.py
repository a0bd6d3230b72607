"""What the kernel tells, and what it makes be read again."""

import json

import pytest
from private_host import PrivateHost

PROGRAM = """
import json, subprocess, sys
from netconsole.backend.kernel.notices import NeighbourNotices, RouteNotices, RuleNotices
from netconsole.backend.model.facility import NOTHING

before, command = sys.argv[1:]
subprocess.run(["sh", "-ec", before], check=True)
ears = [RouteNotices(), RuleNotices(), NeighbourNotices()]
subprocess.run(["sh", "-ec", command], check=True, stdout=subprocess.DEVNULL)
again = NOTHING
for ear in ears:
    again |= ear.heard()
links = "all" if again.links is None else sorted(again.links)
print(json.dumps([sorted(each.value for each in again.facilities), links]))
"""
STORM = """for each in $(seq 20); do
for at in $(seq 250); do echo address add 192.0.2.$at/32 dev lo; done
for at in $(seq 250); do echo address del 192.0.2.$at/32 dev lo; done; done | ip -batch -"""
NAMING = ["addresses", "guards", "links", "routes"]
"""What tells of links by their names."""
EBTABLES = "ebtables -A FORWARD -p ARP -j ACCEPT"


@pytest.mark.parametrize(
    ("before", "command", "facilities", "links"),
    [
        ("", "ip link set eth0 mtu 1400", ["links"], ["eth0"]),
        ("ip link add br7 type bridge", "ip link del br7", ["links"], ["br7"]),
        ("ip link add br7 type bridge", "ip link set br7 name br8", NAMING, "all"),
        ("", "ip address add 192.0.2.1/32 dev lo", ["addresses", "routes"], []),
        ("", "ip route add 198.51.100.0/24 via 203.0.113.1", ["routes"], []),
        ("", "iptables -A INPUT -j ACCEPT", ["rules"], []),
        ("", "nft add table netdev other", ["guards"], []),
        (EBTABLES, "ebtables -t filter -L", [], []),
        (EBTABLES, "ebtables -t filter -F", ["rules"], []),
        ("", "echo 1 > /proc/sys/net/ipv4/conf/eth0/forwarding", ["links"], ["eth0"]),
        ("", "ip neighbour add 203.0.113.9 lladdr 2:0:0:0:0:1 dev eth0", [], []),
        ("", "ping -c1 -W10 203.0.113.9 || true", ["neighbours"], []),
    ],
)
def test_a_notice_says_what_is_read_again(
    host: PrivateHost, before: str, command: str, facilities: list[str], links: object
) -> None:
    host.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    told = json.loads(host.run("python3", "-c", PROGRAM, before, command).stdout)
    assert told[0] == facilities
    assert told[1] == links or not facilities


def test_ipv6_switched_on_or_off_is_told_with_the_address_that_follows(host: PrivateHost) -> None:
    """Of the switch itself the kernel tells nobody. The address is there at once, and is told of
    later, when it was found to be nobody else's."""
    switch = "echo {} > /proc/sys/net/ipv6/conf/eth0/disable_ipv6"
    ready = "until ip -6 address show dev eth0 scope link -tentative | grep -q fe80; do :; done"
    off, on = switch.format(1), f"{switch.format(0)}; {ready}"
    for before, command in ((off, on), (on, off)):
        told = host.run("python3", "-c", PROGRAM, before, command).stdout
        facilities, links = json.loads(told)
        assert (set(facilities) >= {"addresses", "links"}, links) == (True, ["eth0"]), command


def test_where_notices_are_lost_all_is_read_again(host: PrivateHost) -> None:
    told = json.loads(host.run("python3", "-c", PROGRAM, "", STORM).stdout)
    assert told == [["addresses", "links", "routes", "settings"], "all"]
