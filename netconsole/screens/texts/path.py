"""A packet's path as it is shown: between whom, hop by hop, and each hop to read. Pure."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.backend.survey.status import Status
from netconsole.diagnostics.parts.journey import Hop, Journey
from netconsole.diagnostics.tracing.asked import AskedTrace, asked_trace
from netconsole.diagnostics.tracing.ends import HOST, OUTSIDE
from netconsole.diagnostics.tracing.hop_words import REPLIES, HopWords, hop_words
from netconsole.screens.rows.marks import STYLES, Glyphs, Tone
from netconsole.screens.rows.pane import Column, Entry, Row, command, heading

COLUMNS: Final = (
    Column("way", 5),
    Column("where", 17),
    Column("state", 8, state=True),
    Column("what happened", 24, grows=True),
)
END_COLUMNS: Final = (
    Column("name", 16),
    Column("address", 15, "address"),
    Column("what it is", 30, grows=True),
)


@dataclass(frozen=True, slots=True)
class PathEnd:
    """One end of a path."""

    address: str
    """As it is asked for: an address, or a word for one."""
    name: str = ""
    """Of the instance."""

    def __str__(self) -> str:
        return f"{self.name} {self.address}".strip()


OUTER: Final = PathEnd(OUTSIDE)


@dataclass(frozen=True, slots=True)
class PathSubject:
    """What a path is looked at for."""

    end: PathEnd
    receives: bool = False
    """Whether it is sent to, as at first a floating address is; it sends itself otherwise."""

    def asked(self, other: PathEnd, packet: str) -> AskedTrace:
        """Return what is to be traced, by the words of a packet. Raises InvalidValue."""
        own, words = self.end.address, packet.split()
        sender, to = (other.address, own) if self.receives else (own, other.address)
        return asked_trace(sender, "" if words == ["dhcp"] else to, words)


def other_ends(subject: PathSubject, status: Status) -> Iterator[tuple[Row, PathEnd]]:
    """Yield who may be at the other end, each as a row to choose."""
    yield _choice(OUTER, "the router beyond the uplink")
    own = next((a for a in status.allocations if a.address == subject.end.address), None)
    for network in status.networks:
        if own is not None and network.label == own.network and network.gateway:
            yield _choice(PathEnd(network.gateway), f"gateway of {network.label}")
    yield _choice(PathEnd(HOST), "this host itself")
    for each in status.allocations:
        if each.instance and each.address != subject.end.address:
            end = PathEnd(each.address, each.instance)
            yield _choice(end, f"instance on {each.network}")


def _choice(end: PathEnd, says: str) -> tuple[Row, PathEnd]:
    name = end.name or (end.address if end.address in (OUTSIDE, HOST) else "-")
    address = "-" if end.address == name else end.address
    return Row(key=end.address, cells=(name, address, says)), end


def path_rows(journey: Journey, glyphs: Glyphs) -> tuple[Row, ...]:
    """Return a row for each hop that decides something; its key is its number in the path."""
    return tuple(
        Row(
            key=str(number),
            cells=(each.hop.way, each.place, _state(each.hop, glyphs), _what(each.hop, glyphs)),
            tone=_tone(each.hop),
            attention=each.hop.ends,
        )
        for number, each in enumerate(hop_words(journey, glyphs.arrow))
    )


def _what(hop: Hop, glyphs: Glyphs) -> str:
    """What a row has room for: what a rule is there for, or else its words."""
    rule = hop.rule
    if rule is None:
        reply = f"{REPLIES[hop.reply]}, " if hop.reply else ""
        return f"{reply}{hop.source} {glyphs.arrow} {hop.destination}"
    if rule.owner is not None:
        return str(rule.owner)
    unnumbered = "the policy" if rule.is_policy else "a rule"
    place = f"rule {rule.position}" if rule.position else unnumbered
    whose = "" if rule.ours else ", of others"
    text = f": {rule.text}" if rule.text else ""
    return f"{place} of {rule.chain}{whose}{text}"


def _state(hop: Hop, glyphs: Glyphs) -> str:
    if hop.ends:
        return f"drop {glyphs.bad}"
    if hop.kind in ("rule", "policy"):
        return hop.verdict.partition(" ")[0]
    return hop.kind


def _tone(hop: Hop) -> Tone:
    if hop.ends:
        return "bad"
    return "good" if hop.verdict == "accept" else "plain"


def decisive_key(journey: Journey) -> str:
    """Return the key of the row to begin at: where it ended, or the first where it got through."""
    shown = tuple(hop_words(journey))
    dropped = (number for number, each in enumerate(shown) if each.hop.ends)
    last = 0 if journey.reached else max(len(shown) - 1, 0)
    return str(next(dropped, last))


def ending_entries(journey: Journey, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return where it ended, in a sentence, what to type next, and the unseen."""
    good = journey.reached
    sign, tone = (glyphs.ok, STYLES["good"]) if good else (glyphs.bad, STYLES["bad"])
    said = f"{sign} {'reached' if good else 'ended'}: {journey.because}"
    unseen = (Entry(f"not seen: {each}", STYLES["warning"], hanging=2) for each in journey.unseen)
    following = (Entry(f"next: {journey.remedy}", hanging=2),) if journey.remedy else ()
    return (Entry(said, tone, hanging=2), *following, *unseen)


def path_entries(journey: Journey, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return the whole path as a text, to be copied."""
    hops = (
        Entry(f"{each.hop.way:5} {each.place:17} {_state(each.hop, glyphs):8} {each.says}")
        for each in hop_words(journey, glyphs.arrow)
    )
    return (*hops, Entry(), *ending_entries(journey, glyphs))


def hop_entries(journey: Journey, key: str, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return everything about the hop whose row has this key."""
    each = tuple(hop_words(journey, glyphs.arrow))[int(key)]
    hop = each.hop
    ended = not journey.reached and key == decisive_key(journey)
    return (
        Entry("on its way there" if hop.way == "there" else "on its way back", label="way"),
        Entry(hop.interface or "not known", label="sender" if hop.kind == "sent" else "interface"),
        Entry(f"{hop.source or '?'} {glyphs.arrow} {hop.destination or '?'}", label="addresses"),
        Entry(each.says, label="what happened"),
        *((Entry(journey.because, STYLES["bad"], label="here it ended"),) if ended else ()),
        *_rule_entries(each),
    )


def _rule_entries(each: HopWords) -> Iterator[Entry]:
    rule = each.hop.rule
    if rule is None:
        return
    yield Entry(each.hop.verdict, label="the rule says")
    yield Entry("netconsole's" if rule.ours else "another program's", label="whose")
    if rule.owner is not None:
        yield Entry(str(rule.owner), label="for")
    yield Entry(rule.table_words.removeprefix("table "), label="table")
    yield Entry(rule.chain, label="chain")
    if not rule.is_policy:
        handle = f"handle {rule.handle}" if rule.handle else ""
        place = f"rule {rule.position}" if rule.position else ""
        yield Entry(", ".join(filter(None, (place, handle))), label="place")
    if each.hop.counted:
        yield Entry(f"its counter rose by {each.hop.counted} meanwhile", label="known by")
    if rule.text:
        yield Entry()
        yield heading(f"The rule, as {rule.listed_by} lists it")
        yield Entry(rule.text)
    yield Entry()
    yield heading("To see it among the others")
    yield command(shlex.join(rule.listing))
