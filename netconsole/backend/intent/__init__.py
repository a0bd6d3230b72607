"""Intent: what a host should hold, from what the store says. Pure."""

from netaddr import IPNetwork

from netconsole.backend import dhcp
from netconsole.backend.chains import Association, wanted_chains
from netconsole.backend.hoststate import Address, File, HostState
from netconsole.backend.intent.links import links
from netconsole.backend.intent.presence import Presence
from netconsole.backend.options import Options
from netconsole.backend.records import Network, Records

IP_FORWARD = "net.ipv4.ip_forward"


def intent(
    records: Records, options: Options, released: frozenset[Address] = frozenset()
) -> HostState:
    """The state that the records ask of the host named in the options.

    `released` are addresses that the store has just forgotten, on top of its idle floating ones.
    """
    if touches_nothing(options):
        return HostState()
    presence = Presence(records, options)
    associations = _associations(presence)
    busy = {association.floating for association in associations}
    answering = tuple(network for network in presence.served if answers_dhcp(network))
    return HostState(
        sysctls={IP_FORWARD: "1"} if presence.served else dict(records.former_sysctls),
        links=links(presence),
        addresses=(
            *(address for network in presence.served for address in gateway_addresses(network)),
            *(
                Address(association.interface, f"{association.floating}/32")
                for association in associations
                if association.interface
            ),
        ),
        chains=wanted_chains(presence.served, associations, options),
        dnsmasq=tuple(dhcp.dnsmasq(network, options) for network in answering),
        dhcp_hosts=_dhcp_hosts(presence),
        files={
            dhcp.paths(options.networks_path, network.bridge).options: dhcp.options_file(network)
            for network in answering
        },
        directories=frozenset(
            dhcp.paths(options.networks_path, network.bridge).hosts for network in answering
        ),
        networks_path=options.networks_path,
        released=released
        | frozenset(
            Address(floating.interface, f"{floating.address}/32")
            for floating in records.floating_ips
            if floating.address not in busy
        ),
    )


def touches_nothing(options: Options) -> bool:
    """Whether the driver chosen is nova's NullL3."""
    return options.l3_lib.endswith(".NullL3")


def answers_dhcp(network: Network) -> bool:
    """Whether a dnsmasq runs for a network that is served."""
    return network.enable_dhcp and network.dhcp_server is not None


def gateway_addresses(network: Network) -> tuple[Address, ...]:
    """What a network puts on its bridge: the address that guests use as their DHCP server."""
    if network.dhcp_server is None:
        return ()
    prefix = IPNetwork(network.cidr).prefixlen
    address = f"{network.dhcp_server}/{prefix}"
    return (Address(network.bridge, address, network.broadcast, first=True),)


def _associations(presence: Presence) -> tuple[Association, ...]:
    """The floating addresses that this host carries: those of the guests whose gateway it is."""
    served = {network.id: network for network in presence.served}
    fixed = {
        row.id: row.address
        for row in presence.records.fixed_ips
        if row.network_id in served
        and (row.instance_uuid or "") in presence.clients(served[row.network_id])
    }
    return tuple(
        Association(floating.address, fixed[floating.fixed_ip_id], floating.interface)
        for floating in presence.records.floating_ips
        if floating.fixed_ip_id in fixed
    )


def _dhcp_hosts(presence: Presence) -> dict[str, File]:
    ports = {port.id: port for port in presence.records.ports}
    served = {network.id: network for network in presence.served if answers_dhcp(network)}
    hosts: dict[str, File] = {}
    for row in presence.records.fixed_ips:
        network = served.get(row.network_id)
        port = ports.get(row.port_id or 0)
        if not row.allocated or port is None or network is None:
            continue
        instance = presence.clients(network).get(row.instance_uuid or "")
        if instance is not None:
            path, content = dhcp.host_file(network, instance, port, row, presence.options)
            hosts.setdefault(path, content)
    return hosts
