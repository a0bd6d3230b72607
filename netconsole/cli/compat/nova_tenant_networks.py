"""`netconsole nova tenant-network-*`, and the short names `net` and `net-*`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from netconsole.cli.compat.arguments import RANGE, network_argument, project
from netconsole.cli.compat.tables import print_bordered, print_properties
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.backend.model.records import Network


@click.command()
@as_json
@pass_context
def tenant_network_list(context: Context, as_json: bool) -> None:
    """List the networks that the project may use: its own, and those of nobody."""
    owner = project(click.get_current_context())
    rows = [
        _row(found)
        for found in context.door().networks()
        if owner is None or found.project_id in (None, owner)
    ]
    if as_json:
        output.print_json(rows)
    else:
        print_bordered(("ID", "Label", "CIDR"), [tuple(row.values()) for row in rows])


@click.command()
@network_argument
@as_json
@pass_context
def tenant_network_show(context: Context, network: str, as_json: bool) -> None:
    """Show a network."""
    row = _row(context.door().network(network))
    if as_json:
        output.print_json(row)
    else:
        print_properties(row)


@click.command()
@click.argument("label")
@click.argument("cidr", type=RANGE)
@changing
def tenant_network_create(doer: Doer, label: str, cidr: str) -> None:
    """Create a network for the project."""
    from netconsole.backend.changes.networks import CreateNetwork

    owner = project(click.get_current_context())
    change = CreateNetwork(label=label, fixed_range_v4=cidr, num_networks=1, project_id=owner)
    doer.carry_out(change, lambda made: print_properties(_row(made[0])))


@click.command()
@network_argument
@changing
def tenant_network_delete(doer: Doer, network: str) -> None:
    """Delete a network."""
    from netconsole.backend.changes.networks import DeleteNetwork

    doer.carry_out(DeleteNetwork(network=network))


def _row(network: "Network") -> dict[str, object]:
    return {"id": network.uuid, "label": network.label, "cidr": network.cidr}


COMMANDS: Mapping[str, click.Command] = {
    "tenant-network-list": tenant_network_list,
    "net-list": tenant_network_list,
    "tenant-network-show": tenant_network_show,
    "net": tenant_network_show,
    "tenant-network-create": tenant_network_create,
    "net-create": tenant_network_create,
    "tenant-network-delete": tenant_network_delete,
    "net-delete": tenant_network_delete,
}
