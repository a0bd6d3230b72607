"""`netconsole nova-manage floating` and `fixed`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import InvalidValue, NotFound
from netconsole.backend.model.phrases import command
from netconsole.cli.compat.arguments import RANGE
from netconsole.cli.compat.nova_floating import BULK_COLUMNS, bulk_rows
from netconsole.cli.compat.tables import tabbed
from netconsole.cli.fixed import row
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup

if TYPE_CHECKING:
    from netconsole.backend.model.records import FixedIPView

FIXED_COLUMNS = ("network", "IP address", "hostname", "host")
FIXED_WIDTHS = (18, 15, 15)


@click.group(cls=CommandGroup)
def floating() -> None:
    """Create, list and delete floating addresses."""


@floating.command()
@click.option("--ip-range", type=RANGE, required=True, help="The addresses.")
@click.option("--pool", metavar="NAME", help="Their pool; default: default_floating_pool.")
@click.option("--interface", metavar="NAME", help="Carries them where public_interface is empty.")
@changing
def create(doer: Doer, ip_range: str, pool: str | None, interface: str | None) -> None:
    """Create a range of floating addresses."""
    from netconsole.backend.changes.floating import CreateFloating

    doer.carry_out(CreateFloating(ip_range=ip_range, pool=pool, interface=interface))


@floating.command()
@click.argument("cidr", type=RANGE, required=False, shell_complete=names.floating_ips)
@click.option("--ip-range", type=RANGE, help="The addresses, as an option.")
@changing
def delete(doer: Doer, cidr: str | None, ip_range: str | None) -> None:
    """Delete a range of floating addresses."""
    from netconsole.backend.changes.floating import DeleteFloating

    if (cidr is None) == (ip_range is None):
        raise click.UsageError("Give the range once, as an argument or as --ip-range.")
    doer.carry_out(DeleteFloating(ip_range=cidr or ip_range or ""))


@floating.command("list")
@click.option("--host", metavar="NAME", help="Only those that a host carries.")
@as_json
@pass_context
def list_floating(context: Context, host: str | None, as_json: bool) -> None:
    """List the floating addresses."""
    rows = bulk_rows(context, host)
    if as_json:
        output.print_json(rows)
    elif rows:
        output.print_lines(tabbed(row[name] for name in BULK_COLUMNS) for row in rows)
    else:
        output.print_lines(["No floating IP addresses have been defined."])


@click.group(cls=CommandGroup)
def fixed() -> None:
    """List and reserve fixed addresses."""


@fixed.command("list")
@click.option("--host", metavar="NAME", help="Only those in use on a host.")
@as_json
@pass_context
def list_fixed(context: Context, host: str | None, as_json: bool) -> None:
    """List the fixed addresses."""
    found = (view for view in context.door().fixed_ip_views() if host in (None, view.host))
    if as_json:
        output.print_json(row(view) for view in found)
    else:
        output.print_lines(_lines(found))


def _lines(found: "Iterable[FixedIPView]") -> Iterator[str]:
    view = None
    yield tabbed(FIXED_COLUMNS, FIXED_WIDTHS)
    for view in found:
        address = view.fixed_ip.address
        if view.instance is None and view.fixed_ip.instance_uuid is not None:
            yield f"WARNING: fixed ip {address} allocated to missing instance"
        name = view.instance.name if view.instance else None
        yield tabbed((view.network.cidr, address, name, view.host), FIXED_WIDTHS)
    if view is None:
        yield "No fixed IP found."


@fixed.command()
@click.option("--address", required=True, help="The address to keep from instances.")
@changing
def reserve(doer: Doer, address: str) -> None:
    """Keep a free address from being given to an instance."""
    from netconsole.backend.changes.fixed import ReserveFixed

    with _unknown_is_bad_input(address):
        doer.carry_out(ReserveFixed(address=address))


@fixed.command()
@click.option("--address", required=True, help="The address that instances may have again.")
@changing
def unreserve(doer: Doer, address: str) -> None:
    """Let instances have an address again."""
    from netconsole.backend.changes.fixed import UnreserveFixed

    with _unknown_is_bad_input(address):
        doer.carry_out(UnreserveFixed(address=address))


@contextmanager
def _unknown_is_bad_input(address: str) -> Iterator[None]:
    """Exit status 2 for an address of no network, as nova-manage had it."""
    try:
        yield
    except NotFound as error:
        rule = f"is in no network: {command('network', 'list')} shows their ranges"
        raise InvalidValue("address", address, rule) from error
