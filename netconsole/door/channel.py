"""Channel: the ways to the socket of an agent: of this host, or by SSH of another."""

import socket
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from urllib.parse import urlsplit

from netconsole.backend.model.errors import InvalidValue, Unavailable

CONNECT_SECONDS = 2.0


class Channel(ABC):
    """A way to an agent. Each connection is a stream of its own."""

    @abstractmethod
    def open(self) -> socket.socket:
        """Open a connection. Raises OSError as connect(2) does, and Unavailable."""

    @abstractmethod
    def why_ended(self) -> str:
        """Return why the other end may have fallen silent, in a few words."""


@dataclass(frozen=True, slots=True)
class LocalChannel(Channel):
    """The socket of this host's agent."""

    path: str

    def open(self) -> socket.socket:
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(CONNECT_SECONDS)
            opened.connect(self.path)
        except OSError:
            opened.close()
            raise
        return opened

    def why_ended(self) -> str:
        return "the agent has ended"


@dataclass(frozen=True, slots=True)
class SshTarget:
    """Where `--host ssh://…` leads."""

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def argv(self) -> tuple[str, ...]:
        """The program that is a connection; ssh asks at the terminal for what it needs.

        A link that is dead is noticed after four seconds (ssh_config(5), ServerAliveInterval).
        """
        options = ("ServerAliveInterval=2", "ServerAliveCountMax=2", "ConnectTimeout=10")
        words = ["ssh", "-T", *(word for each in options for word in ("-o", each))]
        if self.user is not None:
            words += ["-l", self.user]
        if self.port is not None:
            words += ["-p", str(self.port)]
        return (*words, "--", self.host, "netconsole", "agent", "dial")


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


class SshChannel(Channel):
    """The agent of another host, by `ssh HOST netconsole agent dial`."""

    def __init__(self, target: SshTarget) -> None:
        self._target = target
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                number = theirs.fileno()
                self._process = subprocess.Popen(self._target.argv, stdin=number, stdout=number)
            except OSError as error:
                ours.close()
                raise Unavailable(f"ssh: {error.strerror}") from error
        return ours

    def why_ended(self) -> str:
        return f"no connection to {self._target.host} by ssh"
