"""A click group that imports a command's module only when that command is used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import NamedTuple

import click


class LazyCommand(NamedTuple):
    """Where a command is, and its line in the group's help, known without importing it."""

    module: str
    attribute: str
    summary: str


class LazyGroup(click.Group):
    """A group over a table of commands, listed in the order of the table."""

    def __init__(
        self,
        name: str,
        table: Mapping[str, LazyCommand],
        callback: Callable[..., int | None],
        params: list[click.Parameter],
        help_text: str,
        epilog: str,
    ) -> None:
        super().__init__(
            name,
            callback=callback,
            params=params,
            help=help_text,
            epilog=epilog,
            invoke_without_command=True,
        )
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        command = getattr(import_module(entry.module), entry.attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}:{entry.attribute} is no click command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=self.table, ctx=ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self.table.items()])
