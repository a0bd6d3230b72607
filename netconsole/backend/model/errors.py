"""The errors an admin can meet. Each message is one line that names the value and the rule."""

from enum import IntEnum

from netconsole.backend.model.text import decoded, visible


class ExitStatus(IntEnum):
    """What a command's exit status says; the same for every command."""

    OK = 0
    FAILED = 1
    REFUSED = 2
    UNAVAILABLE = 3
    PARTLY_DONE = 4


class NetconsoleError(Exception):
    """Anything that stops a command; `str(error)` is the line shown to the admin."""

    exit_status = ExitStatus.FAILED


LONGEST_SHOWN = 120
"""Of a value in a message; a path fits, a hostile text does not fill the screen."""


def said(error: BaseException) -> str:
    """Return what an error says, in a line; its kind where it says nothing.

    Of the system's that is which file it is about, and why.
    """
    if isinstance(error, OSError) and error.strerror:
        named = error.filename
        place = decoded(named) if isinstance(named, bytes) else str(named or "")
        return f"{visible(place)}: {error.strerror}" if place else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


class InvalidValue(NetconsoleError):
    """A value that breaks a rule of its own, whatever the store holds."""

    exit_status = ExitStatus.REFUSED

    def __init__(self, what: str, value: object, rule: str) -> None:
        shown = visible(str(value))
        if len(shown) > LONGEST_SHOWN:
            shown = shown[: LONGEST_SHOWN - 3] + "..."
        quote = '"' if "'" in shown else "'"
        super().__init__(f"{what} {quote}{shown}{quote}: {rule}")


class NotFound(NetconsoleError):
    """A name or address that the store does not hold."""


class Conflict(NetconsoleError):
    """A request that the present state forbids: in use, overlapping, taken."""


class RemovesMost(Conflict):
    """Bringing the host in line would remove most of what is ours, which nobody asked for."""


class Exhausted(NetconsoleError):
    """A pool or range with nothing left to give."""


class ReadOnly(NetconsoleError):
    """A change asked of a service that may only read."""

    exit_status = ExitStatus.UNAVAILABLE


class Unavailable(NetconsoleError):
    """Something this machine lacks: a privilege, a program, a kernel feature."""

    exit_status = ExitStatus.UNAVAILABLE


class Cancelled(NetconsoleError):
    """Something that who asked for it ended before it was over."""


class StepFailed(NetconsoleError):
    """A step of a plan failed; the earlier ones were undone."""


class PartlyDone(StepFailed):
    """Something was done and stays, so that this is not a failure that left nothing."""

    exit_status = ExitStatus.PARTLY_DONE

    def __init__(self, message: str, done: tuple[str, ...] = ()) -> None:
        """`done` are the commands of a repair that were run and stay."""
        super().__init__(message)
        self.done = done


class DoneUntold(Exception):
    """Something is done and stays; its cause, which nobody foresaw, came afterwards."""


class NotVerified(NetconsoleError):
    """Every step reported success, yet the host is not as planned."""
