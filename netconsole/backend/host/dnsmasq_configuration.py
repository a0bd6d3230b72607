"""What the configuration file of a dnsmasq says, with the files that it names, as a fingerprint.

dnsmasq reads them when it starts (dnsmasq(8), CONFIG FILE), so that a change needs a restart.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from netconsole.backend.model.text import decoded, encoded
from netconsole.backend.system import files

_FILES = frozenset({"addn-hosts", "conf-file", "dhcp-hostsfile", "dhcp-optsfile", "servers-file"})
"""Options that name a file, or a directory of such, to be read as well."""


@dataclass(frozen=True, slots=True)
class DnsmasqConfiguration:
    """What a configuration says at one moment."""

    fingerprint: str
    """Of every line that is no comment; the same as long as dnsmasq would read the same."""
    changed: float
    """When one of the files was last written, renamed or removed, in seconds since the epoch."""


def read(path: str) -> DnsmasqConfiguration:
    """Read a configuration file and all that it names; what cannot be read counts by its reason."""
    sums = hashlib.sha256()
    changed = 0.0
    for each in _parts(path):
        lines = each.lines if each.error is None else (_said(each.error),)
        if not each.is_directory:
            sums.update(encoded("\n".join((each.path, *lines, ""))))
        with suppress(OSError, ValueError):
            changed = max(changed, os.stat(each.path).st_ctime)  # noqa: PTH116  a hostile name?
    return DnsmasqConfiguration(sums.hexdigest(), changed)


def unusable(path: str) -> str:
    """Return why a configuration is nothing to give to dnsmasq, in words; nothing where it is.

    It opens what it finds, and waits for ever on a FIFO. A file that is named in another and is
    not there is its own to complain of: of some it does not.
    """
    if os.path.isdir(path):  # noqa: PTH112  whoever may not see it is no error here
        return "is a directory, not a file"
    for each in _parts(path):
        if each.error is None or _is_nothing(each.path):
            continue
        if isinstance(each.error, PermissionError) and os.geteuid() != 0:
            continue  # root, as whom dnsmasq reads it, may
        if each.path == path:
            return _said(each.error)
        if not isinstance(each.error, FileNotFoundError):
            return f"names {each.path}: {_said(each.error)}"
    return _not_for_files(path)


_BACKGROUND = "must not be there: dnsmasq has started when it goes into the background"
_GIVEN = "must not be there: netconsole gives it, and finds what it started by it"
_NOT_FOR_FILES: Mapping[str, str] = {
    "keep-in-foreground": _BACKGROUND,
    "no-daemon": _BACKGROUND,
    "pid-file": _GIVEN,
    "dhcp-leasefile": _GIVEN,
}
"""Options of which dnsmasq goes by the file, whatever its arguments say, and why not to set it."""


def _not_for_files(path: str) -> str:
    try:
        placed = tuple(_placed(path))
    except (OSError, ValueError):
        return ""  # of what can be read at all, the reading has said so
    for file, number, line in placed:
        name, _ = option(line)
        if name in _NOT_FOR_FILES:
            return f"{file}, line {number}: {name} {_NOT_FOR_FILES[name]}"
    return ""


def _is_nothing(path: str) -> bool:
    """Whether a path leads to the device that is always empty."""
    return os.path.realpath(path) == os.devnull


def _said(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


@dataclass(frozen=True, slots=True)
class _Part:
    """A file of a configuration, or a directory of such."""

    path: str
    is_directory: bool = False
    lines: tuple[str, ...] = ()
    error: OSError | ValueError | None = None


def _parts(path: str) -> Iterator[_Part]:
    """Every file that is read, and directory, each once."""
    waiting, seen = [(path, "")], set[tuple[str, str]]()
    while waiting:
        at, endings = named = waiting.pop()
        if named in seen:
            continue
        seen.add(named)
        try:
            if Path(at).is_dir():
                part = _Part(at, is_directory=True)
                waiting += ((each, "") for each in _within(at, endings))
            else:
                part = _Part(at, lines=tuple(_lines(files.read(at))))
        except (OSError, ValueError) as error:
            part = _Part(at, error=error)
        yield part
        waiting += _named(part.lines)


_LARGEST_TEXT = 100_000
"""Bytes: a variable of the environment holds no more than 128 KiB (execve(2))."""
_DEEPEST = 10
"""How deep files name each other, which may be in a circle."""


def text(path: str) -> str | None:
    """Return a configuration as one text, the files that it has dnsmasq read as more in it.

    None where it cannot be read, or is too long for a variable of the environment.
    """
    found = every_line(path)
    whole = "\n".join((*(found or ()), ""))
    fits = len(encoded(whole)) <= _LARGEST_TEXT and "\0" not in whole
    return whole if fits and found is not None else None


def every_line(path: str) -> tuple[str, ...] | None:
    """Return every line of a configuration, those of further files in the place of what names them.

    None where it cannot be read.
    """
    try:
        return tuple(line for _, _, line in _placed(path))
    except (OSError, ValueError):
        return None


_WITHOUT_COMMENT = re.compile(r'(?:"[^"]*"?|[^"#]|(?<!\s)#)*')
"""A comment begins with a hash after a blank, outside of quotes."""


def option(line: str) -> tuple[str, str]:
    """Return an option that a line sets, and its value, as dnsmasq reads them."""
    found = _WITHOUT_COMMENT.match(line)
    name, _, value = (found[0] if found else "").partition("=")
    return name.strip(), value.strip().strip('"')


def place(path: str, said: str) -> str:
    """Return the place in a configuration that dnsmasq complains about: a file, perhaps a line.

    Nothing where it says so itself. Of a start that failed it tells the value: the line is the
    only one that has it.
    """
    if _SAYS_PLACE.search(said):
        return ""
    try:
        placed = tuple(_placed(path))
    except (OSError, ValueError):
        return path
    words = set(re.split(r"[\s,;:'\"()]+", said)) | {said.rstrip().rpartition(" ")[2]}
    found = [(file, number) for file, number, line in placed if words & set(_values(line))]
    if len(found) != 1:
        return path
    file, number = found[0]
    return f"{file}, line {number}"


_SAYS_PLACE = re.compile(r"\bat line [0-9]+ of ")


def _values(line: str) -> Iterator[str]:
    """What an option is given: the whole, and its parts."""
    _, value = option(line)
    yield from (each for each in (value, *re.split(r"[,\s]+", value)) if each)


def _placed(path: str, depth: int = 0) -> Iterator[tuple[str, int, str]]:
    """Each line that is read, with its file and number, those of further files in their place.

    A line stays where a file that it names cannot be read. Raises OSError for the first file.
    """
    for number, line in enumerate(decoded(files.read(path)).split("\n"), 1):
        said = line.strip()
        try:
            within = [each for file in _further(said, depth) for each in _placed(file, depth + 1)]
        except (OSError, ValueError):
            within = [(path, number, said)]
        if within:
            yield from within
        elif said and not said.startswith("#"):
            yield path, number, said


def _further(line: str, depth: int) -> Iterator[str]:
    """The files that a line has dnsmasq read as more of the configuration."""
    if depth == _DEEPEST:
        return
    name, value = option(line)
    if name == "conf-file" and value:
        yield value
    elif name == "conf-dir" and value:
        directory, _, endings = value.partition(",")
        yield from _within(directory.strip('"'), endings)


def _lines(content: bytes) -> Iterator[str]:
    for line in decoded(content).split("\n"):
        said = line.strip()
        if said and not said.startswith("#"):
            yield said


def _named(lines: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The files and directories that lines name, these with the endings that tell their files."""
    for line in lines:
        name, value = option(line)
        if name in _FILES and value:
            yield value, ""
        elif name == "conf-dir" and value:
            directory, _, endings = value.partition(",")
            yield directory.strip('"'), endings


def _within(directory: str, endings: str) -> Iterator[str]:
    """The files of a directory that dnsmasq reads: no directories, nothing that lies deeper."""
    for name in sorted(os.listdir(directory)):  # noqa: PTH208  half the time of Path's
        path = f"{directory}/{name}"
        if _is_read(name, endings) and Path(path).is_file():
            yield path


def _is_read(name: str, endings: str) -> bool:
    """Whether dnsmasq reads a file of this name in a directory (dnsmasq(8), --conf-dir).

    Of `endings`, divided by commas, those that begin with `*` are the only ones that are read, and
    others are passed over. A name that is nothing but the ending does not have it.
    """
    if name.endswith("~") or name.startswith(".") or (name[0] == name[-1] == "#"):
        return False
    told = [each.strip().strip('"') for each in endings.split(",")]
    wanted = [each[1:] for each in told if each.startswith("*") and each[1:]]
    unwanted = [each for each in told if each and not each.startswith("*")]

    def ends(suffixes: list[str]) -> bool:
        return any(len(name) > len(each) and name.endswith(each) for each in suffixes)

    return (not wanted or ends(wanted)) and not ends(unwanted)
