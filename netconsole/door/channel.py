"""Channel: a way to the socket of an agent; that to this host's own."""

import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass

from netconsole.backend.model import phrases

CONNECT_SECONDS = 2.0


class Channel(ABC):
    """A way to an agent. Each connection is a stream of its own."""

    @abstractmethod
    def open(self) -> socket.socket:
        """Open a connection. Raises OSError as connect(2) does, and Unavailable."""

    @abstractmethod
    def command(self, *words: str) -> str:
        """Return a command of netconsole as an admin types it who means the same host."""

    @property
    @abstractmethod
    def patience_seconds(self) -> float:
        """Within which an agent that is well says something."""

    @property
    @abstractmethod
    def whose_agent(self) -> str:
        """The agent, in a few words that tell it from another host's."""

    @property
    @abstractmethod
    def restart(self) -> str:
        """The command, as an admin types it here, that begins the agent anew."""

    @abstractmethod
    def why_ended(self) -> str:
        """Return why the connection may have ended, in a few words."""

    @abstractmethod
    def why_silent(self) -> str:
        """Return what to say of an agent that is there and does not answer, and what helps."""

    def ask_nothing(self) -> None:  # noqa: B027  most never ask
        """Let no further connection ask anything at the terminal: that is a screen by now."""

    @property
    def is_dialled(self) -> bool:
        """Whether the other end says when it is connected, before it takes a request."""
        return False

    def dialled(self) -> None:  # noqa: B027  most are no dialled ones
        """Note that it does: programs of an older version say nothing."""

    def close(self) -> None:  # noqa: B027  of most there is nothing to end
        """End what the connections leave behind."""


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

    def command(self, *words: str) -> str:
        return phrases.command(*words)

    @property
    def patience_seconds(self) -> float:
        return 5.0

    @property
    def whose_agent(self) -> str:
        return "the agent"

    @property
    def restart(self) -> str:
        return "`systemctl restart netconsole-agent`"

    def why_ended(self) -> str:
        return "the agent has ended"

    def why_silent(self) -> str:
        return f"the agent hangs: {self.restart} begins it anew"
