"""`netconsole nova cloudpipe-*`: the instances that are projects' VPNs."""

from collections.abc import Mapping

import click

from netconsole.cli.compat.arguments import project
from netconsole.cli.compat.tables import print_bordered
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import Doer, as_json, changing
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.vpn import row

COLUMNS = ("Project Id", "Public IP", "Public Port", "Internal IP")
FIELDS = ("project", "public_address", "public_port", "private_address")


@click.command()
@as_json
@pass_context
def cloudpipe_list(context: Context, as_json: bool) -> None:
    """List the VPNs that have an instance."""
    rows = [row(found) for found in context.door().vpns() if found.instance is not None]
    if as_json:
        output.print_json(rows)
    else:
        print_bordered(COLUMNS, [[one[name] for name in FIELDS] for one in rows])


@click.command()
@click.argument("project_id")
@changing
def cloudpipe_create(doer: Doer, project_id: str) -> None:
    """Create the instance that is a project's VPN; its machine is not started."""
    from netconsole.backend.changes.vpn import CreateVpn

    doer.carry_out(CreateVpn(project=project_id))


@click.command()
@click.argument("ip")
@click.argument("port", type=int)
@changing
def cloudpipe_configure(doer: Doer, ip: str, port: int) -> None:
    """Change the public address and port of the VPN of the project of --os-project-id."""
    from netconsole.backend.changes.vpn import ChangeVpn

    owner = project(click.get_current_context())
    if owner is None:
        raise click.UsageError("Whose? Give --os-project-id, or set OS_PROJECT_ID.")
    doer.carry_out(ChangeVpn(project=owner, address=ip, port=port))


COMMANDS: Mapping[str, click.Command] = {
    "cloudpipe-list": cloudpipe_list,
    "cloudpipe-create": cloudpipe_create,
    "cloudpipe-configure": cloudpipe_configure,
}
