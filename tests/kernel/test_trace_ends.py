"""Where a packet that `netconsole trace` sends in a lab ends is named, whatever it ends at."""

import pytest
from private_host import eventually
from running_lab import RunningLab
from trace_breaks import BREAKS, STANDING
from traced import interfaces, port_of, traced

pytestmark = pytest.mark.requires("root", "iptables", "tcpdump")


def test_arp_that_a_bridge_drops_is_traced_as_well(lab: RunningLab) -> None:
    lab.run("ebtables", "-I", "INPUT", "-p", "ARP", "-j", "DROP")
    try:
        found = traced(lab, "--from", "web1", "--to", "10.0.0.1", "arp")
    finally:
        lab.run("ebtables", "-D", "INPUT", "-p", "ARP", "-j", "DROP")
    assert "rule 1 of INPUT (table bridge filter) drops it" in found["because"]


@pytest.mark.parametrize("name", BREAKS)
def test_where_it_ended_is_named(lab: RunningLab, name: str) -> None:
    fault = BREAKS[name]
    lab.run("sh", "-c", fault.broken)
    try:
        found = traced(lab, *fault.words)
    finally:
        lab.run("sh", "-c", fault.mended)
    assert found["because"].startswith(fault.said)
    assert not found["reached"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "host", "--to", "10.0.0.1"), "10.0.0.1 answers"),
        (("--from", "host", "--to", "127.0.0.1", "tcp", "9"), "127.0.0.1 refuses it: nothing list"),
        (("--from", "web1", "--to", "web1"), "10.0.0.2 answers: inside web1, as it never came to "),
    ],
)
def test_who_asks_itself_is_answered(lab: RunningLab, words: tuple[str, ...], said: str) -> None:
    found = traced(lab, *words)
    assert found["because"].startswith(said)
    assert found["reached"]


def test_what_its_own_kernel_says_for_want_of_arp_is_no_answer(lab: RunningLab) -> None:
    """It says so three questions later: here that is before the sender's time is up."""
    setting = "net.ipv4.neigh.eth0.retrans_time_ms"
    former = lab.inside("web1", "sysctl", "-n", setting).stdout.strip()
    lab.inside("web1", "sysctl", "-qw", f"{setting}=20")
    try:
        found = traced(lab, "--from", "web1", "--to", "10.0.0.200")
    finally:
        lab.inside("web1", "sysctl", "-qw", f"{setting}={former}")
    assert (found["end"], found["reply"], found["answered_by"]) == ("unheard", "", "")
    assert found["because"].startswith("it did not leave web1, which asks at veth")


def test_a_source_that_rp_filter_refuses_is_said(lab: RunningLab) -> None:
    former = lab.run("sysctl", "-n", "net.ipv4.conf.br100.rp_filter").stdout.strip()
    lab.inside("web1", "ping", "-c", "1", "10.0.0.1")  # ARP is not answered any more from here on
    lab.run("sysctl", "-qw", "net.ipv4.conf.br100.rp_filter=1")
    lab.run("ip", "route", "add", "10.0.0.2/32", "dev", "eth0")
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("ip", "route", "del", "10.0.0.2/32", "dev", "eth0")
        lab.run("sysctl", "-qw", f"net.ipv4.conf.br100.rp_filter={former}")
    assert "rp_filter" in found["because"]


def test_one_that_was_dropped_does_not_hide_the_answer_to_the_next(lab: RunningLab) -> None:
    rule = "-p icmp -m statistic --mode nth --every 3 --packet 0 -j DROP"
    lab.run("iptables", "-I", "FORWARD", *rule.split())
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("iptables", "-D", "FORWARD", "1")
    assert (found["reply"], found["reached"]) == ("answer", True)
    assert found["because"].startswith(
        "203.0.113.1 answers, though not each time: rule 1 of FORWARD (table ip filter) drops it: "
    )


