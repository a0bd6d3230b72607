"""Marks: the words and symbols that tell states apart without colour."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from rich.style import Style

from netconsole.diagnostics.model.finding import MARKS, Verdict

Tone = Literal["plain", "good", "warning", "bad", "quiet"]

STYLES: Mapping[Tone, Style] = {
    "plain": Style.null(),
    "good": Style(color="green"),
    "warning": Style(color="yellow"),
    "bad": Style(color="red", bold=True),
    "quiet": Style(dim=True),
}
"""Only the eight colours that every terminal has: the Linux console shows bright as normal."""

PLAIN = Style.null()
BOLD = Style(bold=True)
DIM = Style(dim=True)
REVERSE = Style(reverse=True)
BADGE = Style(bold=True, reverse=True)


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Every character beyond ASCII that the console draws."""

    ok: str = "✓"
    bad: str = "✗"
    differs: str = "≠"
    more: str = "+"
    free: str = "○"
    foreign: str = "·"
    unknown: str = "?"
    ascending: str = "▲"
    descending: str = "▼"
    cursor: str = "▌"
    ellipsis: str = "…"
    bar: str = "│"
    rule: str = "─"
    arrow: str = "→"
    into: str = "›"  # noqa: RUF001  no sign of comparison is meant
    """Between a place and one inside it."""


UNICODE = Glyphs()
ASCII = Glyphs(
    ok="*",
    bad="x",
    differs="!",
    free="o",
    foreign="-",
    ascending="^",
    descending="v",
    cursor=">",
    ellipsis="~",
    bar="|",
    rule="-",
    arrow="->",
    into=">",
)


def glyphs_for(environment: Mapping[str, str] = os.environ) -> Glyphs:
    """ASCII where the terminal's font (TERM=linux) or the locale has no more than that."""
    if environment.get("TERM", "") in ("linux", "vt100", "vt220", "dumb"):
        return ASCII
    locale = next(
        (value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environment.get(name))), ""
    )
    return UNICODE if "utf" in locale.lower().replace("-", "") else ASCII


_WORDS: Mapping[str, tuple[str, Tone]] = {
    "ok": ("ok", "good"),
    "present": ("ok", "good"),
    "running": ("ok", "good"),
    "up": ("ok", "good"),
    "leased": ("ok", "good"),
    "free": ("free", "plain"),
    "foreign": ("foreign", "quiet"),
    "reserved": ("free", "quiet"),
    "no lease": ("unknown", "warning"),
    "held": ("unknown", "warning"),
    "waiting": ("unknown", "warning"),
    "no carrier": ("unknown", "warning"),
    "no guest": ("unknown", "warning"),
    "silent": ("unknown", "warning"),
    "not here": ("foreign", "quiet"),
    "stopped": ("bad", "bad"),
    "releasing": ("unknown", "warning"),
    "drift": ("differs", "bad"),
    "missing": ("bad", "bad"),
    "down": ("bad", "bad"),
    "unplugged": ("bad", "bad"),
    "blocked": ("bad", "bad"),
    "orphan": ("more", "warning"),
    "duplicate": ("more", "bad"),
    "unexpected": ("more", "bad"),
    "stale": ("differs", "bad"),
    "unknown": ("unknown", "warning"),
}
_VERDICT_TONES: Mapping[Verdict, Tone] = {
    "ok": "good",
    "info": "plain",
    "warn": "warning",
    "fail": "bad",
    "unknown": "warning",
    "not-applicable": "quiet",
}


def mark(word: str, glyphs: Glyphs) -> str:
    """Return a state as its word and its symbol: `missing ✗`."""
    symbol, _ = _WORDS.get(word, ("unknown", "plain"))
    return f"{word} {getattr(glyphs, symbol)}"


def tone(word: str) -> Tone:
    """Return how loud a state is."""
    return _WORDS.get(word, ("unknown", "plain"))[1]


def verdict_mark(verdict: Verdict, glyphs: Glyphs) -> str:
    """Return a verdict as its word and its sign: `FAIL ✗`."""
    told = MARKS[verdict]
    return f"{told.word} {told.ascii_sign if glyphs == ASCII else told.sign}"


def verdict_tone(verdict: Verdict) -> Tone:
    """Return how loud a verdict is."""
    return _VERDICT_TONES[verdict]


def human_size(count: int) -> str:
    """Return a number of bytes in at most five characters, in powers of 1,000."""
    if count < 10_000:
        return str(count)
    value = float(count)
    for unit in ("k", "M", "G", "T", "P"):
        value /= 1000
        if value < 999.5:
            return f"{value:.1f}{unit}" if value < 99.95 else f"{value:.0f}{unit}"
    return f"{value:.0f}P"
