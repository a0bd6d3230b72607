"""`netconsole nova fixed-ip-*`, `add-fixed-ip` and `remove-fixed-ip`."""

from collections.abc import Mapping

import click

from netconsole.cli.compat.arguments import network_argument, server_argument
from netconsole.cli.compat.tables import print_bordered
from netconsole.cli.fixed import row
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context

COLUMNS = ("address", "cidr", "hostname", "host")


@click.command()
@click.argument("address")
@as_json
@pass_context
def fixed_ip_get(context: Context, address: str, as_json: bool) -> None:
    """Show a fixed address."""
    found = row(context.door().fixed_ip(address))
    if as_json:
        output.print_json(found)
    else:
        cells = (found["address"], found["cidr"], found["instance"], found["host"])
        print_bordered(COLUMNS, [cells])


@click.command()
@click.argument("address")
@changing
def fixed_ip_reserve(doer: Doer, address: str) -> None:
    """Keep a free address from being given to a server."""
    from netconsole.backend.changes.fixed import ReserveFixed

    doer.carry_out(ReserveFixed(address=address))


@click.command()
@click.argument("address")
@changing
def fixed_ip_unreserve(doer: Doer, address: str) -> None:
    """Let servers have an address again."""
    from netconsole.backend.changes.fixed import UnreserveFixed

    doer.carry_out(UnreserveFixed(address=address))


@click.command()
@server_argument
@network_argument
@changing
def add_fixed_ip(doer: Doer, server: str, network: str) -> None:
    """Give a server one more address of a network."""
    from netconsole.backend.changes.instances import AddFixedIP

    doer.carry_out(AddFixedIP(instance=server, network=network))


@click.command()
@server_argument
@click.argument("address")
@changing
def remove_fixed_ip(doer: Doer, server: str, address: str) -> None:
    """Take an address from a server."""
    from netconsole.backend.changes.instances import RemoveFixedIP

    doer.carry_out(RemoveFixedIP(instance=server, fixed_address=address))


COMMANDS: Mapping[str, click.Command] = {
    "fixed-ip-get": fixed_ip_get,
    "fixed-ip-reserve": fixed_ip_reserve,
    "fixed-ip-unreserve": fixed_ip_unreserve,
    "add-fixed-ip": add_fixed_ip,
    "remove-fixed-ip": remove_fixed_ip,
}
