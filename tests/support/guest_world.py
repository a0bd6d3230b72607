"""A guest, who is around it on its network, and what it must not say there."""

from dataclasses import dataclass
from ipaddress import IPv4Address

BROADCAST = "ff:ff:ff:ff:ff:ff"
OTHER_MAC = "02:de:ad:be:ef:01"
ALL_NODES = "33:33:00:00:00:01"
UNSET = str(IPv4Address(0))


@dataclass(frozen=True)
class Identity:
    """Who someone is on the network."""

    mac: str
    address: str
    address_v6: str
    link_local: str


@dataclass(frozen=True)
class World:
    """The guest that sends, its neighbour, and the gateway of both."""

    me: Identity
    other: Identity
    gateway: Identity
    floating: str


@dataclass(frozen=True)
class Lie:
    """A frame that must not pass; `counter` is what counts it."""

    kind: str
    counter: str
    frame: bytes
    passes_bridges: bool = True
    """Whether a bridge without guards hands it on to other ports."""


def dhcp_message(operation: int, mac: str) -> bytes:
    """Return a DHCP message of a client: 1 asks, 2 answers (RFC 2131, section 2)."""
    client = bytes.fromhex(mac.replace(":", ""))
    head = bytes((operation, 1, 6, 0)) + b"\1\2\3\4" + b"\0" * 20
    return head + client + b"\0" * 10 + b"\0" * 192 + b"\x63\x82\x53\x63\x35\1\1\xff"
