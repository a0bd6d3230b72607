"""`netconsole metadata`: the service that guests ask at 169.254.169.254, and what they asked."""

from typing import TYPE_CHECKING

import click

from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from netconsole.backend.model.guest_requests import GuestRequests

COLUMNS = ("instance", "requests", "refused", "last", "status", "ms", "path")


@click.group(cls=CommandGroup)
def metadata() -> None:
    """Serve guests their metadata, and list what they have asked for."""


@metadata.command()
@pass_context
def serve(context: Context) -> None:
    """Serve metadata on this host, until SIGTERM or Ctrl-C.

    The agent does that as well: this is for a host without one. It listens at metadata_listen_port
    on the bridges of this host's networks, where guests are led that ask 169.254.169.254, or at the
    address metadata_listen where that is given.
    """
    context.stay_here()
    from netconsole.metadata.alone import serve_alone

    serve_alone(context.options, output.say, read_only=context.read_only)


@metadata.command("list")
@as_json
@pass_context
def list_(context: Context, as_json: bool) -> None:
    """List what each instance of this host has asked its agent for, and how it was answered.

    An instance that has its address and has asked for nothing is said to be silent. With --json
    the last twenty requests of each are in it.
    """
    found = context.door().guest_requests()
    if as_json:
        output.print_json(found)
        return
    output.print_table(COLUMNS, [_cells(each) for each in found])


def _cells(found: "GuestRequests") -> list[object]:
    last = found.last
    if last is None:
        return [found.instance, 0, 0, "silent" if found.is_silent else None, None, None, None]
    shown = f"{last.method} {last.path}"
    return [
        *(found.instance, found.requests, found.refused),
        *(last.at.strftime("%H:%M:%S"), last.status, f"{last.seconds * 1000:.1f}", shown),
    ]
