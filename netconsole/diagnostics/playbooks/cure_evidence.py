"""The evidence before a cure and after it, of all who judge by it: the host is looked at once."""

from collections.abc import Iterable
from dataclasses import replace

from netconsole.diagnostics.collecting import PROBES, Request, aimed
from netconsole.diagnostics.doctor import parts
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.snapshot import NOT_SENT, Snapshot
from netconsole.diagnostics.playbooks.path_trial import OF_PATHS


def before_cure(request: Request, checks: Iterable[Check], *, paths: bool) -> Snapshot:
    """Return the evidence of checks without their probes, about the whole host; where its `paths`
    are to be tried, with what became of the packets that were sent along them."""
    wanted = _without_probes(checks) | (OF_PATHS if paths else frozenset())
    return parts(replace(request, target="", probe=paths), wanted)


def after_cure(request: Request, checks: Iterable[Check], others: Iterable[Check]) -> Snapshot:
    """Return the evidence of checks with their probes, where packets may be sent, about the target
    of the request; and of others without theirs."""
    own = {kind for each in checks for kind in each.needs | each.uses | each.watches}
    return parts(request, own | _without_probes(others))


def quiet(snapshot: Snapshot, target: str = "") -> Snapshot:
    """Return it as if no packets had been sent, about a target. Raises NotFound where that means
    nothing on this host."""
    unsent = dict.fromkeys(PROBES, NOT_SENT)
    return aimed(Snapshot({**snapshot.parts, **unsent}, None, snapshot.taken), target)


def _without_probes(checks: Iterable[Check]) -> frozenset[type[object]]:
    return frozenset(kind for each in checks for kind in each.needs | each.uses) - PROBES.keys()
