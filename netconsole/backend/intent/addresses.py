"""The addresses that a host holds: gateways, floating ones, the metadata service's. Pure."""

from collections.abc import Iterator, Mapping

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.above import leaving
from netconsole.backend.intent.meaning import is_led_to_metadata
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import Address
from netconsole.backend.model.meaning import Translation
from netconsole.backend.model.records import FloatingIP, Network, Records
from netconsole.backend.model.subject import METADATA, METADATA_ADDRESS

METADATA_PLACE = Address(
    "lo", f"{METADATA_ADDRESS}/32", announcements=0, subject=METADATA, scope="link"
)
"""Guests that take it for a neighbour's are answered by the host (arp_ignore of ip-sysctl)."""


def held(presence: Presence, translations: tuple[Translation, ...]) -> Iterator[Address]:
    """Yield gateways and floating addresses, told to the neighbours as often as the options say.

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


def metadata_addresses(presence: Presence) -> tuple[Address, ...]:
    """Return what a host has on lo where it leads guests to a metadata service, as nova has it."""
    is_led = bool(presence.served) and is_led_to_metadata(presence.options)
    return (METADATA_PLACE,) if is_led else ()


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


def floating_interface(floating: FloatingIP, options: Options, above: Mapping[str, str]) -> str:
    """Return the interface that carries a floating address: the public one comes before its
    range's.

    `above` says of which bridge an interface is a port.
    """
    return leaving(options.public_interface or floating.interface, above)


def left(
    records: Records, options: Options, above: Mapping[str, str], held: tuple[Address, ...]
) -> frozenset[Address]:
    """Return the places where an address may be left that is not `held` there any more.

    A floating one: on the interface of the options or of its range, or on the bridge above that.
    """
    kept = {address[:2] for address in held}
    among = {
        own: frozenset(
            interface
            for named in (options.public_interface or own, own)
            for interface in (named, leaving(named, above))
        )
        for own in {floating.interface for floating in records.floating_ips}
    }
    floating = (
        Address(interface, f"{floating.address}/32", subject=subject.floating(floating.address))
        for floating in records.floating_ips
        for interface in among[floating.interface]
    )
    return frozenset(place for place in (*floating, METADATA_PLACE) if place[:2] not in kept)
