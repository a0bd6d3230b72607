"""A benchmark's own lab: the script starts once more on the lab's host, and prints lines."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NETCONSOLE = str(Path(sys.executable).with_name("netconsole"))
INSIDE = "--inside"


def lines_of_lab(*words: str, manager: str = "flatdhcp") -> Iterator[str]:
    """Yield what this script prints in a fresh lab, started with `--inside` before the words.

    Ends the script where the lab ends with another status than 0.
    """
    lab = ("lab", "run", "--network-manager", manager)
    script = (sys.executable, str(Path(sys.argv[0]).resolve()), INSIDE)
    with subprocess.Popen(
        [NETCONSOLE, *lab, "--", *script, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield from process.stdout or ()
    if process.returncode:
        sys.exit(f"the lab ({manager}) ended with status {process.returncode}")
