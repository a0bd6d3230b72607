"""Entries of the table of neighbours that somebody made by hand (ip-neighbour(8)). Pure."""

from typing import Final

from netconsole.backend.steps import RunProgram
from netconsole.diagnostics.parts.routing import Neighbour

BY_HAND: Final = ("PERMANENT", "NOARP")
"""The states of such an entry: no answer changes it."""


def removal(entry: Neighbour) -> RunProgram:
    """Return the step that takes an entry away, and puts it back when it is undone."""
    words, place = ("ip", "neighbour"), (entry.address, "dev", entry.interface)
    return RunProgram(
        (*words, "delete", *place),
        (*words, "replace", *place, "lladdr", entry.mac, "nud", entry.state.lower()),
    )
