"""How names were resolved when a probe asked."""

from dataclasses import dataclass
from typing import Final

LATE: Final = 300
"""Milliseconds from which on a guest notices that it waits for a name that nobody has in a
cache."""


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """One question to one server."""

    network: str
    server: str
    """Its address: of the network's dnsmasq, or of a server that this one asks."""
    upstream: bool
    """Whether it is one of those."""
    name: str
    code: str
    """NOERROR, NXDOMAIN, SERVFAIL, REFUSED, ...; empty when nothing came back."""
    milliseconds: int
    """How long the soonest of its answers took."""
    problem: str = ""
    """Why nothing came back."""
    addresses: tuple[str, ...] = ()
    """Of the answer: IPv4 addresses of a name that nobody has."""


@dataclass(frozen=True, slots=True)
class DnsAnswers:
    """All of one probe."""

    answers: tuple[DnsAnswer, ...] = ()

    def of(self, network: str, *, upstream: bool) -> tuple[DnsAnswer, ...]:
        """Return those of a network's dnsmasq, or of the servers behind it."""
        return tuple(
            each for each in self.answers if (each.network, each.upstream) == (network, upstream)
        )
