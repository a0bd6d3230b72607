"""The file in which a dnsmasq keeps its leases, as text and as values. Pure."""

import re
from collections.abc import Iterable

from netaddr import INET_PTON, valid_ipv4

from netconsole.backend.model.hoststate import Lease

_LEASE = re.compile(
    r"([0-9]{1,19}) ((?:[0-9a-f]{2}:){5}[0-9a-f]{2}) (\S+) (\S+) \S+", re.IGNORECASE
)


def as_text(leases: Iterable[Lease]) -> str:
    """Return the leases as dnsmasq reads them when it starts; `*` is what it does not know."""
    return "".join(
        f"{lease.expires} {lease.mac} {lease.address} {lease.hostname or '*'} *\n"
        for lease in leases
    )


def parse(text: str) -> tuple[Lease, ...]:
    """Read a dnsmasq lease file: `EXPIRES MAC ADDRESS HOSTNAME CLIENT-ID` a line, IPv4 only."""
    leases = []
    for line in text.splitlines():
        found = _LEASE.fullmatch(line)
        if found and valid_ipv4(found.group(3), INET_PTON):
            expires, mac, address, name = found.groups()
            leases.append(Lease(int(expires), mac.lower(), address, "" if name == "*" else name))
    return tuple(leases)
