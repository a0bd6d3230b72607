"""What every command is given: where the configuration is, what may be done, and the service."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import click

from netconsole.cli.frame import confirmation

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.configuration.loading import Configuration
    from netconsole.backend.configuration.options import Options
    from netconsole.backend.service.outcome import Confirm
    from netconsole.backend.service.service import Service
    from netconsole.door.door import Door


@dataclass(slots=True)
class Context:
    """The global options of one run. Commands receive it through `@pass_context`."""

    config_files: tuple[str, ...] = ()
    config_dirs: tuple[str, ...] = ()
    read_only: bool = False
    agent: bool = True
    """Whether the agent of this host is asked, where there is one."""
    host: str | None = None
    """Another host, whose agent is asked by SSH."""
    _door: "Door | None" = field(default=None, repr=False)
    _service: "Service | None" = field(default=None, repr=False)
    _on_stdin: str | None = field(default=None, repr=False)
    """What was read from standard input."""

    def configuration(self) -> "Configuration":
        """Read the configuration of this host.

        Raises InvalidValue for a file that cannot be read, and Conflict where another is meant.
        """
        self.stay_here()
        from netconsole.backend.configuration.loading import Configuration

        return Configuration(self.config_files, self.config_dirs, restricted=self.read_only)

    def rights(self) -> AbstractContextManager[None]:
        """Return the rights with which a file that an argument names is opened.

        With --read-only those of who called by sudo(8): it may be all that they may run as root.
        """
        from netconsole.backend.system.privileges import as_invoker

        return as_invoker() if self.read_only else nullcontext()

    def take_stdin(self, what: str) -> None:
        """Note for what standard input is read: there is one of it. Raises InvalidValue."""
        from netconsole.backend.model.errors import InvalidValue

        if self._on_stdin is not None:
            rule = f"is standard input, which is read for {self._on_stdin} already"
            raise InvalidValue(what, "-", rule)
        self._on_stdin = what

    def options(self) -> "Options":
        """Return the options. Raises InvalidValue for a file that is missing or breaks a rule."""
        return self.configuration().options()

    def service(self) -> "Service":
        """Return the one service of this run, made when it is first asked for.

        For what looks at this very host, in this process. Raises Conflict for another host's.
        """
        self.stay_here()
        if self._service is None:
            from netconsole.backend.service.service import Service

            self._service = Service(self.options(), read_only=self.read_only)
        return self._service

    def stay_here(self) -> None:
        """Refuse what looks at the host that it runs on, where another is asked for.

        Raises Conflict.
        """
        if self.host is not None:
            from netconsole.backend.model.errors import Conflict

            raise Conflict(f"this is about the host that it runs on: run it on {self.host} itself")

    def door(self) -> "Door":
        """Return the one door of this run: the agent's, where there is one, or a service's."""
        if self._door is None:
            from netconsole.cli.frame import agent

            found = agent.found(self)
            if isinstance(found, agent.NoAgent):
                self._door = self._local_door(found.because)
            else:
                self._door = found
        return self._door

    def door_for(self, change: "Change[Any] | type[Change[Any]]") -> "Door":
        """Return the door for a change: what names files or programs is made by this process."""
        if change.names_files and self.host is None:
            return self._local_door()
        return self.door()

    def _local_door(self, no_agent: str = "") -> "Door":
        from netconsole.door.local import LocalDoor

        return LocalDoor(self.service(), no_agent=no_agent)

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
            not params.get("no_agent"),
            params.get("host"),
        )


pass_context = click.make_pass_decorator(Context, ensure=True)
"""Decorates a command that takes our Context as its first argument."""
