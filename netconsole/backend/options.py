"""Configuration, under nova's own option names: a nova.conf is read as it stands.

Options of nova's that mean nothing here are passed over.
"""

import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Annotated, get_type_hints

from netconsole.backend import nova_options, option_files, privileges
from netconsole.backend import option_rules as rules
from netconsole.backend.errors import InvalidValue
from netconsole.backend.option_files import Assignment
from netconsole.backend.option_values import NO_ADDRESS, Default, Option, Values
from netconsole.backend.own_address import address_of_default_route

NOVAS_MANAGER = "nova.network.manager.VlanManager"
"""What nova takes where its configuration does not say."""
DEFAULT_FILE = Path("/etc/netconsole/netconsole.conf")

_NOVAS_OWN = re.compile(r"(mysql|postgresql)[:+]|sqlite:.*/nova\.sqlite$")
"""nova's own databases: of a server, or of the name that nova gave to a file by default."""


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


@dataclass(frozen=True, slots=True)
class Setting:
    """An option, its value, and where that comes from."""

    name: str
    group: str | None
    value: object
    origin: str
    """`default`, or the file and line: /etc/nova/nova.conf:12."""


class Configuration:
    """The files of a configuration, read; its values are looked at when they are asked for."""

    def __init__(
        self,
        files: Sequence[str] = (),
        directories: Sequence[str] = (),
        *,
        restricted: bool = False,
    ) -> None:
        """Read the files: those named, else those of NETCONSOLE_CONFIG_FILE, else
        /etc/netconsole/netconsole.conf if it exists; then the *.conf files of the directories.

        An option that is given again counts as it is given last. Without any file, the defaults
        are what counts. Raises InvalidValue for a file that cannot be read, naming it.

        `restricted`: whoever called by sudo(8) names only files of root's that they may read, as
        a configuration leads to further files.
        """
        named = restricted and bool(files or directories or option_files.of_environment())
        bound = named and privileges.invoker() is not None
        self.files = option_files.choose(files, directories, DEFAULT_FILE, bound=bound)
        self.declared = _declared()
        self.assignments = tuple(
            each for path in self.files.paths for each in self._read(path, bound=bound)
        )
        self.is_novas = _is_novas(self.files.paths, self.assignments)
        """Whether nova's defaults count where they differ from ours."""
        defaults = _defaults(self.declared)
        if self.is_novas:
            defaults["network_manager"] = NOVAS_MANAGER
        self._values = Values(self.declared, defaults, self.assignments)

    def _read(self, path: Path, *, bound: bool) -> tuple[Assignment, ...]:
        return option_files.read(path, self.declared, bound=bound and path != DEFAULT_FILE)

    def options(self) -> Options:
        """All options. Raises InvalidValue, naming file, line, option, value and rule."""
        return Options(**{each.name: each.value for each in self._settings()})  # type: ignore[arg-type]

    def settings(self) -> tuple[Setting, ...]:
        """Every option with its value and where it comes from; raises as `options` does."""
        return tuple(self._settings())

    def refused(self) -> Iterator[InvalidValue]:
        """The values that break their rules."""
        for name in self.declared:
            try:
                self._values.value(name)
            except InvalidValue as error:
                yield error

    def _settings(self) -> Iterator[Setting]:
        # Each rule returns what the field of that name holds.
        values = {name: self._values.value(name) for name in self.declared}
        for name, value in values.items():
            option = self.declared[name]
            given = self._values.given(name)
            counting = given if option.repeated else given[-1:]
            origin = ", ".join(each.place for each in counting) or "default"
            if name == "network_manager" and not given and self.is_novas:
                origin = "default of a nova.conf"
            if name == "connection" and _NOVAS_OWN.match(str(value)):
                value = f"sqlite:///{values['state_path']}/netconsole.sqlite"
                origin = f"default, as that at {origin} is nova's own"
            yield Setting(name, option.group, value, origin)


def load(*files: str, directories: Sequence[str] = ()) -> Options:
    """Read the configuration as `Configuration` does, and check it.

    Raises InvalidValue, naming file, line, option, value and rule.
    """
    return Configuration(files, directories).options()


def _is_novas(paths: Iterable[Path], assignments: Iterable[Assignment]) -> bool:
    """Whether a file is a nova.conf: by its name, or by options that nova alone has."""
    return any(path.name == "nova.conf" for path in paths) or any(
        nova_options.is_novas_alone(each.section, each.name) for each in assignments
    )


def _declared() -> Mapping[str, Option]:
    hints = get_type_hints(Options, include_extras=True)
    return {each.name: hints[each.name].__metadata__[0] for each in fields(Options)}


def _defaults(declared: Mapping[str, Option]) -> dict[str, Default]:
    defaults = {each.name: _default(each, declared[each.name]) for each in fields(Options)}
    return {**defaults, "my_ip": address_of_default_route() or NO_ADDRESS}


def _default(each: "Field[object]", option: Option) -> Default:
    """An option's default in the words of a file."""
    if option.default is not None:
        return option.default
    value = each.default if each.default_factory is MISSING else each.default_factory()
    if isinstance(value, tuple):
        return list(value)
    return None if value is None else str(value)
