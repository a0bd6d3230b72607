"""Page: what every screen of the console has: header, bar, footer, and a floor on its size."""

from typing import Generic, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.strip import Strip
from textual.widget import Widget

from netconsole.screens.pages.console import Console
from netconsole.screens.panes.live import View
from netconsole.screens.rows.marks import BOLD, DIM, PLAIN
from netconsole.screens.toolkit import TerminalScreen
from netconsole.screens.widgets.bar import Bar
from netconsole.screens.widgets.footer import Footer, Hint
from netconsole.screens.widgets.header import Header
from netconsole.screens.widgets.surface import Surface, fit, strip_of

Result = TypeVar("Result")

LEAST_WIDTH, LEAST_HEIGHT = 60, 15
WIDE = 226
"""From so many columns on a row's description stands beside its table, which keeps every column:
a terminal that grows must never show less."""


class Heading(Surface):
    """The title of a page, with the way back on the right."""

    def __init__(self, title: str, way_back: str, ellipsis: str) -> None:
        super().__init__()
        self._title = title
        self._ellipsis = ellipsis
        self._way_back = way_back

    def line(self, y: int) -> Strip:
        room = max(self.size.width - len(self._way_back) - 2, 0)
        title = fit(f" {self._title}", room, self._ellipsis)
        return strip_of([(title, BOLD), (f" {self._way_back}", DIM)], self.size.width)


class TooSmall(Surface):
    """Stands in for a page where the terminal is too small for it."""

    def line(self, y: int) -> Strip:
        size = self.app.size
        said = (
            f"The terminal is {size.width}x{size.height}.",
            f"Please make it {LEAST_WIDTH}x{LEAST_HEIGHT} or larger.",
            "q quits.",
        )
        return strip_of([(said[y] if y < len(said) else "", PLAIN)], self.size.width)


class Page(TerminalScreen[Result], Generic[Result]):
    """Base of the screens. A subclass gives the body; the focus returns to its first widget."""

    def __init__(self, console: Console, title: str = "", way_back: str = "esc goes back ") -> None:
        super().__init__(console)
        self.console = console
        self.ready = False
        self.header = Header(console.glyphs, console.door.read_only_because)
        self.heading = Heading(title, way_back, console.glyphs.ellipsis)
        self.bar = Bar(console.glyphs)
        self.footer = Footer((Hint("?", "help"), Hint("q", "quit")))

    @property
    def takes_keys(self) -> bool:
        """Whether a key that is typed by now means what it does on this page."""
        return self.ready

    def body(self) -> tuple[Widget, ...]:
        """Return the widgets between header and bar; the first that can have the focus gets it."""
        return ()

    def compose(self) -> ComposeResult:
        with Vertical(id="page"):
            yield self.header
            yield from self.body()
            yield self.bar
            yield self.footer
        yield TooSmall()

    def on_mount(self) -> None:
        # Textual has called the subclass's own `on_mount` before this one.
        self.header.show(self.console.picture, self.console.error)
        self.ready = True
        self.console.call_later(self.console.type_ahead)

    async def type_key(self, event: events.Key) -> None:
        """Act on a key at once, so that the next one finds the focus where this one put it."""
        focused = self.focused
        if isinstance(focused, Bar) and focused.typing:
            focused.type_key(event)
        elif not await self.console.act_on(event.key):
            self.unbound(event.key)

    def unbound(self, key: str) -> None:
        """A key does nothing here; a page may say why."""

    def on_resize(self) -> None:
        if self.focused is None:
            self.call_after_refresh(self.focus_body)

    def focus_body(self) -> None:
        """Give the focus to the first widget of the body that takes it."""
        widget = next((widget for widget in self.body() if widget.can_focus), None)
        if widget is not None:
            self.set_focus(widget)

    def show_picture(self, picture: View | None, error: str) -> None:
        """Take a new look at the host, also while another page lies on top."""
        self.header.show(picture, error)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        self.console.open_help()

    def action_quit(self) -> None:
        self.console.quit()