def test_it_is_asked_for_where_it_was_translated_to(lab: RunningLab) -> None:
    """A neighbour on its own bridge, where nothing sees it any more after the translation."""
    rule = ("PREROUTING", "-d", "203.0.113.1", "-j", "DNAT", "--to", "10.0.0.77")
    lab.run("iptables", "-t", "nat", "-I", *rule)
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("iptables", "-t", "nat", "-D", *rule)
    silent = "was to leave by br100, where 10.0.0.77, which is next, does not answer ARP (FAILED)"
    assert silent.replace("FAILED", "INCOMPLETE") in found["because"] or silent in found["because"]


def test_a_refusal_of_this_host_itself_is_told_from_that_of_a_rule(lab: RunningLab) -> None:
    rule = "-p tcp --dport 99 -m statistic --mode nth --every 2 --packet 0 -j DROP"
    lab.run("iptables", "-I", "INPUT", *rule.split())
    try:
        found = traced(lab, "--from", "web1", "--to", "10.0.0.1", "tcp", "99")
    finally:
        lab.run("iptables", "-D", "INPUT", "1")
    said = "10.0.0.1 refuses it: nothing listens there on tcp port 99, though not each time: "
    assert found["because"].startswith(f"{said}rule 1 of INPUT (table ip filter) drops it")
    assert found["reached"]


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        (("--from", "host", "--to", "10.0.0.3"), "it left by br100 as 10.0.0.1 → 10.0.0.3, and "),
        (("--from", "web2", "--to", "203.0.113.1"), "the answer of 203.0.113.1 left by br100, and"),
    ],
)
def test_what_the_bridge_sends_to_another_port_is_told_of(
    lab: RunningLab, words: tuple[str, ...], begins: str
) -> None:
    port, other = port_of(lab, "web2"), port_of(lab, "web1")
    mac = lab.inside("web2", "cat", "/sys/class/net/eth0/address").stdout.strip()
    own = lab.run("cat", "/sys/class/net/br100/address").stdout.strip()
    gateway = ("10.0.0.1", "dev", "eth0")
    lab.inside("web2", *("ip", "neighbour", "replace", *gateway, "lladdr", own, "nud", "permanent"))
    lab.run("bridge", "fdb", "replace", mac, "dev", other, "master", "static", "sticky")
    try:
        found = traced(lab, *words)
    finally:
        lab.run("bridge", "fdb", "del", mac, "dev", other, "master")
        lab.inside("web2", "ip", "neighbour", "delete", *gateway)
    assert found["because"].startswith(begins)
    known = f"did not come out at {port}: br100 has its MAC address {mac} at {other} (bridge fdb)"
    assert known in found["because"]
    assert found["remedy"] == f"`bridge fdb get {mac} br br100`"


HOLDS = """
import fcntl, struct, sys
tap = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
print("held", flush=True)
sys.stdin.read()
"""
"""Has a tap (TUNSETIFF; IFF_TAP, IFF_NO_PI) as a guest that says nothing."""


def test_among_many_interfaces_those_on_the_way_are_watched(lab: RunningLab) -> None:
    """The instance's port is the last that was made; at first nobody is behind it."""
    add = "for at in $(seq 40); do ip link add many$at type bridge; ip link set many$at up; done"
    words = ("--from", "late", "--to", "203.0.113.1")
    lab.run("sh", "-c", add)
    try:
        lab.netconsole("instance", "create", "late", "--project", "demo")
        port = port_of(lab, "late")
        alone = traced(lab, *words)
        with lab.spawn("python3", "-c", HOLDS, port) as guest:
            assert guest.stdout is not None
            assert guest.stdout.readline() == "held\n"
            found = traced(lab, *words)
            guest.communicate()
    finally:
        lab.netconsole("instance", "delete", "late", check=False)
        lab.run("sh", "-c", "for at in $(seq 40); do ip link delete many$at; done")
    nobody = f"late cannot send it: {port} has no carrier: nobody is at its other end"
    assert alone["because"] == nobody
    assert interfaces(found, "there") == [port, "br100", "eth0"]
    assert "interfaces were not watched" in found["unseen"][0]


