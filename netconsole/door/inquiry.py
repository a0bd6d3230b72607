"""Inquiry: which evidence of a host is asked for, as it is sent to the host's agent."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from netconsole.backend.model.errors import InvalidValue
from netconsole.diagnostics.collecting import COLLECTORS, PROBES
from netconsole.diagnostics.model.request import Request

MOST_SECONDS: Final = 600.0
MOST_SOURCES: Final = 100
LONGEST_TEXT: Final = 1000
"""Letters of a target, and of a filter."""

_PARTS: Final = {kind.__name__: kind for kind in (*COLLECTORS, *PROBES)}


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Which parts are collected, and how: each field is as of `Request`."""

    parts: tuple[str, ...]
    """The names of their types."""
    sources: tuple[str, ...] = ()
    target: str = ""
    probe: bool = False
    seconds: float = 10.0
    filter: str = ""
    saves: bool = False

    @classmethod
    def of(cls, request: Request, wanted: Iterable[type[object]]) -> "Inquiry":
        """Return what is sent for a request."""
        parts = tuple(sorted(kind.__name__ for kind in wanted))
        return cls(
            parts,
            request.sources,
            request.target,
            request.probe,
            float(request.seconds),
            request.filter,
            request.saves,
        )

    @property
    def wanted(self) -> frozenset[type[object]]:
        """The parts. Raises InvalidValue for one that there is not."""
        for name in self.parts:
            if name not in _PARTS:
                raise InvalidValue("part", name, "is no evidence that is known here")
        return frozenset(_PARTS[name] for name in self.parts)

    def request(self, progress: Callable[[str], None], cancelled: threading.Event) -> Request:
        """Return the request, to be asked of the host itself. Raises InvalidValue."""
        if not 0 < self.seconds <= MOST_SECONDS:
            raise InvalidValue("seconds", self.seconds, f"must be {MOST_SECONDS:.0f} at most")
        if len(self.sources) > MOST_SOURCES:
            raise InvalidValue("sources", len(self.sources), f"must be {MOST_SOURCES} at most")
        for source in self.sources:
            _require_address(source)
        for name, text in (("target", self.target), ("filter", self.filter)):
            if len(text) > LONGEST_TEXT or not text.isprintable():
                raise InvalidValue(name, text, f"must be {LONGEST_TEXT} printable letters at most")
        return Request(
            sources=self.sources,
            target=self.target,
            probe=self.probe,
            seconds=self.seconds,
            filter=self.filter,
            progress=progress,
            cancelled=cancelled,
            saves=self.saves,
        )


def _require_address(source: str) -> None:
    try:
        IPv4Address(source)
    except ValueError:
        raise InvalidValue("source", source, "is not an IPv4 address") from None
