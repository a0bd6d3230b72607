"""Intent: what a host should hold, from what the store says. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.above import along, followed, leaving, masters
from netconsole.backend.intent.groups import with_groups
from netconsole.backend.intent.guards import guards
from netconsole.backend.intent.links import links, uplink
from netconsole.backend.intent.meaning import is_led_to_metadata, meaning
from netconsole.backend.intent.presence import Presence
from netconsole.backend.intent.settings import closed, is_global, sysctls, sysctls_along, uplinks
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import Address, File, Observed, Wanted
from netconsole.backend.model.meaning import Translation
from netconsole.backend.model.records import DnsEntry, FloatingIP, Network, Records
from netconsole.backend.model.subject import METADATA, METADATA_ADDRESS, together
from netconsole.backend.wording import Wording, dhcp
from netconsole.backend.wording.guards import guard_table
from netconsole.backend.wording.iptables import IPTABLES


def intent(
    records: Records,
    options: Options,
    released: frozenset[Address] = frozenset(),
    observed: Observed | None = None,
    wording: Wording = IPTABLES,
) -> Wanted:
    """Return the state that the records ask of the host named in the options.

    `released` are addresses that the store has just forgotten, on top of its idle floating ones.
    Of what is `observed` only that counts which is `heeded`.
    """
    if touches_nothing(options):
        return Wanted()
    named = Presence(records, options)
    wanted_links = links(named)
    there = observed or Observed()
    above = masters(wanted_links, there.links, records.former_links)
    options = followed(options, above)
    presence = replace(named, options=options)
    translations = _translations(presence, above)
    served = meaning(presence.served, translations, _shared(presence), options)
    said = with_groups(served, presence)
    answering = tuple(network for network in presence.served if answers_dhcp(network))
    addresses = tuple(_addresses(presence, translations))
    names = records.dns_entries
    guarded = guards(presence)
    former = along(records.former_addresses, above, there.links)
    idle = _idle_places(records, named.options, above, addresses)
    idle |= {_METADATA_PLACE} - set(addresses)
    return Wanted(
        sysctls={
            **closed(presence, wanted_links, above, there.links, there.addresses),
            **sysctls(presence),
        },
        sysctls_along=sysctls_along(presence),
        links=wanted_links,
        above=above,
        uplinks=uplinks(presence, above),
        former_links={
            name: former
            for name, former in records.former_links.items()
            if name not in wanted_links
        },
        addresses=addresses,
        chains=wording.chains(said, options.iptables_drop_action),
        dnsmasq=tuple(
            dhcp.dnsmasq(network, options, _later_macs(presence, network), names=bool(names))
            for network in answering
        ),
        dhcp_hosts=_dhcp_hosts(presence),
        files={
            path: file for network in answering for path, file in _files(network, names, options)
        },
        directories=frozenset(
            dhcp.paths(options.networks_path, network.bridge).hosts for network in answering
        ),
        networks_path=options.networks_path,
        released=frozenset(each for each in released | idle if each[:2] not in former),
        former_addresses=former,
        release_leases=options.force_dhcp_release,
        guards=guarded,
        guard_table=guard_table(guarded.values(), options.guest_ethertypes)
        if options.guard and (presence.served or presence.carried)
        else frozenset(),
        guest_ethertypes=tuple(options.guest_ethertypes),
    )


def heeded(observed: Observed) -> object:
    """Return what of a host its intent turns on, as a value to compare.

    That is which interfaces are ports of a bridge, whose its bridges are, and by which interfaces
    of others it is reached.
    """
    links = [
        (name, link.kind, link.master, link.mac, link.alias)
        for name, link in observed.links.items()
    ]
    reached: set[str] = set()
    for interface, address, *_ in observed.addresses:
        if interface not in reached and is_global(address):
            reached.add(interface)
    return links, reached


def _addresses(presence: Presence, translations: tuple[Translation, ...]) -> Iterator[Address]:
    """Gateways and floating addresses, told to the neighbours as often as the options say.

    And the address of the metadata service, which neighbours have no need to know.
    """
    options = presence.options
    told = options.send_arp_for_ha_count if options.send_arp_for_ha else 0
    for network in presence.served:
        for address in gateway_addresses(network):
            yield address._replace(announcements=told)
    yield from metadata_addresses(presence)
    for translation in translations:
        if translation.interface:
            yield Address(
                translation.interface,
                f"{translation.floating}/32",
                announcements=told,
                subject=subject.floating(translation.floating),
            )


def touches_nothing(options: Options) -> bool:
    """Whether the driver chosen is nova's NullL3."""
    return options.l3_lib.endswith(".NullL3")


