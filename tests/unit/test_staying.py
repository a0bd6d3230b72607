"""A process that runs one command after the other tells when it is not as it was."""

import atexit
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from staying import State


@contextmanager
def _open_file() -> Iterator[None]:
    with Path("/dev/null").open():
        yield


@contextmanager
def _thread() -> Iterator[None]:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


@contextmanager
def _exit_callback() -> Iterator[None]:
    atexit.register(print)
    yield
    atexit.unregister(print)


@contextmanager
def _directory() -> Iterator[None]:
    former = Path.cwd()
    os.chdir("/proc")
    yield
    os.chdir(former)


@contextmanager
def _mask() -> Iterator[None]:
    former = os.umask(0o777)
    yield
    os.umask(former)


@contextmanager
def _environment() -> Iterator[None]:
    os.environ["NETCONSOLE_OF_ANOTHER"] = "1"
    yield
    del os.environ["NETCONSOLE_OF_ANOTHER"]


@contextmanager
def _handler() -> Iterator[None]:
    former = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGUSR2, former)


@contextmanager
def _child() -> Iterator[None]:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        yield
        child.communicate()


@pytest.mark.parametrize(
    "left", [_open_file, _thread, _exit_callback, _directory, _mask, _environment, _handler, _child]
)
def test_what_a_command_leaves_in_its_process_is_seen(
    left: Callable[[], AbstractContextManager[None]],
) -> None:
    fork = os.fork()  # it has no children yet, as this process may have
    if fork == 0:
        before = State.now()
        with left():
            os._exit(State.now() == before)
    assert os.waitpid(fork, 0)[1] == 0


def test_what_leaves_nothing_is_not() -> None:
    before = State.now()
    with _open_file(), _thread(), _directory(), _mask(), _environment(), _handler():
        pass
    assert State.now() == before
