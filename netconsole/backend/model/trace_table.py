"""The names of tables in which packets are marked to be traced: they filter nothing."""

from typing import Final

_PREFIX: Final = "netconsole_trace_"


def trace_table(process: int) -> str:
    """Return the name of the one that a process owns."""
    return f"{_PREFIX}{process}"


def is_trace_table(name: str) -> bool:
    """Whether a table is one of them: it lets everything pass, and is gone in a second."""
    return name.startswith(_PREFIX)
