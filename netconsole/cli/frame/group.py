"""A click group whose help says the first sentence of each command whole."""

import click

UNLIMITED = 1000
"""Characters of a summary; the formatter wraps it."""


class CommandGroup(click.Group):
    """click would cut each summary at the right margin."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        commands = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [
            (name, command.get_short_help_str(UNLIMITED))
            for name, command in commands
            if command is not None and not command.hidden
        ]
        if not rows:
            return
        with formatter.section("Commands"):
            formatter.write_dl(rows)
