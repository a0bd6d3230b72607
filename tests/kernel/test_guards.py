"""Guards, shown by packets: no lie of a guest gets past its port, and what is honest does."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sent_frames
from cloud import FLOATING, answer, boot, configure, netconsole
from guest_lies import lies
from guest_world import BROADCAST, OTHER_MAC, Identity, Lie, World
from honest_frames import honest
from private_host import PrivateHost, eventually

from netconsole.backend.filtering.guard_listing import counted
from netconsole.backend.model.eui64 import LINK_LOCAL, address_v6

RANGE_V6 = "fd00:7::/64"


@pytest.fixture(scope="module")
def host() -> Iterator[PrivateHost]:
    """A host with three guests: one behind a veth pair that lies, its neighbour, and a tap's."""
    with PrivateHost() as made:
        configure(made)
        on = ("--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100", "--fixed-range-v6", RANGE_V6)
        netconsole(made, "network", "create", "vmnet", *on)
        boot(made, "liar")
        boot(made, "other")
        words = ("--project", "demo", "--network", "vmnet", "--port-kind", "tap")
        netconsole(made, "instance", "create", "machine", *words)
        yield made


def identity(host: PrivateHost, name: str) -> Identity:
    (view,) = answer(host, "instance", "show", name)["ports"]
    mac = view["port"]["mac"]
    address = view["fixed_ips"][0]["address"]
    return Identity(mac, address, address_v6(mac, RANGE_V6), address_v6(mac, LINK_LOCAL))


def world(host: PrivateHost, sender: str) -> World:
    bridge = json.loads(host.run("ip", "-json", "link", "show", "br100").stdout)[0]["address"]
    gateway = Identity(bridge, "10.0.0.1", "fd00:7::1", address_v6(bridge, LINK_LOCAL))
    return World(identity(host, sender), identity(host, "other"), gateway, FLOATING)


def device(host: PrivateHost, name: str) -> str:
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


def counters(host: PrivateHost) -> Counter[str]:
    return Counter(counted(host.run("nft", "list", "table", "netdev", "netconsole").stdout))


def learned(host: PrivateHost) -> set[str]:
    return set(
        re.findall(r"^(\S+) ", host.run("bridge", "fdb", "show", "br", "br100").stdout, re.M)
    )


def told(told: tuple[Lie, ...], numbers: list[int]) -> list[str]:
    return [told[number].kind for number in numbers]


@pytest.mark.parametrize(
    "guest", ["liar", pytest.param("machine", marks=pytest.mark.requires("tap"))]
)
@pytest.mark.parametrize("bridge_nf", ["0", "1"])
def test_no_lie_gets_anywhere_and_each_is_counted(
    host: PrivateHost, guest: str, bridge_nf: str
) -> None:
    filter_bridged(host, bridge_nf)
    of = world(host, guest)
    every = lies(of)
    before, known = counters(host), learned(host)

    came = send(host, guest, [lie.frame for lie in every], of)

    assert {where: told(every, numbers) for where, numbers in came.items()} == {
        "other": [],
        "host": [],
        "outside": [],
    }
    assert counters(host) - before == Counter(lie.counter for lie in every)
    assert {mac for mac in learned(host) - known if not mac.startswith("33:33:")} <= {of.me.mac}


@pytest.mark.parametrize(
    "guest", ["liar", pytest.param("machine", marks=pytest.mark.requires("tap"))]
)
def test_what_is_honest_passes(host: PrivateHost, guest: str) -> None:
    filter_bridged(host, "0")
    of = world(host, guest)
    frames = honest(of)
    before = counters(host)

    came = send(host, guest, [frame for _, frame in frames], of)

    assert [kind for number, (kind, _) in enumerate(frames) if number not in came["other"]] == []
    assert counters(host) == before


def answers(host: PrivateHost) -> bool:
    ping = ("ip", "netns", "exec", "liar", "ping", "-c1", "-W1", "10.0.0.1")
    return host.run(*ping, check=False).returncode == 0


