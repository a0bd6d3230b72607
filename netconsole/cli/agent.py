"""`netconsole agent`: the long-running process of a host."""

import click

from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.frame.group import CommandGroup


@click.group(cls=CommandGroup, invoke_without_command=True)
@pass_context
def agent(context: Context) -> None:
    """Run the agent of this host, until SIGTERM or Ctrl-C.

    It brings the host in line with the store after a boot, watches what changes, and answers at
    its socket.
    """
    if click.get_current_context().invoked_subcommand is None:
        from netconsole.agent.process import run

        run(context.options())
