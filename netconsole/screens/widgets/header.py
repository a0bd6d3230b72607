"""The header: which host, whether it may be changed, and whether it is well."""

from textual.strip import Strip

from netconsole.screens.panes.live import View
from netconsole.screens.rows.marks import BADGE, BOLD, DIM, PLAIN, STYLES, Glyphs
from netconsole.screens.widgets.surface import Part, Surface, fit, strip_of


def _length(parts: list[Part]) -> int:
    return sum(len(text) for text, _ in parts)


class Header(Surface):
    """One line: badge, host, address, why it is read-only; without room the last goes first."""

    def __init__(self, glyphs: Glyphs, read_only_because: str | None) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.read_only_because = read_only_because
        self._picture: View | None = None
        self._error = ""

    def show(self, picture: View | None, error: str) -> None:
        """Take the latest picture, and the error of the latest attempt if it failed."""
        self._picture, self._error = picture, error
        self.repaint()

    def line(self, y: int) -> Strip:
        width = self.size.width
        left = self._badge()
        right = self._health()
        room = width - _length(left) - _length(right) - 1
        for parts in (self._host(), self._address(), self._reason()):
            if _length(parts) <= room:
                left = [*left, *parts]
                room -= _length(parts)
            elif parts and room > 10:
                text, style = parts[0]
                left.append((fit(text, room - 1, self.glyphs.ellipsis) + " ", style))
                break
            else:
                break
        gap = max(width - _length(left) - _length(right), 1)
        return strip_of([*left, (" " * gap, PLAIN), *right], width)

    def _badge(self) -> list[Part]:
        if self.read_only_because is None:
            return [(" netconsole ", BOLD)]
        return [(" READ-ONLY ", BADGE), (" ", PLAIN)]

    def _host(self) -> list[Part]:
        """The name alone: it is left out last, as whoever has many terminals open needs it most."""
        return [(f"{self._picture.status.host.name} ", BOLD)] if self._picture else []

    def _address(self) -> list[Part]:
        if self._picture is None:
            return []
        host = self._picture.status.host
        address = f"{host.my_ip} " if host.my_ip else ""
        return [(f"{address}on {host.public_interface} ", PLAIN)]

    def _reason(self) -> list[Part]:
        because = self.read_only_because
        return [(f"{self.glyphs.bar} {because} ", DIM)] if because else []

    def _health(self) -> list[Part]:
        glyphs = self.glyphs
        if self._error:
            return [(f"not current {glyphs.bad} ", STYLES["bad"])]
        if self._picture is None:
            return [("looking at the host ", DIM)]
        status = self._picture.status
        drifted = _count("drift", len(status.drift), glyphs.differs, glyphs.ok)
        if status.host.unreadable and not status.drift:
            drifted = f"drift unknown {glyphs.unknown}", STYLES["warning"]
        return [drifted, ("  ", PLAIN), self._problems(self._picture), (" ", PLAIN)]

    def _problems(self, picture: View) -> Part:
        """How many kinds of trouble there are; none is told before every check was made once."""
        wrong = sum(each.certain for each in picture.troubles)
        open_questions = len(picture.troubles) - wrong
        if wrong:
            return _count("problems", wrong, self.glyphs.bad, self.glyphs.ok)
        if picture.findings is None:
            return f"checking {self.glyphs.unknown}", STYLES["warning"]
        if open_questions:
            return f"problems 0 {self.glyphs.unknown}", STYLES["warning"]
        return _count("problems", 0, self.glyphs.bad, self.glyphs.ok)


def _count(word: str, count: int, bad: str, good: str) -> Part:
    if count:
        return f"{word} {count} {bad}", STYLES["bad"]
    return f"{word} 0 {good}", STYLES["good"]
