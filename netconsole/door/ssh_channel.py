"""SshChannel: the way to the agent of another host, by ssh(1)."""

import os
import shlex
import socket
import subprocess
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from netconsole.backend.model import phrases
from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.model.text import decoded, visible
from netconsole.backend.system.programs import PATH
from netconsole.door.channel import Channel


@dataclass(frozen=True, slots=True)
class SshTarget:
    """Where `--host ssh://…` leads."""

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def url(self) -> str:
        """The target as it is given."""
        user = f"{self.user}@" if self.user is not None else ""
        port = f":{self.port}" if self.port is not None else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{user}{host}{port}"

    @property
    def words(self) -> tuple[str, ...]:
        """How ssh(1) is told where to go, without a command."""
        user = ("-l", self.user) if self.user is not None else ()
        port = ("-p", str(self.port)) if self.port is not None else ()
        return (*user, *port, "--", self.host)


def parse_target(value: str) -> SshTarget:
    """Read `ssh://user@host:port`. Raises InvalidValue."""
    rule = "must be ssh://HOST or ssh://USER@HOST:PORT"
    try:
        parts = urlsplit(value)
        host, user, port = parts.hostname, parts.username, parts.port
    except ValueError:
        raise InvalidValue("host", value, rule) from None
    beyond = parts.path.strip("/") or parts.query or parts.fragment or parts.password
    if parts.scheme != "ssh" or not host or beyond or host.startswith("-"):
        raise InvalidValue("host", value, rule)
    if not (host + (user or "")).isprintable() or (user or "").startswith("-"):
        raise InvalidValue("host", value, rule)
    return SshTarget(host, user, port)


_SSH_OPTIONS = (
    *("ServerAliveInterval=1", "ServerAliveCountMax=4", "ConnectTimeout=10"),
    *("ControlMaster=auto", "ControlPersist=20"),
)
"""A link that is dead is noticed within five seconds. The admin logs in once: further connections
go by the first, which stays for some seconds after the last (ssh_config(5))."""
_DIAL = ("netconsole", "agent", "dial")


class SshChannel(Channel):
    """The agent of another host, by `ssh HOST netconsole agent dial`; ssh asks at the terminal,
    unless it is told to ask nothing: then a login that needs a password fails (ssh_config(5)).
    """

    def __init__(self, target: SshTarget) -> None:
        self._target = target
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        self._asks = True
        self._is_dialled = False
        self._lock = threading.Lock()

    def open(self) -> socket.socket:
        with self._lock:
            if self._directory is None:
                self._directory = tempfile.TemporaryDirectory(prefix="netconsole-")
            self._processes = [each for each in self._processes if each.poll() is None]
        ours, theirs = socket.socketpair()
        with theirs, self._said().open("ab") as said:
            number = theirs.fileno()
            try:
                process = subprocess.Popen(
                    self._argv("-T", *_DIAL),
                    stdin=number,
                    stdout=number,
                    stderr=said,
                    env={**os.environ, "PATH": PATH},
                )
            except OSError as error:
                ours.close()
                raise Unavailable(f"ssh: {error.strerror}") from error
        self._processes.append(process)
        return ours

    def ask_nothing(self) -> None:
        self._asks = False

    @property
    def is_dialled(self) -> bool:
        return self._is_dialled

    def dialled(self) -> None:
        self._is_dialled = True

    def command(self, *words: str) -> str:
        return phrases.command("--host", self._target.url, *words)

    @property
    def patience_seconds(self) -> float:
        return 15.0  # it may log in anew (ConnectTimeout), and start a program there

    @property
    def whose_agent(self) -> str:
        return f"the agent of {self._target.host}"

    @property
    def restart(self) -> str:
        words = ("ssh", *self._target.words, "systemctl", "restart", "netconsole-agent")
        return f"`{shlex.join(words)}`"

    def why_silent(self) -> str:
        return f"{self._target.host}: the agent there hangs: {self.restart} begins it anew"

    def why_ended(self) -> str:
        """Return the last words of ssh, or of the program at its other end."""
        try:
            words = decoded(self._said().read_bytes()).split("\n")
        except OSError:
            words = []
        said = [line.strip() for line in words if line.strip()]
        told = next((visible(line) for line in reversed(said) if "Warning:" not in line), "")
        return f"{self._target.host}: {told or 'the connection has ended'}"

    def close(self) -> None:
        """End what is left of the connections; the directory goes with this object."""
        if self._directory is None:
            return
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                self._argv("-O", "exit"),
                capture_output=True,
                env={**os.environ, "PATH": PATH},
                timeout=1,
                check=False,
            )
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.terminate()
            process.wait()
        self._directory.cleanup()
        self._directory = None

    def _argv(self, *words: str) -> list[str]:
        asks = () if self._asks else ("BatchMode=yes",)
        options = (*_SSH_OPTIONS, *asks, f"ControlPath={self._place() / 'ssh'}")
        given = (word for each in options for word in ("-o", each))
        own, command = (words, ()) if "-O" in words else (words[:1], words[1:])
        return ["ssh", *given, *own, *self._target.words, *command]

    def _said(self) -> Path:
        return self._place() / "said"

    def _place(self) -> Path:
        return Path(self._directory.name if self._directory is not None else "/nonexistent")
