"""What the networks of a host, and its floating addresses, mean for packets. Pure.

What passes, what is translated and what is not are nova's linux_net and l3 driver's.
"""

from collections.abc import Iterable, Iterator, Sequence

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.managers.flatdhcp import has_external_gateway
from netconsole.backend.managers.vlan import VPN_PORT, is_vpn_here
from netconsole.backend.model import subject
from netconsole.backend.model.meaning import (
    Admission,
    Fence,
    FilledChecksums,
    Lead,
    Meaning,
    Rerouting,
    SourceTranslation,
    Translation,
    Untranslated,
)
from netconsole.backend.model.records import Network
from netconsole.backend.model.subject import METADATA, METADATA_ADDRESS

METADATA_PORT, LOOPBACK = 80, "127.0.0.1"
DHCP_CLIENT, DHCP_SERVER, DNS = 68, 67, 53
"""UDP ports, and TCP ones (RFC 2131, RFC 1035)."""


def meaning(
    networks: Sequence[Network],
    translations: tuple[Translation, ...],
    shared: Iterable[tuple[Network, str]],
    options: Options,
) -> Meaning:
    """Return what these networks mean for packets, which this host serves.

    `shared` are those whose address other hosts have as well, each with the interface to them.
    """
    return Meaning(
        serves=bool(networks),
        admissions=(
            *(each for network in networks for each in _questions(network, options)),
            *(each for network in networks for each in _vpn_forwarding(network, options)),
            *(each for network in networks for each in _forwarding(network, options)),
        ),
        translations=translations,
        source_translations=tuple(
            each for network in networks for each in _source_translations(network, options)
        ),
        untranslated=tuple(
            each for network in networks for each in _untranslated(network, options)
        ),
        leads=(
            *(_metadata(options) if networks else ()),
            *(each for network in networks for each in _vpn_leads(network, options)),
        ),
        filled_checksums=tuple(
            FilledChecksums(_about(network), network.bridge, DHCP_CLIENT) for network in networks
        ),
        fences=tuple(
            Fence(_about(network), network.dhcp_server, interface)
            for network, interface in shared
            if network.dhcp_server is not None
        ),
        reroutings=tuple(
            each
            for network in filter(has_external_gateway, networks)
            for each in _reroutings(network, translations, options)
        ),
    )


def _about(network: Network) -> subject.Subject:
    return subject.network(network.label)


def _range(text: str) -> str | None:
    """A range as CIDR; None for everywhere."""
    cidr = IPNetwork(text).cidr
    return str(cidr) if cidr.prefixlen else None


def _questions(network: Network, options: Options) -> Iterator[Admission]:
    """DHCP and DNS questions come in from the bridge, and for metadata where it is served here."""
    for port in (DHCP_SERVER, DNS):
        yield Admission(
            _about(network), "to host", arriving=network.bridge, protocol="udp", port=port
        )
        yield Admission(
            _about(network), "to host", arriving=network.bridge, protocol="tcp", port=port
        )
    if options.metadata_host in (LOOPBACK, options.my_ip) and is_led_to_metadata(options):
        port = options.metadata_port
        yield Admission(
            _about(network), "to host", arriving=network.bridge, protocol="tcp", port=port
        )


def _forwarding(network: Network, options: Options) -> Iterator[Admission]:
    """Which forwarding the bridge may do."""
    about, bridge = _about(network), network.bridge
    everywhere = "all" in options.forward_bridge_interface
    if network.gateway is not None and not everywhere:
        for interface in options.forward_bridge_interface:
            yield Admission(about, "through", arriving=bridge, leaving=interface)
            yield Admission(about, "through", arriving=interface, leaving=bridge)
        yield Admission(about, "through", arriving=bridge, leaving=bridge)
    passes = network.gateway is not None and everywhere
    yield Admission(about, "through", passes, arriving=bridge)
    yield Admission(about, "through", passes, leaving=bridge)


def _vpn_forwarding(network: Network, options: Options) -> Iterator[Admission]:
    """The outside may speak to the VPN of a network, whatever else its bridge may forward."""
    if is_vpn_here(network, options):
        yield Admission(
            _about(network),
            "through",
            destination=network.vpn_private_address,
            protocol="udp",
            port=VPN_PORT,
        )


def _vpn_leads(network: Network, options: Options) -> Iterator[Lead]:
    """The public port of a network's VPN leads to it."""
    address, port, vpn = options.vpn_ip, network.vpn_public_port, network.vpn_private_address
    if is_vpn_here(network, options) and address and port and vpn:
        yield Lead(_about(network), address, "udp", port, vpn, VPN_PORT, from_host=True)


def is_led_to_metadata(options: Options) -> bool:
    """Whether guests are led to a metadata service, here or elsewhere."""
    return options.metadata_host is not None


def _metadata(options: Options) -> Iterator[Lead]:
    if options.metadata_host is not None:
        yield Lead(
            *(METADATA, METADATA_ADDRESS, "tcp", METADATA_PORT),
            *(options.metadata_host, options.metadata_port),
        )


def _source_translations(network: Network, options: Options) -> Iterator[SourceTranslation]:
    """What leaves the network through the public interface gets an address that others know."""
    source = options.routing_source_ip
    if not source:
        return
    if has_external_gateway(network):
        for range_ in options.force_snat_range:
            yield SourceTranslation(
                _about(network), network.cidr, source, destination=_range(range_)
            )
    else:
        out = options.public_interface or None
        yield SourceTranslation(_about(network), network.cidr, source, leaving=out)


def _untranslated(network: Network, options: Options) -> Iterator[Untranslated]:
    """What keeps its source: to metadata, to the DMZ, and inside the network.

    Who asks for a floating address of dmz_cidr keeps its own too: its destination is another by
    then, only the connection knows what was asked for.
    """
    about, cidr = _about(network), network.cidr
    exempt = (options.metadata_host,) if options.metadata_host else ()
    for range_ in (*exempt, *options.dmz_cidr):
        yield Untranslated(about, cidr, _range(range_))
    for asked in filter(None, map(_range, options.dmz_cidr)):
        yield Untranslated(about, cidr, asked_for=asked)
    yield Untranslated(about, cidr, cidr, only_as_asked=True)


def _reroutings(
    network: Network, translations: Iterable[Translation], options: Options
) -> Iterator[Rerouting]:
    """Packets for another router, by which nothing comes back, that only this host can translate:
    to a range of `force_snat_range`, or from behind a floating address."""
    cidr = IPNetwork(network.cidr)
    for range_ in options.force_snat_range:
        yield Rerouting(_about(network), str(cidr), destination=_range(range_))
    for each in translations:
        if each.interface != network.bridge and each.fixed in cidr:
            about = subject.floating(each.floating)
            yield Rerouting(about, each.fixed, network.bridge, beyond=str(cidr))
