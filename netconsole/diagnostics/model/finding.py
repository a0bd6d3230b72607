"""A finding: what a check concludes from the evidence, and what would mend it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from netconsole.backend.model.errors import ExitStatus
from netconsole.backend.steps import Plan

Verdict = Literal["ok", "info", "warn", "fail", "unknown", "not-applicable"]
"""`not-applicable`: the host has nothing to look at here, which is no finding."""


@dataclass(frozen=True, slots=True)
class VerdictMark:
    """How a verdict is told, never by colour alone."""

    word: str
    sign: str
    ascii_sign: str
    """Where the output takes no more."""


MARKS: Mapping[Verdict, VerdictMark] = {
    "ok": VerdictMark("ok", "✓", "*"),
    "info": VerdictMark("info", "i", "i"),
    "warn": VerdictMark("WARN", "!", "!"),
    "fail": VerdictMark("FAIL", "✗", "x"),
    "unknown": VerdictMark("unknown", "?", "?"),
    "not-applicable": VerdictMark("n/a", "-", "-"),
}

Confidence = Literal["certain", "likely", "possible"]
"""`certain`: the evidence shows the very thing; `likely`: it fits, and its look-alikes do not;
`possible`: it fits, and so may others."""

JSONValue = str | int | bool | None | list["JSONValue"] | dict[str, "JSONValue"]

AT_BOOT = "at the next boot"
"""The label of the evidence on permanence."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that was read, and what it should have been (empty: nothing in particular)."""

    label: str
    value: str
    expected: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The conclusion of one check."""

    check: str
    title: str
    verdict: Verdict
    because: str
    """One to three sentences: what happens to the packet and why the evidence shows it."""
    evidence: tuple[Evidence, ...] = ()
    rules_out: tuple[str, ...] = ()
    """Causes with the same symptom that the evidence excludes."""
    fix: Plan | None = None
    """Never there with the verdict `unknown`."""
    persist: Plan | None = None
    """What keeps the fix over a reboot; empty when it is kept already, None when nothing can."""
    remedy: str = ""
    """Why the fix is this one, or what to do where no plan can do it."""
    confidence: Confidence = "certain"
    """How far the evidence carries the verdict."""

    def __post_init__(self) -> None:
        if self.verdict == "unknown" and self.fix is not None:
            raise ValueError(f"{self.check}: a fix without a verdict")

    @property
    def found(self) -> bool:
        """Whether there is something to mend."""
        return self.verdict in ("warn", "fail")

    @property
    def at_boot(self) -> str:
        """What becomes of the setting at the next boot, empty when that is no question."""
        return next((row.value for row in self.evidence if row.label == AT_BOOT), "")


def exit_status(findings: Iterable[Finding]) -> ExitStatus:
    """Return 1 when something was found, else 3 when something could not be checked, else 0."""
    verdicts = {finding.verdict for finding in findings}
    if verdicts & {"warn", "fail"}:
        return ExitStatus.FAILED
    return ExitStatus.UNAVAILABLE if "unknown" in verdicts else ExitStatus.OK


def as_json(finding: Finding) -> dict[str, JSONValue]:
    """Return the finding in plain values; plans become their commands."""
    return {
        "check": finding.check,
        "title": finding.title,
        "verdict": finding.verdict,
        "confidence": finding.confidence,
        "because": finding.because,
        "evidence": [
            {"label": row.label, "value": row.value, "expected": row.expected, "note": row.note}
            for row in finding.evidence
        ],
        "rules_out": list(finding.rules_out),
        "remedy": finding.remedy,
        "fix": _commands(finding.fix),
        "persist": _commands(finding.persist),
    }


def _commands(plan: Plan | None) -> list[JSONValue] | None:
    return None if plan is None else list(plan.commands)
