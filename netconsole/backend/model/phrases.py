"""Words for people: numbers with nouns, lists that fill no screen, commands to type. Pure."""

import shlex
from collections.abc import Sequence


def count(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`, `3 addresses`."""
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def some(names: Sequence[str], most: int = 5) -> str:
    """Return `web1, web2` and, where there are more than `most`, how many more: `… and 3 more`."""
    listed = ", ".join(names[:most])
    return listed if len(names) <= most else f"{listed} and {len(names) - most} more"


def capitalized(words: str) -> str:
    """Return words as they begin a sentence."""
    return words[:1].upper() + words[1:]


def command(*words: str) -> str:
    """Return a command of ours as it can be typed, in the quotes that messages have round it."""
    return f"`netconsole {shlex.join(words)}`"


def network_creation() -> str:
    """Return the command that makes a network, with words in capitals where values belong."""
    return command("network", "create", "LABEL", "--fixed-range-v4", "CIDR")
