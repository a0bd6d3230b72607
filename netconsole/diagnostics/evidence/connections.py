"""Reads the connections that the kernel tracks, as conntrack(8) lists them."""

from collections import Counter
from collections.abc import Iterable

from netconsole.backend.system.programs import run
from netconsole.diagnostics.parts.connections import Connections, TranslatedFlows

MOST_SOURCES = 10
"""Sources that are kept."""
_CLOSED = frozenset({"TIME_WAIT", "CLOSE"})
_SHOWN = ("src", "dst", "sport", "dport")


def read_connections() -> Connections:
    """List and sum up all IPv4 connections. Raises what `run` raises, as for an ordinary user."""
    return sum_up(run(["conntrack", "-L", "-f", "ipv4"]).splitlines())


def sum_up(lines: Iterable[str]) -> Connections:
    """Sum up what `conntrack -L` prints: protocol, number, seconds, state, then both ways."""
    sources: Counter[str] = Counter()
    live: Counter[tuple[bool, str, str]] = Counter()
    closed: Counter[tuple[bool, str, str]] = Counter()
    examples: dict[tuple[bool, str, str], str] = {}
    count = 0
    for line in lines:
        words = line.split()
        ends = [word.partition("=")[2] for word in words if word.startswith(("src=", "dst="))]
        if len(ends) != 4:
            continue
        count += 1
        source, destination, reply_source, reply_destination = ends
        sources[source] += 1
        keys = []
        if reply_source != destination:
            keys.append((True, destination, reply_source))
        if reply_destination != source:
            keys.append((False, reply_destination, source))
        for key in keys:
            if _CLOSED.isdisjoint(words):
                live[key] += 1
                examples.setdefault(key, _shown(words))
            else:
                closed[key] += 1
    translations = tuple(
        TranslatedFlows(
            "in" if key[0] else "out", key[1], key[2], live[key], closed[key], examples.get(key, "")
        )
        for key in sorted({*live, *closed})
    )
    return Connections(count, translations, dict(sources.most_common(MOST_SOURCES)))


def _shown(words: list[str]) -> str:
    """The protocol, the state and both ways, without numbers that move."""
    kept = [word for word in words[3:] if "=" not in word or word.partition("=")[0] in _SHOWN]
    return " ".join((words[0], *kept))
