"""`netconsole nova floating-ip-*`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.phrases import command
from netconsole.cli.compat.arguments import ADMIN, RANGE, project, server_argument
from netconsole.cli.compat.floating_rows import Row, floating_rows
from netconsole.cli.compat.tables import print_bordered
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.backend.model.records import FloatingIP

COLUMNS = ("Id", "IP", "Server Id", "Fixed IP", "Pool")
BULK_COLUMNS = ("project_id", "address", "instance_uuid", "pool", "interface")

address_argument = click.argument("address", shell_complete=names.floating_ips)


@click.command()
@click.argument("pool", required=False)
@changing
def floating_ip_create(doer: Doer, pool: str | None) -> None:
    """Allocate a floating address to the project."""
    from netconsole.backend.changes.floating import AllocateFloating

    owner = project(click.get_current_context()) or ADMIN
    doer.carry_out(AllocateFloating(project=owner, pool=pool), _print_allocated)


def _print_allocated(ip: "FloatingIP") -> None:
    print_bordered(COLUMNS, [(ip.id, ip.address, None, None, ip.pool)])


@click.command()
@as_json
@pass_context
def floating_ip_list(context: Context, as_json: bool) -> None:
    """List the floating addresses of the project, or of every one."""
    owner = project(click.get_current_context())
    rows = [
        row
        for row in floating_rows(context.door())
        if row["project_id"] is not None and owner in (None, row["project_id"])
    ]
    if as_json:
        output.print_json(rows)
        return
    names_of = ("id", "address", "instance_uuid", "fixed_address", "pool")
    print_bordered(COLUMNS, [[row[name] for name in names_of] for row in rows])


@click.command()
@address_argument
@changing
def floating_ip_delete(doer: Doer, address: str) -> None:
    """Give a floating address back to its pool."""
    from netconsole.backend.changes.floating import ReleaseFloating

    doer.carry_out(ReleaseFloating(address=address))


@click.command()
@as_json
@pass_context
def floating_ip_pool_list(context: Context, as_json: bool) -> None:
    """List the pools of floating addresses."""
    pools = sorted({ip.pool for ip in context.door().floating_ips()})
    if as_json:
        output.print_json([{"name": pool} for pool in pools])
    else:
        print_bordered(("name",), [(pool,) for pool in pools])


@click.command()
@server_argument
@address_argument
@click.option("--fixed-address", help="Which of the server's fixed addresses; default: its first.")
@changing
def floating_ip_associate(doer: Doer, server: str, address: str, fixed_address: str | None) -> None:
    """Give a floating address to a server, also one that another server has: it moves."""
    from netconsole.backend.changes.floating import AssociateFloating

    change = AssociateFloating(
        address=address, instance=server, fixed_address=fixed_address, move=True
    )
    doer.carry_out(change)


@click.command()
@server_argument
@address_argument
@changing
def floating_ip_disassociate(doer: Doer, server: str, address: str) -> None:
    """Take a floating address from a server."""
    from netconsole.backend.changes.floating import DisassociateFloating

    view = doer.context.door().instance(server)
    if not any(ip.address == address for port in view.ports for ip in port.floating_ips):
        shown = command("instance", "show", server)
        raise Conflict(
            f"floating address {address} is not associated with instance {server!r}: {shown} shows "
            "which are"
        )
    doer.carry_out(DisassociateFloating(address=address))


@click.command()
@click.option("--host", metavar="NAME", help="Only those that a host carries.")
@as_json
@pass_context
def floating_ip_bulk_list(context: Context, host: str | None, as_json: bool) -> None:
    """List every floating address."""
    rows = bulk_rows(context, host)
    if as_json:
        output.print_json(rows)
    else:
        print_bordered(BULK_COLUMNS, [[row[name] for name in BULK_COLUMNS] for row in rows])


def bulk_rows(context: Context, host: str | None) -> list[Row]:
    """Return every floating address, or those that a host carries."""
    return [row for row in floating_rows(context.door()) if host in (None, row["host"])]


@click.command()
@click.argument("ip_range", type=RANGE)
@click.option("--pool", metavar="NAME", help="Their pool; default: default_floating_pool.")
@click.option("--interface", metavar="NAME", help="Carries them where public_interface is empty.")
@changing
def floating_ip_bulk_create(
    doer: Doer, ip_range: str, pool: str | None, interface: str | None
) -> None:
    """Create a range of floating addresses."""
    from netconsole.backend.changes.floating import CreateFloating

    doer.carry_out(CreateFloating(ip_range=ip_range, pool=pool, interface=interface))


@click.command()
@click.argument("ip_range", type=RANGE)
@changing
def floating_ip_bulk_delete(doer: Doer, ip_range: str) -> None:
    """Delete a range of floating addresses."""
    from netconsole.backend.changes.floating import DeleteFloating

    doer.carry_out(DeleteFloating(ip_range=ip_range))


COMMANDS: Mapping[str, click.Command] = {
    "floating-ip-create": floating_ip_create,
    "floating-ip-list": floating_ip_list,
    "floating-ip-delete": floating_ip_delete,
    "floating-ip-pool-list": floating_ip_pool_list,
    "floating-ip-associate": floating_ip_associate,
    "add-floating-ip": floating_ip_associate,
    "floating-ip-disassociate": floating_ip_disassociate,
    "remove-floating-ip": floating_ip_disassociate,
    "floating-ip-bulk-list": floating_ip_bulk_list,
    "floating-ip-bulk-create": floating_ip_bulk_create,
    "floating-ip-bulk-delete": floating_ip_bulk_delete,
}
