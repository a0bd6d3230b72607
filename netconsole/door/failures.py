"""Failures: an error of ours as JSON, and the same error again at the other end."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from netconsole.backend.model.errors import ExitStatus, NetconsoleError

_ELSEWHERE: Mapping[str, str] = {
    "NotAudited": "backend.transaction.audit",
    "NotConfirmed": "backend.transaction.trial",
    "PlanChanged": "backend.plan.agreement",
}
"""Where the errors are that are not in `errors.py`."""


KINDS = (
    *("NetconsoleError", "InvalidValue", "NotFound", "Conflict", "RemovesMost", "Exhausted"),
    *("ReadOnly", "Unavailable", "Cancelled", "StepFailed", "PartlyDone", "NotVerified"),
    *("Refused", "AgentFailed", *_ELSEWHERE),
)
"""What an error may be at the other end; one of another class is the nearest above it."""


class AgentFailed(NetconsoleError):
    """A bug in the agent, which its own log tells more of."""


class Refused(NetconsoleError):
    """The agent does not let this user in, or has no time for them."""

    exit_status = ExitStatus.UNAVAILABLE


def told_error(error: NetconsoleError) -> dict[str, object]:
    """Return an error as it is sent: its kind, its line, and what front ends need of it."""
    told: dict[str, object] = {
        "kind": next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in KINDS),
        "message": str(error),
        "exit_status": int(error.exit_status),
    }
    if notes := getattr(error, "__notes__", None):
        told["notes"] = notes
    if (now := getattr(error, "now", None)) is not None:
        told["now"] = now
        told["difference"] = getattr(error, "difference", None)
    return {"error": told}


def error_of(told: Mapping[str, Any]) -> NetconsoleError:
    """Make the error again, of the same class with the same line and exit status."""
    kind = _kind(str(told.get("kind", "")))
    error = kind.__new__(kind)
    Exception.__init__(error, str(told.get("message", "the agent refuses, and does not say why")))
    error.exit_status = ExitStatus(told.get("exit_status", ExitStatus.FAILED))
    for note in told.get("notes", ()):
        error.add_note(str(note))
    if "now" in told:
        _add_difference(error, told)
    return error


def _kind(name: str) -> type[NetconsoleError]:
    from netconsole.backend.model import errors

    home = import_module(f"netconsole.{_ELSEWHERE[name]}") if name in _ELSEWHERE else errors
    found = {Refused.__name__: Refused, AgentFailed.__name__: AgentFailed} | vars(home)
    kind = found.get(name)
    if isinstance(kind, type) and issubclass(kind, NetconsoleError):
        return kind
    return NetconsoleError  # of a newer agent: its line and its status say enough


def _add_difference(error: NetconsoleError, told: Mapping[str, Any]) -> None:
    """What the plan is by now, which `PlanChanged` says."""
    from netconsole.backend.plan.agreement import PlanChanged, PlanDifference
    from netconsole.backend.steps import Plan
    from netconsole.door.answers import value_of

    if isinstance(error, PlanChanged):
        error.now = value_of(Plan, told["now"])
        error.difference = value_of(PlanDifference, told["difference"])
