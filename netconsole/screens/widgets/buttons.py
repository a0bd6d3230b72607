"""Buttons: a line of choices of which the first and safest is chosen to begin with."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from netconsole.screens.rows.marks import DIM, PLAIN, REVERSE, Glyphs
from netconsole.screens.widgets.surface import Part, Surface, strip_of


class Buttons(Surface, can_focus=True):
    """One line of buttons; left, right and tab move, enter presses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h,shift+tab", "move(-1)", show=False),
        Binding("right,l,tab", "move(1)", show=False),
        Binding("enter", "press", show=False),
    ]

    class Pressed(Message):
        """A button was pressed."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, labels: tuple[str, ...], glyphs: Glyphs, escape: str = "cancels") -> None:
        """`escape` says what esc does."""
        super().__init__()
        self._hint = f"tab chooses, enter presses, esc {escape}"
        self.glyphs = glyphs
        self._labels = labels
        self._chosen = 0

    def set_labels(self, labels: tuple[str, ...]) -> None:
        """Offer other choices; as far as there are so many, the same place stays chosen."""
        self._labels, self._chosen = labels, min(self._chosen, len(labels) - 1)
        self.repaint()

    def choose_first(self) -> None:
        """Choose what is safest again."""
        self._chosen = 0
        self.repaint()

    def action_move(self, by: int) -> None:
        self._chosen = (self._chosen + by) % len(self._labels)
        self.repaint()

    def action_press(self) -> None:
        self.post_message(self.Pressed(self._chosen))

    def _label(self, index: int) -> str:
        mark = self.glyphs.cursor if index == self._chosen else " "
        return f"{mark}[ {self._labels[index]} ] "

    def line(self, y: int) -> Strip:
        parts: list[Part] = []
        for index in range(len(self._labels)):
            parts += [
                (self._label(index), REVERSE if index == self._chosen else PLAIN),
                ("  ", PLAIN),
            ]
        parts.append((self._hint, DIM))
        return strip_of(parts, self.size.width)

    def on_click(self, event: events.Click) -> None:
        at = 0
        for index in range(len(self._labels)):
            at += len(self._label(index)) + 2
            if event.x < at:
                self._chosen = index
                self.action_press()
                return
