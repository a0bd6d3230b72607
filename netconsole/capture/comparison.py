"""What a capture says, as values: the counts, the ways between the points, and the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from netconsole.capture.durations import Times
from netconsole.capture.exchanges import Exchange, Question
from netconsole.capture.topology import Relation

Kind = Literal["nothing", "lost", "unseen", "changed", "complete"]
Confidence = Literal["high", "medium", "low"]

FEW = 5
"""Fewer packets than this prove little."""
ALTERED = ("payload", "checksum", "TTL", "source MAC", "destination MAC", "VLAN", "type of service")
TRANSLATED = ("source address", "destination address", "source port", "destination port")


@dataclass(frozen=True, slots=True)
class PointReport:
    """What was captured at one interface."""

    interface: str
    description: str
    packets: int
    dropped: int
    """By the kernel, because the capture did not keep up."""
    exchanges: tuple[Exchange, ...]

    @property
    def drop_share(self) -> float:
        """The part of the packets that the capture itself lost, 0 to 1."""
        return self.dropped / max(self.packets + self.dropped, 1)


@dataclass(frozen=True, slots=True)
class Way:
    """The packets on their way from one point to the other."""

    source: str
    target: str
    passed: int
    """Seen at both."""
    lost: int
    """Seen at the source and not at the target, where they should have been."""
    unseen: int
    """Seen at the target and not at the source, where they should have been before."""
    latency: Times
    examples: tuple[str, ...]
    """Some of the lost, in words."""

    @property
    def sent(self) -> int:
        """How many set out, as far as was seen."""
        return self.passed + self.lost


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The conclusion on two points."""

    kind: Kind
    confidence: Confidence
    sentence: str
    doubt: str
    """Why the confidence is not high; empty where it is."""


@dataclass(frozen=True, slots=True)
class PairReport:
    """Two points compared."""

    first: str
    second: str
    relation: Relation
    """What the first is to the second."""
    ways: tuple[Way, Way]
    changed: dict[str, int]
    """How many packets had each field changed on the way."""
    duplicates: int
    elsewhere: int
    """Seen at one point only and with no reason to come by the other."""
    undecided: int
    """Too near the beginning or the end of the capture."""
    verdict: Conclusion

    @property
    def only_at(self) -> tuple[int, int]:
        """How many packets were seen at one point only, of those that should be at both."""
        there, back = self.ways
        return there.lost + back.unseen, back.lost + there.unseen


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that a capture says."""

    seconds: float
    points: tuple[PointReport, ...]
    pairs: tuple[PairReport, ...]

    @property
    def lossy(self) -> bool:
        """Whether packets got lost between any two points."""
        return any(pair.verdict.kind == "lost" for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class FollowedQuestion:
    """One question, as each interface saw it."""

    at: int
    """When it was first seen, in nanoseconds since 1970."""
    seen: tuple[Question | None, ...]
    """For each interface, in their order; None where it did not come by."""

    @property
    def question(self) -> Question:
        """Return it as it was seen first in the order of the interfaces."""
        return next(each for each in self.seen if each is not None)

    @property
    def outcome(self) -> str:
        """How it was answered, anywhere; empty where it was not."""
        return next((each.outcome for each in self.seen if each and each.outcome), "")


@dataclass(frozen=True, slots=True)
class Progress:
    """How a capture stands."""

    at: int
    """Nanoseconds since 1970."""
    comparison: Comparison
    """What is decided by now: what was seen in the last seconds may yet find its partner."""
    rates: tuple[float, ...]
    """Packets a second that each interface had lately."""
    asked: tuple[FollowedQuestion, ...]
    """The latest questions to DNS, by time."""


def conclude(
    points: tuple[PointReport, PointReport],
    relation: Relation,
    ways: tuple[Way, Way],
    changed: dict[str, int],
    elsewhere: int,
    *,
    timed: bool,
) -> Conclusion:
    """Draw the conclusion on two points; `timed`: when both were captured is known."""
    kind = _kind(ways, changed)
    confidence, doubt = _confidence(kind, points, relation, ways, timed=timed)
    sentence = {
        "nothing": _nothing(points),
        "lost": " ".join(_lost(way) for way in ways if way.lost),
        "unseen": " ".join(_unseen(way) for way in ways if way.unseen),
        "changed": f"{_complete(ways)} {_changed(changed)}",
        "complete": _complete(ways),
    }[kind]
    if kind == "lost":
        sentence += "".join(f" {_complete((way,))}" for way in ways if not way.lost and way.passed)
    if elsewhere:
        stood = "packet was" if elsewhere == 1 else "packets were"
        sentence += f" {elsewhere} {stood} not meant to come by the other interface."
    return Conclusion(kind, confidence, sentence, doubt)


def _kind(ways: tuple[Way, Way], changed: dict[str, int]) -> Kind:
    if any(way.lost for way in ways):
        return "lost"
    if any(way.unseen for way in ways):
        return "unseen"
    if not any(way.passed for way in ways):
        return "nothing"
    return "changed" if any(name in changed for name in ALTERED + TRANSLATED) else "complete"


def _confidence(
    kind: Kind,
    points: tuple[PointReport, PointReport],
    relation: Relation,
    ways: tuple[Way, Way],
    *,
    timed: bool,
) -> tuple[Confidence, str]:
    """Return how sure the conclusion is: what the capture itself lost cannot prove an absence."""
    drops = [
        f"{_percent(point.drop_share)} of the packets on {point.interface}"
        for point in points
        if point.dropped
    ]
    sent = sum(way.sent + way.unseen for way in ways)
    missing = sum(way.lost + way.unseen for way in ways)
    if drops:
        doubt = f"The capture itself lost {' and '.join(drops)}: absence is not proof."
        share = max(point.drop_share for point in points)
        return ("medium" if missing > 2 * share * sent else "low"), doubt
    if kind == "nothing":
        return "low", "Without packets there is nothing to compare."
    if relation == "apart" and missing:
        return "low", "How the two interfaces lie to each other is not known."
    if missing and not timed:
        return "medium", "The file does not say when the capture of each interface began and ended."
    if sent < FEW:
        return "medium", f"{sent} {_packets(sent)} prove little."
    return "high", ""


def _nothing(points: tuple[PointReport, PointReport]) -> str:
    seen = [point for point in points if point.packets]
    names = f"{points[0].interface} and {points[1].interface}"
    if not seen:
        return f"No packet of this kind was seen on {names}."
    return f"No packet that should pass both {names} was seen."


def _lost(way: Way) -> str:
    return (
        f"{way.lost} of {way.sent} {_packets(way.sent)} from {way.source} to {way.target} "
        f"got lost: seen on {way.source}, not on {way.target}."
    )


def _unseen(way: Way) -> str:
    return (
        f"{way.unseen} {_packets(way.unseen)} on {way.target} should have come by {way.source} "
        "and were not seen there: another path, or a loss of the capture."
    )


def _complete(ways: Sequence[Way]) -> str:
    parts = [
        f"{way.passed} {_packets(way.passed)} from {way.source} to {way.target}"
        for way in ways
        if way.passed
    ]
    one = len(parts) == 1 and sum(way.passed for way in ways) == 1
    return f"{' and '.join(parts)} arrived{'' if one else ', all of them'}." if parts else ""


def _changed(changed: dict[str, int]) -> str:
    fields = [f"{name} ({number})" for name, number in changed.items() if name != "routed"]
    return f"Changed on the way: {', '.join(fields)}."


def _packets(number: int) -> str:
    return "packet" if number == 1 else "packets"


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %" if share >= 0.01 else "less than 1 %"
