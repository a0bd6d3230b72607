"""`netconsole nova-manage`: the network commands of nova-manage 14.0.0 (Newton)."""

import click

from netconsole.cli.compat import manage_addresses, manage_networks, manage_projects
from netconsole.cli.compat.arguments import SPELLING
from netconsole.cli.frame.group import CommandGroup


@click.group(cls=CommandGroup, context_settings=SPELLING)
def nova_manage() -> None:
    """The network commands of nova-manage, as they stand in its guide.

    Arguments and columns are nova-manage's, `--ip_range` and `--ip-range` alike; what they do is
    what netconsole's own commands do.
    """


nova_manage.add_command(manage_networks.network)
nova_manage.add_command(manage_addresses.floating)
nova_manage.add_command(manage_addresses.fixed)
nova_manage.add_command(manage_projects.project)
nova_manage.add_command(manage_projects.project, "account")
nova_manage.add_command(manage_projects.vpn)
