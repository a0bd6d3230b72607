"""Who changed the packet filter: a service, or an admin."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.requires("root", "iptables", "first-pids")

LISTEN = """
import select, subprocess, sys
from netconsole.backend.kernel.notices import RuleNotices

notices = RuleNotices()
command = sys.argv[1:]
changing = subprocess.Popen(command, start_new_session=True)
while changing.poll() is None or select.select([notices], [], [], 0.2)[0]:
    select.select([notices], [], [], 0.01)
    notices.heard()
print(",".join(sorted(notices.services())))
"""


def authors(*command: str) -> str:
    """The services that are said to have changed the packet filter of a namespace of its own."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", LISTEN, *command],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_service_is_named_and_an_admin_is_not(tmp_path: Path) -> None:
    shell = str(shutil.copy("/bin/sh", tmp_path / "firewalld"))
    rule = "iptables -t nat -A POSTROUTING -j ACCEPT"
    many = "; ".join([rule] * 20)  # who is gone before it is asked is not known
    assert authors(shell, "-c", f"{many}; true") == "firewalld"
    assert authors("/bin/sh", "-c", f"{many}; true") == ""


def test_who_only_looks_is_not_named(tmp_path: Path) -> None:
    shell = str(shutil.copy("/bin/sh", tmp_path / "firewalld"))
    assert authors(shell, "-c", "ebtables -L > /dev/null; iptables -t nat -S > /dev/null") == ""
