"""The lab of an ordinary user, and what it says where that user may not have one.

The user exists only in a mount namespace of the test's, as root alone can make it.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from running_lab import NETCONSOLE

import netconsole

pytestmark = pytest.mark.requires(
    "root", "namespaces", "newuidmap", "setpriv", "dnsmasq", "busybox", "udhcpc"
)

NAME, ID = "labtester", 64123
RANGE = f"{NAME}:3000000:65536"

BECOME = f"""
set -e
work=$WORK
mount -t tmpfs tmpfs "$work"
share() {{ # FILE LINE: adds a line to a file of /etc, here only
    cp -p "/etc/$1" "$work/$1" 2>/dev/null || : > "$work/$1"
    [ -z "$2" ] || echo "$2" >> "$work/$1"
    mount --bind "$work/$1" "/etc/$1"
}}
reach() {{ # DIRECTORY: opens the way to it, where root keeps it closed to others
    way=$1
    while [ "$way" != / ]; do
        [ -n "$(find "$way" -maxdepth 0 -perm -o=x)" ] || closed=$way
        way=$(dirname "$way")
    done
    [ -n "${{closed:-}}" ] || return 0
    mkdir "$work/kept"
    mount --bind "$1" "$work/kept"
    mount -t tmpfs -o mode=0755 tmpfs "$closed"
    mkdir -p "$1"
    mount --move "$work/kept" "$1"
    rmdir "$work/kept"
    closed=
}}
share passwd "{NAME}:x:{ID}:{ID}::/:/bin/sh"
share group "{NAME}:x:{ID}:"
share subuid "$RANGE"
share subgid "$RANGE"
for directory in $REACHED; do reach "$directory"; done
exec setpriv --reuid={ID} --regid={ID} --clear-groups --inh-caps=-all "$@"
"""


def as_user(command: Sequence[str], id_range: str = RANGE) -> subprocess.CompletedProcess[str]:
    code = Path(netconsole.__file__).resolve().parents[1]
    reached = {str(Path(path).resolve()) for path in (sys.base_prefix, sys.prefix, code)}
    with TemporaryDirectory() as work:
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", BECOME, "become", *command],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=90,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": "/",
                "LC_ALL": "C.UTF-8",
                "WORK": work,
                "RANGE": id_range,
                "REACHED": " ".join(sorted(reached)),
            },
            check=False,
        )


def test_an_ordinary_user_has_the_whole_lab() -> None:
    done = as_user([NETCONSOLE, "lab", "run", "--", "netconsole", "status", "--json"])
    assert done.returncode == 0, done.stderr
    status = json.loads(done.stdout)
    assert [a["leased"] for a in status["allocations"]] == [True, True, True]
    assert status["drift"] == []


def test_an_ordinary_user_can_break_and_mend() -> None:
    script = """set -e
    netconsole lab break rp_filter
    ! netconsole lab exec outside -- ping -q -c1 -W1 203.0.113.129
    netconsole lab mend rp_filter
    netconsole lab exec outside -- ping -q -c1 -W1 203.0.113.129
    echo x > /etc/sysctl.d/90-netconsole.conf
    exit 4"""
    done = as_user([NETCONSOLE, "lab", "run", "--", "sh", "-c", script])
    assert done.returncode == 4, done.stderr + done.stdout
    assert not Path("/etc/sysctl.d/90-netconsole.conf").exists()


@pytest.mark.parametrize("id_range", ["", f"{NAME}:3000000:1000"])
def test_says_what_is_missing_without_a_range_of_ids(id_range: str) -> None:
    done = as_user([NETCONSOLE, "lab", "run", "--", "true"], id_range)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "/etc/subuid" in line
    assert NAME in line
    assert "65535" in line
