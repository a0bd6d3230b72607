"""Checks that judge by what the host should hold: unknown, where nothing says what that is."""

from collections.abc import Callable
from functools import wraps

from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend

Judge = Callable[[Snapshot], Finding]


def by_plan(check: str, title: str) -> Callable[[Judge], Judge]:
    """Have a judge answer `unknown`, with the one reason, where it is not known what is wanted.

    Without what is wanted, all that is there looks left over, and all else as if nobody used it.
    """

    def guarded(judge: Judge) -> Judge:
        @wraps(judge)
        def judged(snapshot: Snapshot) -> Finding:
            if because := unplanned(snapshot.part(Backend)):
                return Finding(check, title, "unknown", because)
            return judge(snapshot)

        return judged

    return guarded


def unplanned(host: Backend) -> str | None:
    """Say why it is not known what the host should hold; None where it is."""
    if reason := host.status.host.wanted_unknown:
        return f"What this host should hold is not known: {reason}."
    return None
