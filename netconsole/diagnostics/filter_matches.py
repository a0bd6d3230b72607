"""What a rule of the packet filter asks of a packet, and where it sends it. Pure.

Read from the words of iptables-save(8) and of nft(8). What is not understood depends on the packet:
a rule that asks for it neither certainly fits a flow nor certainly does not.
"""

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network
from typing import Literal

Fit = bool | None
"""Whether a rule fits a flow; None where that depends on the packet."""

Action = Literal["accept", "drop", "jump", "goto", "return", "pass"]
"""`pass`: the packet goes on to the next rule, as after LOG."""

EVERYTHING = IPv4Network("0.0.0.0/0")
_TARGETS: dict[str, Action] = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "drop",
    "RETURN": "return",
    "accept": "accept",
    "drop": "drop",
    "reject": "drop",
    "return": "return",
}
_NFT_WORD = re.compile(r'"[^"]*"|\{[^}]*\}|\S+')


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets that are forwarded alike."""

    words: str
    """What they are, for people."""
    bridge: str
    """Of the guests: one of the two interfaces."""
    into: str
    out: str
    source: IPv4Network = EVERYTHING
    """Everything where nothing is known."""
    destination: IPv4Network = EVERYTHING
    states: frozenset[str] = frozenset({"NEW"})
    """As conntrack knows them, upper case; DNAT among them where their destination was changed."""
    bridged: bool = False
    """Whether they go from port to port of one bridge: only br_netfilter leads them here."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A rule read for one flow."""

    fit: Fit
    action: Action
    aim: str = ""
    """The chain that a jump leads to."""
    named: bool = False
    """Whether it asks for an interface or an address of this very flow."""


def read_iptables(spec: str, flow: Flow) -> Reading:
    """Read a rule in the words of iptables-save, without `-A CHAIN`."""
    words = shlex.split(spec) if '"' in spec else spec.split()
    fits: list[Fit] = []
    named = negated = False
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            return Reading(_all(fits), *_target(word, words[place]), named)
        values = _values(words, place)
        place += len(values)
        if word not in ("-m", "--comment"):
            fit = _iptables_fit(word, values, flow)
            fits.append(None if fit is None else fit is not negated)
            named |= word in ("-i", "-o", "-s", "-d") and fits[-1] is True
        negated = False
    return Reading(_all(fits), "pass", "", named)


def _values(words: Sequence[str], place: int) -> list[str]:
    """The words that belong to an option."""
    found = []
    for word in words[place:]:
        if word == "!" or word.startswith("-"):
            break
        found.append(word)
    return found


def _target(option: str, target: str) -> tuple[Action, str]:
    if target in _TARGETS:
        return _TARGETS[target], ""
    return ("jump" if option == "-j" else "goto"), target


def _iptables_fit(option: str, values: Sequence[str], flow: Flow) -> Fit:
    value = values[0] if values else ""
    match option:
        case "-i":
            return _is_interface(flow.into, value.replace("+", "*"))
        case "-o":
            return _is_interface(flow.out, value.replace("+", "*"))
        case "-s":
            return _is_within(flow.source, value)
        case "-d":
            return _is_within(flow.destination, value)
        case "--ctstate" | "--state":
            return bool(flow.states & set(value.split(",")))
        case "--physdev-is-bridged":
            return flow.bridged
    return None


def read_nft(text: str, flow: Flow) -> Reading:
    """Read a rule in the words of nft."""
    words = _NFT_WORD.findall(text)
    fits: list[Fit] = []
    named = False
    while words:
        word = words.pop(0)
        if word == "comment":
            words.pop(0)
        elif word in _TARGETS:
            return Reading(_all(fits), _TARGETS[word], "", named)
        elif word == "jump" or word == "goto":
            return Reading(_all(fits), "jump" if word == "jump" else "goto", words[0], named)
        elif word == "ct" and words[:2] == ["state", "vmap"]:
            return _by_state(_all(fits), words[2], flow, named)
        elif word == "vmap":
            return Reading(None, "pass")
        elif question := _nft_question(word, words):
            negated, values = _nft_values(words)
            fit = question(values, flow)
            fits.append(None if fit is None else fit is not negated)
            named |= word in ("iifname", "oifname", "iif", "oif", "ip") and fits[-1] is True
        elif word in ("counter", "log", "notrack"):
            continue
        else:
            fits.append(None)
    return Reading(_all(fits), "pass", "", named)


_Question = Callable[[Sequence[str], Flow], Fit]


def _nft_question(word: str, words: list[str]) -> _Question | None:
    """Answer what the next words ask, and take them away but for the values."""
    asked = {"iifname": 0, "oifname": 0, "iif": 0, "oif": 0, "ip": 1, "ct": 1, "meta": 1}.get(word)
    if asked is None or len(words) <= asked:
        return None
    name = " ".join((word, *words[:asked])).removeprefix("meta ")
    questions: dict[str, _Question] = {
        "iifname": lambda values, flow: any(_is_interface(flow.into, each) for each in values),
        "oifname": lambda values, flow: any(_is_interface(flow.out, each) for each in values),
        "ip saddr": lambda values, flow: _any(_is_within(flow.source, each) for each in values),
        "ip daddr": lambda values, flow: _any(
            _is_within(flow.destination, each) for each in values
        ),
        "ct state": lambda values, flow: any(each.upper() in flow.states for each in values),
        "ct status": lambda values, flow: "DNAT" in flow.states if "dnat" in values else None,
        "nfproto": lambda values, flow: "ipv4" in values,
    }
    found = questions.get({"iif": "iifname", "oif": "oifname"}.get(name, name))
    if found is not None:
        del words[:asked]
    return found


def _nft_values(words: list[str]) -> tuple[bool, list[str]]:
    negated = words[:1] == ["!="]
    if words[:1] in (["!="], ["=="]):
        words.pop(0)
    value = words.pop(0) if words else ""
    return negated, [each.strip().strip('"') for each in value.strip("{}").split(",")]


def _by_state(before: Fit, verdicts: str, flow: Flow, named: bool) -> Reading:
    """Read `ct state vmap { established : accept, invalid : drop, new : jump rest }`."""
    for each in verdicts.strip("{}").split(","):
        state, _, verdict = (part.strip() for part in each.partition(":"))
        if state.upper() in flow.states:
            word, _, aim = verdict.partition(" ")
            action = _TARGETS.get(word) or ("goto" if word == "goto" else "jump")
            return Reading(before, action, aim, named)
    return Reading(before, "pass", "", named)


def _is_interface(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _is_within(addresses: IPv4Network, value: str) -> Fit:
    """Whether all of these addresses are in what a rule names, or none; None for a part."""
    try:
        network = IPv4Network(value, strict=False)
    except ValueError:
        return None  # a set, a range
    if addresses.subnet_of(network):
        return True
    return None if addresses.overlaps(network) else False


def _any(fits: Iterable[Fit]) -> Fit:
    found = set(fits)
    return True if True in found else None if None in found else False


def _all(fits: Sequence[Fit]) -> Fit:
    return False if False in fits else None if None in fits else True