def test_a_flow_ends_when_its_guest_takes_another_mac_or_address(host: PrivateHost) -> None:
    in_guest = ("ip", "-n", "liar")
    assert answers(host)
    mac = identity(host, "liar").mac
    host.run(*in_guest, "link", "set", "eth0", "address", OTHER_MAC)
    assert not answers(host)
    host.run(*in_guest, "link", "set", "eth0", "address", mac)
    eventually(lambda: answers(host))
    host.run(*in_guest, "address", "add", "10.0.0.77/24", "dev", "eth0")
    as_another = (
        "ip",
        "netns",
        "exec",
        "liar",
        "ping",
        "-c1",
        "-W1",
        "-I",
        "10.0.0.77",
        "10.0.0.1",
    )
    assert host.run(*as_another, check=False).returncode == 1
    host.run(*in_guest, "address", "delete", "10.0.0.77/24", "dev", "eth0")
    assert answers(host)


def test_an_ipv6_address_not_made_of_the_mac_is_stopped_until_it_is_allowed(
    host: PrivateHost,
) -> None:
    """As one that changes every day; what to do is said where it is counted."""
    made_up = "fd00:7::7217"
    host.run("ip", "-n", "liar", "address", "add", f"{made_up}/64", "dev", "eth0", "nodad")

    def passes() -> bool:
        ping = ("ping", "-c1", "-W1", "-I", made_up, "fd00:7::1")
        return host.run("ip", "netns", "exec", "liar", *ping, check=False).returncode == 0

    assert not passes()
    assert "net.ipv6.conf.eth0.use_tempaddr=0" in host.run("netconsole", "guards").stderr
    netconsole(host, "instance", "allow-address", "liar", made_up)
    eventually(passes)
    netconsole(host, "instance", "disallow-address", "liar", made_up)
    assert not passes()
    host.run("ip", "-n", "liar", "address", "delete", f"{made_up}/64", "dev", "eth0")


@pytest.mark.parametrize(
    "damage",
    [
        "delete table netdev netconsole",
        "flush chain netdev netconsole own_ipv4",
        "insert rule netdev netconsole guard accept",
        "flush set netdev netconsole macs",
        "add element netdev netconsole ipv4 { liar . 02:00:00:00:00:01 . 10.0.0.9 }",
        "delete chain netdev netconsole port-DEVICE",
    ],
)
def test_what_somebody_changed_is_drift_and_put_right(host: PrivateHost, damage: str) -> None:
    host.run("nft", "add table netdev others")
    command = damage.replace("DEVICE", device(host, "liar"))
    host.run("nft", command)

    assert "netdev netconsole" in host.run("netconsole", "plan", check=False).stdout
    netconsole(host, "apply")

    assert host.run("netconsole", "plan", check=False).stdout == ""
    assert answers(host)
    host.run("nft", "delete table netdev others")


def test_a_port_that_cannot_be_guarded_is_not_bridged(host: PrivateHost) -> None:
    nft = host.run("sh", "-c", "command -v nft").stdout.strip()
    before = host.run("ip", "-brief", "link").stdout.count("@")
    host.run("cp", nft, "/run/nft")
    host.write("/run/refusing", '#!/bin/sh\n[ "$1" = -f ] && exit 1\nexec /run/nft "$@"\n')
    host.run("chmod", "+x", "/run/refusing")
    host.run("mount", "--bind", "/run/refusing", nft)
    words = ("instance", "create", "late", "--project", "demo", "--network", "vmnet")
    try:
        done = host.run("netconsole", *words, "--port-kind", "veth", check=False)
    finally:
        host.run("umount", nft)

    assert done.returncode == 1
    assert "nft -f -: exit status 1" in done.stderr
    assert host.run("ip", "-brief", "link").stdout.count("@") == before
    assert host.run("netconsole", "plan", check=False).stdout == ""


def test_an_address_comes_and_goes_as_one_element(host: PrivateHost) -> None:
    shown = host.run("netconsole", "instance", "add-fixed-ip", "other", "vmnet", "--dry-run").stdout
    changed = [line for line in shown.splitlines() if "nft" in line]

    assert len(changed) == 1
    assert "add element netdev netconsole ipv4 {" in changed[0]


def test_without_guards_each_lie_passes(host: PrivateHost) -> None:
    """The last, as it leaves everybody with false neighbours."""
    of = world(host, "liar")
    every = lies(of)
    filter_bridged(host, "0")
    host.run("nft", "delete", "table", "netdev", "netconsole")
    try:
        came = send(host, "liar", [lie.frame for lie in every], of)
    finally:
        netconsole(host, "apply")

    received = {number for numbers in came.values() for number in numbers}
    missing = {lie.kind for number, lie in enumerate(every) if number not in received}
    assert missing <= {lie.kind for lie in every if not lie.passes_bridges}
    assert host.run("netconsole", "plan", check=False).stdout == ""
