"""Who asks at the other end of a socket: by the kernel's word, and what root can read of it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_host import eventually

from netconsole.backend.system.who import other_process


@pytest.fixture
def asking() -> Iterator[subprocess.Popen[bytes]]:
    told = {"SUDO_USER": "alice", "SSH_CONNECTION": "192.0.2.7 51234 203.0.113.2 22"}
    process = subprocess.Popen(["sleep", "60"], env=told | {"PATH": os.environ["PATH"]})
    try:
        # The kernel closes what Popen waits for before it tells of the new environment.
        eventually(Path(f"/proc/{process.pid}/environ").read_bytes)
        yield process
    finally:
        process.kill()
        process.wait()


def test_who_asks_is_told_with_the_session_that_they_are_in(
    asking: subprocess.Popen[bytes],
) -> None:
    asker = other_process(os.getuid(), asking.pid)
    assert asker.who.uid == os.getuid()
    assert asker.who.ssh_peer == "192.0.2.7"
    assert asker.session is not None
    assert asker.session.server == "203.0.113.2"
    assert asker.who.sudo_user == ("alice" if os.getuid() == 0 else None)


def test_the_number_of_a_process_that_is_somebody_elses_by_now_says_nothing(
    asking: subprocess.Popen[bytes],
) -> None:
    stranger = os.getuid() + 4711
    asker = other_process(stranger, asking.pid)
    assert (asker.who.login, asker.who.uid) == (str(stranger), stranger)
    assert (asker.who.sudo_user, asker.session) == (None, None)


@pytest.mark.parametrize("gone", [0, -1, 2**22 + 1])
def test_a_process_that_is_not_to_be_seen_is_still_told_by_its_user(gone: int) -> None:
    assert other_process(os.getuid(), gone).who.uid == os.getuid()
