"""Runs of netconsole that begin as forks of one process, which has loaded it already.

Loading takes ten times as long as most commands do. `python forked.py` is that process: for each
request on its standard input, a socket, it forks into a host's namespaces as nsenter(1) does,
and runs the program there from its first line to its last, in a process of its own: either
`netconsole …`, or `python3 -c …`, as most scripts of tests use what is loaded. Starting them as a
user does is left to the tests that are about that.
"""

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn, Self

import netconsole
from netconsole.cli import entry
from netconsole.lab.sandbox.namespaces import Namespace, enter_by

SCRIPT = ("python3", "-c")
PROGRAM = str(Path(sys.executable).with_name("netconsole"))
HEAVY = (
    *("sqlalchemy.dialects.sqlite", "alembic.command", "alembic.config", "mako.template"),
    *("pyroute2", "psutil", "oslo_config.cfg", "rich.console", "cattrs.preconf.json"),
    *("encodings.ascii", "encodings.utf_8_sig"),
)
NOT_LOADED = ("netconsole.screens", "netconsole.backend.store.migrations")
REQUEST = 1 << 16


def can_run(words: Sequence[str]) -> bool:
    """Whether a command is one of those that are run here."""
    return words[0] == "netconsole" or tuple(words[:2]) == SCRIPT


class Forks:
    """The process that forks, seen from the tests; it ends with its caller."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=dict(environment),
            )

    def run(
        self, pid: int, kinds: Namespace, words: Sequence[str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run it in namespaces of a process, without input, and wait for its end."""
        nothing = os.open(os.devnull, os.O_RDONLY)
        answer, *told = self._ask(pid, kinds, words, nothing)
        with answer:
            said = _read((told[0], told[1]), timeout, words)
            if not answer.recv(REQUEST):
                raise RuntimeError(f"{words[0]} was not started: {said[1]}")
            status = int(answer.recv(REQUEST))
        return subprocess.CompletedProcess(words, status, said[0], said[1])

    def start(self, words: Sequence[str]) -> "Started":
        """Start it in this process's own namespaces."""
        given, stdin = os.pipe()
        answer, out, err = self._ask(os.getpid(), Namespace(0), words, given)
        return Started(answer, stdin, out, err)

    def _ask(
        self, pid: int, kinds: Namespace, words: Sequence[str], given: int
    ) -> tuple[socket.socket, int, int]:
        request = json.dumps([pid, int(kinds), *words]).encode()
        answer, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        ends = (given, out_end, err_end, theirs.detach())
        socket.send_fds(self._requests, [request], ends)
        for descriptor in ends:
            os.close(descriptor)
        return answer, out, err


class Started:
    """A process that is a fork, as subprocess.Popen would show it."""

    def __init__(self, answer: socket.socket, stdin: int, out: int, err: int) -> None:
        self._answer = answer
        self.pid = int(answer.recv(REQUEST))
        self.stdin = open(stdin, "w")  # noqa: SIM115
        self.stdout = open(out)  # noqa: SIM115
        self.stderr = open(err)  # noqa: SIM115
        self.returncode: int | None = None

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float) -> int:
        if self.returncode is None:
            self._answer.settimeout(timeout)
            with self._answer:
                self.returncode = int(self._answer.recv(REQUEST))
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """End its input, wait for its end, and return what it wrote, which is little."""
        if self.stdout.closed:
            return "", ""
        self.stdin.close()
        self.wait(timeout)
        with self.stdout, self.stderr:
            return self.stdout.read(), self.stderr.read()


@functools.cache
def forks(environment: tuple[tuple[str, str], ...]) -> Forks:
    """Return the one of this process for an environment, started when it is first asked for."""
    return Forks(dict(environment))


