"""The doctor: every check, on evidence collected once."""

from collections.abc import Iterable

from netconsole.backend.model.errors import NotFound
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.collecting import Request, collect
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot

QUICK_SECONDS = 5.0
"""A check whose evidence takes longer is made by playbooks, or when it is asked for by name."""


def quick() -> tuple[Check, ...]:
    """Return the checks that are made when none is named."""
    return tuple(check for check in CHECKS.values() if check.seconds <= QUICK_SECONDS)


def examine(request: Request) -> tuple[Finding, ...]:
    """Run every quick check and answer all findings, in the order of the registry.

    Nothing is changed, and nothing is sent unless the request allows it. Where there is no
    service, the checks that need none are made all the same. Raises NotFound for a target that
    means nothing here.
    """
    return judge(look(request, quick(), watch=False), quick())


def look(request: Request, checks: Iterable[Check], *, watch: bool = True) -> Snapshot:
    """Collect the evidence of these checks, with or without what watches traffic for a while."""
    chosen = tuple(checks)
    wanted = {kind for check in chosen for kind in check.needs | check.uses}
    watching = (
        {kind for check in chosen for kind in check.watches} if watch else set[type[object]]()
    )
    return parts(request, wanted | watching)


def parts(request: Request, wanted: Iterable[type[object]]) -> Snapshot:
    """Collect these parts, in this process or by whoever collects for it."""
    return (request.collector or collect)(request, wanted)


def judge(snapshot: Snapshot, checks: Iterable[Check]) -> tuple[Finding, ...]:
    """Return what these checks conclude from evidence, collected now or long ago."""
    return tuple(check.examine(snapshot) for check in checks)


def check(name: str) -> Check:
    """Return a check by its id or by its code in the catalogue; raises NotFound."""
    for each in CHECKS.values():
        if name == each.id or name.lower() in (row.lower() for row in each.rows):
            return each
    raise NotFound(f"check {name!r}: there is {', '.join(CHECKS)}")
