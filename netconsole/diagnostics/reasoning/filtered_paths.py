"""Rules of the packet filter that look at the route back, as the kernel's own filter does. Pure.

In the words of nft(8) `fib saddr . iif oif missing`, in those of iptables-extensions(8)
`-m rpfilter --invert`: the packet fits unless the route to its source leaves by the interface that
it came in at; without `iif`, or with `--loose`, unless there is a route at all.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Flow
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import ReversePath
from netconsole.diagnostics.reasoning.filter_walk import Drop, Hook, Ruleset, drops, rulesets
from netconsole.diagnostics.reasoning.known_conditions import KnownCondition, knowing

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
            if _asks(ruleset, path):
                yield from _drops(ruleset, path, flow)


def _drops(ruleset: Ruleset, path: ReversePath, flow: Flow) -> Iterator[Drop]:
    straight = replace(path, returns_by=path.interface)
    spared = {drop.at for drop in _certain(ruleset, straight, flow)}
    yield from (drop for drop in _certain(ruleset, path, flow) if drop.at not in spared)


def _certain(ruleset: Ruleset, path: ReversePath, flow: Flow) -> Iterator[Drop]:
    of_path = replace(ruleset, read=knowing(ruleset.read, _known(path)))
    return (each for each in drops(of_path, (flow,)) if each.certain and not each.excepted)


def _asks(ruleset: Ruleset, path: ReversePath) -> bool:
    known = _known(path)
    return any(
        condition.asked_by(step.text)
        for chain in ruleset.chains.values()
        for step in chain.steps
        if "fib" in step.text or "rpfilter" in step.text
        for condition in known
    )


def _known(path: ReversePath) -> tuple[KnownCondition, ...]:
    def of_nft(found: re.Match[str]) -> bool:
        is_missing = not _leads_back(path, strict="iif" in found[1])
        return is_missing == (found["is"] in ("missing", "0"))

    def of_iptables(found: re.Match[str]) -> bool:
        is_missing = not _leads_back(path, strict="--loose" not in found[1])
        return is_missing == ("--invert" in found[1])

    return (KnownCondition(_OF_NFT, of_nft), KnownCondition(_OF_IPTABLES, of_iptables))


def _leads_back(path: ReversePath, *, strict: bool) -> bool:
    return bool(path.returns_by) and (path.symmetric or not strict)
