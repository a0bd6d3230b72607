"""Which links a host should have: bridges, VLAN devices, and the ports of instances. Pure."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from netaddr import IPNetwork

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.presence import Presence
from netconsole.backend.managers import manager
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import OWNER_PREFIX, WantedLink
from netconsole.backend.model.records import Network, Port
from netconsole.backend.model.subject import together


def links(presence: Presence) -> dict[str, WantedLink]:
    """Return every link that the networks of a host want, by name."""
    wanted: dict[str, WantedLink] = {}
    if manager(presence.options).creates_bridge:
        for network in (*presence.served, *presence.carried):
            for link in _of_network(network, presence.options):
                others = wanted[link.name].subjects if link.name in wanted else ()
                about = together(others, (subject.network(network.label),))
                wanted[link.name] = replace(link, subjects=about)
    filters, keeps = filters_guests(presence.options), _keeps_sources(presence)
    for network in (*presence.served, *presence.carried):
        if (bridge := wanted.get(network.bridge)) is not None:
            meets = filters or (keeps and network in presence.served)
            wanted[network.bridge] = replace(
                bridge,
                nf_call_iptables=meets or bridge.nf_call_iptables,
                nf_call_ip6tables=(filters and network.cidr_v6 is not None)
                or bridge.nf_call_ip6tables,
            )
    wanted.update((link.name, link) for link in _ports(presence))
    return wanted


def filters_guests(options: Options) -> bool:
    """Whether security groups are kept: the firewall of instances is not switched off."""
    return not options.firewall_driver.endswith("NoopFirewallDriver")


def _keeps_sources(presence: Presence) -> bool:
    """Whether guests reach floating addresses of others under their own, by dmz_cidr."""
    ranges = [IPNetwork(range_) for range_ in presence.options.dmz_cidr]
    return any(
        floating.address in range_
        for range_ in ranges
        for floating in presence.records.floating_ips
        if floating.fixed_ip_id is not None
    )


def _of_network(network: Network, options: Options) -> Iterator[WantedLink]:
    """A network's bridge, and the interface by which it reaches other hosts."""
    lower, port = lower_interface(network, options), uplink(network, options)
    named_by = _named_by(network, options)
    if lower is not None and port is not None and port != lower:
        yield WantedLink(lower, "", named_by=named_by)
        yield WantedLink(
            port,
            "vlan",
            mac=_made_up_mac(f"{network.uuid} vlan"),
            master=network.bridge,
            mtu=network.mtu,
            alias=_alias(network),
            parent=lower,
            vlan=network.vlan,
            named_by=named_by,
        )
    elif lower is not None:
        yield WantedLink(lower, "", master=network.bridge, named_by=named_by)
    yield WantedLink(
        network.bridge,
        "bridge",
        mac=bridge_mac(network),
        mac_of=lower if port == lower else None,
        alias=_alias(network),
        forward_delay=0,
        mtu=network.mtu,
        named_by=named_by,
    )


def _named_by(network: Network, options: Options) -> str:
    """What names the interface under a network."""
    kind = manager(options)
    if not kind.bridge_interface(options):
        return f"{network.label}: bridge_interface"
    return "vlan_interface" if kind.creates_vlan else "flat_interface"


def lower_interface(network: Network, options: Options) -> str | None:
    """Return the interface under a network: the host's own choice comes before the network's."""
    return manager(options).bridge_interface(options) or network.bridge_interface


def uplink(network: Network, options: Options) -> str | None:
    """Return the port of a network's bridge that leads to other hosts: an interface, or a VLAN on
    it."""
    lower = lower_interface(network, options)
    if lower is not None and manager(options).creates_vlan and network.vlan is not None:
        return f"vlan{network.vlan}"
    return lower


def _alias(network: Network) -> str:
    return f"{OWNER_PREFIX}network:{network.uuid}"


def bridge_mac(network: Network) -> str:
    """Return a bridge's own MAC address: fixed, or it would follow its lowest port and upset
    guests."""
    return _made_up_mac(network.uuid)


def _made_up_mac(seed: str) -> str:
    """A MAC address with nova's prefix, always the same for the same seed."""
    digest = hashlib.sha256(seed.encode()).hexdigest()
    return f"fa:16:3e:{digest[:2]}:{digest[2:4]}:{digest[4:6]}"


def host_mac(port: Port) -> str:
    """Return the MAC address of the host's end of a port: the guest's, marked fe as libvirt
    does."""
    return f"fe{port.mac[2:]}"


def _ports(presence: Presence) -> Iterator[WantedLink]:
    networks = {network.id: network for network in (*presence.served, *presence.carried)}
    for port in presence.ports:
        if (network := networks.get(port.network_id)) is not None:
            yield WantedLink(
                port.device,
                port.kind,
                mac=host_mac(port),
                master=network.bridge,
                alias=f"{OWNER_PREFIX}port:{port.uuid}",
                peer=port.peer,
                peer_mac=port.mac if port.peer else None,
                hairpin=True,
                group_fwd_mask=None if presence.options.guard else 0,
                subjects=together((subject.port(port.device), subject.network(network.label))),
            )
