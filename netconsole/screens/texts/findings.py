"""Findings: what a check found, and its page, as texts to read."""

from collections.abc import Iterator

from netconsole.backend.steps import Plan
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.screens.rows.marks import BOLD, DIM, STYLES, Glyphs, verdict_mark, verdict_tone
from netconsole.screens.rows.pane import Entry, command, heading


def finding_entries(finding: Finding, glyphs: Glyphs) -> tuple[Entry, ...]:
    """Return a finding to read: verdict, reason, evidence, what is ruled out, what would mend
    it."""
    entries = [
        Entry(finding.title, BOLD),
        Entry(
            verdict_mark(finding.verdict, glyphs),
            STYLES[verdict_tone(finding.verdict)],
            label="verdict",
        ),
        Entry(finding.because, label="because"),
    ]
    if finding.evidence:
        entries += [Entry(), heading("Evidence")]
    for row in finding.evidence:
        expected = f"  (expected {row.expected})" if row.expected else ""
        entries.append(Entry(f"{row.label}: {row.value}{expected}"))
        entries += [Entry(f"    {row.note}", DIM, hanging=4)] if row.note else []
    if finding.rules_out:
        entries += [Entry(), heading("Ruled out"), *(Entry(text) for text in finding.rules_out)]
    entries += _plan("Cure", finding.fix)
    entries += [Entry(finding.remedy)] if finding.remedy else []
    entries += _plan("To make it permanent", finding.persist)
    entries += [Entry(finding.at_boot, label="after a reboot")] if finding.at_boot else []
    return tuple(entries)


def _plan(title: str, plan: Plan | None) -> list[Entry]:
    if not plan:
        return []
    return [Entry(), heading(title), *(command(text) for text in plan.commands)]


def explained(page: Explanation) -> Iterator[Entry]:
    """Yield a check's page to read."""
    for title, paragraphs in page.sections():
        yield heading(title)
        for paragraph in paragraphs:
            yield Entry(paragraph)
        yield Entry()
