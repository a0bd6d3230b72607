"""The tabs: the panes with their keys, and where in them something needs a look."""

from collections.abc import Mapping

from textual import events
from textual.message import Message
from textual.strip import Strip

from netconsole.screens.rows.marks import DIM, PLAIN, REVERSE, STYLES, Glyphs
from netconsole.screens.rows.pane import Pane
from netconsole.screens.widgets.surface import Part, Surface, strip_of


class Tabs(Surface):
    """One line: the open pane in brackets and reversed, with the rows to look at counted."""

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, pane_id: str) -> None:
            super().__init__()
            self.pane_id = pane_id

    def __init__(self, panes: tuple[Pane, ...], glyphs: Glyphs) -> None:
        super().__init__()
        self.panes = panes
        self.glyphs = glyphs
        self._open = panes[0].id
        self._attention: Mapping[str, tuple[int, int]] = {}

    def show(self, open_pane: str, attention: Mapping[str, tuple[int, int]]) -> None:
        """Take which pane is open and how many rows of each are bad, and are open questions."""
        self._open, self._attention = open_pane, attention
        self.repaint()

    def _labels(self) -> list[tuple[Pane, list[Part]]]:
        """The titles in full where there is room for all; else that of the open pane alone."""
        full = [(pane, self._label(pane, short=False)) for pane in self.panes]
        if sum(_width(label) for _, label in full) <= self.app.size.width + 1:
            return full
        return [(pane, self._label(pane, short=pane.id != self._open)) for pane in self.panes]

    def _label(self, pane: Pane, *, short: bool) -> list[Part]:
        is_open = pane.id == self._open
        title = pane.short if short else pane.title
        base = REVERSE if is_open else PLAIN
        left, right = ("[", "]") if is_open else (" ", " ")
        parts: list[Part] = [
            (left, base),
            (pane.key + " ", base if is_open else DIM),
        ]
        bad, questions = self._attention.get(pane.id, (0, 0))
        if bad:
            parts.append((title + " ", base))
            parts.append((f"{bad}{self.glyphs.bad}", base + STYLES["bad"]))
        elif questions:
            parts.append((title + " ", base))
            parts.append((f"{questions}{self.glyphs.unknown}", base + STYLES["warning"]))
        else:
            parts.append((title, base))
        return [*parts, (right, base)]

    def line(self, y: int) -> Strip:
        parts = [part for _, label in self._labels() for part in [*label, (" ", PLAIN)]]
        return strip_of(parts, self.size.width)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for pane, label in self._labels():
            at += _width(label)
            if event.x < at:
                self.post_message(self.Picked(pane.id))
                return


def _width(label: list[Part]) -> int:
    """How many columns a label takes, with the blank behind it."""
    return sum(len(text) for text, _ in label) + 1
