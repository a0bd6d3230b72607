"""How findings are printed: a sign and a word for each verdict, never colour alone."""

import sys
from collections.abc import Iterable, Iterator

from netconsole.cli.frame import output
from netconsole.diagnostics.model.finding import MARKS, Finding, Verdict
from netconsole.diagnostics.reach import worst_first


def mark(verdict: Verdict) -> str:
    """Return a verdict's sign and word, in ASCII where the output takes no more."""
    told = MARKS[verdict]
    try:
        told.sign.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return f"{told.ascii_sign} {told.word}"
    return f"{told.sign} {told.word}"


def summary(findings: Iterable[Finding]) -> Iterator[str]:
    """Return one line a finding, what cuts off most first."""
    rows = [(mark(each.verdict), each.check, each.because) for each in worst_first(findings)]
    return output.table(("verdict", "check", "because"), rows)


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
