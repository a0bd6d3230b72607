"""network_data.json: the interfaces of an instance, their addresses and name servers. Pure."""

from collections.abc import Iterator
from typing import TypedDict

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection.template import given, is_dhcp, name_servers, routed
from netconsole.backend.model.eui64 import address_v6
from netconsole.backend.model.records import InstanceView, PortView

EVERYWHERE = {"network": "0.0.0.0", "netmask": "0.0.0.0"}  # noqa: S104  a route, no listener
EVERYWHERE_V6 = {"network": "::", "netmask": "::"}

Document = dict[str, object]


class NetworkData(TypedDict, total=False):
    """network_data.json; nothing is in it where an instance has no port."""

    links: list[Document]
    networks: list[Document]
    services: list[Document]


def network_data(view: InstanceView, options: Options) -> NetworkData:
    """Return the interfaces of an instance, their addresses and name servers: network_data.json."""
    if not view.ports:
        return NetworkData()
    links: list[Document] = []
    networks: list[Document] = []
    services: list[Document] = []
    for number, port in enumerate(routed(view, options)):
        link = f"interface{number}"
        links.append(
            {
                "id": link,
                "type": "bridge",
                "mtu": port.network.mtu,
                "ethernet_mac_address": port.port.mac,
                "vif_id": port.port.uuid,
            }
        )
        for network in _networks(port, options):
            networks.append({"id": f"network{len(networks)}", "link": link, **network})
        for server in (*name_servers(port.network, 4), *name_servers(port.network, 6)):
            service: Document = {"type": "dns", "address": server}
            if service not in services:
                services.append(service)
    return NetworkData(links=links, networks=networks, services=services)


def _networks(port: PortView, options: Options) -> Iterator[Document]:
    """A port's addresses: the first of IPv4, and that of IPv6, which the guest has by itself."""
    network = port.network
    common: Document = {"network_id": network.uuid}
    for fixed_ip in given(port)[:1]:
        if is_dhcp(network, options):
            yield {"type": "ipv4_dhcp", **common}
            continue
        yield {
            "type": "ipv4",
            "ip_address": fixed_ip.address,
            "netmask": network.netmask,
            "routes": _default_route(EVERYWHERE, network.gateway),
            **common,
        }
    if network.cidr_v6 is not None:
        yield {
            "type": "ipv6",
            "ip_address": address_v6(port.port.mac, network.cidr_v6),
            "netmask": network.netmask_v6,
            "routes": _default_route(EVERYWHERE_V6, network.gateway_v6),
            **common,
        }


def _default_route(everywhere: dict[str, str], gateway: str | None) -> list[dict[str, str]]:
    return [{**everywhere, "gateway": gateway}] if gateway else []
