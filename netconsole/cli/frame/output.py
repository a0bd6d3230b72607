"""What commands print: data on stdout, for people or as JSON, and words on stderr.

The only module that writes to stdout. Columns are as wide as what is in them, on a terminal and
in a pipe alike: nothing is cut, wrapped or coloured, so that grep and awk see what people see.
"""

import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice

import click

from netconsole.backend.model.codec import as_json
from netconsole.backend.model.errors import DoneUntold, ExitStatus, NetconsoleError, PartlyDone
from netconsole.backend.model.text import decoded, visible
from netconsole.cli.frame.standard import NotWritten, ReaderGone

NOTHING = "-"
BLOCK = 1000
"""Rows of a table that are laid out together."""


class DoneUnsaid(NotWritten):
    """Stdout takes no more, once a change is done."""

    exit_status = ExitStatus.PARTLY_DONE


@contextmanager
def of_what_was_done(title: str) -> Iterator[None]:
    """Look at what came of a change, and print it to the end.

    Raises PartlyDone, or DoneUnsaid or ReaderGone where it could not be printed, DoneUntold for a
    bug: an error that stays as it is would say that nothing was done.
    """
    try:
        yield
        flush()
    except NotWritten as error:
        raise DoneUnsaid(f"{title}: done, but {error}") from error
    except NetconsoleError as error:
        raise PartlyDone(f"{title}: done, but {error}") from error
    except ReaderGone:
        raise
    except Exception as error:
        raise DoneUntold(f"{title}: done") from error


def print_json(value: object) -> None:
    """Print one JSON document on stdout; of an iterator's, each item as it comes."""
    _write(_json_lines(value) if isinstance(value, Iterator) else [_document(value)])


def _document(value: object) -> str:
    """In ASCII where stdout has no other letters."""
    in_ascii = sys.stdout.encoding.lower() not in ("utf-8", "utf8")
    return as_json(value, indent=2, in_ascii=in_ascii)


def _json_lines(items: Iterator[object]) -> Iterator[str]:
    """Lay a list out as `_document` does, holding one item at a time."""
    import textwrap

    former: str | None = None
    for item in items:
        yield "[" if former is None else f"{former},"
        former = textwrap.indent(_document(item), "  ")
    yield from ("[]",) if former is None else (former, "]")


def print_lines(lines: Iterable[str]) -> None:
    """Print lines on stdout; what is in one neither ends it nor steers a terminal."""
    _write(map(_safe, lines))


def _write(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _safe(line: str) -> str:
    if line.isprintable():
        return line
    return "\t".join(map(visible, line.split("\t")))  # nova-manage's columns


def print_bytes(content: bytes) -> None:
    """Write bytes on stdout as they are; on a terminal as lines, which do not steer it."""
    if sys.stdout.isatty():
        print_lines(decoded(content).splitlines())
        return
    flush()
    sys.stdout.buffer.write(content)


def flush() -> None:
    """Write out what was printed; raises ReaderGone or NotWritten."""
    sys.stdout.flush()


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns under their names; only the names when there are no rows.

    A long table is printed while it is made: no later row makes its first part wait.
    """
    print_lines(table(columns, rows))


def print_fields(values: Mapping[str, object]) -> None:
    """Print one `name  value` a line."""
    width = max(map(len, values))
    print_lines(f"{name:{width}}  {shown(value)}" for name, value in values.items())


def say(line: str) -> None:
    """Say a line of words on stderr. Where nobody hears them, they are not missed."""
    with suppress(OSError):
        click.echo(visible(line), err=True)


def say_lines(text: str) -> None:
    """Say a text of several lines, such as a command's help, on stderr."""
    for line in text.splitlines():
        say(line)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Lay out rows two spaces apart under the names of their columns, numbers to the right.

    Columns are as wide as the first thousand rows need, and wider from where a later one needs it.
    """
    remaining = iter(rows)
    block = list(islice(remaining, BLOCK))
    titles, widths = [_title(name) for name in columns], [0 for _ in columns]
    to_the_right = [
        bool(block) and all(type(row[index]) is int for row in block)
        for index in range(len(columns))
    ]
    texts = [titles, *_texts(block)]
    while texts:
        needed = [max(map(width, column)) for column in zip(*texts, strict=True)]
        widths = [max(pair) for pair in zip(widths, needed, strict=True)]
        for line in texts:
            yield _aligned(line, widths, to_the_right)
        texts = _texts(islice(remaining, BLOCK))


def _texts(rows: Iterable[Sequence[object]]) -> list[list[str]]:
    return [[shown(value) for value in row] for row in rows]


def shown(value: object) -> str:
    """Return a value as people read it: yes and no, lists with commas, nothing as a dash.

    Names can come from guests; what would steer a terminal is escaped.
    """
    match value:
        case None | "" | ():
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case tuple() | list():
            return ", ".join(shown(item) for item in value)
        case _:
            return visible(str(value))


def width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _title(name: str) -> str:
    return name.upper().replace("_", " ")


def _aligned(texts: list[str], widths: list[int], to_the_right: list[bool]) -> str:
    cells = []
    for text, wide, right in zip(texts, widths, to_the_right, strict=True):
        space = " " * (wide - width(text))
        cells.append(space + text if right else text + space)
    return "  ".join(cells).rstrip()
