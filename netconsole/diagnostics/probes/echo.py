"""Sends echo requests out of an interface and watches the counter of filtered packets.

The reply comes in where the request went out. Where reverse-path filtering refuses its source,
the counter rises by one for each reply, and ping sees none.
"""

from netconsole.diagnostics.evidence.reverse_paths import read_dropped
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.pings import Ping
from netconsole.diagnostics.parts.reverse_paths import EchoProbe, EchoProbes, ReversePaths
from netconsole.diagnostics.probes.ping import ping
from netconsole.diagnostics.reasoning.reverse_path import asymmetric

MOST_PROBES = 3
"""Sources probed in one run, 1.4 s each where nothing answers."""
COUNT = 3


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
    """Ping `source` through `interface` and return what became of the replies."""
    before = read_dropped()
    sent = ping(Ping(source, interface), COUNT)
    after = read_dropped()
    return EchoProbe(interface, source, sent.sent, sent.replies, before, after, sent.problem)
