"""Which of many packets something may be, before any of them is asked. Pure.

Each frame that comes by is one of all that are followed at once: to take it apart for each of them
takes longer than all else of a trace.
"""

from collections.abc import Collection, Iterable
from typing import Generic, TypeVar

from netconsole.diagnostics.tracing.traced_packet import Recognisable

Followed = TypeVar("Followed", bound=Recognisable)


class Candidates(Generic[Followed]):
    """Packets by what they carry."""

    def __init__(self, packets: Iterable[Followed]) -> None:
        self._carried = [(each, packet) for packet in packets for each in packet.carried()]

    def of(self, found: bytes) -> Collection[Followed]:
        """Return those that may recognise what was found, in their order, each once."""
        return dict.fromkeys(packet for each, packet in self._carried if each in found)
