"""`netconsole nova`: the network commands of novaclient 6.0.0, the last with all of them."""

import click

from netconsole.cli.compat import (
    nova_cloudpipe,
    nova_dns,
    nova_fixed,
    nova_floating,
    nova_guests,
    nova_networks,
    nova_secgroups,
    nova_servers,
    nova_tenant_networks,
)
from netconsole.cli.compat.arguments import SPELLING, note_project
from netconsole.cli.frame.group import CommandGroup
from netconsole.cli.frame.projects import ENVIRONMENT


@click.group(cls=CommandGroup, context_settings=SPELLING)
@click.option(
    *("--os-project-id", "--os-project-name", "--os-tenant-id", "--os-tenant-name"),
    "os_project_id",
    envvar=ENVIRONMENT,
    metavar="PROJECT",
    help="The project to work for.",
)
@click.pass_context
def nova(context: click.Context, os_project_id: str | None) -> None:
    """The network commands of nova, as they stand in its guide.

    Arguments and tables are nova's; what they do is what netconsole's own commands do.
    """
    note_project(context, os_project_id or None)


for module in (
    nova_networks,
    nova_tenant_networks,
    nova_fixed,
    nova_floating,
    nova_servers,
    nova_guests,
    nova_secgroups,
    nova_dns,
    nova_cloudpipe,
):
    for name, command in module.COMMANDS.items():
        nova.add_command(command, name)
