"""What a config drive tells a guest: OpenStack's metadata documents. Pure.

The same documents stand once for each version of their format that nova knew, and as `latest`.
They hold nothing secret: no password and no seed of random numbers.
"""

import json
from collections.abc import Iterator
from typing import TypedDict

from netconsole.backend.configuration.options import Options
from netconsole.backend.injection.template import given, is_dhcp, name_servers, routed
from netconsole.backend.model.eui64 import address_v6
from netconsole.backend.model.records import InstanceView, PortView
from netconsole.backend.steps import FileEntry
from netconsole.backend.wording import dhcp

VERSIONS = (
    "2012-08-10",
    "2013-04-04",
    "2013-10-17",
    "2015-10-15",
    "2016-06-30",
    "2016-10-06",
    "2017-02-22",
    "2018-08-27",
    "latest",
)
"""The versions of the documents, each named for its day, so that they compare as text."""

VENDOR_DATA, NETWORK_DATA, DEVICES, VENDOR_DATA2 = VERSIONS[2:6]
"""The versions that brought each document or entry."""

INTERFACES_PATH = "/content/0000"
EVERYWHERE = {"network": "0.0.0.0", "netmask": "0.0.0.0"}  # noqa: S104  a route, no listener
EVERYWHERE_V6 = {"network": "::", "netmask": "::"}

Document = dict[str, object]


class NetworkData(TypedDict):
    """network_data.json."""

    links: list[Document]
    networks: list[Document]
    services: list[Document]


def documents(
    view: InstanceView, options: Options, interfaces: str | None
) -> tuple[FileEntry, ...]:
    """The files of a config drive for an instance.

    `interfaces` is the text of its /etc/network/interfaces, None where it has none of ours.
    """
    found: list[tuple[str, Document | NetworkData]] = []
    for version in VERSIONS:
        folder = f"openstack/{version}"
        found.append((f"{folder}/meta_data.json", _meta_data(view, options, version, interfaces)))
        if version >= NETWORK_DATA:
            found.append((f"{folder}/network_data.json", network_data(view, options)))
        if version >= VENDOR_DATA:
            found.append((f"{folder}/vendor_data.json", {}))
        if version >= VENDOR_DATA2:
            found.append((f"{folder}/vendor_data2.json", {}))
    files = [(path, f"{json.dumps(document)}\n") for path, document in found]
    if interfaces is not None:
        files.append((f"openstack{INTERFACES_PATH}", interfaces))
    return tuple(files)


def _meta_data(
    view: InstanceView, options: Options, version: str, interfaces: str | None
) -> Document:
    instance = view.instance
    hostname = dhcp.hostname(instance.hostname)
    document: Document = {
        "uuid": instance.uuid,
        "name": instance.name,
        "hostname": f"{hostname}.{options.dhcp_domain}" if options.dhcp_domain else hostname,
        "launch_index": 0,
    }
    if interfaces is not None:
        document["network_config"] = {"name": "network_config", "content_path": INTERFACES_PATH}
    if version >= NETWORK_DATA:
        document["project_id"] = instance.project_id
    if version >= DEVICES:
        document["devices"] = []
    return document


def network_data(view: InstanceView, options: Options) -> NetworkData:
    """The interfaces of an instance, their addresses and name servers: network_data.json."""
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
