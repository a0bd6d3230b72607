"""One lock a host: who comes second waits, and no holder keeps it beyond its death."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netconsole.backend.model.errors import Conflict, Unavailable
from netconsole.backend.system.privileges import lacking
from netconsole.backend.transaction import lock
from netconsole.backend.transaction.lock import host_lock, host_lock_if_free

HOLD = """
import sys
from netconsole.backend.transaction.lock import host_lock, host_lock_if_free
with host_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
print("let go", flush=True)
"""
WAIT = 10.0


def _start(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@contextmanager
def _holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until its stdin ends, or it is killed."""
    with _start(path) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


class Taking(threading.Thread):
    """Takes the lock in a thread, which may have to wait."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self.taken = threading.Event()
        self.start()

    def run(self) -> None:
        with host_lock(str(self._path)):
            self.taken.set()


@pytest.mark.parametrize("how", [signal.SIGKILL, None], ids=["killed", "done"])
def test_the_second_waits_until_the_first_is_gone(tmp_path: Path, how: int | None) -> None:
    path = tmp_path / "host.lock"
    with _holder(path) as first:
        second = Taking(path)
        assert not second.taken.wait(0.2)
        if how is None:
            first.communicate("\n", timeout=WAIT)
        else:
            first.send_signal(how)
        assert second.taken.wait(WAIT)
        second.join(WAIT)


def test_two_threads_of_one_process_queue_as_well(tmp_path: Path) -> None:
    path = tmp_path / "host.lock"
    with host_lock(str(path)):
        second = Taking(path)
        assert not second.taken.wait(0.2)
    assert second.taken.wait(WAIT)
    second.join(WAIT)


def test_who_waits_too_long_is_told_who_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "WAIT_SECONDS", 0.05)
    path = tmp_path / "host.lock"
    with (
        _holder(path) as first,
        pytest.raises(Conflict, match=f"process {first.pid} "),
        host_lock(str(path)),
    ):
        pass


def test_the_lock_is_free_again_after_a_change_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "state" / "host.lock"
    with pytest.raises(ZeroDivisionError), host_lock(str(path)):
        raise ZeroDivisionError
    with host_lock(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"


def test_who_does_not_want_to_wait_is_told_whether_it_was_free(tmp_path: Path) -> None:
    path = tmp_path / "host.lock"
    with host_lock_if_free(str(path)) as free:
        assert free
        second = Taking(path)
        assert not second.taken.wait(0.2)
    assert second.taken.wait(WAIT)
    second.join(WAIT)
    with _holder(path), host_lock_if_free(str(path)) as free:
        assert not free


def test_programs_that_are_started_meanwhile_do_not_hold_it(tmp_path: Path) -> None:
    """A dnsmasq that inherited the lock would keep everyone out for as long as it runs."""
    path = tmp_path / "host.lock"
    with host_lock(str(path)):
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
    try:
        second = Taking(path)
        assert second.taken.wait(WAIT)
        second.join(WAIT)
    finally:
        child.communicate()


def test_a_place_that_cannot_hold_a_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with (
        pytest.raises(Unavailable, match=r"lock .*/file/host\.lock: "),
        host_lock(str(tmp_path / "file" / "host.lock")),
    ):
        pass


@pytest.mark.requires("namespaces")
def test_whoever_lacks_the_privilege_is_told_which(tmp_path: Path) -> None:
    """setpriv takes CAP_NET_ADMIN from a root of its own."""
    ask = "from netconsole.backend.system.privileges import lacking; print(lacking())"
    drop = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    owner = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "-r", "--net"]

    def said(*command: str) -> str:
        argv = [*command, sys.executable, "-c", ask]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    assert said(*owner) == "None"
    assert said(*owner, *drop) == "no privileges: run as root (CAP_NET_ADMIN)"
    assert said() == str(lacking())
