"""Capture at real interfaces: what the kernel passes on, what it drops, and what is said of it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from private_host import PrivateHost

pytestmark = pytest.mark.requires("tcpdump")

FAILED, LOSSY, REFUSED, UNAVAILABLE = 1, 1, 2, 3
LAY_OUT = """
set -e
ip netns add guest
ip link add br100 address 02:00:00:00:00:0b type bridge
ip address add 10.0.0.1/24 dev br100
ip link set br100 up
ip link add vlan100 type veth peer name eth0 netns guest
ip link set vlan100 master br100 up
ip -n guest address add 10.0.0.2/24 dev eth0
ip -n guest link set lo up
ip -n guest link set eth0 address fa:16:3e:00:00:02 up
"""
TAGGED = """
from scapy.all import IP, UDP, Dot1Q, Ether, sendp
frames = Ether(dst="ff:ff:ff:ff:ff:ff") / Dot1Q(vlan=77) / IP(dst="10.0.0.9") / UDP(dport=9)
sendp(frames / b"x", iface="eth0", count=3, verbose=False)
"""
TALK = """
import socket, time
for port in (40022, 40023):
    for _ in range(100):
        try:
            connection = socket.create_connection(("10.0.0.1", 22), 1, ("10.0.0.2", port))
            break
        except OSError:
            time.sleep(0.05)  # it does not listen yet
    connection.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    while connection.recv(4096):
        pass
"""
GOES_DOWN = """
import select, subprocess
from netconsole.capture.ring import Ring
with Ring("vlan100", [(6, 0, 0, 128)]) as ring:  # it lets everything pass
    asked = select.poll()
    asked.register(ring, select.POLLIN)
    subprocess.run(["ip", "link", "set", "vlan100", "down"], check=True)
    list(ring.blocks())
    told = [event & select.POLLERR for _, event in asked.poll(0)]
    ring.clear_error()
    print(told, [event & select.POLLERR for _, event in asked.poll(0) if event & select.POLLERR])
"""
FLOOD = """
import socket, struct
sending = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for number in range({count}):
    sending.sendto(struct.pack("!I", number) + bytes(60), ("10.0.0.1", 9))
"""


@pytest.fixture
def bridge(host: PrivateHost) -> PrivateHost:
    """A host with a guest behind a port of a bridge; the port stands for the VLAN's device."""
    host.run("sh", "-c", LAY_OUT)
    guest(host, "ping", "-c1", "-w60", "10.0.0.1")
    return host


def guest(host: PrivateHost, *command: str, check: bool = True) -> str:
    return host.run("ip", "netns", "exec", "guest", *command, check=check).stdout


