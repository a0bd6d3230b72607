"""What a rule of the packet filter asks of a packet, and where it sends it. Pure.

Read from the words of iptables-save(8) here, from those of nft(8) in `nft_matches`. What is not
understood depends on the packet: a rule that asks for it neither certainly fits a flow nor
certainly does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeVar

from netconsole.backend.filtering import rule_words

Fit = bool | None
"""Whether a rule fits a flow; None where that depends on the packet."""

Action = Literal["accept", "drop", "jump", "goto", "return", "translate", "hand", "pass"]
"""`hand`: to a program, or to a part of the kernel that answers in another's name; what becomes of
it is not told. `pass`: the packet goes on to the next rule, as after LOG."""

Aspect = Literal["into", "out", "source", "destination", "states", "bridged"]
"""What of a flow a rule may ask for; its protocol and port besides."""

Addresses = IPv4Network | IPv6Network
EVERYTHING = IPv4Network("0.0.0.0/0")
TARGETS: Mapping[str, Action] = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "drop",
    "RETURN": "return",
    "accept": "accept",
    "drop": "drop",
    "reject": "drop",
    "return": "return",
}
TRANSLATIONS = frozenset({"DNAT", "MASQUERADE", "NETMAP", "REDIRECT", "SNAT"})
"""Targets that give a connection another source or destination, and are the last that is asked."""
QUEUES = frozenset({"NFQUEUE", "QUEUE"})
"""Targets that hand a packet to a program."""
_HANDING = QUEUES | {"SYNPROXY", "TPROXY"}
_ASPECTS: Mapping[str, Aspect] = {
    "-i": "into",
    "-o": "out",
    "-s": "source",
    "-d": "destination",
    "--ctstate": "states",
    "--state": "states",
    "--physdev-is-bridged": "bridged",
}
_NUMBERS = {"icmp": "1", "ipv6-icmp": "58", "sctp": "132", "tcp": "6", "udp": "17"}
"""Of protocols, as in /etc/protocols."""

_Family = TypeVar("_Family", IPv4Network, IPv6Network)


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets that are forwarded, or come in to the host itself, alike."""

    words: str
    """What they are, for people."""
    bridge: str
    """Of the guests: one of the two interfaces."""
    into: str
    out: str
    """Empty where they end at the host itself."""
    source: Addresses = EVERYTHING
    """Everything where nothing is known."""
    destination: Addresses = EVERYTHING
    states: frozenset[str] = frozenset({"NEW"})
    """As conntrack knows them, upper case; DNAT among them where their destination was changed."""
    bridged: bool = False
    """Whether they go from port to port of one bridge: only br_netfilter leads them here."""
    protocol: str = ""
    """As in /etc/protocols; empty where it may be any."""
    port: int = 0
    """To which they are sent; 0 where it may be any."""
    source_port: int = 0
    """From which; 0 where it may be any."""
    icmp: tuple[int, int] | None = None
    """Type and code of ICMP or ICMPv6; None where they may be any."""


ANYTHING = Flow("", "", "", "")
"""For who asks what a rule does, whatever it is for."""


@dataclass(frozen=True, slots=True)
class RuleReading:
    """A rule read for one flow."""

    fit: Fit
    action: Action
    aim: str = ""
    """The chain that a jump leads to; of a translation its name, as iptables has it."""
    named: bool = False
    """Whether it asks for an interface or an address of this very flow."""
    asks: frozenset[Aspect] = frozenset()
    """What else but protocol and port it asks for, as far as that is understood."""


