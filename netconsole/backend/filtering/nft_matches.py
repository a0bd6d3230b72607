"""What a rule in the words of nft(8) asks of a packet, and where it sends it. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from netconsole.backend.filtering.matches import (
    TARGETS,
    TRANSLATIONS,
    Action,
    Aspect,
    Fit,
    Flow,
    RuleReading,
    all_fit,
    any_fits,
    is_interface,
    is_port,
    is_protocol,
    is_within,
    read_iptables,
)
from netconsole.backend.filtering.native_rules import is_native, native_text

WORD = re.compile(r'"[^"]*"|\{[^}]*\}|\S+')
"""One of a rule of nft(8): in quotes, or all that is in braces, or up to the next space."""
_TWO_WORDS = frozenset({"ct", "icmp", "ip", "ip6", "meta", "tcp", "th", "udp"})
_PROTOCOLS = frozenset({"icmp", "tcp", "udp"})
"""Whose headers a condition may ask for: whatever it asks, it fits packets of that alone."""
_OTHER_NAMES = {"iif": "iifname", "oif": "oifname", "ip protocol": "l4proto"}
_NAMING = frozenset({"iifname", "oifname", "ip saddr", "ip daddr"})
"""What names an interface or an address."""
_ASPECTS: Mapping[str, Aspect] = {
    "iifname": "into",
    "oifname": "out",
    "ip saddr": "source",
    "ip daddr": "destination",
    "ct state": "states",
    "ct status": "states",
}
_STATEMENTS = frozenset({"comment", "log", "counter", "notrack"})
"""Those that decide nothing."""
_HANDING = frozenset({"fwd", "queue", "synproxy", "tproxy"})
"""Those that hand a packet to somebody else: what becomes of it nobody here can tell."""
_TRANSLATING = frozenset(map(str.lower, TRANSLATIONS))
_ENDS = _STATEMENTS | _HANDING | _TRANSLATING | {*TARGETS, "jump", "goto"}
"""What stands behind the conditions of a rule."""
_OF_LOG = frozenset({"prefix", "level", "group", "snaplen", "queue-threshold", "flags"})
_UNREAD_MAP = RuleReading(None, "return")
"""It may accept, drop or lead elsewhere: nothing that follows is certain to be met."""

_Question = Callable[[str, Flow], Fit]
"""Whether a value that a rule names fits a flow."""


def _to_port(value: str, flow: Flow) -> Fit:
    return is_port(flow.port, value)


def _from_port(value: str, flow: Flow) -> Fit:
    return is_port(flow.source_port, value)


_QUESTIONS: Mapping[str, _Question] = {
    "iifname": lambda value, flow: is_interface(flow.into, value),
    "oifname": lambda value, flow: is_interface(flow.out, value),
    "ip saddr": lambda value, flow: is_within(flow.source, value),
    "ip daddr": lambda value, flow: is_within(flow.destination, value),
    "ct state": lambda value, flow: value.upper() in flow.states,
    "ct status": lambda value, flow: "DNAT" in flow.states if value == "dnat" else None,
    "nfproto": lambda value, flow: value == f"ipv{flow.source.version}",
    "l4proto": lambda value, flow: is_protocol(flow, value),
    "tcp dport": _to_port,
    "udp dport": _to_port,
    "th dport": _to_port,
    "tcp sport": _from_port,
    "udp sport": _from_port,
    "th sport": _from_port,
}


def read_rule(spec: str, flow: Flow) -> RuleReading:
    """Read a rule of a table of iptables, in which nft may have some as well, for one flow."""
    return read_nft(native_text(spec), flow) if is_native(spec) else read_iptables(spec, flow)


def read_nft(text: str, flow: Flow) -> RuleReading:
    """Read a rule in the words of nft, for one flow."""
    words = WORD.findall(text)
    fits: list[Fit] = []
    asks: frozenset[Aspect] = frozenset()
    named = False
    while words:
        name = _name(words)
        if name in TARGETS:
            fits += _implied(words, flow)
            return RuleReading(all_fit(fits), TARGETS[name], "", named, asks)
        if name in ("jump", "goto"):
            action: Action = "jump" if name == "jump" else "goto"
            return RuleReading(all_fit(fits), action, words[0], named, asks)
        if name.upper() in TRANSLATIONS:
            if "map" in words:  # only what is in the map is translated
                fits.append(None)
            fits += _implied(words, flow)
            return RuleReading(all_fit(fits), "translate", name.upper(), named, asks)
        if name in _HANDING:
            return RuleReading(all_fit(fits), "hand", name, named, asks)
        if _is_statement(name, words):
            continue
        if _is_of_another(name, flow):
            fits.append(False)
        question = _pass_concatenation(words) or _QUESTIONS.get(name, _unknown)
        if name in _ASPECTS:
            asks |= {_ASPECTS[name]}
        if words[:1] == ["vmap"]:
            return replace(_by_map(all_fit(fits), words[1], question, flow, named), asks=asks)
        if question is _unknown:
            fits.append(None)
            if words[:1] == ["!="]:  # what it is compared with is no condition
                del words[:2]
            continue
        negated, values = _values(words)
        fit = any_fits(None if value[:1] == "@" else question(value, flow) for value in values)
        fits.append(None if fit is None else fit is not negated)
        named |= name in _NAMING and fits[-1] is True
    return RuleReading(all_fit(fits), "pass", "", named, asks)


def _name(words: list[str]) -> str:
    """Take away what a condition is about, or a statement."""
    first = words.pop(0)
    # a value may be a word like `ip` as well: `meta protocol ip drop`
    if first in _TWO_WORDS and words and words[0] not in _ENDS:
        first = f"{first} {words.pop(0)}".removeprefix("meta ")
    return _OTHER_NAMES.get(first, first)


def _is_statement(name: str, words: list[str]) -> bool:
    """Whether it decides nothing; what belongs to it is taken away."""
    if name == "comment":
        words.pop(0)
    elif name == "log":
        while words[:1] and words[0] in _OF_LOG:
            del words[:2]
    return name in _STATEMENTS


def _is_of_another(name: str, flow: Flow) -> bool:
    """Whether a condition asks for the header of another protocol, be it that this is not so."""
    asked, _, what = name.partition(" ")
    return bool(what) and asked in _PROTOCOLS and flow.protocol not in ("", asked)


def _implied(words: Sequence[str], flow: Flow) -> tuple[Fit, ...]:
    """What the rest of a verdict asks for: nft lists no `meta nfproto ipv6` of a rule that rejects
    by ICMPv6 or translates to an address of IPv6 (nft(8), reject and NAT statements)."""
    version = flow.source.version
    match words:
        case ["with", "icmp" | "icmpv6" as by, *_]:
            return (version == (4 if by == "icmp" else 6),)
        case ["with", "tcp", *_]:
            return (is_protocol(flow, "tcp"),)
        case ["ip" | "ip6" as family, *_]:
            return (version == (4 if family == "ip" else 6),)
    return ()


def _unknown(value: str, flow: Flow) -> Fit:
    return None


def _in_part(value: str, flow: Flow) -> Fit:
    """Of several conditions at once, `iifname . ip saddr { "br100" . 10.0.0.0/24 }`."""
    return None


def _pass_concatenation(words: list[str]) -> _Question | None:
    if words[:1] != ["."]:
        return None
    while words[:1] == ["."]:
        words.pop(0)
        _name(words)
    return _in_part


def _values(words: list[str]) -> tuple[bool, list[str]]:
    negated = words[:1] == ["!="]
    if words[:1] in (["!="], ["=="]):
        words.pop(0)
    value = words.pop(0) if words else ""
    return negated, [each.strip().strip('"') for each in value.strip("{}").split(",")]


def _by_map(
    before: Fit, verdicts: str, question: _Question, flow: Flow, named: bool
) -> RuleReading:
    """Read `vmap { established : accept, invalid : drop, new : jump rest }`."""
    if before is False:
        return RuleReading(False, "pass")
    if verdicts[:1] == "@":
        return _UNREAD_MAP
    for each in verdicts.strip("{}").split(","):
        value, _, verdict = (part.strip() for part in each.partition(" : "))
        fit = question(value.strip('"'), flow)
        if fit is None:
            return _UNREAD_MAP
        if fit:
            word, _, aim = verdict.partition(" ")
            action = TARGETS.get(word) or ("goto" if word == "goto" else "jump")
            return RuleReading(before, action, aim, named)
    return RuleReading(before, "pass", "", named)
