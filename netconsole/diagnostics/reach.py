"""Reach: which findings are told first, by what they cut off. Pure."""

from collections.abc import Iterable

from netconsole.backend.model.phrases import count, some
from netconsole.backend.survey.trouble import Reach, Trouble
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding


def reach_of(finding: Finding) -> Reach:
    """Whom it cuts off; a warning cuts off nobody yet."""
    if finding.verdict != "fail":
        return Reach.NOBODY
    return CHECKS[finding.check].reach


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return them in order: what fails by its reach, then warnings, then what could not be
    checked, then the rest."""

    def key(finding: Finding) -> tuple[int, int]:
        order = {"fail": 0, "warn": 1, "unknown": 2}.get(finding.verdict, 3)
        return order, reach_of(finding)

    return tuple(sorted(findings, key=key))


def troubles_of(findings: Iterable[Finding]) -> tuple[Trouble, ...]:
    """Return what the checks found beyond what a status shows, and which of them could not be
    made."""
    chosen = [each for each in findings if not CHECKS[each.check].shown_by_status]
    found = [
        Trouble(reach_of(each), f"{each.check}: {each.because}") for each in chosen if each.found
    ]
    unknown = [each.check for each in chosen if each.verdict == "unknown"]
    if unknown:
        said = f"{count(len(unknown), 'check')} could not be made (p says why): {some(unknown)}"
        found.append(Trouble(Reach.NOBODY, said, certain=False))
    return tuple(found)
