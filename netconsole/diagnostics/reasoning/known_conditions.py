"""Conditions of rules that are no question any more, as more is known of a packet than a flow says.

The walk takes what it does not understand for a "depends". Who knows the answer reads the rules
without such a condition where it is met, and not at all where it is not. Pure.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from netconsole.backend.filtering.matches import Flow, RuleReading
from netconsole.backend.filtering.walk import Reader

_COMMENT = re.compile(r'(?:-m comment --)?comment (?:"(?:[^"\\]|\\.)*"|\S+) ?')


@dataclass(frozen=True, slots=True)
class KnownCondition:
    """A condition, in the words of nft(8) or iptables-save(8), and whether a packet meets it."""

    pattern: re.Pattern[str]
    is_met: Callable[[re.Match[str]], bool | None]
    """None where that is not known after all: then the condition stays a question."""

    def asked_by(self, text: str) -> re.Match[str] | None:
        """Return where a rule asks for it; what is said in a comment is no part of the rule."""
        return self.pattern.search(_COMMENT.sub("", text))


def knowing(read: Reader, known: Sequence[KnownCondition]) -> Reader:
    """Read rules as `read` does, of a packet of which these conditions are known."""

    def reading(text: str, flow: Flow) -> RuleReading:
        words, is_met = _COMMENT.sub("", text), True
        for condition in known:
            for found in condition.pattern.finditer(words):
                answer = condition.is_met(found)
                if answer is not None:
                    words, is_met = words.replace(found[0], "", 1), is_met and answer
        told = read(words, flow)
        return told if is_met else replace(told, fit=False)

    return reading
