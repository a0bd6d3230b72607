"""`netconsole fixed`: the addresses of networks, which instances have them, which are kept back."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from netconsole.backend.model.records import FixedIPView

COLUMNS = ("address", "network", "allocated", "leased", "reserved", "instance", "mac", "host")


@click.group(cls=CommandGroup)
def fixed() -> None:
    """List, reserve and free fixed addresses.

    A network has one for each address of its range. An instance's port has one of them, reserved
    ones are given to nobody.
    """


@fixed.command("list")
@click.option(
    "--network", metavar="LABEL", shell_complete=names.networks, help="Only those of one network."
)
@click.option("--host", metavar="NAME", help="Only those in use on one host.")
@as_json
@pass_context
def list_fixed(context: Context, network: str | None, host: str | None, as_json: bool) -> None:
    """List the fixed addresses of every network."""
    found = context.door().fixed_ip_views(network)
    rows = (row(view) for view in found if host is None or view.host == host)
    if as_json:
        output.print_json(rows)
    else:
        _print_rows(rows)


@fixed.command()
@click.argument("address")
@as_json
@pass_context
def get(context: Context, address: str, as_json: bool) -> None:
    """Show a fixed address."""
    found = row(context.door().fixed_ip(address))
    if as_json:
        output.print_json(found)
    else:
        output.print_fields(found)


@fixed.command()
@click.argument("address")
@changing
def reserve(doer: Doer, address: str) -> None:
    """Keep a free address from being given to an instance."""
    from netconsole.backend.changes.fixed import ReserveFixed

    doer.carry_out(ReserveFixed(address=address), lambda view: _print_rows([row(view)]))


@fixed.command()
@click.argument("address")
@changing
def unreserve(doer: Doer, address: str) -> None:
    """Let instances have an address again."""
    from netconsole.backend.changes.fixed import UnreserveFixed

    doer.carry_out(UnreserveFixed(address=address), lambda view: _print_rows([row(view)]))


def row(view: "FixedIPView") -> dict[str, object]:
    """Return a fixed address under the original's names, with those of its network and instance."""
    ip = view.fixed_ip
    return {
        "address": ip.address,
        "network": view.network.label,
        "cidr": view.network.cidr,
        "allocated": ip.allocated,
        "leased": ip.leased,
        "reserved": ip.reserved,
        "instance": view.instance.name if view.instance else None,
        "instance_uuid": ip.instance_uuid,
        "mac": ip.mac,
        "host": view.host,
        "updated_at": ip.updated_at,
    }


def _print_rows(rows: Iterable[dict[str, object]]) -> None:
    output.print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
