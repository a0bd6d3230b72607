"""Rules of the packet filter that look at the route back, as the kernel's own filter does. Pure.

In the words of nft(8) `fib saddr . iif oif missing`, in those of iptables-extensions(8)
`-m rpfilter --invert`: the packet fits unless the route to its source leaves by the interface that
it came in at; without `iif`, or with `--loose`, unless there is a route at all. Of a packet whose
route back is known, such a condition is no question any more.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Flow, RuleReading
from netconsole.backend.filtering.rule_words import unquoted
from netconsole.backend.filtering.walk import Reader
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import ReversePath
from netconsole.diagnostics.reasoning.filter_walk import Drop, Hook, Ruleset, drops, rulesets

_OF_NFT: Final = re.compile(
    r"\bfib saddr((?: \. (?:mark|iif))*) oif(?:name)? (?P<is>missing|exists|!= 0|0)(?= |$)"
)
_OF_IPTABLES: Final = re.compile(r"-m rpfilter((?: --(?:loose|validmark|accept-local|invert))*)")
_WAY_IN: Final[tuple[Hook, ...]] = ("prerouting", "input", "forward")


def drops_of_path(seen: PacketFilter, path: ReversePath) -> Iterator[Drop]:
    """Return where what comes in along a path is dropped, and would not be if the reply left by
    the interface that it came in at."""
    flow = Flow(
        *(f"what comes in at {path.interface} from {path.source}", "", path.interface, ""),
        *(IPv4Network(path.source), IPv4Network(path.destination)),
    )
    for hook in _WAY_IN:
        for ruleset in rulesets(seen, hook):
            if any(_asks(step.text) for each in ruleset.chains.values() for step in each.steps):
                yield from _drops(ruleset, path, flow)


def _drops(ruleset: Ruleset, path: ReversePath, flow: Flow) -> Iterator[Drop]:
    straight = replace(path, returns_by=path.interface)
    spared = {drop.at for drop in _certain(ruleset, straight, flow)}
    yield from (drop for drop in _certain(ruleset, path, flow) if drop.at not in spared)


def _certain(ruleset: Ruleset, path: ReversePath, flow: Flow) -> Iterator[Drop]:
    knowing = replace(ruleset, read=_knowing(ruleset.read, path))
    return (each for each in drops(knowing, (flow,)) if each.certain and not each.excepted)


def _asks(text: str) -> bool:
    return bool(_OF_NFT.search(text) or _OF_IPTABLES.search(unquoted(text)))


def _knowing(read: Reader, path: ReversePath) -> Reader:
    """Read rules as `read` does, of a packet whose route back is known."""

    def reading(text: str, flow: Flow) -> RuleReading:
        if found := _OF_NFT.search(text):
            is_missing = not _leads_back(path, strict="iif" in found[1])
            fits = is_missing == (found["is"] in ("missing", "0"))
        elif found := _OF_IPTABLES.search(unquoted(text)):
            is_missing = not _leads_back(path, strict="--loose" not in found[1])
            fits = is_missing == ("--invert" in found[1])
        else:
            return read(text, flow)
        told = read(text.replace(found[0], "", 1), flow)
        return told if fits else replace(told, fit=False)

    return reading


def _leads_back(path: ReversePath, *, strict: bool) -> bool:
    return bool(path.returns_by) and (path.symmetric or not strict)
