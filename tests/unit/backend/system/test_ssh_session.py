"""Whose SSH session this is, also where sudo took the variable away."""

import subprocess
import sys

import pytest

from netconsole.backend.system.ssh_session import SshSession, parse

TOLD = "192.0.2.7 51234 203.0.113.2 22"
ASK = "from netconsole.backend.system.ssh_session import ssh_session; print(ssh_session())"


def asked(script: str) -> str:
    """Return what a process says below a shell that has the variable."""
    command = ["env", f"SSH_CONNECTION={TOLD}", "sh", "-c", f"{script}; true", sys.executable, ASK]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize(
    "script",
    [
        '"$0" -c "$1"',
        'env -u SSH_CONNECTION "$0" -c "$1"',
        'env -u SSH_CONNECTION sh -c \'"$0" -c "$1"; true\' "$0" "$1"',
    ],
)
def test_it_is_known_however_far_above_it_is_told(script: str) -> None:
    assert asked(script) == f"{SshSession('192.0.2.7', 51234, '203.0.113.2', 22)}\n"


def test_what_the_process_itself_was_told_decides() -> None:
    assert asked('SSH_CONNECTION= "$0" -c "$1"') == "None\n"


def test_a_zone_is_no_part_of_an_address() -> None:
    session = parse("fe80::1%eth0 51234 fe80::2%eth0 22")
    assert session == SshSession("fe80::1", 51234, "fe80::2", 22)


@pytest.mark.parametrize("told", ["", "a b", "x 1 y 2", "192.0.2.7 1 203.0.113.2 ssh"])
def test_anything_else_is_no_session(told: str) -> None:
    assert parse(told) is None
