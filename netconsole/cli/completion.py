"""`netconsole completion`: the script that teaches a shell our commands, options and names."""

import click
from click.shell_completion import get_completion_class

from netconsole.cli.frame import output
from netconsole.cli.frame.context import Context


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    bash:  netconsole completion bash > /etc/bash_completion.d/netconsole
    zsh:   netconsole completion zsh > /usr/local/share/zsh/site-functions/_netconsole
    fish:  netconsole completion fish > ~/.config/fish/completions/netconsole.fish
    """
    Context.of(context).stay_here()
    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"no completion for {shell}")
    program = context.find_root().info_name or "netconsole"
    script = found(context.find_root().command, {}, program, f"_{program.upper()}_COMPLETE")
    output.print_lines(script.source().splitlines())
