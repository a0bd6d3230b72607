"""What a network to create may be told, declared once for all commands that create one."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import click

from netconsole.cli.frame.truth import T_OR_F

Command = TypeVar("Command", bound=Callable[..., object])
Kind = type | click.ParamType[str] | click.ParamType[bool]


class _Argument(NamedTuple):
    """An argument of CreateNetwork: how it is typed, and what it means."""

    metavar: str | None
    text: str
    kind: Kind = str
    option: str = ""
    """Without one it is called as the field."""


CIDR = "CIDR"
_ARGUMENTS: dict[str, _Argument] = {
    "fixed_range_v4": _Argument(CIDR, "Its IPv4 addresses. Needed."),
    "num_networks": _Argument("N", "How many to cut out of the range.", int),
    "network_size": _Argument("N", "Addresses of each of them.", int),
    "fixed_cidr": _Argument(CIDR, "The part of it that instances get."),
    "allowed_start": _Argument("ADDRESS", "The first that instances get."),
    "allowed_end": _Argument("ADDRESS", "The last that instances get."),
    "gateway": _Argument("ADDRESS", "Default: the first address."),
    "dhcp_server": _Argument("ADDRESS", "Default: the gateway."),
    "fixed_range_v6": _Argument(CIDR, "Its IPv6 addresses: a /64 of these."),
    "gateway_v6": _Argument("ADDRESS", "Default: the first IPv6 address."),
    "bridge": _Argument("NAME", "The bridge that carries it."),
    "bridge_interface": _Argument("NAME", "The interface to other hosts."),
    "vlan": _Argument("ID", "Its VLAN; default: a free one.", int),
    "vlan_start": _Argument("ID", "Where free VLANs begin.", int),
    "vpn_start": _Argument("PORT", "Where VPN ports begin.", int, "vpn"),
    "multi_host": _Argument(None, "Whether every host is its gateway.", T_OR_F),
    "share_address": _Argument(None, "Whether those share one address.", T_OR_F),
    "enable_dhcp": _Argument(None, "Whether a dnsmasq serves it.", T_OR_F),
    "dns1": _Argument("ADDRESS", "A name server for the instances."),
    "dns2": _Argument("ADDRESS", "Another name server."),
    "mtu": _Argument("BYTES", "Default: the bridge's own.", int),
    "project_id": _Argument("ID", "The project that it belongs to."),
    "priority": _Argument("N", "Kept for other programs.", int),
    "uuid": _Argument("UUID", "Default: a random one."),
}
NETWORK_ARGUMENTS = tuple(_ARGUMENTS)
"""All but the label, by the names of CreateNetwork's fields."""


def network_options(
    *fields: str, ranges: click.ParamType[str] = click.STRING
) -> Callable[[Command], Command]:
    """Give a command these arguments of a network; `ranges` is how it reads a CIDR."""

    def add(command: Command) -> Command:
        for field in reversed(fields):
            metavar, text, kind, option = _ARGUMENTS[field]
            command = click.option(
                f"--{(option or field).replace('_', '-')}",
                field,
                metavar=metavar,
                type=ranges if metavar == CIDR else kind,
                callback=_needed if field == "fixed_range_v4" else None,
                help=text,
            )(command)
        return command

    return add


def _needed(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Ask for an IPv4 range; beside an IPv6 range the network's own rule says why."""
    if value is None and context.params.get("fixed_range_v6") is None:
        raise click.MissingParameter(ctx=context, param=option)
    return value
