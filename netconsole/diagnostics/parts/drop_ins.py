"""Who sets a kernel setting: the files of sysctl.d(5), their order, and ours among them.

Names of settings are paths under /proc/sys here: `net/ipv4/conf/eth0.100/rp_filter`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from netconsole.backend.model.kernel_settings import name_of, path_of
from netconsole.backend.steps import Plan, WriteFile

DIRECTORIES = (
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
)
"""In order of precedence: a file hides those of the same name in later directories."""

LAST = "/etc/sysctl.conf"
"""Read after all others by sysctl(8) --system. systemd-sysctl(8) does not read it, but where a link
in one of DIRECTORIES leads to it, which counts by its own name."""

OURS = "/etc/sysctl.d/90-netconsole.conf"

_HEADER = "# Written by netconsole. See sysctl.d(5).\n"


@dataclass(frozen=True, slots=True)
class DropInAssignment:
    """One line of a file. `value` is None for a line that exempts a key from patterns."""

    file: str
    line: int
    pattern: str
    value: str | None

    @property
    def place(self) -> str:
        """The file and line, as editors and compilers write it."""
        return f"{self.file}:{self.line}"

    @property
    def is_glob(self) -> bool:
        """Whether it names more than one key."""
        return any(sign in self.pattern for sign in "*?[")


@dataclass(frozen=True, slots=True)
class DropIns:
    """The settings made by files, in the order in which they are applied."""

    assignments: tuple[DropInAssignment, ...]
    ours: str | None
    """The text of netconsole's own drop-in, None when there is none."""

    def says_who(self, key: str, value: str) -> str:
        """Return in words who gave a key the value that the kernel holds now."""
        return says_who(self.assignments, key, value)

    def setter(self, key: str) -> DropInAssignment | None:
        """Return the line that decides a key's value at boot, or None when no file sets it."""
        return setter(self.assignments, key)

    def last_of(self, keys: Iterable[str]) -> DropInAssignment | None:
        """Return the line that decides at boot over keys of which each sets the others."""
        lines = [line for key in keys if (line := self.setter(key)) is not None]
        return max(lines, key=self.assignments.index, default=None)

    def make_permanent(self, settings: Mapping[str, str]) -> tuple[Plan | None, str]:
        """Plan the writing of our drop-in, and say whether it would have the last word."""
        return make_permanent(self.assignments, self.ours, settings)


def parse(file: str, text: str) -> tuple[DropInAssignment, ...]:
    """Read one file; lines that are neither an assignment nor an exemption are passed over."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words[0] in "#;":
            continue
        name, equals, value = words.partition("=")
        name = name.strip()
        exempt = name.startswith("-")
        if not equals and not exempt:
            continue
        pattern = path_of(name.removeprefix("-").strip())
        found.append(DropInAssignment(file, number, pattern, value.strip() if equals else None))
    return tuple(found)


def in_order(names: Mapping[str, Iterable[str]], *, by_systemd: bool) -> tuple[str, ...]:
    """Return the files that count, in the order in which they are applied at boot.

    `names` holds the file names found in each of DIRECTORIES; `by_systemd` is whether systemd
    applies them, and not sysctl(8).
    """
    winners: dict[str, str] = {}
    for directory in DIRECTORIES:
        for name in names.get(directory, ()):
            if name.endswith(".conf"):
                winners.setdefault(name, f"{directory}/{name}")
    return (*(winners[name] for name in sorted(winners)), *(() if by_systemd else (LAST,)))


def setter(assignments: Sequence[DropInAssignment], key: str) -> DropInAssignment | None:
    """Return the line that decides a key's value at boot, or None when no file sets it.

    The last one wins; a line that names the key itself beats every pattern, and so does an
    exemption.
    """
    named = [each for each in assignments if each.pattern == key]
    explicit = [each for each in named if each.value is not None]
    if explicit:
        return explicit[-1]
    if named:
        return None
    return next(
        (each for each in reversed(assignments) if each.is_glob and _matches(each.pattern, key)),
        None,
    )


def says_who(assignments: Sequence[DropInAssignment], key: str, value: str) -> str:
    """Return in words who gave a key the value that the kernel holds now."""
    line = setter(assignments, key)
    if line is None:
        default = setter(assignments, _default_of(key))
        if default is not None and default.value == value:
            return f"{default.place} sets the default of new interfaces"
        return "no file sets it" if value == "0" else "set at run time; no file sets it"
    if line.value == value:
        return f"set by {line.place}"
    return f"set at run time; {line.place} says {line.value}"


def with_settings(text: str | None, settings: Mapping[str, str]) -> str:
    """Return the text of our drop-in with these settings added, or changed where they stand."""
    kept = (text or _HEADER).splitlines()
    paths = {path_of(name) for name in settings}
    kept = [line for line in kept if not any(each.pattern in paths for each in parse(OURS, line))]
    added = [f"{name_of(path_of(name))} = {value}" for name, value in sorted(settings.items())]
    return "\n".join((*kept, *added)) + "\n"


def make_permanent(
    assignments: Sequence[DropInAssignment], text: str | None, settings: Mapping[str, str]
) -> tuple[Plan | None, str]:
    """Plan the writing of our drop-in, and say whether it would have the last word.

    Answers no plan when another file would override it: the words name that file. An empty
    plan means that the files already say so.
    """
    paths = {path_of(name): value for name, value in settings.items()}
    deciding = {path: setter(assignments, path) for path in paths}
    if all(line is not None and line.value == paths[path] for path, line in deciding.items()):
        places = ", ".join(sorted({line.place for line in deciding.values() if line}))
        return Plan(), f"kept: set by {places}"
    written = with_settings(text, paths)
    others = [each for each in assignments if each.file != OURS]
    split = next((i for i, each in enumerate(others) if _after_ours(each.file)), len(others))
    future = (*others[:split], *parse(OURS, written), *others[split:])
    for path in paths:
        line = setter(future, path)
        if line is not None and line.file != OURS:
            return None, f"not kept: {line.place} says {line.value} and is applied after {OURS}"
    step = WriteFile(OURS, written, 0o644, former=text)
    return Plan((step,)), f"not kept until {OURS} says it; no file applied later says otherwise"


def _after_ours(file: str) -> bool:
    """True of LAST as well: its name, too, sorts behind ours."""
    return PurePosixPath(file).name > PurePosixPath(OURS).name


def _default_of(key: str) -> str:
    parts = key.split("/")
    if parts[:1] == ["net"] and parts[2:3] in (["conf"], ["neigh"]) and len(parts) == 5:
        parts[3] = "default"
    return "/".join(parts)


def _matches(pattern: str, key: str) -> bool:
    """Match as glob(7) does on paths: a sign stands for no slash."""
    if pattern.count("/") != key.count("/"):
        return False
    parts = zip(key.split("/"), pattern.split("/"), strict=True)
    return all(fnmatchcase(part, sign) for part, sign in parts)
