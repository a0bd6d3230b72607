"""The words of a rule as iptables-save(8) prints it, whatever its comment holds. Pure.

A comment, a log prefix and the like are quoted where they are not plain, with a backslash before
a quote, and may hold any byte: a line break and what looks like another rule among them. Names of
interfaces and chains are printed as they are, with a quote in them or at their beginning.
"""

import re
from collections.abc import Iterator

from netconsole.backend.model.text import in_shell

_QUOTED = re.compile(r'(?<= )(?<!-[iojg] )"(?:[^"\\]|\\.)*"', re.DOTALL)
_OPENING = re.compile(r'(?<= )(?<!-[iojg] )"')
_WORD = re.compile(rf"{_QUOTED.pattern}|[^ ]+", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./! -]*")
"""What a shell takes as it stands."""


def lines(saved: str) -> Iterator[str]:
    """Yield the lines of iptables-save; those that a quoted word breaks are one."""
    if '"' not in saved:
        yield from saved.split("\n")
        return
    whole: list[str] = []
    for line in saved.split("\n"):
        whole.append(line)
        if '"' in line and _is_open("\n".join(whole)):
            continue
        if len(whole) > 1 and '"' not in line:
            continue
        yield "\n".join(whole)
        whole = []
    yield from whole


def _is_open(line: str) -> bool:
    return _OPENING.search(unquoted(line)) is not None


def unquoted(spec: str) -> str:
    """Return a rule without its quoted words: what is said in a comment is no part of what it
    does."""
    return _QUOTED.sub("", spec) if '"' in spec else spec


def words(spec: str) -> list[str]:
    """Return the words of a rule, without the quotes around them."""
    if '"' not in spec:
        return [word for word in spec.split(" ") if word]
    return [_plain(word) for word in _WORD.findall(spec)]


def _plain(word: str) -> str:
    if len(word) < 2 or not word.startswith('"'):
        return word
    return re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL)


def one_line(spec: str) -> str:
    """Return a rule as iptables-restore can be given it, which has no way to say a line break."""
    return spec.replace("\n", " ")


def typed(spec: str) -> str:
    """Return a rule as it is typed at a shell, which is not to run what a comment says."""
    if _PLAIN.fullmatch(spec):
        return spec
    return " ".join(word if word == "!" else in_shell(word) for word in words(spec) if word)
