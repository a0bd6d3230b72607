"""A small cloud on a private host, made with the command line: what kernel tests start from."""

import json
from collections import Counter
from typing import Any

from private_host import PrivateHost, eventually

CONFIGURATION = """
[DEFAULT]
public_interface = eth0
my_ip = 203.0.113.2
dns_server = 203.0.113.1
"""
FLOATING = "203.0.113.129"


def netconsole(host: PrivateHost, *arguments: str) -> str:
    """Run netconsole on the host and return what it wrote to standard output."""
    return host.run("netconsole", *arguments).stdout


def answer(host: PrivateHost, *arguments: str) -> Any:
    """Run netconsole with --json and return what it said."""
    return json.loads(netconsole(host, *arguments, "--json"))


def configure(host: PrivateHost, *more: str) -> None:
    """Write the configuration, with further lines of `option = value`."""
    host.write("/etc/netconsole/netconsole.conf", "\n".join((CONFIGURATION, *more, "")))


def dropped_frames(host: PrivateHost) -> Counter[str]:
    """What the guards have dropped, by kind, as nft(8) tells it."""
    told = host.run("nft", "-j", "list", "counters", "table", "netdev", "netconsole").stdout
    listed = (each["counter"] for each in json.loads(told)["nftables"] if "counter" in each)
    return Counter({each["name"]: each["packets"] for each in listed})


OPEN_GROUPS = """
from netconsole.backend.configuration.loading import load
from netconsole.backend.model.group_rules import DefaultRule
from netconsole.backend.store import Store, security_groups

with Store(load().connection).transaction() as connection:
    for cidr in ("0.0.0.0/0", "::/0"):
        for protocol, first, last in (("tcp", 1, 65535), ("udp", 1, 65535), ("icmp", -1, -1)):
            rule = DefaultRule(0, protocol, first, last, cidr)
            security_groups.insert_default_rule(connection, rule)
"""


def open_groups(host: PrivateHost) -> None:
    """Let everything in to the instances of projects that come later, but what is of no protocol
    that a group knows."""
    host.run("python3", "-c", OPEN_GROUPS)
    host.has_open_groups = True


def create_network(host: PrivateHost, *more: str, is_open: bool = True) -> None:
    """Create the network vmnet, with further lines of configuration.

    Projects let everything in to its guests, unless these are not to be open.
    """
    configure(host, *more)
    if is_open:
        open_groups(host)
    netconsole(
        host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"
    )


def boot(
    host: PrivateHost,
    name: str,
    project: str = "demo",
    more: tuple[str, ...] = (),
    *,
    is_open: bool = True,
) -> str:
    """Create an instance as a namespace with real DHCP clients; return its first address.

    Its port is on vmnet, unless `more` says otherwise. Its project, where it is new, lets
    everything in, unless it is not to be open.
    """
    if is_open and not host.has_open_groups:
        open_groups(host)
    host.run("ip", "netns", "add", name)
    on = () if "--network" in more else ("--network", "vmnet")
    words = ("instance", "create", name, "--project", project, "--port-kind", "veth")
    netconsole(host, *words, *on, *more)
    ports = answer(host, "instance", "show", name)["ports"]
    host.run("ip", "-n", name, "link", "set", "dev", "lo", "up")
    for number, view in enumerate(ports):
        plug_in(host, name, view, f"eth{number}")
    return str(ports[0]["fixed_ips"][0]["address"])


def plug_in(host: PrivateHost, name: str, view: Any, interface: str) -> None:
    """Give a guest its end of a port, and wait until its DHCP client has the port's address."""
    host.run("ip", "link", "set", "dev", view["port"]["peer"], "netns", name, "name", interface)
    client = ("busybox", "udhcpc", "-f", "-i", interface, "-T", "1")
    host.spawn("ip", "netns", "exec", name, *client)
    address = f" {view['fixed_ips'][0]['address']}/"
    eventually(lambda: address in host.run("ip", "-n", name, "address").stdout)


def create_cloud(host: PrivateHost) -> str:
    """A network, an instance and its floating address; return the fixed address."""
    create_network(host)
    fixed = boot(host, "web1")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    return fixed


def reaches(host: PrivateHost, address: str = FLOATING) -> bool:
    """Whether the world outside gets an answer from an address, to the second question perhaps."""
    return host.outside("ping", "-c1", "-w2", address, check=False).returncode == 0


_FOLLOWS = frozenset({"LOWER_UP", "NO-CARRIER"})
"""Flags by which the kernel tells, up to a second later, what came of the others (link_watch)."""


_TABLES = ("filter", "nat", "mangle")
_HELD = "; printf '\\036'; ".join(
    (
        "ip -json -details link",
        "ip -json -4 address",
        *(f"iptables -t {table} -S" for table in _TABLES),
        "sysctl net.ipv4.ip_forward",
        "pgrep -a -x dnsmasq || true",
        "find /var/lib/netconsole/networks -mindepth 1 2>/dev/null || true",
    )
)
"""One command after the other, with a record separator in between."""


def held(host: PrivateHost) -> list[str]:
    """Everything on the host that netconsole could have touched, counters and numbers aside."""
    told = host.run("sh", "-ec", _HELD).stdout.split("\036")
    links, addresses, *listed, forwarding, servers, files = told
    shown = [
        {name: link.get(name) for name in ("ifname", "master", "ifalias", "mtu")}
        | {"flags": [flag for flag in link["flags"] if flag not in _FOLLOWS]}
        for link in json.loads(links)
    ]
    return [
        *(json.dumps(link) for link in shown),
        *(
            f"{link['ifname']} {address['local']}/{address['prefixlen']}"
            for link in json.loads(addresses)
            for address in link.get("addr_info", ())
        ),
        *(
            f"{table} {line}"
            for table, lines in zip(_TABLES, listed, strict=True)
            for line in lines.splitlines()
            if not line.startswith("-P")
        ),
        *forwarding.splitlines(),
        servers.partition(" ")[2].strip(),
        *files.splitlines(),
    ]
