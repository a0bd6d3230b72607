"""Tries the paths that matter, before a cure and after it."""

import time
from dataclasses import replace
from typing import Final

from netconsole.diagnostics.checks.path.packet_loss import nearest_cause
from netconsole.diagnostics.collecting import Request
from netconsole.diagnostics.doctor import look, parts, quick
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import GuestAnswers
from netconsole.diagnostics.parts.journeys import Journeys
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.path_effect import PathEffect, path_effect

OF_PATHS: Final = frozenset({Backend, Links, Routing, GuestAnswers, Journeys})
"""By what is judged what became of the paths that matter."""
_TRIES: Final = 3
"""How often packets are sent after a cure: a dnsmasq may have to start, a guest to ask anew."""
_BETWEEN: Final = 0.5
"""Seconds from one try to the next."""


def _tried_paths(request: Request) -> Snapshot:
    """Send packets along the paths of the whole host that matter; return what became of them."""
    return parts(replace(request, target=""), OF_PATHS)


def without_named(effect: PathEffect, request: Request, check: str) -> PathEffect:
    """Return it without paths of which, now, another check than this one names the cause: the
    cure of one fault is not judged by another."""
    now = look(replace(request, target=""), quick(), watch=False)
    left = tuple(each for each in effect.lost if not nearest_cause(each, now, but=check))
    return replace(effect, lost=left)


def effect_since(before: Snapshot, request: Request) -> PathEffect:
    """Try the paths again, more than once where that may tell more; return what differs."""
    effect = path_effect(before, _tried_paths(request))
    for _ in range(_TRIES - 1):
        if not effect.is_open:
            break
        time.sleep(_BETWEEN)
        effect = path_effect(before, _tried_paths(request))
    return effect
