"""Configuration files as admins have them: read into assignments, each with its line.

The syntax is oslo.config's, read by its own parser. Beyond it, as files come from twelve years of
nova and from editors of all kinds: options before any section are of [DEFAULT], lines of gflags
(`--name=value`, `--name`, `--noname`) are options, and a byte order mark, Latin-1, UTF-16 and line
ends of other systems are read.
"""

import codecs
import os
import re
import stat
from collections.abc import Container, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from netconsole.backend.configuration.option_rules import DEFAULT_SECTION
from netconsole.backend.configuration.places import CONFIGURATION_VARIABLE
from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.system.privileges import as_invoker

MOST_BYTES = 2**20
"""Of one file; the longest nova.conf, all comments included, has a fifth of that."""

FilesFrom = Literal["command line", "environment", "default"]

_LINE_END = re.compile(r"\r\n|\r|\n")
_FLAG = re.compile(r"--([A-Za-z][\w-]*)(?:\s*[= ]\s*(.*))?")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Assignment:
    """One option as it stands in a file."""

    section: str
    name: str
    value: str
    path: Path
    line: int

    @property
    def place(self) -> str:
        """Where it stands: /etc/nova/nova.conf:12."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class ConfigFiles:
    """The files of a configuration in their order: what is given again counts as given last."""

    paths: tuple[Path, ...] = ()
    chosen_by: FilesFrom = "default"


def choose(
    files: Sequence[str], directories: Sequence[str], default: Path, *, bound: bool = False
) -> ConfigFiles:
    """Choose the files: those named, else those of the environment, else the default if it exists.

    The *.conf files of `directories` come after them, each directory's by name.
    `bound`: directories are listed with the rights of who called by sudo(8). Raises InvalidValue
    for one that cannot be listed.
    """
    chosen_by: FilesFrom = "command line"
    named = tuple(map(Path, files))
    if not named:
        chosen_by = "environment"
        named = tuple(map(Path, of_environment()))
    if not named:
        chosen_by = "command line" if directories else "default"
        named = (default,) if _is_there(default) else ()
    with as_invoker() if bound else nullcontext():
        dropped_in = [path for directory in directories for path in _listed(Path(directory))]
    return ConfigFiles((*named, *dropped_in), chosen_by)


def of_environment() -> list[str]:
    """Return the files that the environment names."""
    return [name for name in os.environ.get(CONFIGURATION_VARIABLE, "").split(os.pathsep) if name]


def _is_there(path: Path) -> bool:
    """Whether there is anything of that name; one that may not be seen is read, and refused."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _listed(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.name.endswith(".conf"))
    except OSError as error:
        rule = f"cannot be read: {error.strerror}"
        raise InvalidValue("configuration directory", directory, rule) from error


def read(path: Path, known: Container[str], *, bound: bool = False) -> tuple[Assignment, ...]:
    """Read a file, in its order. Raises InvalidValue, naming the file, and the line where one is.

    An option that stands in several lines is given as often as it stands. `known` are the names of
    options, by which `--nomulti_host` is told from `--novncproxy_port`. `bound`: only a file of
    root's that nobody else may write, and that who called by sudo(8) may read.
    """
    # Imported here because it takes longer than most commands.
    from oslo_config.iniparser import BaseParser, ParseError

    class Parser(BaseParser):
        def __init__(self) -> None:
            self.section = DEFAULT_SECTION
            self.first_line = 0
            self.found: list[Assignment] = []

        def _split_key_value(self, line: str) -> tuple[str, list[str]]:
            self.first_line = self.lineno  # a value may go on in further lines
            return super()._split_key_value(line)

        def assignment(self, key: str, value: list[str]) -> None:
            text = "\n".join(value)
            self.found.append(Assignment(self.section, key, text, path, self.first_line))

        def new_section(self, section: str) -> None:
            self.section = section

    parser = Parser()
    try:
        parser.parse(_lines(_text(path, bound), known))
    except ParseError as error:
        # Not the line itself: what is no configuration file may be one that its reader, who may
        # run this as root, may not read.
        reason = f"line {error.lineno}, {error.msg}"
        raise InvalidValue("configuration file", path, reason) from error
    return tuple(parser.found)


def _lines(text: str, known: Container[str]) -> Iterator[str]:
    """The lines of a file, those of gflags in the words of all others."""
    for line in _LINE_END.split(text):
        flag = _FLAG.fullmatch(line.strip())
        if flag is None:
            yield line
            continue
        name, value = flag.groups()
        if value is None and name.startswith("no") and name[2:] in known:
            name, value = name[2:], "false"
        yield f"{name} = {'true' if value is None else value}"


def _text(path: Path, bound: bool) -> str:
    """The whole text of a file, in whichever of the usual encodings it is."""
    try:
        content = _content(path, bound)
    except OSError as error:
        rule = f"cannot be read: {error.strerror}"
        raise InvalidValue("configuration file", path, rule) from error
    try:
        text = content.decode("utf-16" if content.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError:
        text = content.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    if "\0" in text:
        raise InvalidValue("configuration file", path, "must be text")
    return text


def _content(path: Path, bound: bool) -> bytes:
    """The bytes of a regular file: nothing else is waited for, nor read without an end."""
    with as_invoker() if bound else nullcontext():
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if bound and (found.st_uid != 0 or found.st_mode & 0o022):
            rule = "must be root's and written by nobody else: it is named by who called sudo"
            raise InvalidValue("configuration file", path, rule)
        if not stat.S_ISREG(found.st_mode) and found.st_rdev != Path(os.devnull).stat().st_rdev:
            raise InvalidValue("configuration file", path, "must be a regular file")
        with os.fdopen(os.dup(handle), "rb") as file:
            content = file.read(MOST_BYTES + 1)
    finally:
        os.close(handle)
    if len(content) > MOST_BYTES:
        rule = f"must have at most {MOST_BYTES} bytes"
        raise InvalidValue("configuration file", path, rule)
    return content
