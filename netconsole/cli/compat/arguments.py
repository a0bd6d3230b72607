"""Arguments that nova and nova-manage take in their own way."""

from collections.abc import Callable, Sequence
from ipaddress import ip_interface

import click

from netconsole.cli.frame import output
from netconsole.cli.frame.truth import T_OR_F
from netconsole.cli.network import Command, range_v4_option

SPELLING: dict[str, Callable[[str], str]] = {
    "token_normalize_func": lambda word: word.replace("_", "-")
}
"""Context settings: `--ip_range` is `--ip-range`, in commands and options alike."""


def options(*declared: tuple[str, object, str]) -> Callable[[Command], Command]:
    """Give a command options: each with its name, its type and its help."""

    def add(command: Command) -> Command:
        for name, kind, text in reversed(declared):
            command = click.option(name, type=kind, help=text)(command)
        return command

    return add


class Range(click.ParamType[str]):
    """A range as the originals took it: one with host bits set means the range around it."""

    name = "CIDR"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the range; a text that is none is left to the change's own rule."""
        text = str(value)
        try:
            given = ip_interface(text)
        except ValueError:
            return text
        if "/" not in text or given.ip == given.network.network_address:
            return text
        output.say(f"{text} has host bits set: taken as {given.network}")
        return str(given.network)


RANGE = Range()

NETWORK: Sequence[tuple[str, object, str]] = (
    ("--fixed-range-v6", RANGE, "IPv6 range of the network."),
    ("--vlan", int, "Its VLAN."),
    ("--vlan-start", int, "Its VLAN, or the next one that is free."),
    ("--gateway", str, "Its gateway."),
    ("--gateway-v6", str, "Its IPv6 gateway."),
    ("--bridge", str, "The bridge that carries it."),
    ("--bridge-interface", str, "The interface below the bridge."),
    ("--multi-host", T_OR_F, "Every host is the gateway of its own instances."),
    ("--dns1", str, "A name server for the instances."),
    ("--dns2", str, "Another name server."),
    ("--uuid", str, "Its UUID."),
    ("--fixed-cidr", RANGE, "The part of the range that instances get addresses of."),
    ("--project-id", str, "The project it belongs to."),
    ("--priority", int, "Kept, and without effect, as in nova."),
)
"""What both originals may be told of a network to create."""


def network_options(command: Command) -> Command:
    """Give a command what both originals take to create a network, as CreateNetwork calls it."""
    vpn = click.option("--vpn", "vpn_start", type=int, help="The first port of the projects' VPNs.")
    return range_v4_option(RANGE)(options(*NETWORK)(vpn(command)))


_PROJECT = f"{__name__}.project"


def project(context: click.Context) -> str | None:
    """The project that the caller works for, from --os-project-id or the environment."""
    found = context.meta.get(_PROJECT)
    return found if isinstance(found, str) else None


def note_project(context: click.Context, asked: str | None) -> None:
    """Keep the caller's project for the command that follows."""
    context.meta[_PROJECT] = asked
