"""Moving: the keys and the wheel that go up and down, the same in whatever is gone through."""

from typing import Final

from textual.binding import Binding, BindingType

from netconsole.screens.widgets.surface import Surface

WHEEL: Final = 3
"""Lines for one notch."""


def moving_keys(action: str = "{movement}({by})") -> list[BindingType]:
    """Return the keys that move, bound to an action of this shape."""
    return [
        Binding(keys, action.format(movement=movement, by=by), show=False)
        for keys, movement, by in (
            ("up,k", "move", -1),
            ("down,j", "move", 1),
            ("pageup,ctrl+u", "page", -1),
            ("pagedown,ctrl+d,space", "page", 1),
            ("home,g", "edge", -1),
            ("end,G", "edge", 1),
        )
    ]


class Moving(Surface):
    """A surface with a place in what it shows; a subclass knows the place and how to go to one."""

    @property
    def _place(self) -> int:
        raise TypeError(f"{type(self).__name__} must say where it is")

    @property
    def _last(self) -> int:
        raise TypeError(f"{type(self).__name__} must say where it ends")

    def _go(self, to: int) -> None:
        """Go there, or as far as there is something."""
        raise TypeError(f"{type(self).__name__} must say how to go to {to}")

    def action_move(self, by: int) -> None:
        self._go(self._place + by)

    def action_page(self, direction: int) -> None:
        self._go(self._place + direction * max(self.size.height - 2, 1))

    def action_edge(self, direction: int) -> None:
        self._go(0 if direction < 0 else self._last)

    def on_mouse_scroll_down(self) -> None:
        self._go(self._place + WHEEL)

    def on_mouse_scroll_up(self) -> None:
        self._go(self._place - WHEEL)
