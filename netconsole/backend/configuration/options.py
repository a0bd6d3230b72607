"""Options: the configuration as a value, under nova's own option names. Pure."""

import socket
from dataclasses import dataclass, field
from typing import Annotated, get_type_hints

from netconsole.backend.configuration import option_rules as rules
from netconsole.backend.configuration.option_rules import (
    Endpoint,
    Option,
    RepairRule,
    TokenUse,
    VendorTarget,
)
from netconsole.backend.configuration.places import AGENT_SOCKET
from netconsole.backend.model.option_source import OptionSource
from netconsole.backend.model.secret import NONE, Secret


@dataclass(frozen=True, slots=True)
class Options:
    """All options, checked. Each is called as in the file."""

    state_path: Annotated[str, Option(rules.absolute_path)] = "/var/lib/netconsole"
    networks_path: Annotated[str, Option(rules.absolute_path, "$state_path/networks")] = (
        "/var/lib/netconsole/networks"
    )
    connection: Annotated[
        str, Option(rules.text, "sqlite:///$state_path/netconsole.sqlite", "database")
    ] = "sqlite:////var/lib/netconsole/netconsole.sqlite"
    """Of group [database]. What can only be nova's own database is passed over."""
    host: Annotated[str, Option(rules.word)] = field(default_factory=socket.gethostname)
    trial_seconds: Annotated[int, Option(rules.whole(1))] = 60
    """netconsole's own: how long a change of the SSH session's path waits to be confirmed."""
    agent_socket: Annotated[str, Option(rules.socket_path)] = AGENT_SOCKET
    """netconsole's own, as are the next four: where the agent answers."""
    repair_drift: Annotated[
        tuple[RepairRule, ...],
        Option(rules.repair_rule, "boot", listed=True, together=rules.repair_rules),
    ] = (RepairRule("", "boot"),)
    """When the agent mends what differs from the store: never, once after boot, or always."""
    metrics_listen: Annotated[Endpoint | None, Option(rules.endpoint_or_none)] = None
    """Where the agent answers Prometheus; nowhere if not given."""
    record_size: Annotated[int, Option(rules.size, "64M")] = 64 << 20
    """Bytes that the agent's record of what it saw may take."""
    record_days: Annotated[int, Option(rules.whole(0))] = 7
    """For how long it is kept; 0 for none at all."""
    my_ip: Annotated[str | None, Option(rules.ipv4_address)] = None
    """By default the address of the interface of the default route; None where there is none."""

    network_manager: Annotated[str, Option(rules.network_manager)] = (
        "nova.network.manager.FlatDHCPManager"
    )
    """In a nova.conf that does not say, it is the VLAN manager, as in nova."""
    l3_lib: Annotated[str, Option(rules.l3_lib)] = "nova.network.l3.LinuxNetL3"
    """NullL3 touches nothing of the host."""
    num_networks: Annotated[int, Option(rules.whole(1))] = 1
    network_size: Annotated[int, Option(rules.whole(1))] = 256
    flat_network_bridge: Annotated[str | None, Option(rules.interface_or_none)] = None
    flat_interface: Annotated[str | None, Option(rules.interface_or_none)] = None
    flat_injected: Annotated[bool, Option(rules.boolean)] = False
    vlan_interface: Annotated[str | None, Option(rules.interface_or_none)] = None
    vlan_start: Annotated[int, Option(rules.whole(1, 4094))] = 100
    vpn_start: Annotated[int, Option(rules.whole(1, 65535))] = 1000
    vpn_ip: Annotated[str | None, Option(rules.ipv4_address, "$my_ip")] = None
    """Where the VPNs of projects are reached from outside, each at a port of its own."""
    cnt_vpn_clients: Annotated[int, Option(rules.whole(0))] = 0
    """Addresses before the end of a VLAN network that its VPN gives to its clients."""
    multi_host: Annotated[bool, Option(rules.boolean)] = False
    """Of networks created without saying whether every host is their gateway."""
    share_dhcp_address: Annotated[bool, Option(rules.boolean)] = False
    """Of networks created without saying whether their gateways share an address."""
    flat_network_dns: Annotated[str | None, Option(rules.ip_address_or_none)] = "8.8.4.4"
    create_unique_mac_address_attempts: Annotated[int, Option(rules.whole(1))] = 5
    fixed_ip_disassociate_timeout: Annotated[int, Option(rules.whole(0))] = 600
    """Seconds."""

    public_interface: Annotated[str, Option(rules.interface_or_empty)] = "eth0"
    """Empty: NAT rules match any interface."""
    routing_source_ip: Annotated[str | None, Option(rules.ipv4_address_or_empty, "$my_ip")] = None
    """Empty: no source NAT for what leaves a network."""
    dmz_cidr: Annotated[tuple[str, ...], Option(rules.ipv4_range, listed=True)] = ()
    force_snat_range: Annotated[tuple[str, ...], Option(rules.ipv4_range, repeated=True)] = ()
    forward_bridge_interface: Annotated[tuple[str, ...], Option(rules.interface, repeated=True)] = (
        "all",
    )
    iptables_drop_action: Annotated[str, Option(rules.target)] = "DROP"
    metadata_host: Annotated[str | None, Option(rules.ipv4_address, "$my_ip")] = None
    metadata_port: Annotated[int, Option(rules.whole(1, 65535))] = 8775
    metadata_listen: Annotated[str | None, Option(rules.ipv4_address_or_none)] = None
    """Where the metadata service listens for guests of other hosts as well, and for proxies. By
    default for those of this host alone, at the bridges of its networks."""
    metadata_listen_port: Annotated[int | None, Option(rules.whole(1, 65535))] = None
    """By default metadata_port, where guests are led."""
    metadata_tokens: Annotated[TokenUse, Option(rules.token_use)] = "optional"
    """netconsole's own, as are the next two: whether guests may, or must, ask with a token."""
    metadata_rate: Annotated[int, Option(rules.whole(0))] = 100
    """Requests a second that an instance may make, and twice as many at once; 0 for no limit."""
    metadata_proxies: Annotated[tuple[str, ...], Option(rules.ipv4_address, listed=True)] = ()
    """Whose X-Forwarded-For is believed, with use_forwarded_for."""
    use_forwarded_for: Annotated[bool, Option(rules.boolean)] = False
    service_metadata_proxy: Annotated[bool, Option(rules.boolean, group="neutron")] = False
    """Whether a proxy says, signed, whose request it is."""
    metadata_proxy_shared_secret: Annotated[Secret, Option(rules.secret, "", "neutron")] = NONE
    vendordata_jsonfile_path: Annotated[str, Option(rules.absolute_path_or_empty)] = ""
    vendordata_dynamic_targets: Annotated[
        tuple[VendorTarget, ...], Option(rules.vendor_target, listed=True)
    ] = ()
    vendordata_dynamic_connect_timeout: Annotated[int, Option(rules.whole(1))] = 5
    """Seconds, as is the next."""
    vendordata_dynamic_read_timeout: Annotated[int, Option(rules.whole(1))] = 5
    vendordata_dynamic_ssl_certfile: Annotated[str, Option(rules.absolute_path_or_empty)] = ""
    vendordata_dynamic_failure_fatal: Annotated[bool, Option(rules.boolean)] = False
    firewall_driver: Annotated[str, Option(rules.text_or_empty)] = ""
    """nova's ...NoopFirewallDriver: instances are not filtered. Empty: they are."""
    firewall_source: OptionSource | None = None
    """No option: the file in which firewall_driver stands, where it does."""
    allow_same_net_traffic: Annotated[bool, Option(rules.boolean)] = True
    """Whether instances reach those of the same network whatever the security groups say."""
    guard: Annotated[bool, Option(rules.boolean)] = True
    """netconsole's own: whether guests send as themselves alone; False takes every guard off."""
    guard_source: OptionSource | None = None
    """No option: the file in which guard stands, where it does."""
    guest_ethertypes: Annotated[tuple[int, ...], Option(rules.guest_ethertype, listed=True)] = ()
    """netconsole's own: what guests may send beside IPv4, ARP and IPv6, as 0x8863,0x8864."""
    send_arp_for_ha: Annotated[bool, Option(rules.boolean)] = True
    """nova's default is False; neighbours that keep a stale address are what it leads to."""
    send_arp_for_ha_count: Annotated[int, Option(rules.whole(0, 100))] = 3
    default_floating_pool: Annotated[str, Option(rules.text)] = "nova"
    auto_assign_floating_ip: Annotated[bool, Option(rules.boolean)] = False
    quota_floating_ips: Annotated[int, Option(rules.whole(-1))] = 10
    """Of one project, as are the next two; -1 for no limit."""
    quota_fixed_ips: Annotated[int, Option(rules.whole(-1))] = -1
    quota_security_groups: Annotated[int, Option(rules.whole(-1))] = 10
    quota_security_group_rules: Annotated[int, Option(rules.whole(-1))] = 20
    """Of one group."""
    quota_key_pairs: Annotated[int, Option(rules.whole(-1))] = 100
    quota_metadata_items: Annotated[int, Option(rules.whole(-1))] = 128
    """Of one instance, as are the next three."""
    quota_injected_files: Annotated[int, Option(rules.whole(-1))] = 5
    quota_injected_file_path_length: Annotated[int, Option(rules.whole(-1, 255))] = 255
    quota_injected_file_content_bytes: Annotated[int, Option(rules.whole(-1))] = 10240

    dhcp_lease_time: Annotated[int, Option(rules.whole(1, 2**32 - 1))] = 86400
    """Seconds. dnsmasq gives no lease shorter than 120."""
    dhcp_domain: Annotated[str, Option(rules.domain_or_empty)] = "novalocal"
    dnsmasq_config_file: Annotated[str, Option(rules.absolute_path_or_empty)] = ""
    dns_server: Annotated[tuple[str, ...], Option(rules.name_server, repeated=True)] = ()
    use_network_dns_servers: Annotated[bool, Option(rules.boolean)] = False
    use_single_default_gateway: Annotated[bool, Option(rules.boolean)] = False
    """Only an instance's first port is told a router."""
    force_dhcp_release: Annotated[bool, Option(rules.boolean)] = True


def declared() -> dict[str, Option]:
    """Return how each option stands in a file, by its name."""
    hints = get_type_hints(Options, include_extras=True)
    annotated = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {name: metadata[0] for name, metadata in annotated.items() if metadata}
