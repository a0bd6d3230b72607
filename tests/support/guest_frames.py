"""Guests of a private host that send frames: who they are, and who received which of them."""

import json
import re
from pathlib import Path

import sent_frames
from cloud import FLOATING, answer, boot, configure, netconsole
from guest_world import BROADCAST, Identity, Lie, World
from private_host import PrivateHost

from netconsole.backend.model.eui64 import LINK_LOCAL, address_v6

RANGE_V6 = "fd00:7::/64"


def furnish(host: PrivateHost) -> str:
    """Give a host three guests: one behind a veth pair that lies, its neighbour, and a tap's.

    The answer is what was said of the last.
    """
    configure(host)
    on = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100", "--fixed-range-v6", RANGE_V6)
    netconsole(host, "network", "create", "vmnet", *on)
    boot(host, "liar")
    boot(host, "other")
    words = ("--project", "demo", "--network", "vmnet", "--port-kind", "tap")
    return host.run("netconsole", "instance", "create", "machine", *words).stderr


def identity(host: PrivateHost, name: str) -> Identity:
    """Say who an instance is."""
    (view,) = answer(host, "instance", "show", name)["ports"]
    mac = view["port"]["mac"]
    address = view["fixed_ips"][0]["address"]
    return Identity(mac, address, address_v6(mac, RANGE_V6), address_v6(mac, LINK_LOCAL))


def world(host: PrivateHost, sender: str) -> World:
    """Say who a guest is, and who is around it."""
    bridge = json.loads(host.run("ip", "-json", "link", "show", "br100").stdout)[0]["address"]
    gateway = Identity(bridge, "10.0.0.1", "fd00:7::1", address_v6(bridge, LINK_LOCAL))
    return World(identity(host, sender), identity(host, "other"), gateway, FLOATING)


def device(host: PrivateHost, name: str) -> str:
    """Name the port of an instance."""
    return str(answer(host, "instance", "show", name)["ports"][0]["port"]["device"])


def send(host: PrivateHost, name: str, frames: list[bytes], of: World) -> dict[str, list[int]]:
    """Send frames as a guest; return which of them, by their numbers, came where."""
    from scapy.layers.l2 import ARP, Ether

    port = device(host, name)
    asked = {
        "sender": ("", port) if port.startswith("tap") else (name, "eth0"),
        "listeners": {
            "other": [("other", "eth0")],
            "host": [("", "br100"), *(("", port, each) for each in (4, 0x88CC, 0x8809, 0x888E))],
            "outside": [("outside", "eth0")],
        },
        "frames": [frame.hex() for frame in frames],
        "honest": bytes(
            Ether(src=of.me.mac, dst=BROADCAST)
            / ARP(op=1, hwsrc=of.me.mac, psrc=of.me.address, pdst=of.me.address)
        ).hex(),
    }
    code = Path(sent_frames.__file__).read_text(encoding="utf-8")
    done = host.run("python3", "-c", code, input=json.dumps(asked))
    found: dict[str, list[int]] = json.loads(done.stdout)
    return found


def filter_bridged(host: PrivateHost, value: str) -> None:
    """Let frames between guests meet iptables, which puts fragments together, or not."""
    for switch in ("iptables", "ip6tables", "arptables"):
        host.run("sysctl", "-qw", f"net.bridge.bridge-nf-call-{switch}={value}")
        own = ("type", "bridge", f"nf_call_{switch}", value)  # as security groups need it
        host.run("ip", "link", "set", "dev", "br100", *own)


def learned(host: PrivateHost) -> set[str]:
    """List the MAC addresses that the bridge knows."""
    return set(
        re.findall(r"^(\S+) ", host.run("bridge", "fdb", "show", "br", "br100").stdout, re.M)
    )


def told(told: tuple[Lie, ...], numbers: list[int]) -> list[str]:
    """Name lies by their numbers."""
    return [told[number].kind for number in numbers]