@contextmanager
def capturing(
    host: PrivateHost, *options: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A capture that has begun, and is interrupted at the end."""
    process = host.spawn(
        *("netconsole", "capture", "--seconds", "0", *options), environment=environment
    )
    assert process.stderr is not None
    line = process.stderr.readline()
    assert line.startswith("capturing at "), line
    yield process
    host.run("pkill", "-INT", "-f", "[n]etconsole capture")
    process.wait(timeout=60)


def comparison(
    host: PrivateHost,
    command: Sequence[str],
    *options: str,
    points: Sequence[str] = ("vlan100", "br100"),
    environment: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Capture while the guest runs a command; return the exit status and what was found."""
    on = [word for point in points for word in ("--on", point)]
    with capturing(host, *on, "--json", *options, environment=environment) as process:
        guest(host, *command, check=False)
        # What was sent last is decided only when it is not too near the end.
        host.run("sleep", "0.2")
    assert process.stdout is not None
    return process.returncode, json.loads(process.stdout.read())


def pings(count: int, target: str = "10.0.0.1") -> list[str]:
    return ["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "1", target]


def ways(found: dict[str, Any]) -> list[tuple[int, int]]:
    """Return how many packets passed and got lost, each way."""
    return [(way["passed"], way["lost"]) for way in found["pairs"][0]["ways"]]


def test_what_passes_a_bridge_is_seen_on_both_sides_both_ways(bridge: PrivateHost) -> None:
    status, found = comparison(bridge, pings(10), "icmp")
    assert ways(found) == [(10, 0), (10, 0)]
    assert [point["packets"] for point in found["points"]] == [20, 20]
    assert [point["dropped"] for point in found["points"]] == [0, 0]
    assert found["pairs"][0]["relation"] == "port of"
    assert found["pairs"][0]["changed"] == {}
    assert found["pairs"][0]["verdict"]["confidence"] == "high"
    assert status == 0


@pytest.mark.requires("ebtables")
def test_what_the_bridge_drops_on_its_way_up_is_lost(bridge: PrivateHost) -> None:
    rule = ("INPUT", "-p", "IPv4", "-i", "vlan100", "--ip-protocol", "icmp", "-j", "DROP")
    bridge.run("ebtables", "-A", *rule)
    status, found = comparison(bridge, pings(10), "icmp")
    assert ways(found) == [(0, 10), (0, 0)]
    assert found["pairs"][0]["verdict"]["sentence"] == (
        "10 of 10 packets from vlan100 to br100 got lost: seen on vlan100, not on br100."
    )
    assert status == LOSSY


@pytest.mark.requires("ebtables")
def test_what_the_bridge_drops_on_its_way_down_is_lost(bridge: PrivateHost) -> None:
    rule = ("OUTPUT", "-p", "IPv4", "-o", "vlan100", "--ip-protocol", "icmp", "-j", "DROP")
    bridge.run("ebtables", "-A", *rule)
    status, found = comparison(bridge, pings(10), "icmp")
    assert ways(found) == [(10, 0), (0, 10)]
    assert status == LOSSY


def test_some_get_lost_by_the_filter_that_the_bridge_calls(bridge: PrivateHost) -> None:
    bridge.run("sysctl", "-w", "net.bridge.bridge-nf-call-iptables=1")
    rule = ("PREROUTING", "-p", "icmp", "-m", "physdev", "--physdev-in", "vlan100")
    every = ("-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0", "-j", "DROP")
    bridge.run("iptables", "-t", "raw", "-A", *rule, *every)
    status, found = comparison(bridge, pings(10), "icmp")
    assert ways(found) == [(5, 5), (5, 0)]
    assert status == LOSSY


@pytest.mark.parametrize("filtered", ["0", "1"])
def test_fragments_are_not_lost_where_the_bridge_puts_them_together(
    bridge: PrivateHost, filtered: str
) -> None:
    bridge.run("sysctl", "-w", f"net.bridge.bridge-nf-call-iptables={filtered}")
    bridge.run("iptables", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT")
    big = ["ping", "-q", "-c", "5", "-i", "0.05", "-s", "4000", "10.0.0.1"]
    status, found = comparison(bridge, big, "icmp")
    assert [(passed > 0, lost) for passed, lost in ways(found)] == [(True, 0), (True, 0)]
    assert [way["unseen"] for way in found["pairs"][0]["ways"]] == [0, 0]
    # Fragments come in as three; the filter needs the whole.
    seen = [point["packets"] for point in found["points"]]
    assert seen == ([30, 20] if filtered == "1" else [30, 30])
    assert status == 0


CANCELLED = """
import threading
from netconsole.diagnostics.probes.live_capture import CaptureRequest, compare
cancel, stands = threading.Event(), []
def packets(comparison):
    return tuple(point.packets for point in comparison.points)
def note(progress):
    stands.append(progress)
    if packets(progress.comparison)[0]:
        cancel.set()
request = CaptureRequest(("vlan100", "br100"), "icmp", seconds=None, limit=None)
found = []
work = threading.Thread(target=lambda: found.append(compare(request, cancel=cancel, progress=note)))
work.start()
work.join()
print(packets(stands[0].comparison), packets(stands[-1].comparison) == packets(found[0]))
"""


def test_a_capture_in_a_thread_tells_how_it_stands_and_is_cancelled(bridge: PrivateHost) -> None:
    bridge.spawn("ip", "netns", "exec", "guest", *pings(200))
    assert bridge.run(sys.executable, "-c", CANCELLED).stdout == "(0, 0) True\n"


def test_what_passes_between_two_ports_is_not_missed_on_the_bridge(bridge: PrivateHost) -> None:
    bridge.run("ip", "netns", "add", "other")
    bridge.run(
        "ip", "link", "add", "tap1", "type", "veth", "peer", "name", "eth0", "netns", "other"
    )
    bridge.run("ip", "link", "set", "tap1", "master", "br100", "up")
    bridge.run("ip", "-n", "other", "address", "add", "10.0.0.3/24", "dev", "eth0")
    bridge.run("ip", "-n", "other", "link", "set", "eth0", "up")
    guest(bridge, "ping", "-c1", "-w60", "10.0.0.3")
    status, found = comparison(bridge, pings(5, "10.0.0.3"), "icmp")
    assert ways(found) == [(0, 0), (0, 0)]
    assert found["pairs"][0]["elsewhere"] == 10
    assert status == 0
    status, found = comparison(bridge, pings(5, "10.0.0.3"), "icmp", points=("vlan100", "tap1"))
    assert ways(found) == [(5, 0), (5, 0)]


def test_dns_that_is_not_answered_is_counted_where_it_waits(bridge: PrivateHost) -> None:
    bridge.run(
        "sh",
        "-c",
        "dnsmasq --conf-file=/dev/null --pid-file=/run/dns.pid --no-resolv --no-hosts --port=53 "
        "--listen-address=10.0.0.1 --bind-interfaces --host-record=here.test,10.0.0.7",
    )
    asked = "for name in here.test here.test gone.test; do busybox nslookup $name 10.0.0.1; done"
    _, found = comparison(bridge, ["sh", "-c", asked], "udp port 53")
    exchange = found["points"][0]["exchanges"][0]
    assert exchange["service"] == "dns"
    assert exchange["questions"] == exchange["answered"] >= 3
    assert exchange["outcomes"]["NOERROR"] >= 2
    assert 0 < exchange["waits"]["max_ms"] < 5000
    bridge.run("iptables", "-A", "INPUT", "-p", "udp", "--dport", "53", "-j", "DROP")
    ask = ["busybox", "timeout", "3", "busybox", "nslookup", "here.test", "10.0.0.1"]
    _, found = comparison(bridge, ask, "udp port 53")
    assert found["points"][1]["exchanges"][0]["lost"] > 0


def test_the_session_of_the_admin_is_left_out(bridge: PrivateHost) -> None:
    session = {"SSH_CONNECTION": "10.0.0.2 40022 10.0.0.1 22"}
    bridge.spawn(sys.executable, "-m", "http.server", "22", "--bind", "10.0.0.1")
    talk = [sys.executable, "-c", TALK]
    _, found = comparison(bridge, talk, "-q", "tcp port 40022", environment=session)
    assert [point["packets"] for point in found["points"]] == [0, 0]
    _, found = comparison(bridge, talk, "tcp port 40023", environment=session)
    assert found["points"][0]["packets"] > 0
    _, found = comparison(bridge, talk, "--own-session", "tcp port 40022", environment=session)
    assert found["points"][0]["packets"] > 0


def test_a_tag_that_the_kernel_took_off_is_shown_and_saved(bridge: PrivateHost) -> None:
    with capturing(bridge, "--on", "vlan100", "--write", "/run/tags.pcapng", "vlan 77") as process:
        guest(bridge, sys.executable, "-c", TAGGED)
        bridge.run("sleep", "0.2")
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    assert len(lines) == 3
    assert all(" vlan100 in  vlan 77 " in line for line in lines)
    shown = bridge.run("tcpdump", "-n", "-e", "-r", "/run/tags.pcapng").stdout
    assert shown.count("vlan 77") == 3


def test_packets_that_the_capture_itself_lost_are_counted(bridge: PrivateHost) -> None:
    with capturing(
        bridge,
        "--on",
        "vlan100",
        "--on",
        "br100",
        "--json",
        "--count",
        "0",
        "--snaplen",
        "65535",
        "udp",
    ) as process:
        # Stopped, it cannot fetch what the kernel fills the ring with.
        bridge.run("pkill", "-STOP", "-f", "[n]etconsole capture")
        flood = FLOOD.format(count=60_000).replace("bytes(60)", "bytes(1400)")
        guest(bridge, sys.executable, "-c", flood)
        bridge.run("pkill", "-CONT", "-f", "[n]etconsole capture")
        process.send_signal(signal.SIGCONT)  # nsenter has stopped with it
        bridge.run("sleep", "0.3")
    assert process.stdout is not None
    found = json.loads(process.stdout.read())
    assert all(point["dropped"] > 0 for point in found["points"])
    assert all(point["packets"] + point["dropped"] >= 60_000 for point in found["points"])
    verdict = found["pairs"][0]["verdict"]
    assert verdict["confidence"] != "high"
    assert "absence is not proof" in verdict["doubt"]


def test_a_saved_capture_is_read_back_to_the_same_result(bridge: PrivateHost) -> None:
    both = ("--on", "vlan100", "--on", "br100")
    with capturing(bridge, *both, "--write", "/run/both.pcapng", "--json", "icmp") as process:
        guest(bridge, *pings(5))
        bridge.run("sleep", "0.2")
    assert process.stdout is not None
    live = json.loads(process.stdout.read())
    again = bridge.run("netconsole", "capture", "--read", "/run/both.pcapng", "--json")
    assert json.loads(again.stdout) == live
    assert ways(live) == [(5, 0), (5, 0)]
    assert bridge.run("stat", "-c", "%a", "/run/both.pcapng").stdout == "600\n"
    printed = bridge.run("netconsole", "capture", "--read", "/run/both.pcapng")
    directions = [line.split()[1:3] for line in printed.stdout.splitlines()]
    for interface in ("vlan100", "br100"):
        assert directions.count([interface, "in"]) == directions.count([interface, "out"]) == 5
    assert "5 packets from vlan100 to br100 and 5 packets from br100" in printed.stderr
    chosen = ("--read", "/run/both.pcapng", "icmp[icmptype]", "==", "icmp-echo")
    requests = bridge.run("netconsole", "capture", *chosen)
    assert [line.split()[1:3] for line in requests.stdout.splitlines()].count(["br100", "in"]) == 5
    assert "\n5 packets" not in requests.stderr
    assert "vlan100 and br100: 5 packets from vlan100 to br100 arrived" in requests.stderr


def test_more_than_anybody_reads_is_counted_and_not_printed(bridge: PrivateHost) -> None:
    with capturing(bridge, "--on", "vlan100", "udp port 9") as process:
        guest(bridge, sys.executable, "-c", FLOOD.format(count=3000))
        bridge.run("sleep", "0.2")
    assert process.stdout is not None
    assert process.stderr is not None
    printed = len(process.stdout.read().splitlines())
    said = process.stderr.read().splitlines()
    passed_over = [int(line.split()[1]) for line in said if line.endswith("not printed")]
    assert printed + sum(passed_over) == 3000
    assert 100 <= printed < 1500


def test_the_limits_end_it(bridge: PrivateHost) -> None:
    often = ("ping", "-q", "-i", "0.01", "-w", "20", "10.0.0.1")
    bridge.spawn("ip", "netns", "exec", "guest", *often)
    on = ("--on", "vlan100", "--seconds", "0", "--count", "50", "-q")
    assert bridge.run("netconsole", "capture", *on, timeout=15).returncode == 0
    on = ("--on", "vlan100", "--seconds", "0.2", "--count", "0", "-q")
    assert bridge.run("netconsole", "capture", *on, timeout=15).returncode == 0


@pytest.mark.requires("tap")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--on", "br100", "udp", "prot", "53"), "filter 'udp prot 53': can't parse filter"),
        (("--on", "br100", "--on", "br999"), "interface 'br999': there is no such interface"),
        (("--on", "br100", "--on", "br100"), "name each once"),
        (("--on", "x" * 16), "there is no such interface"),
        (("--on", "idle0"), "interface 'idle0': That device is not up"),
        (("--on", "tun0"), "interface 'tun0': is not an Ethernet interface"),
        (("--read", "/etc/hosts"), "hosts: is no capture file"),
        (("--read", "/etc/hosts", "--write", "/run/no"), "--write is for a live capture"),
        ((), "Name an interface with --on"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_captured(
    bridge: PrivateHost, arguments: tuple[str, ...], said: str
) -> None:
    bridge.run("ip", "link", "add", "idle0", "type", "bridge")
    if "tun0" in arguments:
        bridge.run("ip", "tuntap", "add", "tun0", "mode", "tun")
        bridge.run("ip", "link", "set", "tun0", "up")
    done = bridge.run(
        "netconsole",
        "capture",
        *arguments,
        *(("--write", "/run/no") if said[0] == "f" else ()),
        check=False,
    )
    assert done.returncode == (FAILED if "no capture file" in said else REFUSED)
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert bridge.run("ls", "/run/no", check=False).returncode != 0


@pytest.mark.requires("root", "setpriv")
def test_an_ordinary_user_is_told_in_one_line(bridge: PrivateHost) -> None:
    user = ("setpriv", "--reuid=65534", "--clear-groups", "--inh-caps=-all")
    done = bridge.run(*user, "netconsole", "capture", "--on", "br100", check=False)
    assert done.returncode == UNAVAILABLE
    assert done.stderr == "netconsole: no privileges: run as root (CAP_NET_RAW)\n"


def test_an_interface_that_goes_down_is_told_of_once_and_heard_when_it_is_back(
    bridge: PrivateHost,
) -> None:
    with capturing(bridge, "--on", "vlan100", "--json", "icmp") as process:
        bridge.run("ip", "link", "set", "vlan100", "down")
        bridge.run("ip", "link", "set", "vlan100", "up")
        guest(bridge, *pings(3))
        bridge.run("sleep", "0.2")
    assert process.stdout is not None
    assert json.loads(process.stdout.read())["points"][0]["packets"] == 6
    assert bridge.run(sys.executable, "-c", GOES_DOWN).stdout == "[8] []\n"
