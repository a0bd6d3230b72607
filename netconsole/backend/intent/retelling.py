"""Retelling: what a host says again of an instance whose guest lost it. Pure.

nova asked an agent in the guest to read its network anew. A host has no hand in the guest, but
what it tells others can be said once more.
"""

from collections.abc import Iterator

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent import touches_nothing
from netconsole.backend.intent.above import masters
from netconsole.backend.intent.addresses import floating_interface, gateway_addresses
from netconsole.backend.intent.dnsmasq import answers_dhcp
from netconsole.backend.intent.links import links
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model import subject
from netconsole.backend.model.records import Instance, Network, Records
from netconsole.backend.steps import AnnounceAddress, Plan, ReloadDnsmasq, Step
from netconsole.backend.wording import dhcp

ANNOUNCEMENTS = 3
"""Of each address, as one frame can be lost (RFC 5227 section 2.3 has two)."""


def retelling(instance: Instance, records: Records, options: Options) -> Plan:
    """Return the steps that tell a guest and its neighbours what the host holds for them.

    The dnsmasq of each of its networks reads its hosts and options anew; the gateways are
    announced on their bridges, and the floating addresses on their interface. Only of networks
    that this host serves for the instance.
    """
    if touches_nothing(options):
        return Plan()
    presence = Presence(records, options)
    above = masters(links(presence), {})
    ports = {port.network_id for port in records.ports if port.instance_uuid == instance.uuid}
    served = {
        network.id: network
        for network in presence.served
        if network.id in ports and instance.uuid in presence.clients(network)
    }
    own = {
        row.id
        for row in records.fixed_ips
        if row.instance_uuid == instance.uuid and row.allocated and row.network_id in served
    }
    floating = (
        AnnounceAddress(
            interface,
            each.address,
            ANNOUNCEMENTS,
            subjects=(subject.floating(each.address),),
        )
        for each in records.floating_ips
        for interface in (floating_interface(each, options, above),)
        if each.fixed_ip_id in own and interface
    )
    of_networks = (step for network in served.values() for step in _of_network(network, options))
    return Plan((*of_networks, *floating))


def _of_network(network: Network, options: Options) -> Iterator[Step]:
    if answers_dhcp(network):
        pid_file = dhcp.paths(options.networks_path, network.bridge).pid
        about = (subject.network(network.label),)
        yield ReloadDnsmasq(network.bridge, pid_file, subjects=about)
    for address in gateway_addresses(network):
        if not address.is_v6:
            text = address.address.partition("/")[0]
            yield AnnounceAddress(address.interface, text, ANNOUNCEMENTS, subjects=address.subjects)
