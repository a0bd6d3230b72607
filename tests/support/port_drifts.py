"""What may be otherwise on a host than it was left, beside a port, with it, and below it."""

from collections.abc import Callable
from dataclasses import replace

from core_samples import (
    NETWORKS_PATH,
    mac,
    with_link,
)
from port_worlds import World

from netconsole.backend.model.dhcp_host import DhcpHost, host_file, host_path, retired_file
from netconsole.backend.model.hoststate import (
    Address,
    Dnsmasq,
    File,
    Lease,
    Observed,
    ObservedLink,
)
from netconsole.backend.wording import dhcp

Drift = Callable[[Observed, World], Observed]


def without_link(name: str) -> Drift:
    def gone(host: Observed, of: World) -> Observed:
        return replace(host, links={key: each for key, each in host.links.items() if key != name})

    return gone


def link_is(name: str, **otherwise: object) -> Drift:
    def changed(host: Observed, of: World) -> Observed:
        found = host.links.get(name)
        return host if found is None else with_link(host, replace(found, **otherwise))  # type: ignore[arg-type]  # fields of a link, by name

    return changed


def others_link(name: str, kind: str = "tap", *other_names: str) -> Drift:
    def made(host: Observed, of: World) -> Observed:
        return with_link(host, ObservedLink(name, kind, other_names=other_names))

    return made


def without_addresses(host: Observed, of: World) -> Observed:
    return replace(host, addresses=())


def one_more_address(host: Observed, of: World) -> Observed:
    return replace(host, addresses=(*host.addresses, Address("br100", "10.0.0.77/24")))


def forwards_nothing(host: Observed, of: World) -> Observed:
    return replace(host, sysctls={"net.ipv4.ip_forward": "0"})


def without_rules(host: Observed, of: World) -> Observed:
    return replace(host, chains={})


def without_dnsmasq(host: Observed, of: World) -> Observed:
    return replace(host, dnsmasq=())


def servers(change: Callable[[Dnsmasq], Dnsmasq]) -> Drift:
    return lambda host, of: replace(host, dnsmasq=tuple(map(change, host.dnsmasq)))


def without_files(host: Observed, of: World) -> Observed:
    return replace(host, files={})


def other_options(host: Observed, of: World) -> Observed:
    return replace(
        host,
        files={
            path: File("3,10.9.9.9\n") if path.endswith(".opts") else file
            for path, file in host.files.items()
        },
    )


def without_directories(host: Observed, of: World) -> Observed:
    return replace(host, directories=frozenset(), dhcp_hosts={})


def host_of(number: int, address: str | None = None, *, retired: bool = False) -> Drift:
    """A file for the MAC address of port `number`, or of nobody, in the first network."""

    def written(host: Observed, of: World) -> Observed:
        held = mac(number)
        given = address or of.fixed_ips[0].address
        hosts = dhcp.paths(NETWORKS_PATH, "br100").hosts
        path, file = host_file(hosts, DhcpHost(held, "web0.novalocal", given))
        if retired:
            gone = retired_file(path, file)
            assert gone is not None
            file = gone
        return replace(host, dhcp_hosts={**host.dhcp_hosts, path: file})

    return written


def many_retired(host: Observed, of: World) -> Observed:
    for number in range(dhcp.MOST_RETIRED):
        host = host_of(1000 + number, f"10.0.3.{number}", retired=True)(host, of)
    return host


def garbage(number: int) -> Drift:
    path = host_path(dhcp.paths(NETWORKS_PATH, "br100").hosts, mac(number))
    return lambda host, of: replace(host, dhcp_hosts={**host.dhcp_hosts, path: File("?\n")})


def without_hosts(host: Observed, of: World) -> Observed:
    return replace(host, dhcp_hosts={})


def leased(number: int, address: str | None = None) -> Drift:
    """A lease of the MAC address of port `number`, of the guest's first address or another."""

    def written(host: Observed, of: World) -> Observed:
        lease = Lease(0, mac(number), address or of.fixed_ips[0].address, "")
        leases = (*host.leases.get("br100", ()), lease)
        return replace(host, leases={**host.leases, "br100": leases})

    return written


ELSEWHERE: dict[str, Drift] = {
    "another's port is missing": without_link("tap2"),
    "another's port is down": link_is("tap2", up=False),
    "another's port is in no bridge": link_is("veth3", master=None),
    "a tap that is nobody's": others_link("tap77"),
    "a link that is ours and nobody's": lambda host, of: with_link(
        host, ObservedLink("tap78", "tap", alias="netconsole:port:none")
    ),
    "one more address": one_more_address,
    "another's lease": leased(1, "10.0.0.200"),
    "another's host file": host_of(1, "10.0.0.201"),
    "another's host file is garbage": garbage(1),
    "a host is retired": host_of(50, "10.0.0.202", retired=True),
    "as many hosts are retired as may be": many_retired,
}
"""What a port does not stand on: it is left as it is."""

OWN: dict[str, Drift] = {
    "its port is there, and another's": others_link("tap0"),
    "its port is there, of another kind": others_link("tap0", "dummy"),
    "its name is another name": others_link("eth5", "", "tap0"),
    "a bridge of others": others_link("br100", "bridge"),
    "its port is missing": without_link("tap0"),
    "its port is down": link_is("tap0", up=False),
    "its port has another MAC address": link_is("tap0", mac="fe:00:00:00:00:01"),
    "its port is in no bridge": link_is("tap0", master=None),
    "its port is in another bridge": link_is("tap0", master="br7"),
    "its host file is there": host_of(0),
    "its host file gives another address": host_of(0, "10.0.0.99"),
    "its host file is garbage": garbage(0),
    "it was retired": host_of(0, retired=True),
    "its address is kept by a retired host": host_of(51, retired=True),
    "it has its lease": leased(0),
    "another has the lease of its address": leased(60),
}
"""What is the port's own: the narrow plan does what the whole one does."""

GROUND: dict[str, Drift] = {
    "no bridge": without_link("br100"),
    "no rules": without_rules,
    "no bridge but a tap": others_link("br100"),
    "the bridge is down": link_is("br100", up=False),
    "the bridge has another MAC address": link_is("br100", mac="fe:00:00:00:00:01"),
    "no gateway": without_addresses,
    "no forwarding": forwards_nothing,
    "no dnsmasq": without_dnsmasq,
    "dnsmasq has other arguments": servers(lambda one: replace(one, argv=(*one.argv, "--no-ping"))),
    "dnsmasq has read another configuration": servers(
        lambda one: replace(one, changed_file="/etc/dnsmasq.conf")
    ),
    "one dnsmasq is too many": lambda host, of: replace(host, dnsmasq=host.dnsmasq * 2),
    "no files": without_files,
    "other DHCP options": other_options,
    "no directory of hosts": without_directories,
    "a host file of nobody": host_of(52, "10.0.0.203"),
    "a host file of nobody with its address": host_of(52),
    "a host file that is none": garbage(52),
    "it has the lease of another address": leased(0, "10.0.0.204"),
}
"""What it stands on: the whole host is looked at."""
