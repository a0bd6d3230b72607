"""Installation: what makes the agent a service of systemd, as texts. Pure but for reading them."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final, Literal

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.text import encoded

SERVICE: Final = "netconsole-agent.service"
UNIT_PATH: Final = f"/etc/systemd/system/{SERVICE}"
DROP_INS: Final = f"{UNIT_PATH}.d"
SYSUSERS_PATH: Final = "/etc/sysusers.d/netconsole.conf"
TMPFILES_PATH: Final = "/etc/tmpfiles.d/netconsole.conf"
GROUPS: Final = ("netconsole", "netconsole-admin")

_MARK: Final = "# Written by `netconsole agent install`. Of what follows, SHA-256: "
_PLAIN: Final = re.compile(r"[\w@+=:,./-]+", re.ASCII)
_ALWAYS_WRITABLE: Final = PurePosixPath("/run")

Standing = Literal["absent", "installed", "older", "changed"]


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A file of the service, as `install` writes it."""

    path: str
    text: str

    @property
    def content(self) -> str:
        """The text under a line by which a change of it is seen."""
        return f"{_MARK}{_digest(self.text)}\n{self.text}"

    def standing(self, found: str | None) -> Standing:
        """Say how a file stands: as we would write it, as an earlier version did, or changed."""
        if found is None:
            return "absent"
        if found == self.content:
            return "installed"
        first, _, rest = found.partition("\n")
        return "older" if first == f"{_MARK}{_digest(rest)}" else "changed"


def service_files(
    program: str, arguments: Sequence[str], options: Options
) -> tuple[ServiceFile, ...]:
    """Return the files of the service, for the program of that path and its global arguments."""
    return (
        ServiceFile(SYSUSERS_PATH, _packaged("netconsole.sysusers")),
        ServiceFile(TMPFILES_PATH, tmpfiles_text(options)),
        ServiceFile(UNIT_PATH, unit_text(program, arguments, options)),
    )


def unit_text(program: str, arguments: Sequence[str], options: Options) -> str:
    """Return the unit: the packaged one, with what is this machine's."""
    command = " ".join(_in_command(word) for word in (program, *arguments))
    writable = " ".join(map(_in_paths, written_directories(options)))
    packaged = _packaged(SERVICE)
    return packaged.replace("@COMMAND@", command).replace("@WRITABLE@", writable)


def tmpfiles_text(options: Options) -> str:
    """Return the directories that are there before the agent starts (tmpfiles.d(5))."""
    made = [f"d {_in_paths(path)} 0755 root root -\n" for path in written_directories(options)]
    return _packaged("netconsole.tmpfiles") + "".join(made)


def written_directories(options: Options) -> tuple[str, ...]:
    """Return where the agent writes by its options: none is in another one, or in /run."""
    wanted = [
        PurePosixPath(options.state_path),
        PurePosixPath(options.networks_path),
        PurePosixPath(options.agent_socket).parent,
    ]
    database = options.connection.removeprefix("sqlite:///")
    if database.startswith("/"):
        wanted.append(PurePosixPath(database).parent)
    return tuple(
        str(path)
        for index, path in enumerate(wanted)
        if not any(path.is_relative_to(other) for other in (_ALWAYS_WRITABLE, *wanted[:index]))
    )


def _packaged(name: str) -> str:
    return files("netconsole.agent").joinpath("unit", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return hashlib.sha256(encoded(text)).hexdigest()


def _in_command(word: str) -> str:
    """A word of ExecStart (systemd.service(5)), where `$` would begin a variable."""
    return _in_paths(word.replace("$", "$$"))


def _in_paths(word: str) -> str:
    """A word of a unit (systemd.syntax(7)), where `%` would begin a specifier."""
    escaped = word.replace("%", "%%")
    if _PLAIN.fullmatch(escaped):
        return escaped
    quoted = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'
