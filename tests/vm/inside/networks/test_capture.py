"""Capture on real 802.1Q: trunk, VLAN and bridge, and the loss of which the guide tells."""

import json
from typing import Any

from private_host import PrivateHost

LAY_OUT = """
set -e
ip netns add other
ip link add trunk type veth peer name trunk netns other
ip link add link trunk name vlan100 type vlan id 100
ip link add br100 type bridge
ip link set vlan100 master br100
ip address add 10.0.0.1/24 dev br100
ip -n other link add link trunk name vlan100 type vlan id 100
ip -n other address add 10.0.0.2/24 dev vlan100
ip link set trunk up
ip link set vlan100 up
ip link set br100 up
ip -n other link set trunk up
ip -n other link set vlan100 up
"""
POINTS = ("trunk", "vlan100", "br100")


def captured(host: PrivateHost) -> dict[str, Any]:
    """Capture at three points while the guest on the other host asks for an echo."""
    on = [word for point in POINTS for word in ("--on", point)]
    process = host.spawn("netconsole", "capture", "--seconds", "0", *on, "--json", "icmp")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("capturing at trunk")
    ping = ("ping", "-q", "-c", "6", "-i", "0.2", "-W", "1", "10.0.0.1")
    host.run("ip", "netns", "exec", "other", *ping, check=False)
    host.run("sleep", "0.3")
    host.run("pkill", "-INT", "-f", "[n]etconsole capture")
    assert process.wait(timeout=60) in (0, 1)
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.read())
    return found


def ways(found: dict[str, Any]) -> list[list[tuple[int, int]]]:
    """Return how many passed and got lost between each two points, each way."""
    return [[(way["passed"], way["lost"]) for way in pair["ways"]] for pair in found["pairs"]]


def test_trunk_vlan_and_bridge(host: PrivateHost) -> None:
    host.run("sh", "-c", LAY_OUT)
    host.run("sysctl", "-w", "net.bridge.bridge-nf-call-iptables=1")
    found = captured(host)
    assert [pair["relation"] for pair in found["pairs"]] == ["under VLAN", "port of"]
    assert [point["description"] for point in found["points"]][:2] == [
        "",
        "vlan 100 on trunk, port of br100",
    ]
    assert ways(found) == [[(6, 0), (6, 0)], [(6, 0), (6, 0)]]
    assert all(pair["changed"] == {} for pair in found["pairs"])

    drop = ("PREROUTING", "-p", "icmp", "-j", "DROP")
    host.run("iptables", "-t", "mangle", "-A", *drop)
    found = captured(host)
    assert ways(found) == [[(6, 0), (0, 0)], [(0, 6), (0, 0)]]
    assert found["pairs"][1]["verdict"]["kind"] == "lost"

    # Without the bridge's filter the same rule strikes behind the bridge: nothing is lost before.
    host.run("sysctl", "-w", "net.bridge.bridge-nf-call-iptables=0")
    assert ways(captured(host)) == [[(6, 0), (0, 0)], [(6, 0), (0, 0)]]
