"""Tables as the originals printed them: with borders (nova), or columns divided by tabs."""

from collections.abc import Iterable, Mapping, Sequence

from netconsole.cli.frame import output

BLANK = " "
"""A cell that the originals left empty, where others have a dash for what is not there."""


def print_bordered(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows between borders; only the columns' names when there are none."""
    output.print_lines(bordered(columns, rows))


def print_properties(values: Mapping[str, object]) -> None:
    """Print a thing's fields, one a row, by name."""
    print_bordered(("Property", "Value"), sorted(values.items()))


def bordered(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out rows between borders under the names of their columns."""
    cells = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(map(output.width, column)) for column in zip(*cells, strict=True)]
    border = f"+{'+'.join('-' * (width + 2) for width in widths)}+"
    lines = [
        f"|{'|'.join(_padded(text, width) for text, width in zip(row, widths, strict=True))}|"
        for row in cells
    ]
    return [border, lines[0], border, *lines[1:], border]


def tabbed(values: Iterable[object], widths: Sequence[int] = ()) -> str:
    """Join values with tabs, the first ones padded to widths; a value that is not there is None."""
    texts = ["None" if value is None else output.shown(str(value)) for value in values]
    padded = [text.ljust(width) for text, width in zip(texts, widths, strict=False)]
    return "\t".join(padded + texts[len(padded) :])


def cell(value: object) -> str:
    """A value as prettytable printed it: nothing as a dash, yes and no as True and False."""
    if isinstance(value, bool):
        return str(value)
    return output.shown(value)


def _padded(text: str, width: int) -> str:
    return f" {text}{' ' * (width - output.width(text))} "
