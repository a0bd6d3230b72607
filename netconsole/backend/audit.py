"""The audit log: one JSON line for every change asked for, refused and failed ones too."""

import json
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from netconsole.backend.errors import NetconsoleError, Unavailable
from netconsole.backend.ssh_session import ssh_session


@dataclass(frozen=True, slots=True)
class AuditLine:
    """Who asked for what, and what came of it."""

    at: str
    login: str
    sudo_user: str | None
    ssh_peer: str | None
    asked: str
    change_id: str | None = None
    commands: tuple[str, ...] = ()
    outcome: str = "done"


def asked(title: str) -> AuditLine:
    """The line of a change that this process was asked for."""
    session = ssh_session()
    return AuditLine(
        at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        login=_login(),
        sudo_user=os.environ.get("SUDO_USER"),
        ssh_peer=session.client if session is not None else None,
        asked=title,
    )


def _login() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


class Auditor:
    """Appends to the audit log. One that cannot be written stops a change before it begins."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._line = asked("")

    @contextmanager
    def change(self, title: str) -> Iterator["Auditor"]:
        """Log one change, whatever becomes of it; `did` adds what was done."""
        self._line = asked(title)
        with self._opened() as handle:
            try:
                yield self
            except NetconsoleError as error:
                self._line = replace(self._line, outcome=f"failed: {error}")
                raise
            except BaseException as error:
                self._line = replace(self._line, outcome=f"aborted: {type(error).__name__}")
                raise
            finally:
                os.write(handle, f"{json.dumps(asdict(self._line))}\n".encode())

    def did(self, change_id: str, commands: tuple[str, ...]) -> None:
        """Add the change's id in the journal and its commands."""
        self._line = replace(self._line, change_id=change_id, commands=commands)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        except OSError as error:
            raise Unavailable(f"audit log {self._path}: {error.strerror}") from error
        try:
            yield handle
        finally:
            os.close(handle)
