"""Ports: a change of some of them looks at those alone, and plans those alone. Pure.

What a port stands on, its bridge with gateway and dnsmasq, is looked at as well: where that is not
as wanted, the change is about the whole host after all. How it is with the rules that filter a
guest, the module `guests` says.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from netconsole.backend.intent.presence import Presence
from netconsole.backend.model import subject
from netconsole.backend.model.dhcp_host import host_names, host_path
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.guards import BY_EBTABLES, of_devices, shared
from netconsole.backend.model.hoststate import Observed, Wanted, WantedLink
from netconsole.backend.model.kernel_settings import IP_FORWARD, disable_ipv6
from netconsole.backend.model.records import FixedIP, Network, Port
from netconsole.backend.model.subject import Scope, Vicinity, confined
from netconsole.backend.plan import guests, plan
from netconsole.backend.wording import bridge_guards, dhcp


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """Ports that come, go or change, and the networks on whose bridges they are."""

    networks: tuple[Network, ...]
    """As this host serves or carries them."""
    ports: tuple[Port, ...]
    fixed_ips: tuple[FixedIP, ...]
    """Which the ports have, or had."""

    @property
    def bridges(self) -> tuple[str, ...]:
        """The bridges of the networks, each once."""
        return tuple(dict.fromkeys(network.bridge for network in self.networks))

    def wanted(self, of_part: Wanted, of_guests: Wanted) -> Wanted:
        """Return what is wanted of the ports and of their bridges, of what part of the records asks
        for.

        Other ports are not among that. Of the packet filter it is what the records of all guests
        ask for.
        """
        bridges = frozenset(self.bridges)
        labels = {subject.network(network.label) for network in self.networks}
        devices = {port.device for port in self.ports}
        own = set(map(subject.port, devices))
        settings = {IP_FORWARD, *map(disable_ipv6, devices)}
        path = of_part.networks_path
        hosts = {dhcp.paths(path, bridge).hosts for bridge in bridges}

        def is_near(link: WantedLink) -> bool:
            of_ports = {each for each in link.subjects if each.kind == "port"}
            return of_ports <= own if of_ports else not labels.isdisjoint(link.subjects)

        return Wanted(
            sysctls={key: value for key, value in of_part.sysctls.items() if key in settings},
            links={name: link for name, link in of_part.links.items() if is_near(link)},
            addresses=tuple(each for each in of_part.addresses if each.subject in labels),
            chains=guests.filtering(of_guests.chains),
            dnsmasq=tuple(server for server in of_part.dnsmasq if server.bridge in bridges),
            dhcp_hosts={
                path: file
                for path, file in of_part.dhcp_hosts.items()
                if not own.isdisjoint(file.subjects)
            },
            files={
                file_path: file
                for file_path, file in of_part.files.items()
                if dhcp.bridge_of(path, file_path) in bridges
            },
            directories=of_part.directories & hosts,
            networks_path=path,
            former_addresses=of_part.former_addresses,
            release_leases=of_part.release_leases,
            guards={name: each for name, each in of_part.guards.items() if name in devices},
            guard_table=of_devices(of_part.guard_table, ("", *devices)),
        )

    def scope(self, wanted: Wanted, served: Mapping[str, Iterable[str]]) -> Scope:
        """Return the scope of the ports.

        `wanted` is what is wanted of them and of their bridges. `served` are the bridges with a
        DHCP server here, and the MAC addresses of all ports to which it gives addresses.
        """
        return confined(
            *(subject.port(port.device) for port in self.ports),
            vicinity=Vicinity(
                links=tuple(dict.fromkeys(self._links(wanted))),
                bridges=self.bridges,
                other_hosts=self._other_hosts(wanted.networks_path, served),
                macs=frozenset(port.mac for port in self.ports),
                addresses=frozenset(row.address for row in self.fixed_ips),
            ),
        )

    def _links(self, wanted: Wanted) -> Iterator[str]:
        """The names of the links that are wanted or in the way, and of those that they are on."""
        yield from self.bridges
        for link in wanted.links.values():
            yield from filter(None, (link.name, link.master, link.parent))
        for port in self.ports:
            yield from filter(None, (port.device, port.peer))

    def _other_hosts(
        self, networks_path: str, served: Mapping[str, Iterable[str]]
    ) -> dict[str, frozenset[str]]:
        own = host_names(port.mac for port in self.ports)
        return {
            dhcp.paths(networks_path, bridge).hosts: host_names(macs) - own
            for bridge, macs in served.items()
        }


def with_others(observed: Observed, wanted: Wanted, devices: Iterable[str]) -> Wanted:
    """Return what is wanted of some ports, and as wanted what is observed of ours beside them."""
    beside = guests.with_others(observed, wanted)
    if BY_EBTABLES not in wanted.unsupported:
        return beside
    guarding = bridge_guards.beside(observed.chains, wanted.chains, frozenset(devices))
    kept = {at: rules for at, rules in beside.chains.items() if at[:2] != ("bridge", "nat")}
    return replace(beside, chains={**kept, **guarding})


def neighbourhood(
    presence: Presence, ports: Iterable[Port], fixed_ips: Iterable[FixedIP]
) -> Neighbourhood | None:
    """Return where ports are; None where there are none, or one has no bridge on this host.

    So it is with the last port of a network that has its bridge only for those.
    """
    named = tuple(ports)
    own = {port.network_id for port in named}
    here = (*presence.served, *presence.carried)
    if not own or not own <= {network.id for network in here}:
        return None
    bridges = {network.bridge for network in here if network.id in own}
    near = tuple(network for network in here if network.bridge in bridges)
    return Neighbourhood(near, named, tuple(fixed_ips))


def stand(observed: Observed, wanted: Wanted, near: Vicinity, devices: Iterable[str]) -> bool:
    """Whether all that ports stand on is as wanted; nothing else is repaired.

    Files of hosts that nobody has, which keep addresses from others, are among that, and leases of
    addresses that the ports do not have: somebody else may be waiting for them.
    """
    own = frozenset(devices)
    hosts = tuple(dhcp.paths(wanted.networks_path, bridge).hosts for bridge in near.bridges)
    own_files = {host_path(directory, mac) for directory in hosts for mac in near.macs}
    leases = (lease for found in observed.leases.values() for lease in found)
    if any(lease.address not in near.addresses for lease in leases):
        return False
    if not guests.stand(observed, wanted):
        return False
    is_by_ebtables = BY_EBTABLES in wanted.unsupported
    if is_by_ebtables and not bridge_guards.stand_beside(observed.chains, wanted.chains, own):
        return False
    ground = replace(
        observed,
        links={name: link for name, link in observed.links.items() if name not in own},
        dhcp_hosts={
            path: file for path, file in observed.dhcp_hosts.items() if path not in own_files
        },
        leases={},
        chains={},
        guard_table=shared(observed.guard_table),
    )
    goal = replace(
        wanted,
        links={name: link for name, link in wanted.links.items() if name not in own},
        dhcp_hosts={},
        chains={},
        guards={},
        guard_table=shared(wanted.guard_table),
    )
    try:
        return not plan(ground, goal)
    except Conflict:
        return False
