"""The kernel's counters, read twice, so that what happens now is told from what happened once."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """By name: `TcpExt.IPReversePathFilter`, `Ip.InNoRoutes` (/proc/net/netstat and snmp),
    `conntrack.drop`, `arp_cache.table_fulls` (/proc/net/stat), `softnet.dropped`,
    `softnet.squeezed` (softnet_stat), and of each interface `eth0.rx_dropped` and
    `eth0.carrier_changes`, one each time that it lost its carrier, and that it found it.

    Those that the kernel keeps for each processor are summed. A name that is missing is a counter
    that this kernel, or this namespace, does not have.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]
    seconds: float
    """Between the two readings."""

    def total(self, name: str) -> int:
        """Return the latest value, 0 where there is none."""
        return self.after.get(name, 0)

    def rise(self, name: str) -> int:
        """Return how far it rose meanwhile."""
        return self.after.get(name, 0) - self.before.get(name, 0)
