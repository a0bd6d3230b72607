"""`netconsole nova-manage network`."""

from typing import TYPE_CHECKING

import click

from netconsole.backend.errors import NotFound
from netconsole.cli import output
from netconsole.cli.changing import Doer, as_json, changing
from netconsole.cli.compat.arguments import NETWORK, options
from netconsole.cli.compat.tables import tabbed
from netconsole.cli.context import Context, pass_context
from netconsole.cli.group import Group

if TYPE_CHECKING:
    from netconsole.backend.service import Service

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


@click.group(cls=Group)
def network() -> None:
    """Create, list, change and delete networks."""


@network.command()
@options(
    ("--label", str, "The name of the network."),
    ("--num-networks", int, "How many to make."),
    ("--network-size", int, "How many addresses each has."),
    *NETWORK,
)
@changing
def create(
    doer: Doer,
    label: str | None,
    num_networks: int | None,
    network_size: int | None,
    fixed_range_v4: str | None,
    fixed_range_v6: str | None,
    vlan: int | None,
    vlan_start: int | None,
    vpn: int | None,
    gateway: str | None,
    gateway_v6: str | None,
    bridge: str | None,
    bridge_interface: str | None,
    multi_host: bool | None,
    dns1: str | None,
    dns2: str | None,
    uuid: str | None,
    fixed_cidr: str | None,
    project_id: str | None,
    priority: int | None,
) -> None:
    """Create one network or several."""
    from netconsole.backend.changes.networks import CreateNetwork

    if label is None:
        raise click.UsageError("Missing option '--label'.")
    if fixed_range_v4 is None:
        raise click.UsageError("Missing option '--fixed-range-v4'.")
    doer.carry_out(
        CreateNetwork(
            label=label,
            num_networks=num_networks,
            network_size=network_size,
            fixed_range_v4=fixed_range_v4,
            fixed_range_v6=fixed_range_v6,
            vlan=vlan,
            vlan_start=vlan_start,
            vpn_start=vpn,
            gateway=gateway,
            gateway_v6=gateway_v6,
            bridge=bridge,
            bridge_interface=bridge_interface,
            multi_host=multi_host,
            dns1=dns1,
            dns2=dns2,
            uuid=uuid,
            fixed_cidr=fixed_cidr,
            project_id=project_id,
            priority=priority,
        )
    )


@network.command("list")
@as_json
@pass_context
def list_networks(context: Context, as_json: bool) -> None:
    """List the networks."""
    rows = [output.record(found) for found in context.service().networks()]
    if as_json:
        output.print_json(rows)
        return
    output.print_lines([tabbed(COLUMNS, WIDTHS)])
    output.print_lines(tabbed((row[name] for name in COLUMNS.values()), WIDTHS) for row in rows)
    if not rows:
        output.print_lines(["No networks found"])


@network.command()
@click.option("--fixed-range", metavar="CIDR", help="The network with this range.")
@click.option("--uuid", help="The network with this UUID.")
@changing
def delete(doer: Doer, fixed_range: str | None, uuid: str | None) -> None:
    """Delete a network."""
    from netconsole.backend.changes.networks import DeleteNetwork

    if (fixed_range is None) == (uuid is None):
        raise click.UsageError("Give --fixed-range or --uuid.")
    doer.carry_out(DeleteNetwork(network=uuid or _by_range(doer.context.service(), fixed_range)))


@network.command()
@click.option("--fixed-range", metavar="CIDR", required=True, help="The network with this range.")
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

    doer.carry_out(
        ModifyNetwork(
            network=_by_range(doer.context.service(), fixed_range),
            project=project,
            host=host,
            disassociate_project=disassociate_project,
            disassociate_host=disassociate_host,
        )
    )


def _by_range(service: "Service", cidr: str | None) -> str:
    for found in service.networks():
        if found.cidr == cidr:
            return found.uuid
    raise NotFound(f"no network has the range {cidr!r}")
