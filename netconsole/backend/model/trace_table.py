"""The names of tables in which packets are marked to be traced: they filter nothing."""

from typing import Final

PREFIX: Final = "netconsole_trace_"
"""Begins them, and the names of instances of tracefs that are there as long."""


def trace_table(process: int) -> str:
    """Return the name of the one that a process owns."""
    return f"{PREFIX}{process}"


def is_trace_table(name: str) -> bool:
    """Whether a table is one of them: it lets everything pass, and is gone in a second."""
    return name.startswith(PREFIX)
