"""`netconsole nova-manage network`."""

from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.backend.model.errors import Conflict, NotFound
from netconsole.backend.model.phrases import command
from netconsole.cli.compat.arguments import OF_BOTH, RANGE
from netconsole.cli.compat.tables import tabbed
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.network_arguments import network_options

if TYPE_CHECKING:
    from netconsole.door.door import Door

COLUMNS = {
    "id": "id",
    "IPv4": "cidr",
    "IPv6": "cidr_v6",
    "start address": "dhcp_start",
    "DNS1": "dns1",
    "DNS2": "dns2",
    "VlanID": "vlan",
    "project": "project_id",
    "uuid": "uuid",
}
"""Titles, and the fields below them."""
WIDTHS = (5, 18, 15, 15, 15, 15, 15, 15, 15)


@click.group(cls=CommandGroup)
def network() -> None:
    """Create, list, change and delete networks."""


@network.command()
@click.option("--label", required=True, help="The name of the network.")
@network_options("num_networks", "network_size", *OF_BOTH, ranges=RANGE)
@changing
def create(doer: Doer, /, **arguments: object) -> None:
    """Create one network or several."""
    from netconsole.backend.changes.networks import CreateNetwork

    # The options are called as the fields, and give each the type that it has there.
    doer.carry_out(CreateNetwork(**arguments))  # type: ignore[arg-type]


@network.command("list")
@as_json
@pass_context
def list_networks(context: Context, as_json: bool) -> None:
    """List the networks."""
    rows = [record(found) for found in context.door().networks()]
    if as_json:
        output.print_json(rows)
        return
    output.print_lines([tabbed(COLUMNS, WIDTHS)])
    output.print_lines(tabbed((row[name] for name in COLUMNS.values()), WIDTHS) for row in rows)
    if not rows:
        output.print_lines(["No networks found"])


@network.command()
@click.option("--fixed-range", type=RANGE, help="The network with this range.")
@click.option("--uuid", help="The network with this UUID.")
@changing
def delete(doer: Doer, fixed_range: str | None, uuid: str | None) -> None:
    """Delete a network."""
    from netconsole.backend.changes.networks import DeleteNetwork

    if (fixed_range is None) == (uuid is None):
        raise click.UsageError("Give --fixed-range or --uuid.")
    doer.carry_out(DeleteNetwork(network=uuid or _by_range(doer.context.door(), fixed_range)))


@network.command()
@click.option("--fixed-range", type=RANGE, required=True, help="The network with this range.")
@click.option("--project", help="Give it to this project.")
@click.option("--host", help="Make this host its gateway.")
@click.option("--disassociate-project", is_flag=True, help="Take it from its project.")
@click.option("--disassociate-host", is_flag=True, help="Take it from its host.")
@changing
def modify(
    doer: Doer,
    fixed_range: str,
    project: str | None,
    host: str | None,
    disassociate_project: bool,
    disassociate_host: bool,
) -> None:
    """Give a network to a project or host, or take it away."""
    from netconsole.backend.changes.networks import ModifyNetwork

    for what, value, taken in (
        ("project", project, disassociate_project),
        ("host", host, disassociate_host),
    ):
        if value is not None and taken:
            # Exit status 1, as nova-manage had it.
            raise Conflict(f"{what} {value!r}: cannot be given and taken away at once")
    doer.carry_out(
        ModifyNetwork(
            network=_by_range(doer.context.door(), fixed_range),
            project=project,
            host=host,
            disassociate_project=disassociate_project,
            disassociate_host=disassociate_host,
        )
    )


def _by_range(door: "Door", cidr: str | None) -> str:
    for found in door.networks():
        if found.cidr == cidr:
            return found.uuid
    shown = command("network", "list")
    raise NotFound(f"no network has the range {cidr!r}: {shown} shows which there are")
