"""What a check has found of others than the target that it is asked about. Pure."""

from dataclasses import replace

from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.target import Target


def aside(finding: Finding, target: Target) -> Finding:
    """Return it as information, without its cure: it is no verdict on the target."""
    because = f"Not about {target.text}: {finding.because}"
    remedy = "`netconsole doctor` judges all of the host, and has the cure."
    return replace(finding, verdict="info", because=because, fix=None, persist=None, remedy=remedy)
