"""`netconsole floating`: public addresses, and the fixed addresses they stand for."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.projects import project_option

if TYPE_CHECKING:
    from netconsole.backend.model.records import FloatingIP
    from netconsole.door.door import Door

COLUMNS = ("address", "pool", "interface", "project_id", "instance", "fixed_address", "host")


@click.group(cls=CommandGroup)
def floating() -> None:
    """Create, associate and list floating addresses.

    A floating address is a public one that this host translates to an instance's fixed address.
    """


@floating.command()
@click.option("--pool", metavar="NAME", help="Their pool; default: default_floating_pool.")
@click.option("--ip-range", metavar="CIDR", required=True, help="The addresses.")
@click.option("--interface", metavar="NAME", help="Carries them where public_interface is empty.")
@changing
def create(doer: Doer, pool: str | None, ip_range: str, interface: str | None) -> None:
    """Create a range of floating addresses."""
    from netconsole.backend.changes.floating import CreateFloating

    change = CreateFloating(pool=pool, ip_range=ip_range, interface=interface)
    doer.carry_out(change, lambda made: _print_rows([_row(ip, {}) for ip in made]))


@floating.command("list")
@as_json
@pass_context
def list_floating(context: Context, as_json: bool) -> None:
    """List the floating addresses."""
    door = context.door()
    holders = _holders(door)
    rows = (_row(ip, holders) for ip in door.floating_ips())
    if as_json:
        output.print_json(rows)
    else:
        _print_rows(rows)


@floating.command()
@click.argument("cidr")
@changing
def delete(doer: Doer, cidr: str) -> None:
    """Delete a range of floating addresses; refused while one is associated."""
    from netconsole.backend.changes.floating import DeleteFloating

    doer.carry_out(DeleteFloating(ip_range=cidr))


@floating.command()
@project_option
@click.option("--pool", metavar="NAME", help="From this pool; default: default_floating_pool.")
@changing
def allocate(doer: Doer, project: str, pool: str | None) -> None:
    """Give a project a floating address that only its instances may have."""
    from netconsole.backend.changes.floating import AllocateFloating

    change = AllocateFloating(project=project, pool=pool)
    doer.carry_out(change, lambda given: _print_rows([_row(given, {})]))


@floating.command()
@click.argument("address", shell_complete=names.floating_ips)
@changing
def release(doer: Doer, address: str) -> None:
    """Take a floating address back from its project; refused while it is associated."""
    from netconsole.backend.changes.floating import ReleaseFloating

    doer.carry_out(ReleaseFloating(address=address))


@floating.command()
@click.argument("address", shell_complete=names.floating_ips)
@click.argument("instance", shell_complete=names.instances)
@click.option(
    "--fixed-address", metavar="ADDRESS", help="Which of the instance's; default: its first."
)
@click.option("--move", is_flag=True, help="Take it from the instance that has it.")
@changing
def associate(
    doer: Doer, address: str, instance: str, fixed_address: str | None, move: bool
) -> None:
    """Give a floating address to an instance."""
    from netconsole.backend.changes.floating import AssociateFloating

    change = AssociateFloating(
        address=address, instance=instance, fixed_address=fixed_address, move=move
    )
    doer.carry_out(change)


@floating.command()
@click.argument("address", shell_complete=names.floating_ips)
@changing
def disassociate(doer: Doer, address: str) -> None:
    """Take a floating address back, and end the connections through it."""
    from netconsole.backend.changes.floating import DisassociateFloating

    doer.carry_out(DisassociateFloating(address=address))


def _holders(door: "Door") -> dict[int, tuple[str, str, str]]:
    """Return project, instance and address of every fixed address in use, by its id."""
    return {
        ip.id: (view.instance.project_id, view.instance.name, ip.address)
        for view in door.instances()
        for port in view.ports
        for ip in port.fixed_ips
    }


def _row(ip: "FloatingIP", holders: dict[int, tuple[str, str, str]]) -> dict[str, object]:
    """Return a floating address; its project is that of its instance unless it is allocated."""
    project, instance, fixed_address = holders.get(ip.fixed_ip_id or 0, (None, None, None))
    held = {"project_id": ip.project_id or project, "instance": instance}
    return record(ip) | held | {"fixed_address": fixed_address}


def _print_rows(rows: Iterable[dict[str, object]]) -> None:
    output.print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))
