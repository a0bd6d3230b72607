"""The header: which host, whether it may be changed, and whether it is well."""

from textual.strip import Strip

from netconsole.backend.status import Status
from netconsole.screens.marks import BADGE, BOLD, DIM, PLAIN, STYLES, Glyphs
from netconsole.screens.widgets.surface import Part, Surface, strip_of


def _length(parts: list[Part]) -> int:
    return sum(len(text) for text, _ in parts)


class Header(Surface):
    """One line. The badge comes first and is never left out, whatever the width."""

    def __init__(self, glyphs: Glyphs, read_only_because: str | None) -> None:
        super().__init__()
        self.glyphs = glyphs
        self.read_only_because = read_only_because
        self._status: Status | None = None
        self._problems = 0
        self._error = ""

    def show(self, status: Status | None, problems: int, error: str) -> None:
        """Take the latest status, and the error of the latest attempt if it failed."""
        self._status, self._problems, self._error = status, problems, error
        self.repaint()

    def line(self, y: int) -> Strip:
        width = self.size.width
        left = self._badge(full=False)
        right = self._health()
        host = self._host()
        full = self._badge(full=True)
        if _length(full) + _length(right) <= width:
            left = full
        elif self.read_only_because:
            room = width - _length(right) - _length(left) - 2
            if room > 8:
                reason = self.read_only_because[: room - 1] + self.glyphs.ellipsis
                left = [*left, (f"{reason} ", PLAIN)]
        if _length(left) + _length(host) + _length(right) <= width:
            left = [*left, *host]
        gap = max(width - _length(left) - _length(right), 1)
        return strip_of([*left, (" " * gap, PLAIN), *right], width)

    def _badge(self, *, full: bool) -> list[Part]:
        if self.read_only_because is None:
            return [(" netconsole ", BOLD)]
        parts: list[Part] = [(" READ-ONLY ", BADGE), (" ", PLAIN)]
        return [*parts, (f"{self.read_only_because} ", PLAIN)] if full else parts

    def _host(self) -> list[Part]:
        if self._status is None:
            return []
        host = self._status.host
        address = f"{host.my_ip} " if host.my_ip else ""
        return [
            (f"{self.glyphs.bar} ", DIM),
            (host.name + " ", BOLD),
            (f"{address}on {host.public_interface} ", PLAIN),
        ]

    def _health(self) -> list[Part]:
        glyphs = self.glyphs
        if self._error:
            return [(f"not current {glyphs.bad} ", STYLES["bad"])]
        if self._status is None:
            return [("looking at the host ", DIM)]
        drift, wrong = len(self._status.drift), self._problems
        drifted = _count("drift", drift, glyphs.differs, glyphs.ok)
        if self._status.host.unreadable and not drift:
            drifted = f"drift unknown {glyphs.unknown}", STYLES["warning"]
        return [
            drifted,
            ("  ", PLAIN),
            _count("problems", wrong, glyphs.bad, glyphs.ok),
            (" ", PLAIN),
        ]


def _count(word: str, count: int, bad: str, good: str) -> Part:
    if count:
        return f"{word} {count} {bad}", STYLES["bad"]
    return f"{word} 0 {good}", STYLES["good"]