def test_a_table_that_takes_arp_is_told_of(lab: RunningLab) -> None:
    lab.inside("web1", "ip", "neighbour", "flush", "dev", "eth0", "nud", "all")
    drops = "type filter hook input priority 0; policy drop;"
    lab.run("nft", f"add table arp x; add chain arp x i {{ {drops} }}")
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("nft", "delete", "table", "arp", "x")
    asks = "who has 10.0.0.1 (ARP), and nobody answers; "
    tables = "ARP is not traced, and these tables may drop it: arp x"
    assert found["because"].endswith(f"{asks}{tables}"), "our guards let by what it asks as itself"


def test_a_question_that_this_host_may_not_answer_is_told_of(lab: RunningLab) -> None:
    """To a host that has the asker's own address, the question is from nowhere."""
    lab.run("ip", "address", "add", "10.0.0.2/32", "dev", "lo")
    lab.inside("web1", "ip", "neighbour", "flush", "dev", "eth0", "nud", "all")
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("ip", "address", "delete", "10.0.0.2/32", "dev", "lo")
    assert found["because"].endswith(
        "who has 10.0.0.1 (ARP), and nobody answers: its source 10.0.0.2 is an address of this "
        "host itself"
    )


@pytest.mark.parametrize(
    ("words", "said", "remedy"),
    [
        (
            ("--to", "203.0.113.140"),
            "answer ARP (INCOMPLETE): 203.0.113.140 is a floating address that no instance has",
            "`netconsole floating associate 203.0.113.140 INSTANCE`",
        ),
        (
            ("--to", "10.0.0.140", "arp"),
            "have 10.0.0.140; 10.0.0.140 is of the network vmnet, where no instance has it",
            "`netconsole instance list`",
        ),
    ],
)
def test_an_address_that_no_instance_has_is_told_of(
    lab: RunningLab, words: tuple[str, ...], said: str, remedy: str
) -> None:
    found = traced(lab, "--from", "web1", *words)
    assert found["because"].endswith(said)
    assert found["remedy"] == remedy


def test_what_could_not_be_read_is_said(lab: RunningLab) -> None:
    hidden = "mount --bind /dev/null $(readlink -f $(command -v tc))"
    told = lab.run(
        *("unshare", "--mount", "sh", "-c"),
        f"{hidden}; netconsole trace --from web1 --to 192.0.2.1",
        check=False,
    )
    assert "; what is attached to eth0 could not be read (tc: not installed" in told.stdout


@pytest.mark.parametrize(
    ("broken", "mended", "said"),
    [
        ("ip link set {0} nomaster", "ip link set {0} master br100", "{0} is a port of no bridge"),
        (
            "ip link set br100 down",
            "ip link set br100 up",
            "br100, the bridge of {0}, is down",
        ),
    ],
)
def test_of_what_was_not_routed_no_route_is_blamed(
    lab: RunningLab, broken: str, mended: str, said: str
) -> None:
    port, mac = port_of(lab, "web1"), lab.run("cat", "/sys/class/net/br100/address").stdout.strip()
    gateway = ("10.0.0.1", "dev", "eth0")
    lab.inside("web1", *("ip", "neighbour", "replace", *gateway, "lladdr", mac, "nud", "permanent"))
    strict = "net.ipv4.conf.all.rp_filter"
    former = lab.run("sysctl", "-n", strict).stdout.strip()
    lab.run("sh", "-c", f"sysctl -qw {strict}=1; {broken.format(port)}")
    try:
        found = traced(lab, "--from", "web1", "--to", "203.0.113.1")
    finally:
        lab.run("sh", "-c", f"sysctl -qw {strict}={former}; {mended.format(port)}")
        lab.inside("web1", "ip", "neighbour", "delete", *gateway)
    assert found["because"].startswith(f"it came to {port}, and no further: {said.format(port)}")
    eventually(lambda: traced(lab, "--from", "web1", "--to", "web2")["reached"])


