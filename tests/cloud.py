"""A small cloud on a private host, made with the command line: what kernel tests start from."""

import json
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


def configure(host: PrivateHost) -> None:
    host.write("/etc/netconsole/netconsole.conf", CONFIGURATION)


def create_network(host: PrivateHost) -> None:
    configure(host)
    netconsole(
        host, "network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"
    )


def boot(host: PrivateHost, name: str, project: str = "demo") -> str:
    """Create an instance as a namespace with a real DHCP client; return its address."""
    host.run("ip", "netns", "add", name)
    netconsole(
        host,
        *("instance", "create", name, "--project", project, "--network", "vmnet"),
        *("--port-kind", "veth"),
    )
    port = answer(host, "instance", "show", name)["ports"][0]
    host.run("ip", "link", "set", "dev", port["port"]["peer"], "netns", name, "name", "eth0")
    host.run("ip", "-n", name, "link", "set", "dev", "lo", "up")
    host.spawn("ip", "netns", "exec", name, "busybox", "udhcpc", "-f", "-i", "eth0", "-T", "1")
    address = str(port["fixed_ips"][0]["address"])
    eventually(lambda: f" {address}/" in host.run("ip", "-n", name, "address").stdout)
    return address


def create_cloud(host: PrivateHost) -> str:
    """A network, an instance and its floating address; return the fixed address."""
    create_network(host)
    fixed = boot(host, "web1")
    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    return fixed


def reaches(host: PrivateHost, address: str = FLOATING) -> bool:
    """Whether the world outside gets an answer from an address."""
    return host.outside("ping", "-c1", "-W1", address, check=False).returncode == 0


def held(host: PrivateHost) -> list[str]:
    """Everything on the host that netconsole could have touched, counters and numbers aside."""
    links = json.loads(host.run("ip", "-json", "-details", "link").stdout)
    shown = [
        {name: link.get(name) for name in ("ifname", "flags", "master", "ifalias", "mtu")}
        for link in links
    ]
    rules: list[str] = []
    for table in ("filter", "nat", "mangle"):
        listed = host.run("iptables", "-t", table, "-S").stdout.splitlines()
        rules += [f"{table} {line}" for line in listed if not line.startswith("-P")]
    files = host.run("find", "/var/lib/netconsole/networks", "-mindepth", "1", check=False)
    return [
        *(json.dumps(link) for link in shown),
        *host.run("ip", "-4", "-brief", "address").stdout.splitlines(),
        *rules,
        *host.run("sysctl", "net.ipv4.ip_forward").stdout.splitlines(),
        host.run("pgrep", "-a", "-x", "dnsmasq", check=False).stdout.partition(" ")[2].strip(),
        *files.stdout.splitlines(),
    ]
