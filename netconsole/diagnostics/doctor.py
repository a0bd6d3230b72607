"""The doctor: every check, on evidence collected once."""

from typing import TYPE_CHECKING

from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.evidence import collect
from netconsole.diagnostics.finding import Finding
from netconsole.diagnostics.snapshot import Unread

if TYPE_CHECKING:
    from netconsole.backend.service import Service


def examine(service: "Service | Unread", sources: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """Run every check and answer all findings, in the order of the registry.

    Nothing is sent and nothing is changed. `sources` are addresses that should be let in on
    every interface. Where there is no service, the checks that need none are made all the same.
    """
    needs = frozenset(need for check in CHECKS.values() for need in check.needs)
    snapshot = collect(service, needs, sources)
    return tuple(check.examine(snapshot) for check in CHECKS.values())
