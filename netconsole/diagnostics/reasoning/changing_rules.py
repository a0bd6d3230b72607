"""Rules of others that a packet met and that may have changed it. Pure."""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.filtering.matches import ANYTHING, RuleReading, read_iptables
from netconsole.backend.filtering.nft_matches import read_nft
from netconsole.diagnostics.parts.journey import Hop, Journey, TracedRule

_DIVERTING: Final = frozenset({"DNAT", "NETMAP", "REDIRECT"})
"""Translations that lead a packet to somebody else (iptables-extensions(8))."""
_STOLEN: Final = "stolen"
"""What the kernel's trace says where a rule has a packet sent out by itself, as `fwd to` does at
ingress (nft(8), packet duplication)."""


def changing(journey: Journey) -> Iterator[TracedRule]:
    """Yield those that let it go on, as one that takes it out of connection tracking does, or
    translate it, or send it out by an interface themselves."""
    for hop, rule in _of_others(journey):
        if hop.verdict in ("continue", _STOLEN) or _translation(hop, rule):
            yield rule


def diverting(journey: Journey) -> TracedRule | None:
    """Return the one that gave it another destination, or another interface to leave by; None where
    none did."""
    found = (
        rule
        for hop, rule in _of_others(journey)
        if hop.verdict == _STOLEN or _translation(hop, rule) in _DIVERTING
    )
    return next(found, None)


def _of_others(journey: Journey) -> Iterator[tuple[Hop, TracedRule]]:
    for hop in journey.hops:
        if hop.rule is not None and not hop.rule.ours and hop.rule.text:
            yield hop, hop.rule


def _translation(hop: Hop, rule: TracedRule) -> str:
    """Return what kind of translation it is, as iptables has it; empty where it is none."""
    found = _read(rule)
    return found.aim if hop.verdict == "accept" and found.action == "translate" else ""


def _read(rule: TracedRule) -> RuleReading:
    read = read_nft if rule.listed_by == "nft" else read_iptables
    return read(rule.text, ANYTHING)
