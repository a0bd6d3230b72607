"""Guards, shown by packets: no lie of a guest gets past its port, and what is honest does."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from cloud import configure, dropped_frames, netconsole
from guest_frames import device, filter_bridged, furnish, identity, learned, send, told, world
from guest_lies import lies
from guest_world import OTHER_MAC
from honest_frames import honest
from private_host import PrivateHost, eventually

NEAR = """
import sys
from netconsole.backend.host import guards
from netconsole.backend.kernel.guard_table import near
from netconsole.backend.model.guards import of_devices

ports = sys.argv[1:]
found, whole = near(ports), guards.observe()
is_clear = found is not None and found.ports == of_devices(whole.guard_table, ports) != frozenset()
looks = [guards.observe_near(ports)]
guards.note(looks[0])
looks.append(guards.observe_near(ports))
is_known = looks[1].guard_form == ""
expected = of_devices(whole.guard_table, ("", *ports))
held = {name: each for name, each in whole.guards.items() if name in ports}
is_so = all((each.guard_table, each.guards) == (expected, held) for each in looks)
print(is_clear, is_so and is_known)
"""
STILL = """
import sys
from netconsole.backend.host import guards
from netconsole.backend.model.guards import of_devices
from netconsole.backend.steps import ChangeGuards

port = sys.argv[1]
own = tuple(sorted(of_devices(guards.observe().guard_table, (port,))))
asked, run = [], guards.run
guards.run = lambda *given, **more: (asked.append(given), run(*given, **more))[1]
for step in (ChangeGuards(own, ()), ChangeGuards((), own)):
    left = guards.still(step)
    print(left == step, left is None)
lost = next(each for each in own if each.name == "ipv4")
run(["nft", "delete", "element", "netdev", "netconsole", "ipv4", "{", lost.lines[0], "}"])
print(guards.still(ChangeGuards((), own)) == ChangeGuards((), (lost,)))
there = tuple(each for each in own if each != lost)
print(guards.still(ChangeGuards(own, ())) == ChangeGuards(there, ()), asked)
"""
GUARDS_CHECKED = ("netconsole", "doctor", "--only", "guards", "--json")


@pytest.fixture(scope="module")
def host() -> Iterator[PrivateHost]:
    """A host with three guests: one behind a veth pair that lies, its neighbour, and a tap's."""
    with PrivateHost() as made:
        furnish(made)
        yield made


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
    before, known = dropped_frames(host), learned(host)

    came = send(host, guest, [lie.frame for lie in every], of)

    assert {where: told(every, numbers) for where, numbers in came.items()} == {
        "other": [],
        "host": [],
        "outside": [],
    }
    assert dropped_frames(host) - before == Counter(lie.counter for lie in every)
    assert {mac for mac in learned(host) - known if not mac.startswith("33:33:")} <= {of.me.mac}


@pytest.mark.parametrize(
    "guest", ["liar", pytest.param("machine", marks=pytest.mark.requires("tap"))]
)
def test_what_is_honest_passes(host: PrivateHost, guest: str) -> None:
    filter_bridged(host, "0")
    of = world(host, guest)
    frames = honest(of)
    before = dropped_frames(host)

    came = send(host, guest, [frame for _, frame in frames], of)

    assert [kind for number, (kind, _) in enumerate(frames) if number not in came["other"]] == []
    assert dropped_frames(host) == before


def answers(host: PrivateHost) -> bool:
    ping = ("ip", "netns", "exec", "liar", "ping", "-c1", "-W1", "10.0.0.1")
    return host.run(*ping, check=False).returncode == 0


def test_a_flow_ends_when_its_guest_takes_another_mac_or_address(host: PrivateHost) -> None:
    in_guest = ("ip", "-n", "liar")
    eventually(lambda: answers(host))
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


def test_the_option_takes_all_off_and_is_told_of_until_it_is_gone(host: PrivateHost) -> None:
    configure(host, "guard = False")
    (finding,) = json.loads(host.run(*GUARDS_CHECKED, check=False).stdout)["findings"]
    assert "The option guard is False" in finding["because"], "also before it is applied"
    netconsole(host, "apply")
    assert "netconsole" not in host.run("nft", "list", "tables", "netdev").stdout
    since = "since the change of /etc/netconsole/netconsole.conf at 2"
    assert f"wrong: the option guard takes the guards off every port {since}" in (
        host.run("netconsole", "status").stdout
    )
    shown = json.loads(host.run("netconsole", "guards", "--json").stdout)
    assert (shown["is_off"], {each["state"] for each in shown["ports"]}) == (True, {"off"})
    (finding,) = json.loads(host.run(*GUARDS_CHECKED, check=False).stdout)["findings"]
    assert "take the line guard out of /etc/netconsole/netconsole.conf" in finding["remedy"]
    said = host.run("netconsole", "instance", "guard", "other").stderr
    assert "no port has its guard as long as the option guard is False" in said
    configure(host)
    netconsole(host, "apply")
    assert "option guard" not in host.run("netconsole", "status").stdout
    (finding,) = json.loads(host.run(*GUARDS_CHECKED, check=False).stdout)["findings"]
    assert finding["verdict"] == "ok"


def test_an_address_comes_and_goes_as_one_element(host: PrivateHost) -> None:
    shown = host.run("netconsole", "instance", "add-fixed-ip", "other", "vmnet", "--dry-run").stdout
    changed = [line for line in shown.splitlines() if "nft" in line]

    assert len(changed) == 1
    assert "add element netdev netconsole ipv4 {" in changed[0]


@pytest.mark.parametrize(
    ("change", "is_clear"),
    [
        ("", True),
        (
            "add element {t} ipv4_ranges {{ {w} . 198.51.100.0/25, {w} . 192.0.2.1-192.0.2.6 }}",
            True,
        ),
        ("add element {t} ipv6_ranges {{ {w} . fd00:9::/64, {w} . fd00:8::7 }}", True),
        ("add element {t} target_ranges {{ {w} . 0x7-0x9 }}", True),
        ("flush set {t} macs", True),
        ("add rule {t} guard accept", True),
        ("delete rule {t} own_target handle {h}", True),
        ("add counter {t} other", True),
        ("add rule {t} port-{d} accept", False),
        ("flush chain {t} port-{d}", False),
        ('add element {t} ipv4 {{ {w} . 203.0.113.7 comment "x" }}', False),
    ],
)
def test_the_kernel_says_of_some_ports_what_nft_says(
    host: PrivateHost, change: str, is_clear: bool
) -> None:
    """Each by itself, after what both said before; the table is as it was in the end."""
    ports = [device(host, guest) for guest in ("liar", "other")]
    host.run("python3", "-c", NEAR, *ports)
    rules = host.run("nft", "-a", "list", "chain", "netdev", "netconsole", "own_target").stdout
    words = {
        "t": "netdev netconsole",
        "d": ports[0],
        "w": f'"{ports[0]}" . {identity(host, "liar").mac}',
        "h": rules.partition("# handle ")[2].partition("# handle ")[2].split()[0],
    }
    if change:
        host.run("nft", change.format(**words))
    try:
        assert host.run("python3", "-c", NEAR, *ports).stdout == f"{is_clear} True\n"
    finally:
        netconsole(host, "apply")


def test_what_is_left_to_take_back_of_one_port_is_asked_of_the_kernel_alone(
    host: PrivateHost,
) -> None:
    """nft reads what all ports have, at each question."""
    try:
        told = host.run("python3", "-c", STILL, device(host, "liar")).stdout
        assert told.splitlines() == ["True False", "False True", "True", "True []"]
    finally:
        netconsole(host, "apply")


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
