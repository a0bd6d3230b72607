"""The request: what a run of checks is asked, and whom it may ask."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from netconsole.diagnostics.model.snapshot import Snapshot, Unread

if TYPE_CHECKING:
    from netconsole.backend.service.service import Service
    from netconsole.backend.survey.survey import Survey


Collect = Callable[["Request", Iterable[type[object]]], Snapshot]


_NOBODY: Final = Unread("no host was asked")


def _unheard(_: str) -> None:
    """Nobody wants to know how a probe stands."""


@dataclass(frozen=True, slots=True)
class Request:
    """One run."""

    service: "Service | Unread" = _NOBODY
    """Or why there is none: what needs no store can be checked all the same."""
    sources: tuple[str, ...] = ()
    """Addresses that should be let in on every interface."""
    target: str = ""
    """The instance, address, network or interface that the run is about; empty for all."""
    probe: bool = False
    """Whether packets may be sent."""
    seconds: float = 10.0
    """How long a probe that watches traffic may watch."""
    filter: str = ""
    """Which traffic it watches, in the words of pcap-filter(7); empty for its own choice."""
    progress: Callable[[str], None] = _unheard
    """Hears how such a probe stands, in a line, about twice a second; called in its thread."""
    may_save: bool = True
    """Whether a playbook may write a file; not where all is read-only."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set to end a probe that watches traffic early."""
    survey: "Survey | None" = None
    """What was seen just now by who looks at the host anyway; it is looked at where there is none.
    """
    collector: "Collect | None" = None
    """Who collects the evidence; this process itself where there is none."""
    saves: bool = False
    """Whether the evidence is to be saved: it carries then of what the plan can be made again."""
