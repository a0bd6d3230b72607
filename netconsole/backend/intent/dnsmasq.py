"""The dnsmasq of each network that a host serves, and what it reads. Pure."""

from collections.abc import Iterator

from netconsole.backend.intent.presence import Presence
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import Dnsmasq, File
from netconsole.backend.model.records import Network
from netconsole.backend.wording import dhcp


def answers_dhcp(network: Network) -> bool:
    """Whether a dnsmasq runs for a network that is served."""
    return network.enable_dhcp and network.dhcp_server is not None


def processes(presence: Presence) -> tuple[Dnsmasq, ...]:
    """Return the dnsmasq of each network that has one."""
    names = bool(presence.records.dns_entries)
    return tuple(
        dhcp.dnsmasq(network, presence.options, _later_macs(presence, network), names=names)
        for network in _answering(presence)
    )


def files(presence: Presence) -> dict[str, File]:
    """Return what they read beside their hosts, by path."""
    options, names = presence.options, presence.records.dns_entries
    found: dict[str, File] = {}
    for network in _answering(presence):
        paths = dhcp.paths(options.networks_path, network.bridge)
        about = (subject.network(network.label),)
        found[paths.options] = dhcp.options_file(network, options)._replace(subjects=about)
        if names:
            found[paths.names] = dhcp.names_file(names)._replace(subjects=about)
    return found


def directories(presence: Presence) -> frozenset[str]:
    """Return the directories of the files of `hosts`, each wanted also while it is empty."""
    path = presence.options.networks_path
    return frozenset(dhcp.paths(path, network.bridge).hosts for network in _answering(presence))


def hosts(presence: Presence) -> dict[str, File]:
    """Return the files that give ports their addresses, by path."""
    ports = {port.id: port for port in presence.records.ports}
    served = {
        network.id: (
            dhcp.paths(presence.options.networks_path, network.bridge).hosts,
            presence.clients(network),
            subject.network(network.label),
        )
        for network in _answering(presence)
    }
    found: dict[str, File] = {}
    for row in sorted(presence.records.fixed_ips, key=dhcp.allocation_order):
        port = ports.get(row.port_id or 0)
        if not row.allocated or port is None or row.network_id not in served:
            continue
        directory, clients, of_network = served[row.network_id]
        instance = clients.get(row.instance_uuid or "")
        if instance is not None:
            path, file = dhcp.host_file(directory, instance, port, row, presence.options)
            about = (of_network, subject.port(port.device))  # sorted, as networks come first
            found.setdefault(path, File(file.content, file.mode, about))
    return found


def _later_macs(presence: Presence, network: Network) -> tuple[str, ...]:
    """The ports on a network whose instances get their router through an earlier port."""
    if not presence.options.use_single_default_gateway:
        return ()
    first = dhcp.first_ports(presence.records.ports)
    clients = presence.clients(network)
    return tuple(
        port.mac
        for port in presence.records.ports
        if port.network_id == network.id and port.instance_uuid in clients and port.id not in first
    )


def _answering(presence: Presence) -> Iterator[Network]:
    return (network for network in presence.served if answers_dhcp(network))
