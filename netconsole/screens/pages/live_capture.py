"""Live capture: what passes several interfaces now, and what is lost between them."""

import threading
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.strip import Strip
from textual.widget import Widget

from netconsole.backend.model.phrases import count
from netconsole.capture.comparison import Comparison, Progress
from netconsole.capture.kept import Kept
from netconsole.diagnostics.probes.live_capture import CaptureRequest
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.dialogs import WAYS, said
from netconsole.screens.pages.page import Page
from netconsole.screens.texts.capture import Shown, laid_out
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.surface import Part, Surface, strip_of


class CaptureView(Surface, can_focus=True):
    """A picture of a capture, laid out anew for every size."""

    DEFAULT_CSS = """
    CaptureView { height: 1fr; }
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._glyphs = console.glyphs
        self._shown: Shown | None = None
        self._lines: list[list[Part]] = []

    def show(self, shown: Shown) -> None:
        """Show another picture."""
        self._shown = shown
        self.on_resize()

    def on_resize(self) -> None:
        if self._shown is not None:
            self._lines = laid_out(self._shown, *self.size, self._glyphs)
        self.repaint()

    @property
    def text(self) -> str:
        """The lines as they are copied."""
        lines = ("".join(text for text, _ in parts).rstrip() for parts in self._lines)
        return "".join(f"{line}\n" for line in lines)

    def line(self, y: int) -> Strip:
        return strip_of(self._lines[y] if y < len(self._lines) else (), self.size.width)


class LiveCapturePage(Page[Exception], inherit_bindings=False):
    """Captures until it is left; its result is the error if it could not begin."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *WAYS,
        Binding("p", "pause", show=False),
        Binding("s", "save", show=False),
        Binding("y", "copy", show=False),
    ]

    def __init__(self, console: Console, request: CaptureRequest) -> None:
        which = request.expression or "every packet"
        super().__init__(console, f"Capture: {which}", "esc ends it and goes back ")
        self._request = request
        self._left = threading.Event()
        self._kept = Kept()
        self._latest: Progress | None = None
        self._told = False
        self._began = 0
        self._paused = False
        self._ended = ""
        self.view = CaptureView(console)

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.view)

    def on_mount(self) -> None:
        self.view.take_focus()
        self._hints()
        self.bar.say("the capture begins")
        capture, request, sinks = self.console.door.capture, self._request, (self._kept,)
        self.console.in_background(
            lambda: capture(request, cancel=self._left, progress=self._heard, sinks=sinks),
            self._over,
        )

    def on_unmount(self) -> None:
        self._left.set()

    def _hints(self) -> None:
        going = [] if self._ended else [Hint("p", "go on" if self._paused else "pause")]
        saving = [Hint("s", "save")] if self.console.access.may_save else []
        self.footer.show((*going, *saving, Hint("y", "copy"), Hint("esc", "end")))

    # What is heard from the thread that captures

    def _heard(self, progress: Progress) -> None:
        """Called there. At most one message waits, so that a slow terminal piles up nothing."""
        self._latest = progress
        if not self._told:
            self._told = True
            self.console.tell(self._show)

    def _show(self) -> None:
        self._told = False
        progress = self._latest
        if progress is None or self._left.is_set():
            return
        if not self._began:
            self._began = progress.at
            self.bar.say("")
        self._chips(progress)
        if not self._paused:
            packets = tuple(self._kept.latest(self.view.size.height))
            self.view.show(Shown(progress, packets))

    def _chips(self, progress: Progress) -> None:
        seconds = (progress.at - self._began) // 1_000_000_000
        minutes, second = divmod(seconds, 60)
        state = "ended" if self._ended else "paused" if self._paused else "capturing"
        self.bar.chips(f"{state} {minutes // 60}:{minutes % 60:02}:{second:02}")

    def _over(self, result: Comparison | Exception) -> None:
        if self._left.is_set():
            return
        if isinstance(result, Exception) and self._latest is None and self.is_current:
            self.dismiss(result)
            return
        self._ended = said(result) if isinstance(result, Exception) else "the capture has ended"
        self.bar.say(self._ended, "bad")
        self._hints()
        self._show()

    # Keys

    def action_pause(self) -> None:
        if not self._ended:
            self._paused = not self._paused
            self._hints()
            self._show()

    def action_copy(self) -> None:
        self.bar.say(self.console.copy(self.view.text))

    def action_save(self) -> None:
        if not self.console.access.may_save:
            self.bar.say("read-only: no file is written", "warning")
            return
        if self._latest is None:
            return
        suggested = Path.home() / f"capture-{datetime.now():%Y%m%d-%H%M%S}.pcapng"
        hint = "a new file, for pcapng; enter saves, esc does not"
        self.bar.type_text("save as: ", hint, str(suggested), self._path_typed)

    def _path_typed(self, text: str, done: bool) -> None:
        if done:
            self.view.take_focus()
            if text.strip():
                self._save(Path(text.strip()))

    def _save(self, path: Path) -> None:
        latest = self._latest
        if latest is None:
            return
        dropped = [point.dropped for point in latest.comparison.points]
        kept = self._kept

        def done(result: int | Exception) -> None:
            if isinstance(result, Exception):
                self.bar.say(said(result), "bad")
                return
            some = "the latest " if result == kept.most else ""
            written = f"{path}: {some}{count(result, 'packet')}, readable by its owner only"
            self.bar.say(written, "good")

        self.bar.say(f"saving {path}")
        self.console.in_background(lambda: kept.save(path.expanduser(), dropped), done)
