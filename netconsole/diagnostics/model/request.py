"""The request: what a run of checks is asked, and whom it may ask."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from netconsole.diagnostics.model.snapshot import Snapshot, Unread

if TYPE_CHECKING:
    from netconsole.backend.model.facility import Facility
    from netconsole.backend.service.looking import Look
    from netconsole.backend.service.service import Service


Looks = Callable[["frozenset[Facility]"], "Look"]
"""Looks at these anew and at all of which nothing tells, over what is known of the rest."""
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
    looks: "Looks | None" = None
    """Who looks at the host anyway, and is asked to look again; where nobody does, everything is
    looked at."""
    collector: "Collect | None" = None
    """Who collects the evidence; this process itself where there is none."""
    saves: bool = False
    """Whether the evidence is to be saved: it carries then of what the plan can be made again."""
