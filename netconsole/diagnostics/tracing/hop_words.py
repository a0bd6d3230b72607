"""A journey in words, hop by hop, for who reads it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.diagnostics.parts.journey import Hop, Journey, TracedRule

REPLIES: Final = {"answer": "an answer", "refusal": "a refusal", "error": "an error of ICMP"}
"""What came back, in words."""


@dataclass(frozen=True, slots=True)
class HopWords:
    """One hop that decides something."""

    hop: Hop
    place: str
    """The interface, or the table of the rule."""
    says: str
    """What happened there, in a line."""


def hop_words(journey: Journey, arrow: str = "→") -> Iterator[HopWords]:
    """Yield the hops that decide something, in their order.

    Jumps, and chains that let everything by, are only the way to what decides; but the rule of a
    group for the members of another one is told of.
    """
    for hop in journey.hops:
        if _decides(hop):
            yield HopWords(hop, _place(hop), _said(hop, journey, arrow))


def _decides(hop: Hop) -> bool:
    if hop.kind == "policy":
        return hop.ends
    if hop.kind != "rule" or not hop.verdict.startswith(("jump", "goto", "continue", "return")):
        return True
    owner = hop.rule.owner if hop.rule else None
    return owner is not None and owner.part == "group"  # a rule for the members of another one


def _place(hop: Hop) -> str:
    if hop.rule is None:
        return hop.interface
    return hop.rule.table_words.removeprefix("table ")


def _said(hop: Hop, journey: Journey, arrow: str) -> str:
    addresses = f"{hop.source} {arrow} {hop.destination}"
    match hop.kind:
        case "sent":
            what = journey.protocol + (f" port {journey.port}" if journey.port else "")
            return f"sent: {what}, {addresses}"
        case "arrived" | "left":
            reply = f"{REPLIES[hop.reply]}, " if hop.reply else ""
            return f"{hop.kind}: {reply}{addresses}"
        case _:
            return _rule(hop.rule, hop.verdict) if hop.rule else hop.verdict


def _rule(rule: TracedRule, verdict: str) -> str:
    whose = "ours" if rule.ours else "of others"
    owner = f"{rule.owner}; " if rule.owner else ""
    if rule.is_policy:
        return f"{owner}chain {rule.chain}, policy: {verdict}"
    where = f"rule {rule.position}" if rule.position else f"handle {rule.handle}"
    text = f": {rule.text}" if rule.text else ""
    return f"{owner}chain {rule.chain}, {where} ({whose}), {verdict}{text}"
