"""What hangs on the host's only interface is there again after every change, and never cut off."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from changing import AMID_THE_MOVES, EVERY, ONCE, changed, use_interface
from private_host import PrivateHost, eventually

PING = ("ping", "-i", "0.1", "203.0.113.2")
DETECTING = ("default", "eth0")
"""Interfaces that detect duplicate addresses (RFC 4862), which takes a second each time."""
KILLED = (1, 2, 3, 4, 7, 8)
"""The seeds of EVERY hosts on which changes are killed, each at other moments."""
PERMANENT = "lladdr 02:00:00:00:00:09 nud permanent"


def addresses(choice: random.Random) -> Iterator[str]:
    """One to three more addresses, of both families, some in the subnet of the first."""
    for number in range(choice.randint(1, 3)):
        lasting = choice.choice(["", " valid_lft 5000 preferred_lft 4000"])
        flag = choice.choice(["", " noprefixroute"])
        label = choice.choice(["", f" label eth0:n{number}"])
        metric = choice.choice(["", " metric 77"])
        yield choice.choice(
            [
                f"203.0.113.{20 + number}/24 broadcast 203.0.113.255{label}{lasting}{flag}",
                f"198.51.100.{20 + number}/24{label}{metric}{lasting}",
                f"203.0.113.{20 + number} peer 192.0.2.{number + 1}/32{label} scope link",
                f"10.0.0.{200 + number}/24{label}",
                f"fd00:9::{20 + number}/64{choice.choice(['', ' nodad'])}{flag}",
                f"fd00:9::{20 + number}/64 valid_lft 5000 preferred_lft 4000 mngtmpaddr nodad",
                f"fd00:8::{20 + number} peer fd00:8::1:{number}/128{metric}{lasting} nodad{flag}",
                f"fd00:8::{20 + number} peer fd00:6::{number}/64{metric}{lasting} nodad{flag}",
            ]
        )


ROUTES = (
    "route add default via 203.0.113.1 table 100 metric 7 src 203.0.113.2 mtu lock 1400",
    "route add 10.1.0.0/16 via 203.0.113.1 tos 0x10 advmss 1300 initcwnd 20 rto_min 200ms",
    "route append 10.1.0.0/16 via 203.0.113.4 tos 0x10",
    "route add 10.2.0.0/16 nexthop via 203.0.113.1 dev eth0 weight 2 "
    "nexthop via 203.0.113.3 dev eth0",
    "route add 10.3.0.0/16 dev eth0 table 200 scope link proto static",
    "route add local 10.4.0.0/16 dev eth0 table 300",
    "route add 10.5.0.0/16 via 172.31.0.1 dev eth0 onlink metric 50",
    "route change 203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.2 mtu 1444",
    "route add ::/0 via fe80::1 dev eth0 proto ra metric 100 pref high expires 5000 mtu 1400",
    "route add 2001:db8::/32 nexthop via fe80::1 dev eth0 nexthop via fe80::2 dev eth0",
    "route add 2001:db9::/32 via fe80::1 dev eth0 table 100 metric 5",
)
LIMITED = "address add fd00:5::20/64 valid_lft 5000 preferred_lft 4000 dev eth0"
"""Its route the kernel leaves behind when it goes."""
RULES = (
    "rule add iif eth0 fwmark 1/0xff tos 0x10 ipproto tcp dport 80-90 lookup 100 priority 50",
    "rule add from 10.0.0.0/8 to 192.0.2.1 oif eth0 lookup 100 uidrange 1-5 priority 60",
    "rule add from 10.7.0.0/16 lookup 200 priority 70",
)
NEIGHBOURS = (
    f"neighbour add 203.0.113.9 {PERMANENT} dev eth0",
    f"neighbour add fd00:9::9 {PERMANENT} router dev eth0",
    "neighbour add proxy 203.0.113.77 dev eth0",
    "neighbour add proxy fd00:9::77 dev eth0",
)


def furnish(host: PrivateHost, choice: random.Random, promotes: int) -> str:
    """Put much on eth0, beside the address of its own and its default route; return what."""
    use_interface(host, "eth0")
    several = [LIMITED, *(f"address add {each} dev eth0" for each in addresses(choice))]
    for kind in (ROUTES, RULES, NEIGHBOURS):
        chosen = set(choice.sample(kind, choice.randint(1, len(kind))))
        several += [each for each in kind if each in chosen]
    if choice.random() < 0.5:
        several.append("-6 rule add iif eth0 lookup 100 priority 80")
    settings = ("net.ipv4.ip_forward=1", f"net.ipv4.conf.all.promote_secondaries={promotes}")
    host.run("sysctl", "-w", "net.ipv4.conf.eth0.rp_filter=2", *settings)
    for each in several:
        host.run("ip", *each.split())
    return "\n".join(several)


def longest_silence(words: str) -> float:
    """For how many seconds no answer came, by the numbers of those that came."""
    lines = (line for line in words.splitlines() if "bytes from" in line)
    numbers = [int(line.partition("icmp_seq=")[2].split()[0]) for line in lines]
    assert len(numbers) > 10
    return max(after - number - 1 for number, after in pairwise(numbers)) / 10


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [5, 6, 10])
def test_all_is_as_it_was_after_every_change(host: PrivateHost, seed: int) -> None:
    put = furnish(host, random.Random(seed), seed % 2)  # noqa: S311
    pings = host.spawn("ip", "netns", "exec", "outside", *PING)
    assert changed(host, session="203.0.113.2") == {}, put
    host.run("pkill", "-INT", "-x", "ping")
    assert longest_silence(pings.communicate(timeout=60)[0]) <= 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("first", "seed"), [*zip(range(EVERY), KILLED, strict=True)])
def test_all_is_as_it_was_wherever_a_change_is_killed(
    host: PrivateHost, first: int, seed: int
) -> None:
    """Each of these has the moments that the others leave out, and a host of its own."""
    host.run("sysctl", "-w", *(f"net.ipv6.conf.{name}.dad_transmits=0" for name in DETECTING))
    put = furnish(host, random.Random(seed), seed % 2)  # noqa: S311
    assert changed(host, first, every=EVERY) == {}, put


@pytest.mark.timeout(300)
def test_an_address_from_dhcp_goes_along_and_comes_back(host: PrivateHost) -> None:
    server = ("dnsmasq", "--conf-file=", "--port=0", "--interface=eth0", "--bind-interfaces")
    given = ("--dhcp-range=203.0.113.2,203.0.113.2,255.255.255.0,1h", "--dhcp-leasefile=/run/l")
    host.outside(*server, *given, "--pid-file=/run/outside.pid")
    use_interface(host, "eth0")
    host.run("ip", "-4", "address", "flush", "dev", "eth0")
    host.run("busybox", "udhcpc", "-q", "-n", "-i", "eth0")
    assert "203.0.113.2/24" in host.run("ip", "address", "show", "dev", "eth0").stdout
    eventually(lambda: "default" in host.run("ip", "route").stdout)
    host.run("sysctl", "-w", "net.ipv4.ip_forward=1")
    lease = ("valid_lft", "3600", "preferred_lft", "3600")
    host.run("ip", "address", "change", "203.0.113.2/24", "dev", "eth0", *lease)
    assert changed(host, AMID_THE_MOVES, every=ONCE, session="203.0.113.2") == {}
