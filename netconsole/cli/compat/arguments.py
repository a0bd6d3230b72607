"""Arguments that nova and nova-manage take in their own way."""

from collections.abc import Callable
from ipaddress import ip_interface

import click

from netconsole.cli.frame import names, output
from netconsole.cli.frame.truth import T_OR_F

SPELLING: dict[str, Callable[[str], str]] = {
    "token_normalize_func": lambda word: word.replace("_", "-")
}
"""Context settings: `--ip_range` is `--ip-range`, in commands and options alike."""


class Range(click.ParamType[str]):
    """A range as the originals took it: one with host bits set means the range around it."""

    name = "CIDR"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the range; a text that is none is left to the change's own rule.

        So is one with the prefix 0: whoever names an address may not mean everyone.
        """
        text = str(value)
        try:
            given = ip_interface(text)
        except ValueError:
            return text
        if "/" not in text or given.ip == given.network.network_address:
            return text
        if given.network.prefixlen == 0:
            return text
        output.say(f"{text} has host bits set: taken as {given.network}")
        return str(given.network)


RANGE = Range()

OF_BOTH = (
    *(
        "fixed_range_v4",
        "fixed_range_v6",
        "vlan",
        "vlan_start",
        "vpn_start",
        "gateway",
        "gateway_v6",
    ),
    *("bridge", "bridge_interface", "multi_host", "dns1", "dns2", "uuid", "fixed_cidr"),
    *("project_id", "priority"),
)
"""What both originals may be told of a network to create."""


NUMBERS = {"ignore_unknown_options": True}
"""Context settings of commands whose arguments may be negative numbers: `icmp -1 -1`."""

server_argument = click.argument("server", shell_complete=names.instances)
network_argument = click.argument("network", shell_complete=names.networks)
all_tenants_option = click.option(
    "--all-tenants",
    type=T_OR_F,
    is_flag=False,
    flag_value=True,
    default=False,
    help="Those of every project, whatever --os-project-id says.",
)

ADMIN = "admin"
"""The project to work for where none is named."""

_PROJECT = f"{__name__}.project"


def project(context: click.Context) -> str | None:
    """The project that the caller works for, from --os-project-id or the environment."""
    found = context.meta.get(_PROJECT)
    return found if isinstance(found, str) else None


def owner() -> str:
    """The project that the caller works for; the administrator's where none is named."""
    return project(click.get_current_context()) or ADMIN


def note_project(context: click.Context, asked: str | None) -> None:
    """Keep the caller's project for the command that follows."""
    context.meta[_PROJECT] = asked