def answers_dhcp(network: Network) -> bool:
    """Whether a dnsmasq runs for a network that is served."""
    return network.enable_dhcp and network.dhcp_server is not None


_METADATA_PLACE = Address(
    "lo", f"{METADATA_ADDRESS}/32", announcements=0, subject=METADATA, scope="link"
)
"""Guests that take it for a neighbour's are answered by the host (arp_ignore of ip-sysctl)."""


def metadata_addresses(presence: Presence) -> tuple[Address, ...]:
    """Return what a host has on lo where it leads guests to a metadata service, as nova has it."""
    is_led = bool(presence.served) and is_led_to_metadata(presence.options)
    return (_METADATA_PLACE,) if is_led else ()


def gateway_addresses(network: Network) -> tuple[Address, ...]:
    """Return what a network puts on its bridge: the addresses that guests use as their gateways."""
    about = subject.network(network.label)
    gateways = []
    if network.dhcp_server is not None:
        prefix = IPNetwork(network.cidr).prefixlen
        address = f"{network.dhcp_server}/{prefix}"
        gateways.append(Address(network.bridge, address, network.broadcast, subject=about))
    if network.cidr_v6 is not None and network.gateway_v6 is not None:
        prefix = IPNetwork(network.cidr_v6).prefixlen
        address = f"{network.gateway_v6}/{prefix}"
        gateways.append(Address(network.bridge, address, subject=about))
    return tuple(gateways)


def _shared(presence: Presence) -> Iterator[tuple[Network, str]]:
    """The networks whose address other hosts have as well, with the interface to those."""
    for network in presence.served:
        interface = uplink(network, presence.options)
        if network.multi_host and network.share_address and interface is not None:
            yield network, interface


def _translations(presence: Presence, above: Mapping[str, str]) -> tuple[Translation, ...]:
    """The floating addresses that this host carries: those of the guests whose gateway it is."""
    clients = {network.id: presence.clients(network) for network in presence.served}
    fixed = {
        row.id: row.address
        for row in presence.records.fixed_ips
        if (row.instance_uuid or "") in clients.get(row.network_id, {})
    }
    return tuple(
        Translation(
            floating.address,
            fixed[floating.fixed_ip_id],
            floating_interface(floating, presence.options, above),
        )
        for floating in presence.records.floating_ips
        if floating.fixed_ip_id in fixed
    )


def floating_interface(floating: FloatingIP, options: Options, above: Mapping[str, str]) -> str:
    """Return the interface that carries a floating address: the public one comes before its
    range's.

    `above` says of which bridge an interface is a port.
    """
    return leaving(options.public_interface or floating.interface, above)


def _idle_places(
    records: Records, options: Options, above: Mapping[str, str], held: tuple[Address, ...]
) -> frozenset[Address]:
    """Where floating addresses may be left: on the interface of the options or of their range.

    Or on the bridge above that.
    """
    kept = {(address.interface, address.address) for address in held}
    among = {
        own: frozenset(
            interface
            for named in (options.public_interface or own, own)
            for interface in (named, leaving(named, above))
        )
        for own in {floating.interface for floating in records.floating_ips}
    }
    return frozenset(
        Address(interface, place, subject=subject.floating(floating.address))
        for floating in records.floating_ips
        for place in (f"{floating.address}/32",)
        for interface in among[floating.interface]
        if (interface, place) not in kept
    )


def _files(
    network: Network, names: tuple[DnsEntry, ...], options: Options
) -> Iterator[tuple[str, File]]:
    """What the dnsmasq of a network reads beside its hosts."""
    paths = dhcp.paths(options.networks_path, network.bridge)
    about = (subject.network(network.label),)
    yield paths.options, dhcp.options_file(network, options)._replace(subjects=about)
    if names:
        yield paths.names, dhcp.names_file(names)._replace(subjects=about)


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


def _dhcp_hosts(presence: Presence) -> dict[str, File]:
    ports = {port.id: port for port in presence.records.ports}
    served = {
        network.id: (
            dhcp.paths(presence.options.networks_path, network.bridge).hosts,
            presence.clients(network),
            subject.network(network.label),
        )
        for network in presence.served
        if answers_dhcp(network)
    }
    hosts: dict[str, File] = {}
    for row in sorted(presence.records.fixed_ips, key=dhcp.allocation_order):
        port = ports.get(row.port_id or 0)
        if not row.allocated or port is None or row.network_id not in served:
            continue
        directory, clients, of_network = served[row.network_id]
        instance = clients.get(row.instance_uuid or "")
        if instance is not None:
            path, file = dhcp.host_file(directory, instance, port, row, presence.options)
            about = together((subject.port(port.device), of_network))
            hosts.setdefault(path, file._replace(subjects=about))
    return hosts
