"""Sends echo requests out of an interface and watches the counter of filtered packets.

The reply comes in where the request went out. Where reverse-path filtering refuses its source,
the counter rises by one for each reply, and ping sees none.
"""

import re
import shutil
import subprocess

from netconsole.diagnostics.evidence.kernel import read_dropped
from netconsole.diagnostics.snapshot import Probe

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
COUNT = 3
LIMIT = 10
"""Seconds; ping itself ends after about 1.4."""


def probe(interface: str, source: str) -> Probe:
    """Ping `source` through `interface` and answer what became of the replies."""
    before = read_dropped()
    program = shutil.which("ping", path=PATH)
    if program is None:
        return Probe(interface, source, 0, 0, before, before, "ping is not installed")
    argv = [program, "-n", "-q", "-I", interface, "-c", str(COUNT), "-i", "0.2", "-W", "1", source]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
            env={"PATH": PATH, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired:
        return Probe(interface, source, 0, 0, before, read_dropped(), f"ping took over {LIMIT} s")
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", done.stdout)
    if counts is None:
        problem = " ".join(done.stderr.split()) or f"ping ended with status {done.returncode}"
        return Probe(interface, source, 0, 0, before, read_dropped(), problem)
    sent, replies = int(counts[1]), int(counts[2])
    return Probe(interface, source, sent, replies, before, read_dropped())