def _read(descriptors: tuple[int, int], timeout: float, words: Sequence[str]) -> list[str]:
    """Read both to their ends."""
    deadline = time.monotonic() + timeout
    said = {descriptor: bytearray() for descriptor in descriptors}
    with selectors.DefaultSelector() as selector:
        for descriptor in descriptors:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise subprocess.TimeoutExpired(words, timeout)
            for key, _ in ready:
                if part := os.read(key.fd, REQUEST):
                    said[key.fd] += part
                else:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return [bytes(each).decode().replace("\r\n", "\n") for each in said.values()]


def load() -> None:
    """Import what most commands do."""
    for module in pkgutil.walk_packages(netconsole.__path__, "netconsole."):
        if not module.name.startswith(NOT_LOADED):
            importlib.import_module(module.name)
    for name in HEAVY:
        importlib.import_module(name)


class Asked(NamedTuple):
    """A request: what is to run where, and the descriptors that came with it."""

    pid: int
    kinds: Namespace
    words: list[str]
    standard: list[int]
    answer: int

    @classmethod
    def take(cls, requests: socket.socket) -> Self:
        """Take the next; without one, end this process."""
        request, given, _, _ = socket.recv_fds(requests, REQUEST, 4)
        if not request:
            os._exit(0)
        pid, kinds, *words = json.loads(request)
        return cls(pid, Namespace(kinds), [str(word) for word in words], given[:3], given[3])


def serve(requests: socket.socket) -> list[str]:
    """Fork for every request; return its words in the process that is to run them, there only."""
    running: dict[int, tuple[int, int]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd in running:
                    selector.unregister(key.fd)
                    _tell_end(key.fd, *running.pop(key.fd))
                    continue
                asked = Asked.take(requests)
                child = _fork_into(asked)
                if child == 0:
                    for ended, (_, answer) in running.items():
                        os.close(ended)
                        os.close(answer)
                    return asked.words
                for descriptor in asked.standard:
                    os.close(descriptor)
                os.write(asked.answer, str(child).encode())
                ended = os.pidfd_open(child)
                selector.register(ended, selectors.EVENT_READ)
                running[ended] = child, asked.answer


def _tell_end(ended: int, child: int, answer: int) -> None:
    """Let go of a child that has ended, and tell its exit status to who asked for it."""
    _, how = os.waitpid(child, 0)
    with contextlib.suppress(ConnectionError):  # who asked has lost patience
        os.write(answer, str(os.waitstatus_to_exitcode(how)).encode())
    os.close(ended)
    os.close(answer)


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
    if kinds := asked.kinds & ~Namespace.PID if by_root else asked.kinds:
        enter_by(host, kinds)
    os.close(host)
    if Namespace.PID in kinds and (child := os.fork()):
        _end_like(child)
    _open_streams()
    return 0


def _end_like(child: int) -> NoReturn:
    _, how = os.waitpid(child, 0)
    if os.WIFSIGNALED(how):
        os.kill(os.getpid(), os.WTERMSIG(how))
    os._exit(os.waitstatus_to_exitcode(how))


def _open_streams() -> None:
    """Open them anew: whether one can be sought in is found out once."""
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def execute(words: Sequence[str]) -> NoReturn:
    """Run a command in this process, and end with it."""
    try:
        if words[0] == "netconsole":
            sys.argv = [PROGRAM, *words[1:]]
            sys.exit(entry.main())
        sys.argv = ["-c", *words[3:]]
        sys.path[0] = ""
        exec(compile(words[2], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
        sys.exit()
    except SystemExit as end:
        if threading.active_count() > 1 or not isinstance(end.code, int | None):
            raise
        _leave(end.code or 0)


def _leave(status: int) -> NoReturn:
    """End as Python does, but leave what is loaded to the kernel.

    Freed object by object it would be copied first, as all of it is shared with other forks: that
    takes longer than most commands.
    """
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    from rehearsal import rehearse  # which starts commands by this module

    load()
    rehearse()
    gc.freeze()
    with socket.socket(fileno=os.dup(0)) as asked:
        command = serve(asked)
    execute(command)
