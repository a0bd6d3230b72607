"""Systemd: the agent's service installed, looked at and taken away; what is said is done."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from netconsole.agent.installation import DROP_INS, SERVICE, ServiceFile, Standing
from netconsole.backend.model.errors import Conflict, Unavailable
from netconsole.backend.model.text import in_shell
from netconsole.backend.system import files
from netconsole.backend.system.processes import SYSTEMD_BOOTED
from netconsole.backend.system.programs import ProgramFailed, run

_MODE: Final = 0o644
_SECONDS: Final = 300.0
"""For a start or a stop, which may take as long as the unit allows."""
_PROPERTIES: Final = ("LoadState", "UnitFileState", "ActiveState", "SubState", "MainPID")
_WHEN: Final = "ActiveEnterTimestamp"


@dataclass(frozen=True, slots=True)
class FileStanding:
    """How a file of the service stands."""

    path: str
    state: Standing


@dataclass(frozen=True, slots=True)
class UnitState:
    """What systemd says of the agent's service."""

    enabled: str
    """As `systemctl is-enabled` says it; empty where there is no such unit."""
    active: str
    """As `systemctl is-active` says it, and below that."""
    pid: int | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ServiceAction:
    """Something that is done to install or uninstall: a file written or removed, or a program."""

    argv: tuple[str, ...] = ()
    file: ServiceFile | None = None
    removed: str = ""

    @property
    def commands(self) -> tuple[str, ...]:
        """What an admin would type, line by line."""
        if self.file is not None:
            here = f"cat > {in_shell(self.file.path)} <<'END'"
            return (here, *self.file.content.splitlines(), "END")
        return (in_shell(*(("rm", self.removed) if self.removed else self.argv)),)

    def do(self) -> None:
        """Do it. Raises OSError, ProgramFailed, and Unavailable for a program that is missing."""
        if self.file is not None:
            files.write(self.file.path, self.file.content, _MODE)
        elif self.removed:
            files.remove(self.removed)
        else:
            run(self.argv, timeout=_SECONDS)


def require(what: str) -> None:
    """Raise Unavailable where this process can install no service."""
    if not SYSTEMD_BOOTED.is_dir():
        raise Unavailable(
            f"{what}: systemd is not what started this machine (there is no {SYSTEMD_BOOTED}); "
            "have your own init run `netconsole agent`"
        )
    if os.geteuid() != 0:
        raise Unavailable(f"{what}: no privileges: run as root")


def standings(wanted: Sequence[ServiceFile]) -> tuple[FileStanding, ...]:
    """Say how each file of the service stands. Raises OSError for one that cannot be read."""
    return tuple(FileStanding(each.path, each.standing(_found(each.path))) for each in wanted)


def installing(wanted: Sequence[ServiceFile], *, now: bool) -> tuple[ServiceAction, ...]:
    """Return what there is to be done to install, and with `now` to start. Raises Conflict."""
    found = standings(wanted)
    changed = [each.path for each in found if each.state == "changed"]
    if changed:
        raise Conflict(
            f"{changed[0]}: not as `agent install` wrote it, and left as it is; "
            f"move what is yours to a drop-in (systemctl edit {SERVICE}) and remove that file"
        )
    written = [
        ServiceAction(file=each)
        for each, was in zip(wanted, found, strict=True)
        if was.state != "installed"
    ]
    sysusers, tmpfiles, _ = (each.path for each in wanted)
    return (
        *written,
        ServiceAction(("systemd-sysusers", sysusers)),
        ServiceAction(("systemd-tmpfiles", "--create", tmpfiles)),
        ServiceAction(("systemctl", "daemon-reload")),
        ServiceAction(("systemctl", "enable", *(("--now",) if now else ()), SERVICE)),
    )


def uninstalling(wanted: Sequence[ServiceFile]) -> tuple[ServiceAction, ...]:
    """Return what there is to be done to take away what install wrote, and no more."""
    found = standings(wanted)
    removed = [each.path for each in found if each.state in ("installed", "older")]
    if all(each.state == "absent" for each in found):
        return ()
    return (
        ServiceAction(("systemctl", "disable", "--now", SERVICE)),
        *(ServiceAction(removed=path) for path in removed),
        ServiceAction(("systemctl", "daemon-reload")),
    )


def left_over(wanted: Sequence[ServiceFile]) -> tuple[str, ...]:
    """Return the files of the service that are an admin's: changed ones, and drop-ins."""
    changed = [each.path for each in standings(wanted) if each.state == "changed"]
    drop_ins = sorted(str(path) for path in Path(DROP_INS).glob("*.conf"))
    return (*changed, *drop_ins)


def unit_state() -> UnitState | None:
    """Ask systemd how the service stands; None where there is no systemd, or it does not say."""
    if not SYSTEMD_BOOTED.is_dir():
        return None
    asked = ",".join((*_PROPERTIES, _WHEN))
    argv = ("systemctl", "show", "--timestamp=unix", f"--property={asked}", SERVICE)
    try:
        return parsed_state(run(argv, timeout=10.0))
    except (ProgramFailed, Unavailable):
        return None


def parsed_state(told: str) -> UnitState:
    """Read what `systemctl show --timestamp=unix` says."""
    values = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    since, pid = values.get(_WHEN, "").removeprefix("@"), values.get("MainPID", "")
    active = values.get("ActiveState", "")
    return UnitState(
        values.get("UnitFileState", ""),
        f"{active} ({values['SubState']})" if values.get("SubState") else active,
        int(pid) if pid.isdecimal() and pid != "0" else None,
        datetime.fromtimestamp(int(since), UTC) if since.isdecimal() and since != "0" else None,
    )


def _found(path: str) -> str | None:
    try:
        return files.read_text(path)
    except FileNotFoundError:
        return None
