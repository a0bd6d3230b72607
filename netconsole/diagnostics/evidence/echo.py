"""Sends echo requests out of an interface and watches the counter of filtered packets.

The reply comes in where the request went out. Where reverse-path filtering refuses its source,
the counter rises by one for each reply, and ping sees none.
"""

import re

from netconsole.backend.errors import NetconsoleError
from netconsole.backend.programs import run
from netconsole.diagnostics.evidence.reverse_paths import read_dropped
from netconsole.diagnostics.parts.reverse_paths import EchoProbe, EchoProbes, ReversePaths
from netconsole.diagnostics.reverse_path import asymmetric
from netconsole.diagnostics.snapshot import Snapshot

MOST_PROBES = 3
"""Sources probed in one run, 1.4 s each where nothing answers."""
COUNT = 3
LIMIT = 10.0
"""Seconds; ping itself ends after about 1.4."""


def probe_suspects(snapshot: Snapshot) -> EchoProbes:
    """Probe neighbours and gateways whose replies leave by another interface.

    A source that the admin gave may be anyone, and is not probed.
    """
    paths = snapshot.get(ReversePaths)
    suspects = [
        (path.interface, path.source)
        for interface in (paths.interfaces if paths else ())
        for path in asymmetric(interface)
        if path.known_as in ("neighbour", "gateway")
    ]
    return EchoProbes(tuple(probe(*pair) for pair in suspects[:MOST_PROBES]))


def probe(interface: str, source: str) -> EchoProbe:
    """Ping `source` through `interface` and answer what became of the replies."""
    before = read_dropped()
    argv = ["ping", "-n", "-q", "-I", interface, "-c", str(COUNT), "-i", "0.2", "-W", "1", source]
    try:
        told = run(argv, timeout=LIMIT, good=(0, 1))  # 1: nothing answered
    except NetconsoleError as error:
        return EchoProbe(interface, source, 0, 0, before, read_dropped(), str(error))
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", told)
    if counts is None:
        said = " ".join(told.split())
        return EchoProbe(interface, source, 0, 0, before, read_dropped(), said)
    sent, replies = int(counts[1]), int(counts[2])
    return EchoProbe(interface, source, sent, replies, before, read_dropped())
