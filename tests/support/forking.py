"""The process that forks for `forked`: once for a command, or once for all commands of a host.

A fork copies each page of memory that it writes to, and Python writes to what it only looks at:
that takes as long as all that most commands do, and in a user-mode-linux ten times as long.
"""

import contextlib
import fcntl
import json
import os
import selectors
import socket
import termios
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, NoReturn, Self

from netconsole.lab.sandbox.namespaces import Namespace, enter_by

REQUEST = 1 << 16
"""Bytes of the longest request, and of the longest answer."""


class Asked(NamedTuple):
    """A request: what is to run where, and the descriptors that came with it."""

    pid: int
    kinds: Namespace
    alone: bool
    """Whether it runs beside others, is signalled, and is looked for by its command line."""
    shown: bool
    """Whether its standard streams are a terminal, which is to be its own."""
    environment: dict[str, str]
    """What its environment has more than that of the process that forks."""
    words: list[str]
    standard: list[int]
    answer: int

    @classmethod
    def take(cls, requests: socket.socket) -> Self:
        """Take the next; without one, end this process."""
        request, given, _, _ = socket.recv_fds(requests, REQUEST, 4)
        if not request:
            os._exit(0)
        pid, kinds, alone, shown, environment, *words = json.loads(request)
        command = [str(word) for word in words]
        kinds = Namespace(kinds)
        return cls(pid, kinds, alone, shown, environment, command, given[:3], given[3])

    @property
    def may_stay(self) -> bool:
        """Whether its process may stay for the next: with a PID namespace it ends at the latest."""
        own = self.alone or self.environment
        return Namespace.PID in self.kinds and self.words[0] == "netconsole" and not own


class Work(NamedTuple):
    """What a fork is to do: a command, and the next ones by a socket where it stays."""

    words: list[str]
    alone: bool
    more: socket.socket | None


class Child:
    """A fork that runs a command; one that stays in a host then waits for the next."""

    def __init__(self, pid: int, asked: Asked, more: socket.socket | None) -> None:
        self.pid = pid
        self.place = asked.pid, asked.kinds
        self.more = more
        self.ended = os.pidfd_open(pid)
        self._answer: int | None = asked.answer
        self._say(pid)

    @property
    def is_idle(self) -> bool:
        return self._answer is None

    def give(self, asked: Asked) -> bool:
        """Have it run one more command; return whether it can, for it may have been killed."""
        assert self.more is not None
        try:
            socket.send_fds(self.more, [json.dumps(asked.words).encode()], asked.standard)
        except ConnectionError:
            return False
        self._answer = asked.answer
        self._say(self.pid)
        return True

    def tell(self, status: int) -> None:
        """Tell the exit status of its command to who asked for it."""
        if self._answer is not None:
            self._say(status)
            os.close(self._answer)
            self._answer = None

    def _say(self, number: int) -> None:
        assert self._answer is not None
        with contextlib.suppress(ConnectionError):  # who asked has lost patience
            os.write(self._answer, str(number).encode())


class Server:
    """Takes requests and forks for them; a fork leaves `serve` with what it is to do."""

    def __init__(self, requests: socket.socket, before_shown: Callable[[], None]) -> None:
        """`before_shown` loads, once, what only programs in a terminal need."""
        self._requests = requests
        self._before_shown: Callable[[], None] | None = before_shown
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ, self._take)
        self._staying: dict[tuple[int, Namespace], Child] = {}

    def serve(self) -> Work:
        while True:
            for key, _ in self._selector.select():
                work: Work | None = key.data()
                if work is not None:
                    return work

    def _take(self) -> Work | None:
        asked = Asked.take(self._requests)
        if asked.shown and self._before_shown is not None:
            self._before_shown()
            self._before_shown = None
        staying = self._staying.get((asked.pid, asked.kinds)) if asked.may_stay else None
        is_given = staying is not None and staying.is_idle and staying.give(asked)
        if not is_given and (work := self._fork(asked, asked.may_stay and staying is None)):
            return work
        for descriptor in asked.standard:
            os.close(descriptor)
        return None

    def _fork(self, asked: Asked, stays: bool) -> Work | None:
        more, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = _fork_into(asked)
        if pid == 0:
            more.close()
            self._forget()
            os.environ.update(asked.environment)
            if stays:
                return Work(asked.words, asked.alone, theirs)
            theirs.close()
            return Work(asked.words, asked.alone, None)
        theirs.close()
        child = Child(pid, asked, more if stays else None)
        self._selector.register(child.ended, selectors.EVENT_READ, partial(self._reap, child))
        if stays:
            self._selector.register(more, selectors.EVENT_READ, partial(self._hear, child))
            self._staying[child.place] = child
        else:
            more.close()
        return None

    def _forget(self) -> None:
        """Let go, in a fork, of what belongs to the others.

        Nothing is unregistered: the kernel's list of what is waited for is shared with the others.
        """
        for key in self._selector.get_map().values():
            if key.fileobj is not self._requests:
                os.close(key.fd)
        self._selector.close()

    def _hear(self, child: Child) -> None:
        """Hear how its command ended; one that does not stay has no more to say."""
        assert child.more is not None
        heard = b""
        with contextlib.suppress(ConnectionError):  # it was killed before it took a command
            heard = child.more.recv(REQUEST)
        if heard:
            child.tell(int(heard))
        else:
            self._part(child)

    def _part(self, child: Child) -> None:
        if child.more is not None:
            del self._staying[child.place]
            self._selector.unregister(child.more)
            child.more.close()
            child.more = None

    def _reap(self, child: Child) -> None:
        _, how = os.waitpid(child.pid, 0)
        self._part(child)
        child.tell(os.waitstatus_to_exitcode(how))
        self._selector.unregister(child.ended)
        os.close(child.ended)


def _fork_into(asked: Asked) -> int:
    """Fork into the namespaces of a request; return the child's pid, and 0 in the child.

    A PID namespace is entered by the next child alone. Root chooses it anew before each fork; who
    is not has to be in the user namespace first, from where no way leads back: a fork in between.
    """
    by_root = os.geteuid() == 0
    host = os.pidfd_open(asked.pid)
    if by_root:
        enter_by(host, Namespace.PID)
    if child := os.fork():
        os.close(host)
        return child
    os.close(asked.answer)
    for number, descriptor in enumerate(asked.standard):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if asked.shown:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if kinds := asked.kinds & ~Namespace.PID if by_root else asked.kinds:
        enter_by(host, kinds)
    os.close(host)
    if Namespace.PID in kinds and (child := os.fork()):
        _end_like(child)
    return 0


def _end_like(child: int) -> NoReturn:
    _, how = os.waitpid(child, 0)
    if os.WIFSIGNALED(how):
        os.kill(os.getpid(), os.WTERMSIG(how))
    os._exit(os.waitstatus_to_exitcode(how))
