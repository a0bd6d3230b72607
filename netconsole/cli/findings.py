"""How findings are printed: a sign and a word for each verdict, never colour alone."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Final

from netconsole.cli.frame import output
from netconsole.diagnostics.model.finding import MARKS, Finding, Verdict
from netconsole.diagnostics.reach import worst_first

_WIDTH: Final = 100


def mark(verdict: Verdict) -> str:
    """Return a verdict's sign and word, in ASCII where the output takes no more."""
    told = MARKS[verdict]
    try:
        told.sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return f"{told.ascii_sign} {told.word}"
    return f"{told.sign} {told.word}"


def summary(findings: Iterable[Finding]) -> Iterator[str]:
    """Return one line a finding, what cuts off most first.

    A reason for which several could not be made is said once, and below the table which these are.
    """
    told = [(each, _reason(each)) for each in worst_first(findings)]
    alike = Counter(reason for _, reason in told if reason)
    others: dict[str, list[str]] = {}
    rows = []
    for each, reason in told:
        name = each.check
        if alike[reason] > 1:
            others.setdefault(reason, []).append(name)
            if len(others[reason]) > 1:
                continue
            name = f"{alike[reason]} checks"
        rows.append((mark(each.verdict), name, each.because))
    yield from output.table(("verdict", "check", "because"), rows)
    for names in others.values():
        yield ""
        yield f"The {len(names)} checks that could not be made:"
        yield from wrap(", ".join(names), _WIDTH, initial_indent="  ", subsequent_indent="  ")


def _reason(finding: Finding) -> str:
    """Why a check could not be made; nothing where it was."""
    return finding.because if finding.verdict == "unknown" else ""


def details(finding: Finding) -> Iterator[str]:
    """Return the verdict, and under it the evidence and what it excludes."""
    yield f"{mark(finding.verdict)}: {output.shown(finding.because)}"
    if finding.evidence:
        rows = [(row.label, row.value, row.expected, row.note) for row in finding.evidence]
        yield ""
        yield from output.table(("evidence", "value", "should_be", "note"), rows)
    if finding.rules_out:
        yield ""
        yield "It is not"
        yield from (f"  {output.shown(line)}" for line in finding.rules_out)
