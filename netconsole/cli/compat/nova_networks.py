"""`netconsole nova network-*` and `scrub`."""

from collections.abc import Mapping

import click

from netconsole.backend.model.codec import record
from netconsole.cli.compat.arguments import OF_BOTH, RANGE, network_argument
from netconsole.cli.compat.tables import print_bordered, print_properties
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.network_arguments import network_options

OF_NOVA = ("mtu", "enable_dhcp", "dhcp_server", "share_address", "allowed_start", "allowed_end")
"""What only nova may be told of a network to create."""


@click.command()
@click.argument("label")
@network_options(*OF_BOTH, *OF_NOVA, ranges=RANGE)
@changing
def network_create(doer: Doer, /, **arguments: object) -> None:
    """Create a network."""
    from netconsole.backend.changes.networks import CreateNetwork

    # The options are called as the fields, and give each the type that it has there.
    doer.carry_out(CreateNetwork(num_networks=1, **arguments))  # type: ignore[arg-type]


@click.command()
@click.option("--fields", metavar="NAMES", help="The columns, divided by commas.")
@as_json
@pass_context
def network_list(context: Context, fields: str | None, as_json: bool) -> None:
    """List the networks."""
    rows = [record(found) for found in context.door().networks()]
    if as_json:
        output.print_json(rows)
    elif fields is None:
        print_bordered(
            ("ID", "Label", "Cidr"), [(row["uuid"], row["label"], row["cidr"]) for row in rows]
        )
    else:
        chosen = [name.strip().lower().replace(" ", "_") for name in fields.split(",")]
        _print_chosen(chosen, rows)


def _print_chosen(columns: list[str], rows: list[dict[str, object]]) -> None:
    from netconsole.backend.model.records import Network

    for name in columns:
        if name not in Network.__dataclass_fields__:
            raise click.UsageError(f"A network has no field {name[:80]!r}.")
    shown = ["uuid", *(name for name in columns if name not in ("id", "uuid"))]
    titles = ["ID", *(name.replace("_", " ").title() for name in shown[1:])]
    print_bordered(titles, [[row[name] for name in shown] for row in rows])


@click.command()
@network_argument
@as_json
@pass_context
def network_show(context: Context, network: str, as_json: bool) -> None:
    """Show a network."""
    found = record(context.door().network(network))
    if as_json:
        output.print_json(found)
    else:
        print_properties(found)


@click.command()
@network_argument
@changing
def network_delete(doer: Doer, network: str) -> None:
    """Delete a network."""
    from netconsole.backend.changes.networks import DeleteNetwork

    doer.carry_out(DeleteNetwork(network=network))


@click.command()
@click.option("--host-only", is_flag=True, help="Only from its host.")
@click.option("--project-only", is_flag=True, help="Only from its project.")
@network_argument
@changing
def network_disassociate(doer: Doer, network: str, host_only: bool, project_only: bool) -> None:
    """Take a network from its project and its host."""
    from netconsole.backend.changes.networks import ModifyNetwork

    if host_only and project_only:
        raise click.UsageError("Give --host-only or --project-only, not both.")
    doer.carry_out(
        ModifyNetwork(
            network=network,
            disassociate_project=not host_only,
            disassociate_host=not project_only,
        )
    )


@click.command()
@network_argument
@click.argument("host")
@changing
def network_associate_host(doer: Doer, network: str, host: str) -> None:
    """Make a host the gateway of a network."""
    from netconsole.backend.changes.networks import ModifyNetwork

    doer.carry_out(ModifyNetwork(network=network, host=host))


@click.command()
@network_argument
@changing
def network_associate_project(doer: Doer, network: str) -> None:
    """Give a network to the project of --os-project-id."""
    from netconsole.backend.changes.networks import ModifyNetwork
    from netconsole.cli.compat.arguments import project

    owner = project(click.get_current_context())
    if owner is None:
        raise click.UsageError("Whose? Give --os-project-id, or set OS_PROJECT_ID.")
    doer.carry_out(ModifyNetwork(network=network, project=owner))


@click.command()
@click.argument("project_id")
@changing
def scrub(doer: Doer, project_id: str) -> None:
    """Take a project's networks away from it, and delete its security groups that are not used."""
    from netconsole.backend.changes.projects import ScrubProject

    doer.carry_out(ScrubProject(project=project_id))


COMMANDS: Mapping[str, click.Command] = {
    "network-create": network_create,
    "network-list": network_list,
    "network-show": network_show,
    "network-delete": network_delete,
    "network-disassociate": network_disassociate,
    "network-associate-host": network_associate_host,
    "network-associate-project": network_associate_project,
    "scrub": scrub,
}
