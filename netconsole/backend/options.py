"""Configuration, under nova's own option names: a nova.conf is read as it stands.

Options of nova's that mean nothing here are passed over. References (`$my_ip`), lists and options
given several times are read by oslo.config, as nova read them.
"""

import os
import re
import socket
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

from netconsole.backend import option_rules as rules
from netconsole.backend.errors import InvalidValue
from netconsole.backend.option_rules import Rule
from netconsole.backend.own_address import address_of_default_route

if TYPE_CHECKING:
    from oslo_config.cfg import ConfigOpts

ENVIRONMENT_VARIABLE = "NETCONSOLE_CONFIG_FILE"
DEFAULT_FILE = Path("/etc/netconsole/netconsole.conf")

_NOVAS_OWN = re.compile(r"(mysql|postgresql)[:+]|sqlite:.*/nova\.sqlite$")
"""nova's own databases: of a server, or of the name that nova gave to a file by default."""

_NO_ADDRESS = "address-unknown-for-lack-of-a-default-route"
"""Stands for `$my_ip` where there is none, so that what refers to it can be told."""


@dataclass(frozen=True, slots=True)
class Option:
    """How an option stands in a file: its rule, and its default where that refers to another."""

    rule: Rule
    default: str | None = None
    group: str | None = None
    """None is [DEFAULT]."""
    listed: bool = False
    """Several values in one line, divided by commas."""
    repeated: bool = False
    """The option stands once for each of its values."""


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
    my_ip: Annotated[str | None, Option(rules.ipv4_address)] = None
    """By default the address of the interface of the default route; None where there is none."""

    network_manager: Annotated[str, Option(rules.network_manager)] = (
        "nova.network.manager.FlatDHCPManager"
    )
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
    firewall_driver: Annotated[str, Option(rules.text_or_empty)] = ""
    """nova's ...NoopFirewallDriver: instances are not filtered. Empty: they are."""
    send_arp_for_ha: Annotated[bool, Option(rules.boolean)] = True
    """nova's default is False; neighbours that keep a stale address are what it leads to."""
    send_arp_for_ha_count: Annotated[int, Option(rules.whole(0, 100))] = 3
    default_floating_pool: Annotated[str, Option(rules.text)] = "nova"
    auto_assign_floating_ip: Annotated[bool, Option(rules.boolean)] = False
    quota_floating_ips: Annotated[int, Option(rules.whole(-1))] = 10
    """Of one project, as is the next; -1 for no limit."""
    quota_fixed_ips: Annotated[int, Option(rules.whole(-1))] = -1

    dhcp_lease_time: Annotated[int, Option(rules.whole(1, 2**32 - 1))] = 86400
    """Seconds. dnsmasq gives no lease shorter than 120."""
    dhcp_domain: Annotated[str, Option(rules.domain_or_empty)] = "novalocal"
    dnsmasq_config_file: Annotated[str, Option(rules.absolute_path_or_empty)] = ""
    dns_server: Annotated[tuple[str, ...], Option(rules.name_server, repeated=True)] = ()
    use_network_dns_servers: Annotated[bool, Option(rules.boolean)] = False
    use_single_default_gateway: Annotated[bool, Option(rules.boolean)] = False
    """Only an instance's first port is told a router."""
    force_dhcp_release: Annotated[bool, Option(rules.boolean)] = True


def load(config_file: str | None = None) -> Options:
    """Read the configuration.

    The file is the one given, else the one that NETCONSOLE_CONFIG_FILE names, else
    /etc/netconsole/netconsole.conf if it exists; without any, the defaults are what counts.
    Raises InvalidValue, naming file, option, value and rule.
    """
    path = _chosen(config_file)
    parser = _parsed(path)
    values = {name: _value(parser, path, name, option) for name, option in _declared().items()}
    # The names are those of the fields, and each rule returns what its field holds.
    options = Options(**values)  # type: ignore[arg-type]
    if _NOVAS_OWN.match(options.connection):
        own = f"sqlite:///{options.state_path}/netconsole.sqlite"
        return replace(options, connection=own)
    return options


def _chosen(config_file: str | None) -> Path | None:
    named = config_file or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _declared() -> Mapping[str, Option]:
    hints = get_type_hints(Options, include_extras=True)
    return {each.name: hints[each.name].__metadata__[0] for each in fields(Options)}


def _parsed(path: Path | None) -> "ConfigOpts":
    """Read a file without looking at the values yet."""
    # Imported here because it takes longer than most commands.
    from oslo_config import cfg

    parser = cfg.ConfigOpts()
    declared = _declared()
    for each in fields(Options):
        option = declared[each.name]
        kind = cfg.ListOpt if option.listed else cfg.MultiStrOpt if option.repeated else cfg.StrOpt
        parser.register_opt(kind(each.name, default=_default(each, option)), option.group)
    parser.set_default("my_ip", address_of_default_route() or _NO_ADDRESS)
    try:
        # oslo.config says "not found" of a file it may not read; the kernel says which.
        files = [] if path is None else [str(path.resolve())]
        if path is not None:
            path.open("rb").close()
        parser(args=[], default_config_files=files, default_config_dirs=[], use_env=False)
    except OSError as error:
        raise InvalidValue(
            "configuration file", path, f"cannot be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidValue("configuration file", path, "must be UTF-8 text") from error
    except cfg.ConfigFileParseError as error:
        reason = str(error).rpartition(f"at {files[0]}:")[2]
        raise InvalidValue("configuration file", path, f"line {reason}") from error
    return parser


def _default(each: "Field[object]", option: Option) -> str | list[str] | None:
    """Return an option's default in the words of a file."""
    if option.default is not None:
        return option.default
    value = each.default if each.default_factory is MISSING else each.default_factory()
    if isinstance(value, tuple):
        return list(value)
    return None if value is None else str(value)


def _value(parser: "ConfigOpts", path: Path | None, name: str, option: Option) -> object:
    """Return an option's value. Raises InvalidValue where it breaks its rule."""
    from oslo_config import cfg

    shown = f"[{option.group}] {name}" if option.group else name
    what = shown if path is None else f"{path}: {shown}"
    try:
        found: str | list[str] | None = (parser[option.group] if option.group else parser)[name]
    except cfg.Error as error:
        raise InvalidValue(what, "$...", "refers to an option that is not known here") from error
    if isinstance(found, list):
        return tuple(_checked(what, item, option) for item in found if item)
    return None if found is None else _checked(what, found, option)


def _checked(what: str, value: str, option: Option) -> object:
    if value == _NO_ADDRESS and option.rule in (rules.ipv4_address, rules.ipv4_address_or_empty):
        return None
    if _NO_ADDRESS in value:
        raise InvalidValue(what, "$my_ip", "is not known: set my_ip, there is no default route")
    try:
        return option.rule(value)
    except ValueError as error:
        raise InvalidValue(what, value, str(error)) from None
