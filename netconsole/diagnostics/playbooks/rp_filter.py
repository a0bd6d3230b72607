"""The playbook `rp_filter`: packets arrive, nothing answers, because replies leave elsewhere."""

from dataclasses import replace
from typing import TYPE_CHECKING

from netconsole.diagnostics.checks.rp_filter import CHECK
from netconsole.diagnostics.evidence import collect
from netconsole.diagnostics.evidence.probe import probe as send
from netconsole.diagnostics.playbooks.playbook import Investigation, Playbook
from netconsole.diagnostics.reverse_path import asymmetric
from netconsole.diagnostics.snapshot import ReversePaths, Snapshot, Unread

if TYPE_CHECKING:
    from netconsole.backend.service import Service

MOST_PROBES = 3
"""Sources probed in one run, 1.4 s each where nothing answers."""

EXPLANATION = """\
Symptom: a capture on the inbound interface shows the packets, ARP requests perhaps too, but \
nothing answers them, no rule of the packet filter counts them, and the instance never sees them. \
Often only some sources are cut off, or one of two uplinks.

Cause: the kernel looks up the route to the source of each packet that comes in. With a strict \
filter (1) it drops the packet unless that route leaves by the interface it came in on; with a \
loose one (2), only when there is no route at all; with 0 it does not look. In force is the \
larger of net.ipv4.conf.all.rp_filter and the interface's own value.

Evidence: the kernel itself is asked, for every neighbour and gateway of every interface, whether \
it takes such a packet. Then a few echo requests are sent out of the suspect interface: their \
replies come in there, and each that the filter drops moves the counter IPReversePathFilter by \
one. For ARP it does not move: the host just stays silent.

What else looks like it: a rule of the packet filter (its counter moves, this one does not), \
forwarding switched off (packets to the host itself are answered), a floating address that is on \
no interface (nobody answers ARP for it), a source that is silent (no counter moves).

Cure: 2 on the inbound interface. 2 wins over any value of `all`; 0 on the interface alone \
changes nothing while `all` is 1 or 2. Or route the replies back out of the same interface.

For good: a drop-in in /etc/sysctl.d that names the interface. The key net.ipv4.conf.rp_filter, \
which older guides give, does not exist."""


class ReversePathFilter(Playbook):
    """Asks the kernel, then proves it: probe replies that the filter drops move its counter."""

    name = "rp_filter"
    title = "Reverse-path filtering"
    summary = "Packets arrive at an interface and are dropped, as replies would leave by another."
    explanation = EXPLANATION

    def investigate(
        self, service: "Service | Unread", probe: bool = True, sources: tuple[str, ...] = ()
    ) -> Investigation:
        """Ask about every source known, and probe those whose replies leave elsewhere.

        Only neighbours and gateways of an interface are probed: a given source may be anyone.
        """
        snapshot = collect(service, CHECK.needs | {"host"}, sources)
        if probe:
            snapshot = replace(
                snapshot, probes=tuple(send(*pair) for pair in _suspects(snapshot)[:MOST_PROBES])
            )
        return Investigation(CHECK.examine(snapshot))


def _suspects(snapshot: Snapshot) -> list[tuple[str, str]]:
    if not isinstance(snapshot.reverse_paths, ReversePaths):
        return []
    return [
        (path.interface, path.source)
        for interface in snapshot.reverse_paths.interfaces
        for path in asymmetric(interface)
        if path.known_as in ("neighbour", "gateway")
    ]
