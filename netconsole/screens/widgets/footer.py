"""The footer: the keys that work here, the most useful first, help and quit always."""

from dataclasses import dataclass

from textual.strip import Strip

from netconsole.screens.rows.marks import BOLD, DIM, PLAIN
from netconsole.screens.widgets.surface import Part, Surface, strip_of


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and what it does; dimmed and in parentheses while it cannot be done."""

    key: str
    title: str
    possible: bool = True

    @property
    def parts(self) -> list[Part]:
        """As it is painted."""
        if not self.possible:
            return [(f"({self.key} {self.title})  ", DIM)]
        return [(self.key + " ", BOLD), (self.title + "  ", PLAIN)]

    @property
    def length(self) -> int:
        """In cells."""
        return sum(len(text) for text, _ in self.parts)


class Footer(Surface):
    """One line of hints; those that do not fit are left out from the end."""

    def __init__(self, reserved: tuple[Hint, ...]) -> None:
        super().__init__()
        self._reserved = reserved
        self._hints: tuple[Hint, ...] = ()

    def show(self, hints: tuple[Hint, ...]) -> None:
        """Take the hints, most useful first."""
        self._hints = hints
        self.repaint()

    def line(self, y: int) -> Strip:
        width = self.size.width
        room = width - 1 - sum(hint.length for hint in self._reserved)
        parts: list[Part] = [(" ", PLAIN)]
        for hint in self._hints:
            if hint.length > room:
                break
            room -= hint.length
            parts += hint.parts
        parts.append((" " * max(room, 0), PLAIN))
        for hint in self._reserved:
            parts += hint.parts
        return strip_of(parts, width)
