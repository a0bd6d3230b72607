"""What every command is given: where the configuration is, what may be done, and the service."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import click

from netconsole.cli.frame import confirmation

if TYPE_CHECKING:
    from netconsole.backend.configuration.loading import Configuration
    from netconsole.backend.configuration.options import Options
    from netconsole.backend.service.outcome import Confirm
    from netconsole.backend.service.service import Service


@dataclass(slots=True)
class Context:
    """The global options of one run. Commands receive it through `@pass_context`."""

    config_files: tuple[str, ...] = ()
    config_dirs: tuple[str, ...] = ()
    read_only: bool = False
    _service: "Service | None" = field(default=None, repr=False)

    def configuration(self) -> "Configuration":
        """Read the configuration; raises InvalidValue for a file that cannot be read."""
        from netconsole.backend.configuration.loading import Configuration

        return Configuration(self.config_files, self.config_dirs, restricted=self.read_only)

    def rights(self) -> AbstractContextManager[None]:
        """Return the rights with which a file that an argument names is opened.

        With --read-only those of who called by sudo(8): it may be all that they may run as root.
        """
        from netconsole.backend.system.privileges import as_invoker

        return as_invoker() if self.read_only else nullcontext()

    def options(self) -> "Options":
        """Return the options. Raises InvalidValue for a file that is missing or breaks a rule."""
        return self.configuration().options()

    def service(self) -> "Service":
        """Return the one service of this run, made when it is first asked for."""
        if self._service is None:
            from netconsole.backend.service.service import Service

            self._service = Service(self.options(), read_only=self.read_only)
        return self._service

    @property
    def confirm(self) -> "Confirm | None":
        """How the admin is asked whether to keep a change; None where there is no terminal."""
        return confirmation.ask if confirmation.can_ask() else None

    def may_save(self, what: str) -> None:
        """Refuse to write a file that was asked for where all is read-only. Raises ReadOnly."""
        if self.read_only:
            from netconsole.backend.model.errors import ReadOnly

            raise ReadOnly(f"{what}: refused, it writes a file and this is --read-only")

    @classmethod
    def of(cls, context: click.Context) -> Self:
        """Return ours from click's, also while completing, when no command has run yet."""
        found = context.find_object(cls)
        if found is not None:
            return found
        params = context.find_root().params
        return cls(
            tuple(params.get("config_files") or ()),
            tuple(params.get("config_dirs") or ()),
            bool(params.get("read_only")),
        )


pass_context = click.make_pass_decorator(Context, ensure=True)
"""Decorates a command that takes our Context as its first argument."""
