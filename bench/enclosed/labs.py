"""A benchmark's own lab: the script starts once more on the lab's host, and prints lines."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

NETCONSOLE = str(Path(sys.executable).with_name("netconsole"))
INSIDE = "--inside"


def lines_of_lab(*words: str, within: Sequence[str] = ()) -> Iterator[str]:
    """Yield what this script prints in a fresh lab, started with `--inside` before the words.

    The command `within` takes that of the lab as its arguments, and runs it elsewhere.

    Ends the script where the lab ends with another status than 0.
    """
    script = (sys.executable, str(Path(sys.argv[0]).resolve()), INSIDE)
    with subprocess.Popen(
        [*within, NETCONSOLE, "lab", "run", "--", *script, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield from process.stdout or ()
    if process.returncode:
        sys.exit(f"the lab ended with status {process.returncode}")
