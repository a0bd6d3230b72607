"""What a capture shows, as lines for a size: the interfaces, the ways, DNS, the latest packets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.style import Style

from netconsole.capture.comparison import FollowedQuestion, PairReport, Progress, Way
from netconsole.capture.exchanges import PATIENCE_NS, Exchange, Question
from netconsole.capture.packet import Packet
from netconsole.capture.summary import clock, line
from netconsole.screens.rows.marks import BOLD, DIM, PLAIN, STYLES, Glyphs
from netconsole.screens.rows.pane import Entry
from netconsole.screens.widgets.lines import wrapped
from netconsole.screens.widgets.surface import Part, fit

Line = list[Part]

_TALL = 30
"""From so many lines on there is room for more than the figures."""
_NAME = 15
_LATENCY = 10
_CLIENT = 15
_BEFORE = 8 + 1 + 1 + _CLIENT
"""What stands beside a question: when it was asked, and who did."""
_LEAST_QUESTION = 18
_LEAST_DNS = 3
_LEAST_BELOW = 9
"""Lines left to DNS and packets before sentences take any."""
_SLOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to show."""

    progress: Progress
    packets: tuple[tuple[str, Packet], ...]
    """The latest, by time."""


def laid_out(shown: Shown, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """Return the lines, no more than there is room for."""
    width -= 2
    tall = height >= _TALL
    top = [*_interfaces(shown, width), *_ways(shown, width, glyphs, tall=tall)]
    top += list(_verdicts(shown, width, tall=tall))[: max(height - len(top) - _LEAST_BELOW, 0)]
    room = height - len(top) - tall
    asked = shown.progress.asked
    bottom: list[Line] = []
    if asked:
        part = min(len(asked), max(_LEAST_DNS, room // 2 - 2))
        bottom += _questions(shown.progress, asked[-part:], width, glyphs)
        bottom += [[]] if tall else []
    bottom.append([(fit("Latest packets", width), BOLD)])
    left = max(room - len(bottom), 0)
    for packet in shown.packets[-left:] if left else ():
        bottom.append([(fit(_packet(shown, *packet), width, glyphs.ellipsis), PLAIN)])
    if not shown.packets:
        bottom.append([(fit("No packet of this kind yet.", width), DIM)])
    whole = [*top, *([[]] if tall else []), *bottom]
    return [[(" ", PLAIN), *parts] for parts in whole[:height]]


def _packet(shown: Shown, name: str, packet: Packet) -> str:
    longest = max(len(point.interface) for point in shown.progress.comparison.points)
    return line(f"{name:{longest}}", packet, digits=3)


def _interfaces(shown: Shown, width: int) -> Iterator[Line]:
    titles = f"{'interface':{_NAME}} {'frames':>10} {'a second':>9} {'kernel drops':>12}"
    yield [(fit(titles, width), BOLD)]
    progress = shown.progress
    for point, rate in zip(progress.comparison.points, progress.rates, strict=True):
        figures = f"{fit(point.interface, _NAME)} {point.packets:>10} {rate:>9.0f} "
        drops = f"{point.dropped:>12}"
        left = max(width - len(figures) - len(drops) - 2, 0)
        yield [
            (figures, PLAIN),
            (drops, STYLES["bad"] if point.dropped else PLAIN),
            (f"  {fit(point.description, left)}", DIM),
        ]


def _ways(shown: Shown, width: int, glyphs: Glyphs, *, tall: bool) -> Iterator[Line]:
    pairs = shown.progress.comparison.pairs
    if not pairs:
        return
    ways = [way for pair in pairs for way in pair.ways]
    name = min(max(len(_name(way)) for way in ways), width - 45)
    titles = f"{'at both':>9} {'lost':>7} {'unseen':>7} {'p50 ms':>9} {'p95 ms':>9}"
    if tall:
        yield []
    yield [(fit(f"{fit('on the way', name)} {titles}", width), BOLD)]
    for way in ways:
        yield [
            (f"{fit(_name(way), name, glyphs.ellipsis)} {way.passed:>9} ", PLAIN),
            (f"{way.lost:>7}", STYLES["bad"] if way.lost else PLAIN),
            (f" {way.unseen:>7}", STYLES["warning"] if way.unseen else PLAIN),
            (f" {_milliseconds(way.latency.p50_ms)} {_milliseconds(way.latency.p95_ms)}", PLAIN),
        ]


def _verdicts(shown: Shown, width: int, *, tall: bool) -> Iterator[Line]:
    comparison = shown.progress.comparison
    dropped = any(point.dropped for point in comparison.points)
    for pair in comparison.pairs:
        if tall or dropped or pair.verdict.kind in ("lost", "unseen"):
            yield from _verdict(pair, width)


def _name(way: Way) -> str:
    return f"{way.source} > {way.target}"


def _milliseconds(value: float | None) -> str:
    return f"{'-':>9}" if value is None else f"{value:>9.3f}"


def _verdict(pair: PairReport, width: int) -> Iterator[Line]:
    verdict = pair.verdict
    tone: Style = {"lost": STYLES["bad"], "unseen": STYLES["warning"], "nothing": DIM}.get(
        verdict.kind, STYLES["good"]
    )
    said = f"{verdict.sentence} {verdict.doubt}".strip()
    yield from wrapped(Entry(said, tone), width)


def _questions(
    progress: Progress, asked: Sequence[FollowedQuestion], width: int, glyphs: Glyphs
) -> Iterator[Line]:
    points = progress.comparison.points
    names = [point.interface for point in points]
    room = width - _BEFORE - _LEAST_QUESTION
    column = max(_LATENCY, *map(len, names))
    if (column + 1) * len(names) > room:
        column = _LATENCY
    names = names[: max(room // (column + 1), 1)]
    question = width - _BEFORE - (column + 1) * len(names)
    # Where most were seen: what was lost on its way to the others is missed only there.
    services = (
        (p.interface, each) for p in points for each in p.exchanges if each.service == "dns"
    )
    interface, most = max(services, key=lambda each: each[1].questions)
    summed = f"DNS at {interface}: {_summed(most)}"
    yield [(fit(summed, width, glyphs.ellipsis), BOLD)]
    columns = "".join(f" {fit(name, column, right=True)}" for name in names)
    yield [(f"{'asked':8} {fit('question', question)} {'client':{_CLIENT}}{columns}", DIM)]
    for each in asked:
        outcome = f" {each.outcome}" if each.outcome not in ("", "NOERROR") else ""
        what = fit(f"{each.question.what}{outcome}", question, glyphs.ellipsis)
        client = fit(each.question.client, _CLIENT, glyphs.ellipsis)
        parts: Line = [(f"{clock(each.at, 0)} {what} {client}", PLAIN)]
        for seen in each.seen[: len(names)]:
            text, style = _wait(each, seen, progress.at, glyphs)
            parts.append((f" {text:>{column}}", style))
        yield parts


def _summed(exchange: Exchange) -> str:
    said = (
        f"{exchange.answered} of {exchange.questions} answered, {exchange.lost} without an answer"
    )
    waits = exchange.waits
    if waits.p50_ms is None or waits.p95_ms is None:
        return said
    return f"{said}; p50 {waits.p50_ms:.1f} ms, p95 {waits.p95_ms:.1f} ms"


def _wait(asked: FollowedQuestion, seen: Question | None, now: int, glyphs: Glyphs) -> Part:
    """How long one interface saw a question wait for its answer."""
    if (seen is None or seen.seconds is None) and now - asked.at < PATIENCE_NS:
        return glyphs.ellipsis, DIM
    if seen is None:
        return "-", DIM
    if seen.seconds is None:
        return "no answer", STYLES["bad"]
    slow = seen.seconds >= _SLOW_SECONDS
    return f"{seen.seconds * 1000:.1f} ms", STYLES["warning"] if slow else PLAIN
