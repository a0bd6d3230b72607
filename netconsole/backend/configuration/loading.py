"""Configuration: its files, read. A nova.conf is read as it stands.

Options of nova's that mean nothing here are passed over.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path

from netconsole.backend.configuration import nova_options, option_files, places
from netconsole.backend.configuration.option_files import Assignment
from netconsole.backend.configuration.option_rules import Option
from netconsole.backend.configuration.option_values import NO_ADDRESS, Default, Values
from netconsole.backend.configuration.options import Options, declared
from netconsole.backend.configuration.own_address import address_of_default_route
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.option_source import OptionSource
from netconsole.backend.system import privileges

NOVAS_MANAGER = "nova.network.manager.VlanManager"
"""What nova takes where its configuration does not say."""
DEFAULT_FILE = Path(places.CONFIGURATION)

_NOVAS_OWN = re.compile(r"(mysql|postgresql)[:+]|sqlite:.*/nova\.sqlite$")
"""nova's own databases: of a server, or of the name that nova gave to a file by default."""


@dataclass(frozen=True, slots=True)
class Setting:
    """An option, its value, and where that comes from."""

    name: str
    group: str | None
    value: object
    origin: str
    """`default`, or the file and line: /etc/nova/nova.conf:12."""


class Configuration:
    """The files of a configuration, read; its values are looked at when they are asked for."""

    def __init__(
        self,
        files: Sequence[str] = (),
        directories: Sequence[str] = (),
        *,
        restricted: bool = False,
    ) -> None:
        """Read the files: those named, else those of NETCONSOLE_CONFIG_FILE, else
        /etc/netconsole/netconsole.conf if it exists; then the *.conf files of the directories.

        An option that is given again counts as it is given last. Without any file, the defaults
        are what counts. Raises InvalidValue for a file that cannot be read, naming it.

        `restricted`: whoever called by sudo(8) names only files of root's that they may read, as
        a configuration leads to further files.
        """
        named = restricted and bool(files or directories or option_files.of_environment())
        bound = named and privileges.invoker() is not None
        self.files = option_files.choose(files, directories, DEFAULT_FILE, bound=bound)
        self.declared = declared()
        self.assignments = tuple(
            each for path in self.files.paths for each in self._read(path, bound=bound)
        )
        self.is_novas = _is_novas(self.files.paths, self.assignments)
        """Whether nova's defaults count where they differ from ours."""
        defaults = _defaults(self.declared)
        if self.is_novas:
            defaults["network_manager"] = NOVAS_MANAGER
        self._values = Values(self.declared, defaults, self.assignments)

    def _read(self, path: Path, *, bound: bool) -> tuple[Assignment, ...]:
        return option_files.read(path, self.declared, bound=bound and path != DEFAULT_FILE)

    def options(self) -> Options:
        """Return all options. Raises InvalidValue, naming file, line, option, value and rule."""
        values = {each.name: each.value for each in self._settings()}
        return Options(
            **values,  # type: ignore[arg-type]
            firewall_source=self._source("firewall_driver"),
            guard_source=self._source("guard"),
        )

    def _source(self, name: str) -> OptionSource | None:
        """The file whose value of an option counts; None for a default, or where it is gone."""
        given = self._values.given(name)
        try:
            return OptionSource(str(given[-1].path), given[-1].path.stat().st_mtime)
        except (IndexError, OSError):
            return None

    def settings(self) -> tuple[Setting, ...]:
        """Return every option with its value and where it comes from; raises as `options` does."""
        return tuple(self._settings())

    def refused(self) -> Iterator[InvalidValue]:
        """Yield the values that break their rules."""
        for name in self.declared:
            try:
                self._values.value(name)
            except InvalidValue as error:
                yield error

    def _settings(self) -> Iterator[Setting]:
        # Each rule returns what the field of that name holds.
        values = {name: self._values.value(name) for name in self.declared}
        for name, value in values.items():
            option = self.declared[name]
            given = self._values.given(name)
            counting = given if option.repeated else given[-1:]
            origin = ", ".join(each.place for each in counting) or "default"
            if name == "network_manager" and not given and self.is_novas:
                origin = "default of a nova.conf"
            if name == "connection" and _NOVAS_OWN.match(str(value)):
                value = f"sqlite:///{values['state_path']}/netconsole.sqlite"
                origin = f"default, as that at {origin} is nova's own"
            yield Setting(name, option.group, value, origin)


def load(*files: str, directories: Sequence[str] = ()) -> Options:
    """Read the configuration as `Configuration` does, and check it.

    Raises InvalidValue, naming file, line, option, value and rule.
    """
    return Configuration(files, directories).options()


def _is_novas(paths: Iterable[Path], assignments: Iterable[Assignment]) -> bool:
    """Whether a file is a nova.conf: by its name, or by options that nova alone has."""
    return any(path.name == "nova.conf" for path in paths) or any(
        nova_options.is_novas_alone(each.section, each.name) for each in assignments
    )


def _defaults(declared: Mapping[str, Option]) -> dict[str, Default]:
    defaults = {
        each.name: _default(each, declared[each.name])
        for each in fields(Options)
        if each.name in declared
    }
    return {**defaults, "my_ip": address_of_default_route() or NO_ADDRESS}


def _default(each: "Field[object]", option: Option) -> Default:
    """An option's default in the words of a file."""
    if option.default is not None:
        return option.default
    value = each.default if each.default_factory is MISSING else each.default_factory()
    if isinstance(value, tuple):
        return list(value)
    return None if value is None else str(value)
