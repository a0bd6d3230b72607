"""What a network's dnsmasq is started with, and the files it reads. Pure.

The arguments and file formats are nova's; leases are kept in a file of dnsmasq's own, which is
watched, instead of being reported by a script.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.model import dhcp_host, subject
from netconsole.backend.model.dhcp_host import DhcpHost
from netconsole.backend.model.hoststate import Dnsmasq, File
from netconsole.backend.model.records import DnsEntry, FixedIP, Instance, Network, Port

LONGEST_HOSTNAME = 63
"""A DNS label (RFC 1035 section 2.3.4); dnsmasq ignores a host with a longer name."""

LATER_PORT = "_NW-later"
"""Tag of ports that are told no router. No network's own tag, which is its label, begins so.

nova had a tag for each port, in its host line. dnsmasq 2.90 sets it by --dhcp-mac instead: one in
a host line brings it down at the next SIGHUP after the guest took its lease.
"""

MOST_RETIRED = 256
"""How many retired hosts a dnsmasq may keep before it is made to forget them by a reload."""

_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9._-]")
_OWN_FILE = re.compile(r"nova-(.+)\.(?:pid|opts|leases|hosts|names)")


@dataclass(frozen=True, slots=True)
class Paths:
    """The files of one network's dnsmasq."""

    pid: str
    options: str
    leases: str
    hosts: str
    """A directory with one file a port."""
    names: str
    """The names of floating addresses, where there are any."""


def paths(networks_path: str, bridge: str) -> Paths:
    """Return where the dnsmasq of a bridge keeps its files."""
    base = f"{networks_path}/nova-{bridge}"
    return Paths(f"{base}.pid", f"{base}.opts", f"{base}.leases", f"{base}.hosts", f"{base}.names")


def is_of_hosts(path: str) -> bool:
    """Whether a path is that of the directory that a dnsmasq of ours reads hosts from."""
    return path.endswith(".hosts")


def bridge_of(networks_path: str, path: str) -> str | None:
    """Return the bridge that a file in `networks_path` belongs to, or None."""
    directory = f"{networks_path}/"
    if not path.startswith(directory):
        return None
    found = _OWN_FILE.fullmatch(path.removeprefix(directory).partition("/")[0])
    return found.group(1) if found else None


def dnsmasq(
    network: Network, options: Options, later_macs: Iterable[str] = (), *, names: bool = False
) -> Dnsmasq:
    """Return the dnsmasq that serves a network.

    `later_macs` are of ports that are told no router: another port of the instance has one.
    `names` says that floating addresses have names, which it is to answer for.
    """
    files = paths(options.networks_path, network.bridge)
    cidr = IPNetwork(network.cidr)
    start, lease = network.dhcp_start, options.dhcp_lease_time
    return Dnsmasq(
        network.bridge,
        (
            "dnsmasq",
            "--strict-order",
            "--bind-interfaces",
            f"--conf-file={options.dnsmasq_config_file}",
            f"--pid-file={files.pid}",
            f"--dhcp-optsfile={files.options}",
            f"--listen-address={network.dhcp_server}",
            # Not nova's. Without it every dnsmasq hears port 67 of every bridge, and the kernel
            # gives a renewal or release that is not broadcast to any one of them.
            f"--interface={network.bridge}",
            "--except-interface=lo",
            f"--dhcp-range=set:{_tag(network.label)},{start},static,{network.netmask},{lease}s",
            f"--dhcp-lease-max={cidr.size}",
            f"--dhcp-hostsdir={files.hosts}",
            f"--dhcp-leasefile={files.leases}",
            *_router_advertisements(network),
            "--no-hosts",
            *((f"--domain={options.dhcp_domain}",) if options.dhcp_domain else ()),
            *_servers(network, options),
            *((f"--addn-hosts={files.names}",) if names else ()),
            *(f"--dhcp-mac=set:{LATER_PORT},{mac}" for mac in later_macs),
        ),
        subjects=(subject.network(network.label),),
    )


def _tag(label: str) -> str:
    """A network's label as dnsmasq can have it in a list, which commas divide."""
    return _NOT_IN_TAGS.sub("-", label).lstrip("._-") or "network"


def _router_advertisements(network: Network) -> tuple[str, ...]:
    """Tell guests the IPv6 range, of which they make addresses by themselves (RFC 4862)."""
    if network.cidr_v6 is None:
        return ()
    cidr = IPNetwork(network.cidr_v6)
    return (
        "--enable-ra",
        f"--dhcp-range={cidr.network},ra-only,{cidr.prefixlen}",
    )


def _servers(network: Network, options: Options) -> tuple[str, ...]:
    servers = list(options.dns_server)
    if options.use_network_dns_servers:
        servers += [server for server in (network.dns1, network.dns2) if server]
    if not servers:
        return ()
    return ("--no-resolv", *(f"--server={server}" for server in servers))


def options_file(network: Network, options: Options) -> File:
    """Return the DHCP options of a network: which router guests are told (option 3)."""
    router = f"3,{network.gateway}\n" if network.gateway else "3\n"
    if options.use_single_default_gateway:
        router += f"tag:{LATER_PORT},3\n"
    return File(router)


def names_file(entries: Iterable[DnsEntry]) -> File:
    """Return the names of floating addresses, as hosts(5) has them."""
    return File("".join(f"{each.address}\t{each.name}.{each.domain}\n" for each in entries))


def first_ports(ports: Iterable[Port]) -> frozenset[int]:
    """Return the ids of the ports that each instance got first: the lowest ids."""
    first: dict[str, int] = {}
    for port in ports:
        first[port.instance_uuid] = min(port.id, first.get(port.instance_uuid, port.id))
    return frozenset(first.values())


def allocation_order(row: FixedIP) -> tuple[float, int]:
    """Sorts addresses as they were given; rows of before that was noted come first."""
    return (row.allocated_at.timestamp() if row.allocated_at else 0.0, row.id)


def host_file(
    hosts: str, instance: Instance, port: Port, fixed_ip: FixedIP, options: Options
) -> tuple[str, File]:
    """Return the file that tells dnsmasq which address a port gets, in its network's directory."""
    name = hostname(instance.hostname)
    if options.dhcp_domain:
        name = f"{name}.{options.dhcp_domain}"
    return dhcp_host.host_file(hosts, DhcpHost(port.mac, name, fixed_ip.address))


def hostname(name: str) -> str:
    """Return a host name short enough for the DNS: of a long one the first two and last sixty
    letters."""
    if len(name) <= LONGEST_HOSTNAME:
        return name
    return f"{name[:2]}-{name[-60:]}"
