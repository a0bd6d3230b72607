"""What the configuration file of a dnsmasq says, with the files that it names, as a fingerprint.

dnsmasq reads them when it starts (dnsmasq(8), CONFIG FILE), so that a change needs a restart.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netconsole.backend import files
from netconsole.backend.text import decoded

_FILES = frozenset({"addn-hosts", "conf-file", "dhcp-hostsfile", "dhcp-optsfile", "servers-file"})
"""Options that name a file, or a directory of such, to be read as well."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a configuration says at one moment."""

    fingerprint: str
    """Of every line that is no comment; the same as long as dnsmasq would read the same."""
    changed: float
    """When one of the files was last written, renamed or removed, in seconds since the epoch."""


def read(path: str) -> Configuration:
    """Read a configuration file and all that it names; what cannot be read counts by its reason."""
    sums = hashlib.sha256()
    changed = 0.0
    waiting, seen = [(path, "")], set[tuple[str, str]]()
    while waiting:
        at, endings = named = waiting.pop()
        if named in seen:
            continue
        seen.add(named)
        try:
            changed = max(changed, os.stat(at).st_ctime)  # noqa: PTH116  may be a hostile name
            if Path(at).is_dir():
                waiting += ((each, "") for each in _within(at, endings))
                continue
            lines = tuple(_lines(files.read(at)))
        except (OSError, ValueError) as error:
            lines = (getattr(error, "strerror", None) or str(error),)
        sums.update("\n".join((at, *lines, "")).encode("utf-8", "surrogateescape"))
        waiting += _named(lines)
    return Configuration(sums.hexdigest(), changed)


def _lines(content: bytes) -> Iterator[str]:
    for line in decoded(content).split("\n"):
        said = line.strip()
        if said and not said.startswith("#"):
            yield said


def _named(lines: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The files and directories that lines name, these with the endings that tell their files."""
    for line in lines:
        option, _, value = (part.strip() for part in line.partition("="))
        if option in _FILES and value:
            yield value.strip('"'), ""
        elif option == "conf-dir" and value:
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
