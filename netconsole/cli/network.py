"""`netconsole network`: networks, and the projects and hosts they belong to."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.network_arguments import NETWORK_ARGUMENTS, network_options

if TYPE_CHECKING:
    from netconsole.backend.model.records import Network

COLUMNS = (
    "label",
    "cidr",
    "gateway",
    "dhcp_server",
    "bridge",
    "vlan",
    "dns1",
    "mtu",
    "project_id",
    "host",
)


@click.group(cls=CommandGroup)
def network() -> None:
    """Create, list, show, change and delete networks.

    A network is an address range on a bridge. What else it is, the option network_manager of the
    configuration says, for all networks alike.
    """


@network.command()
@click.argument("label")
@network_options(*NETWORK_ARGUMENTS)
@changing
def create(doer: Doer, /, **arguments: object) -> None:
    """Create a network, or several out of one range, and what they need on this host.

    That is a bridge with the gateway's address, a dnsmasq, and the rules of the packet filter.
    Several get the labels LABEL_0, LABEL_1 and so on.
    """
    from netconsole.backend.changes.networks import CreateNetwork

    # The options are called as the fields, and give each the type that it has there.
    change = CreateNetwork(**arguments)  # type: ignore[arg-type]
    doer.carry_out(change, print_networks)


@network.command("list")
@as_json
@pass_context
def list_networks(context: Context, as_json: bool) -> None:
    """List the networks."""
    found = context.door().networks()
    if as_json:
        output.print_json(found)
    else:
        print_networks(found)


@network.command()
@names.network_argument
@as_json
@pass_context
def show(context: Context, label: str, as_json: bool) -> None:
    """Show a network and those of its addresses that are not free."""
    door = context.door()
    found = door.network(label)
    taken = [ip for ip in door.fixed_ips(found.label) if ip.allocated or ip.leased or ip.reserved]
    fields = record(found)
    if as_json:
        output.print_json(fields | {"fixed_ips": taken})
        return
    holders = {
        port.port.id: (view.instance.name, port.port.mac)
        for view in door.instances()
        for port in view.ports
    }
    nobody = ("", "")
    output.print_fields(fields)
    output.print_lines([""])
    output.print_table(
        ("address", "allocated", "leased", "reserved", "instance", "mac"),
        [
            (
                ip.address,
                ip.allocated,
                ip.leased,
                ip.reserved,
                *holders.get(ip.port_id or 0, nobody),
            )
            for ip in taken
        ],
    )


@network.command()
@names.network_argument
@changing
def delete(doer: Doer, label: str) -> None:
    """Delete a network and all that its creation made.

    Refused while an instance holds one of its addresses.
    """
    from netconsole.backend.changes.networks import DeleteNetwork

    doer.carry_out(DeleteNetwork(network=label))


@network.command()
@names.network_argument
@click.option("--project", metavar="ID", help="The project that is to have it.")
@click.option("--host", metavar="NAME", help="The host that is to be its gateway.")
@changing
def associate(doer: Doer, label: str, project: str | None, host: str | None) -> None:
    """Give a network to a project, or to a host as its gateway."""
    _modify(doer, label, project=project, host=host)


@network.command()
@names.network_argument
@click.option("--project-only", is_flag=True, help="Leave it to its host.")
@click.option("--host-only", is_flag=True, help="Leave it to its project.")
@changing
def disassociate(doer: Doer, label: str, project_only: bool, host_only: bool) -> None:
    """Take a network from its project and from its host.

    The next host that creates an instance in a network without a host is its gateway.
    """
    if project_only and host_only:
        raise click.UsageError("--project-only and --host-only exclude each other")
    _modify(doer, label, disassociate_project=not host_only, disassociate_host=not project_only)


@network.command()
@names.network_argument
@click.option("--project", metavar="ID", help="The project that is to have it.")
@click.option("--host", metavar="NAME", help="The host that is to be its gateway.")
@click.option("--disassociate-project", is_flag=True, help="Take it from its project.")
@click.option("--disassociate-host", is_flag=True, help="Take it from its host.")
@changing
def modify(
    doer: Doer,
    label: str,
    project: str | None,
    host: str | None,
    disassociate_project: bool,
    disassociate_host: bool,
) -> None:
    """Change a network's project and its host in one go."""
    _modify(
        doer,
        label,
        project=project,
        host=host,
        disassociate_project=disassociate_project,
        disassociate_host=disassociate_host,
    )


def _modify(
    doer: Doer,
    label: str,
    *,
    project: str | None = None,
    host: str | None = None,
    disassociate_project: bool = False,
    disassociate_host: bool = False,
) -> None:
    from netconsole.backend.changes.networks import ModifyNetwork

    change = ModifyNetwork(label, project, host, disassociate_project, disassociate_host)
    doer.carry_out(change, lambda changed: print_networks([changed]))


def print_networks(found: "Iterable[Network]") -> None:
    """Print networks as a table."""
    output.print_table(COLUMNS, [[getattr(one, name) for name in COLUMNS] for one in found])
