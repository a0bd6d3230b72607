"""Intent: what a host should hold, from what the store says. Pure."""

import hashlib

from netaddr import IPNetwork

from netconsole.backend import dhcp
from netconsole.backend.chains import Association, wanted_chains
from netconsole.backend.hoststate import OWNER_PREFIX, Address, File, HostState, Link
from netconsole.backend.options import Options
from netconsole.backend.records import Network, Port, Records

IP_FORWARD = "net.ipv4.ip_forward"


def intent(
    records: Records, options: Options, released: frozenset[Address] = frozenset()
) -> HostState:
    """The state that the records ask of the host named in the options.

    `released` are addresses that the store has just forgotten, on top of its idle floating ones.
    """
    networks = tuple(network for network in records.networks if network.host == options.host)
    associations = _associations(records, networks)
    busy = {association.floating for association in associations}
    gateways = tuple(address for network in networks for address in gateway_addresses(network))
    return HostState(
        sysctls={IP_FORWARD: "1"} if networks else dict(records.former_sysctls),
        links={
            **{network.bridge: _bridge(network) for network in networks},
            **{port.device: link for port, link in _ports(records, networks)},
        },
        addresses=gateways
        + tuple(
            Address(association.interface, f"{association.floating}/32")
            for association in associations
            if association.interface
        ),
        chains=wanted_chains(networks, associations, options),
        dnsmasq=tuple(dhcp.dnsmasq(network, options) for network in networks if _serves(network)),
        dhcp_hosts=_dhcp_hosts(records, networks, options),
        files=_files(networks, options),
        directories=frozenset(
            dhcp.paths(options.networks_path, network.bridge).hosts
            for network in networks
            if _serves(network)
        ),
        networks_path=options.networks_path,
        released=released
        | frozenset(
            Address(floating.interface, f"{floating.address}/32")
            for floating in records.floating_ips
            if floating.address not in busy
        ),
    )


def bridge_mac(network: Network) -> str:
    """A bridge's own MAC address: fixed, or it would follow its lowest port and upset guests."""
    digest = hashlib.sha256(network.uuid.encode()).hexdigest()
    return f"fa:16:3e:{digest[:2]}:{digest[2:4]}:{digest[4:6]}"


def host_mac(port: Port) -> str:
    """The MAC address of the host's end of a port: the guest's, marked fe as libvirt does."""
    return f"fe{port.mac[2:]}"


def _serves(network: Network) -> bool:
    return network.enable_dhcp and network.dhcp_server is not None


def _bridge(network: Network) -> Link:
    return Link(
        network.bridge,
        "bridge",
        mac=bridge_mac(network),
        alias=f"{OWNER_PREFIX}network:{network.uuid}",
        forward_delay=0,
        mtu=network.mtu,
    )


def _ports(records: Records, networks: tuple[Network, ...]) -> list[tuple[Port, Link]]:
    bridges = {network.id: network.bridge for network in networks}
    hosted = {instance.uuid for instance in records.instances}
    return [
        (
            port,
            Link(
                port.device,
                port.kind,
                mac=host_mac(port),
                master=bridges[port.network_id],
                alias=f"{OWNER_PREFIX}port:{port.uuid}",
                peer=port.peer,
                peer_mac=port.mac if port.peer else None,
                hairpin=True,
            ),
        )
        for port in records.ports
        if port.network_id in bridges and port.instance_uuid in hosted
    ]


def gateway_addresses(network: Network) -> tuple[Address, ...]:
    """What a network puts on its bridge: the address that guests use as their DHCP server."""
    if network.dhcp_server is None:
        return ()
    prefix = IPNetwork(network.cidr).prefixlen
    address = f"{network.dhcp_server}/{prefix}"
    return (Address(network.bridge, address, network.broadcast, first=True),)


def _associations(records: Records, networks: tuple[Network, ...]) -> tuple[Association, ...]:
    here = {network.id for network in networks}
    fixed = {row.id: row.address for row in records.fixed_ips if row.network_id in here}
    return tuple(
        Association(floating.address, fixed[floating.fixed_ip_id], floating.interface)
        for floating in records.floating_ips
        if floating.fixed_ip_id in fixed
    )


def _dhcp_hosts(
    records: Records, networks: tuple[Network, ...], options: Options
) -> dict[str, File]:
    instances = {instance.uuid: instance for instance in records.instances}
    ports = {port.id: port for port in records.ports}
    served = {network.id: network for network in networks if _serves(network)}
    hosts: dict[str, File] = {}
    for row in records.fixed_ips:
        port = ports.get(row.port_id or 0)
        instance = instances.get(row.instance_uuid or "")
        network = served.get(row.network_id)
        if not row.allocated or port is None or instance is None or network is None:
            continue
        path, content = dhcp.host_file(network, instance, port, row, options)
        hosts.setdefault(path, content)
    return hosts


def _files(networks: tuple[Network, ...], options: Options) -> dict[str, File]:
    return {
        dhcp.paths(options.networks_path, network.bridge).options: dhcp.options_file(network)
        for network in networks
        if _serves(network)
    }