def read_iptables(spec: str, flow: Flow) -> RuleReading:
    """Read a rule in the words of iptables-save, without `-A CHAIN`."""
    words = rule_words.words(spec)
    fits: list[Fit] = []
    asks: set[Aspect] = set()
    named = negated = False
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word == "!":
            negated = True
            continue
        if word in ("-j", "-g"):
            target = _target(word, words[place])
            return RuleReading(all_fit(fits), *target, named, frozenset(asks))
        if word == "--comment":
            place += 1  # it may look like an option
            continue
        values = _values(words, place)
        place += len(values)
        if word != "-m":
            fit = _iptables_fit(word, values, flow)
            fits.append(None if fit is None else fit is not negated)
            named |= word in ("-i", "-o", "-s", "-d") and fits[-1] is True
            if word in _ASPECTS:
                asks.add(_ASPECTS[word])
        negated = False
    return RuleReading(all_fit(fits), "pass", "", named, frozenset(asks))


def _values(words: Sequence[str], place: int) -> list[str]:
    """The words that belong to an option."""
    found = []
    for word in words[place:]:
        if word == "!" or word.startswith("-"):
            break
        found.append(word)
    return found


def _target(option: str, target: str) -> tuple[Action, str]:
    if target in TARGETS:
        return TARGETS[target], ""
    if target in TRANSLATIONS:
        return "translate", target
    if target in _HANDING:
        return "hand", target
    return ("jump" if option == "-j" else "goto"), target


def _iptables_fit(option: str, values: Sequence[str], flow: Flow) -> Fit:
    value = values[0] if values else ""
    match option:
        case "-i":
            return is_interface(flow.into, value.replace("+", "*"))
        case "-o":
            return is_interface(flow.out, value.replace("+", "*"))
        case "-s":
            return is_within(flow.source, value)
        case "-d":
            return is_within(flow.destination, value)
        case "--ctstate" | "--state":
            return bool(flow.states & set(value.split(",")))
        case "--physdev-is-bridged":
            return flow.bridged
        case "-p":
            return is_protocol(flow, value)
        case "--dport":
            return is_port(flow.port, value)
        case "--dports":
            return any_fits(is_port(flow.port, each) for each in value.split(","))
        case "--sport":
            return is_port(flow.source_port, value)
        case "--icmp-type" | "--icmpv6-type":
            return _is_type(flow, value)
    return None


def is_interface(name: str, pattern: str) -> bool:
    """Whether an interface is what a rule names, `*` for any end."""
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def is_within(addresses: Addresses, value: str) -> Fit:
    """Whether all of these addresses are in what a rule names, or none; None for a part."""
    if isinstance(addresses, IPv4Network):
        return _is_within(addresses, value)
    return _is_within(addresses, value)


def _is_within(addresses: _Family, value: str) -> Fit:
    try:
        network = type(addresses)(value, strict=False)
    except ValueError:
        return None  # a set, a range
    if addresses.subnet_of(network):
        return True
    return None if addresses.overlaps(network) else False


def is_protocol(flow: Flow, value: str) -> Fit:
    """Whether a flow is of the protocol that a rule names."""
    if value in ("all", "0"):
        return True
    if not flow.protocol:
        return None
    return value in (flow.protocol, _NUMBERS[flow.protocol])


def is_port(port: int, value: str) -> Fit:
    """Whether a port, 0 for one that may be any, is what a rule names, or one of its range."""
    if not port:
        return None
    first, dash, last = value.replace(":", "-").partition("-")
    try:
        return int(first or 0) <= port <= int(last or (65535 if dash else first))
    except ValueError:
        return None  # a set


def _is_type(flow: Flow, value: str) -> Fit:
    """Whether messages of ICMP have the type that a rule names by number, and its code if any."""
    if flow.icmp is None:
        return None
    kind, _, code = value.partition("/")
    if not kind.isdecimal():
        return None  # a name
    return flow.icmp[0] == int(kind) and code in ("", str(flow.icmp[1]))


def any_fits(fits: Iterable[Fit]) -> Fit:
    """Whether one of the alternatives of a condition fits."""
    found = set(fits)
    return True if True in found else None if None in found else False


def all_fit(fits: Sequence[Fit]) -> Fit:
    """Whether all conditions of a rule fit."""
    return False if False in fits else None if None in fits else True
