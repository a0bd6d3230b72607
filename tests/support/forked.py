"""Runs of netconsole that begin as forks of one process, which has loaded it already.

Loading takes ten times as long as most commands do. `python forked.py` is that process: for each
request on its standard input, a socket, it forks into a host's namespaces as nsenter(1) does
(`forking`), and runs the program there from its first line to its last (`staying`): either
`netconsole …`, or `python3 -c …`, as most scripts of tests use what is loaded. Starting them as a
user does is left to the tests that are about that.
"""

import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from forking import REQUEST, Server
from started import Forked, Started
from titles import ROOM, Title

import netconsole
from netconsole.lab.sandbox.namespaces import Namespace

SCRIPT = ("python3", "-c")
HEAVY = (
    *("sqlalchemy.dialects.sqlite", "alembic.command", "alembic.config", "mako.template"),
    *("pyroute2", "psutil", "oslo_config.cfg", "rich.console", "cattrs.preconf.json"),
    *("encodings.ascii", "encodings.utf_8_sig"),
)
SCREENS = "netconsole.screens"
NOT_LOADED = (SCREENS, "netconsole.backend.store.migrations")


def can_run(words: Sequence[str]) -> bool:
    """Whether a command is one of those that are run here."""
    return words[0] == "netconsole" or tuple(words[:2]) == SCRIPT


class Forks:
    """The process that forks, seen from the tests; it ends with its caller."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, ROOM],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=dict(environment),
            )

    def run(
        self,
        pid: int,
        kinds: Namespace,
        words: Sequence[str],
        timeout: float,
        more: Mapping[str, str],
    ) -> subprocess.CompletedProcess[str]:
        """Run it in namespaces of a process, without input, and wait for its end.

        `more` is what its environment has more than that of the others.
        """
        nothing = os.open(os.devnull, os.O_RDONLY)
        answer, *told = self._ask(_request(pid, kinds, words, more), nothing)
        with answer:
            said = _read((told[0], told[1]), timeout, words)
            if not answer.recv(REQUEST):
                raise RuntimeError(f"{words[0]} was not started: {said[1]}")
            status = int(answer.recv(REQUEST))
        return subprocess.CompletedProcess(words, status, said[0], said[1])

    def start(
        self, pid: int, kinds: Namespace, words: Sequence[str], more: Mapping[str, str]
    ) -> Started:
        """Start it in namespaces of a process, and let it run."""
        given, stdin = os.pipe()
        request = _request(pid, kinds, words, more, alone=True)
        answer, out, err = self._ask(request, given)
        return Started(words, answer, stdin, out, err)

    def show(
        self,
        pid: int,
        kinds: Namespace,
        words: Sequence[str],
        more: Mapping[str, str],
        terminal: int,
    ) -> Forked:
        """Start it as the first of a session, which has this terminal."""
        request = _request(pid, kinds, words, more, alone=True, shown=True)
        return Forked(words, self._send(request, [os.dup(terminal) for _ in range(3)]))

    def _ask(self, request: bytes, given: int) -> tuple[socket.socket, int, int]:
        out, out_end = os.pipe()
        err, err_end = os.pipe()
        return self._send(request, [given, out_end, err_end]), out, err

    def _send(self, request: bytes, standard: Sequence[int]) -> socket.socket:
        """Give a request and its standard streams away; return where it is answered."""
        answer, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ends = (*standard, theirs.detach())
        socket.send_fds(self._requests, [request], ends)
        for descriptor in ends:
            os.close(descriptor)
        return answer


@functools.cache
def forks(environment: tuple[tuple[str, str], ...]) -> Forks:
    """Return the one of this process for an environment, started when it is first asked for."""
    return Forks(dict(environment))


def _request(
    pid: int,
    kinds: Namespace,
    words: Sequence[str],
    more: Mapping[str, str],
    *,
    alone: bool = False,
    shown: bool = False,
) -> bytes:
    return json.dumps([pid, int(kinds), alone, shown, dict(more), *words]).encode()


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


def load_screens() -> None:
    """Import what the console does: it takes as long as all else."""
    for module in pkgutil.walk_packages(importlib.import_module(SCREENS).__path__, f"{SCREENS}."):
        importlib.import_module(module.name)
    gc.freeze()


if __name__ == "__main__":
    from rehearsal import rehearse  # which starts commands by this module
    from staying import execute, stay

    load()
    rehearse()
    gc.freeze()
    title = Title.of_this_process()
    with socket.socket(fileno=os.dup(0)) as asked:
        work = Server(asked, load_screens).serve()
    if work.more is None:
        execute(work.words, title if work.alone else None)
    stay(work.words, work.more)
