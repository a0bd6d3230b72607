"""Making networks, changing whose they are, and deleting them."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace

from netaddr import IPAddress, IPNetwork
from sqlalchemy import Connection

from netconsole.backend.changes import Change, Written
from netconsole.backend.changes.allowing import refuse_allowed
from netconsole.backend.changes.network_creation import Creation, NetworkArguments
from netconsole.backend.changes.title import spelled
from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.addresses import gateway_addresses
from netconsole.backend.managers import manager
from netconsole.backend.model import validate
from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.hoststate import Address
from netconsole.backend.model.phrases import command, count
from netconsole.backend.model.records import Network
from netconsole.backend.store import fixed_ips, floating_ips, networks


@dataclass(frozen=True, slots=True)
class CreateNetwork(NetworkArguments, Change[tuple[Network, ...]]):
    """Make one network or several, and a fixed address row for each address of their ranges."""

    @property
    def title(self) -> str:
        given = {each.name: getattr(self, each.name) for each in fields(self)[1:]}
        words = {
            "vpn" if name == "vpn_start" else name: str(value)[0]
            if isinstance(value, bool)
            else value
            for name, value in given.items()
        }
        return spelled("network create", self.label, **words)

    def write(self, connection: Connection, options: Options) -> Written[tuple[Network, ...]]:
        # All of them are known to be possible before the first is written.
        new = Creation(self, networks.every(connection), options).networks()
        _refuse_floating(connection, [network for network, _ in new])
        for network, _ in new:
            for cidr in filter(None, (network.cidr, network.cidr_v6)):
                refuse_allowed(connection, IPNetwork(cidr))
        made = []
        for network, laid_out in new:
            made.append(networks.insert(connection, network))
            rows = ((row.address, row.reserved) for row in laid_out.addresses)
            fixed_ips.insert_many(connection, made[-1].id, rows)
        return Written(tuple(made), waits=_waiting(made, options))


def _waiting(made: Sequence[Network], options: Options) -> str:
    """What brings to this host what networks without an instance do not have there yet."""
    one = len(made) == 1
    said = f"network {made[0].label} is" if one else f"{count(len(made), 'network')} are"
    if manager(options).serves_dhcp:
        rest = "its bridge and dnsmasq come" if one else "their bridges and dnsmasq come"
    else:
        rest = "its bridge comes" if one else "their bridges come"
    return f"{said} in the store; {rest} with the first instance on this host"


def _refuse_floating(connection: Connection, new: Iterable[Network]) -> None:
    """Raise Conflict where an address of the networks is a floating one already."""
    floating = sorted(int(IPAddress(row.address)) for row in floating_ips.every(connection))
    for network in new:
        cidr = IPNetwork(network.cidr)
        first = bisect_left(floating, cidr.first)
        if first < len(floating) and floating[first] <= cidr.last:
            address = str(IPAddress(floating[first]))
            delete = command("floating", "delete", address)
            raise Conflict(f"{cidr} holds the floating address {address}: {delete} comes first")


@dataclass(frozen=True, slots=True)
class DeleteNetwork(Change[Network]):
    """Delete a network, its rows, and everything that it put on the host."""

    network: str

    @property
    def title(self) -> str:
        return spelled("network delete", self.network)

    def write(self, connection: Connection, options: Options) -> Written[Network]:
        network = networks.find(connection, self.network)
        if network.project_id:
            raise belongs(network)
        if used := networks.allocated(connection, network):
            listed = command("fixed", "list", "--network", network.label)
            first = command("instance", "delete", "INSTANCE")
            raise Conflict(
                f"network {network.label!r} has {count(used, 'address')} allocated to instances: "
                f"{listed} shows which, {first} frees them"
            )
        networks.delete(connection, network)
        return Written(
            network,
            released=frozenset(gateway_addresses(network)),
            waits="it is gone from the store, and had nothing on this host",
        )


@dataclass(frozen=True, slots=True)
class ModifyNetwork(Change[Network]):
    """Give a network to a project, or a host the part of its gateway, or take them away."""

    network: str
    project: str | None = None
    host: str | None = None
    disassociate_project: bool = False
    disassociate_host: bool = False

    @property
    def title(self) -> str:
        return spelled(
            "network modify",
            self.network,
            project=self.project,
            disassociate_project=self.disassociate_project,
            host=self.host,
            disassociate_host=self.disassociate_host,
        )

    def write(self, connection: Connection, options: Options) -> Written[Network]:
        self._check()
        former = network = networks.find(connection, self.network)
        if self.project is not None:
            network = _given(network, validate.display_name("project", self.project))
        if self.host is not None:
            network = _served_by(network, validate.name("host", self.host))
        if self.disassociate_project:
            network = replace(network, project_id=None)
        if self.disassociate_host:
            if networks.allocated(connection, network) and not network.multi_host:
                given = command("network", "associate", network.label, "--host", "HOST")
                raise Conflict(
                    f"network {network.label!r} has instances, which need their gateway: {given} "
                    "gives them another"
                )
            network = replace(network, host=None)
        networks.update(connection, network)
        return Written(network, left_behind(former, network, options))

    def _check(self) -> None:
        asked = False
        for what, value, taken in (
            ("project", self.project, self.disassociate_project),
            ("host", self.host, self.disassociate_host),
        ):
            if value is not None and taken:
                raise InvalidValue(what, value, "cannot be given and taken away at once")
            asked = asked or taken or value is not None
        if not asked:
            raise InvalidValue("project", "", "name one, or a host, or which of them to take away")


def belongs(network: Network) -> Conflict:
    """Return what is said of a network that is another project's."""
    first = command("network", "modify", network.label, "--disassociate-project")
    return Conflict(
        f"network {network.label!r} belongs to project {network.project_id!r}: {first} comes first"
    )


def _given(network: Network, project: str) -> Network:
    if network.project_id not in (None, project):
        raise belongs(network)
    return replace(network, project_id=project)


def _served_by(network: Network, host: str) -> Network:
    if network.multi_host:
        raise Conflict(f"network {network.label!r} has every host as its gateway")
    return replace(network, host=host)


def left_behind(former: Network, network: Network, options: Options) -> frozenset[Address]:
    """Return what this host must no longer hold once another is the gateway."""
    if former.host == options.host != network.host:
        return frozenset(gateway_addresses(former))
    return frozenset()


def network_for_project(connection: Connection, project: str, options: Options) -> Network:
    """Return the network of a project; one that has none is given a free one first.

    What the VLAN manager does for an instance that names no network. Raises Exhausted when no
    free network is left, and Conflict under another manager, whose networks all projects share.
    """
    if not manager(options).gives_networks_to_projects:
        shown = command("config", "show")
        raise Conflict(
            f"{options.network_manager} gives no networks to projects: {shown} shows where "
            "network_manager is set"
        )
    owned = networks.of_project(connection, project)
    return owned[0] if owned else networks.give(connection, project)