def test_a_redirect_is_no_end(lab: RunningLab) -> None:
    """Who sends by a longer way than it could is told so, and the packet goes on."""
    found = traced(lab, "--from", "outside", "--to", "203.0.113.77")
    assert (found["reply"], found["answered_by"]) == ("", "")
    assert "by eth0, where 203.0.113.77, which is next, does not answer ARP" in found["because"]


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("name", STANDING)
def test_what_takes_packets_without_a_rule_is_named(lab: RunningLab, name: str, asks: bool) -> None:
    """Also where the guest's question for its neighbour is lost before the packet is sent."""
    mac = lab.inside("web2", "cat", "/sys/class/net/eth0/address").stdout.strip()
    ports = [port_of(lab, guest) for guest in ("web1", "web2")]
    fault = STANDING[name]
    neighbour = ("ip", "neighbour")
    for guest in ("web1", "web2"):
        lab.inside(guest, *neighbour, "flush", "dev", "eth0", "nud", "all")
    if not asks:
        peer = ("10.0.0.3", "dev", "eth0", "lladdr", mac, "nud", "permanent")
        lab.inside("web1", *neighbour, "replace", *peer)
    lab.run("sh", "-c", fault.broken.format(*ports))
    try:
        found = traced(lab, "--from", "web1", "--to", "web2")
    finally:
        lab.run("sh", "-c", fault.mended.format(*ports))
        lab.inside("web1", *neighbour, "flush", "dev", "eth0", "nud", "all")
    assert fault.said.format(*ports) in found["because"]
    assert found["remedy"].startswith("`")
    assert ("who has 10.0.0.3 (ARP), and nobody answers" in found["because"]) == asks
    assert traced(lab, "--from", "web1", "--to", "web2")["reply"] == "answer"


def test_a_guest_that_changed_its_mac_address_takes_nothing(lab: RunningLab) -> None:
    """What this host writes in its stead comes in and is answered, and that goes to the former."""
    port = port_of(lab, "web2")
    mac = lab.inside("web2", "cat", "/sys/class/net/eth0/address").stdout.strip()
    kept = ("10.0.0.3", "dev", "br100", "lladdr", mac, "nud", "permanent")
    lab.run("ip", "neighbour", "replace", *kept)
    peer = ("10.0.0.3", "dev", "eth0", "lladdr", mac, "nud", "permanent")
    lab.inside("web1", "ip", "neighbour", "replace", *peer)
    lab.inside("web2", "ip", "link", "set", "eth0", "address", "02:00:00:aa:bb:cc")
    try:
        sends = traced(lab, "--from", "web2", "--to", "10.0.0.1")
        asked = traced(lab, "--from", "web1", "--to", "web2", "tcp", "22")
    finally:
        lab.inside("web2", "ip", "link", "set", "eth0", "address", mac)
        lab.inside("web1", "ip", "neighbour", "delete", "10.0.0.3", "dev", "eth0")
        lab.run("ip", "neighbour", "delete", "10.0.0.3", "dev", "br100")
    why = f"its frame is for MAC address {mac}, and the guest there has 02:00:00:aa:bb:cc (ARP)"
    assert (sends["reached"], sends["end"], sends["reply"]) == (False, "inside", "")
    handed = f"the answer of 10.0.0.1 was handed over at {port}, and web2 did not take it"
    assert sends["because"] == f"{handed}: {why}"
    assert (asked["reached"], asked["end"]) == (False, "receiver")
    handed = f"it was handed over at {port}, and who is there does not take it"
    assert asked["because"] == f"{handed}: {why}"
    eventually(lambda: traced(lab, "--from", "web2", "--to", "10.0.0.1")["reached"])


def test_a_closed_port_of_udp_is_a_refusal_as_one_of_tcp(lab: RunningLab) -> None:
    for protocol in ("udp", "tcp"):
        found = traced(lab, "--from", "web1", "--to", "web2", protocol, "99")
        assert (found["reached"], found["reply"]) == (True, "refusal")
        said = f"10.0.0.3 refuses it: nothing listens there on {protocol} port 99"
        assert found["because"].startswith(said)
