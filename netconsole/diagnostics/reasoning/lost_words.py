"""What is said of paths that are broken, in a sentence, in rows, and of what to do. Pure."""

import shlex
from collections.abc import Iterator
from typing import Final

from netconsole.backend.model.phrases import command, count
from netconsole.diagnostics.model.finding import Evidence
from netconsole.diagnostics.parts.journey import Journey, TracedRule
from netconsole.diagnostics.parts.journeys import Purpose
from netconsole.diagnostics.reasoning.changing_rules import changing
from netconsole.diagnostics.reasoning.lost_paths import LostPaths, in_words

_MOST_ROWS: Final = 6
_ANY_NAME: Final = "example.org"
"""One that is nobody's in particular (RFC 2606)."""


def sentence(found: LostPaths) -> str:
    """Say who does not reach whom, and where it ended."""
    first, *others = found.paths
    also = f" So it is with {count(len(others), 'other packet')} of guests." if others else ""
    said = first.journey.because
    if found.place.rule is None and (met := tuple(dict.fromkeys(changing(first.journey)))):
        told = ", ".join(f"`{each.text}` (table {each.family} {each.table})" for each in met[:2])
        said += f"; before that it met rules of others, which may change it: {told}"
    return f"{_AIMS[first.purpose].format(first.instance)}: {in_words(first)}: {said}.{also}"


_AIMS: Final[dict[Purpose, str]] = {
    "gateway": "{} does not reach its gateway",
    "lease": "{} gets no answer of DHCP",
    "names": "{} reaches no name server of its network",
    "metadata": "{} does not reach the metadata service",
    "servers": "This host reaches no name server that its dnsmasq asks",
    "world": "{} does not reach what is beyond this host",
    "floating": "{} is not reached by its floating address",
    "neighbour": "{} does not reach an instance of its own network",
}


def rows_of(found: LostPaths) -> Iterator[Evidence]:
    """Yield the rule that ended them, what they met before, and each of them."""
    rule = found.place.rule
    if rule is not None:
        what = "policy" if rule.is_policy else f"rule {rule.position}"
        where = f"chain {rule.chain} of {rule.table_words}"
        handle = f", handle {rule.handle}" if rule.handle else ""
        note = f"{where}{handle}, {'ours' if rule.ours else 'not ours'}"
        yield Evidence(what, rule.text or "drop", note=note)
    else:
        yield from map(_met, dict.fromkeys(changing(found.paths[0].journey)))
    for path in found.paths[:_MOST_ROWS]:
        yield Evidence(in_words(path), found.place.end, "answered", path.journey.because)
    if len(found.paths) > _MOST_ROWS:
        yield Evidence("more paths that end there", str(len(found.paths) - _MOST_ROWS))


def remedy_of(found: LostPaths) -> str:
    """Say what to look at next."""
    first = found.paths[0].journey
    aim = () if first.protocol == "dhcp" else ("--to", first.destination)
    again = command("trace", "--from", first.sender, *aim, *_packet(first))
    shown = f"{again} shows each step of it, before and after."
    rule = found.place.rule
    if rule is None:
        return f"Look at what is named there. {shown}"
    listed = shlex.join(rule.listing)
    return (
        f"The rule is not ours: `{listed}` shows it. Who made it has to take it away, or to accept "
        f"these packets before it. {shown}"
    )


def _packet(journey: Journey) -> tuple[str, ...]:
    """Return such a packet in the words of `netconsole trace`."""
    match journey.protocol:
        case "tcp" | "udp":
            return journey.protocol, str(journey.port)
        case "dns":
            return "dns", _ANY_NAME
        case _:
            return (journey.protocol,)


def _met(rule: TracedRule) -> Evidence:
    where = f"chain {rule.chain} of {rule.table_words}, not ours"
    return Evidence("met before", rule.text or f"handle {rule.handle}", note=where)
