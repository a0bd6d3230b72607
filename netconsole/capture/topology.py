"""How two capture points lie to each other, and which packets of one the other must see.

A bridge's own interface sees what is for the host or for everyone; what the bridge passes from
port to port it does not see, and a port sees only what is for someone behind it. A packet that
had no reason to come by is not a packet lost.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from netconsole.capture.layers import ethernet
from netconsole.capture.packet import DIRECTION, INBOUND

Relation = Literal["port of", "bridge of", "ports", "VLAN on", "under VLAN", "apart"]
"""What the first point is to the second; `ports` of one bridge; `apart`: nothing is known."""

_VLAN = re.compile(r"vlan (\d{1,4}) on (\S+?)(?:, port of |$)")
_PORT = re.compile(r"port of (\S+)$")


@dataclass(frozen=True, slots=True)
class Point:
    """An interface at which packets are captured."""

    name: str
    mac: bytes = b""
    master: str = ""
    """The bridge it is a port of."""
    lower: str = ""
    """The interface that a VLAN device is on."""
    tag: int | None = None
    """Its VLAN id."""

    @property
    def description(self) -> str:
        """How it lies, in words that a saved file keeps: `vlan 100 on eth0, port of br100`."""
        parts = []
        if self.lower and self.tag is not None:
            parts.append(f"vlan {self.tag} on {self.lower}")
        if self.master:
            parts.append(f"port of {self.master}")
        return ", ".join(parts)

    @classmethod
    def described(cls, name: str, mac: bytes, description: str) -> "Point":
        """Return the point of a saved file."""
        vlan, port = _VLAN.search(description), _PORT.search(description)
        return cls(
            name,
            mac,
            master=port[1] if port else "",
            lower=vlan[2] if vlan else "",
            tag=int(vlan[1]) if vlan else None,
        )


def relation(here: Point, there: Point) -> Relation:
    """Return what one point is to another."""
    if here.master == there.name:
        return "port of"
    if there.master == here.name:
        return "bridge of"
    if here.master and here.master == there.master:
        return "ports"
    if here.lower == there.name:
        return "VLAN on"
    if there.lower == here.name:
        return "under VLAN"
    return "apart"


def towards(relation: Relation, flags: int) -> bool:
    """Whether a packet seen here was on its way there, rather than coming from there.

    Without a noted direction it is taken to be on its way.
    """
    if not flags & DIRECTION:
        return True
    inbound = flags & DIRECTION == INBOUND
    return not inbound if relation in ("bridge of", "VLAN on") else inbound


def passes(
    frame: bytes, here: Point, there: Point, behind: Collection[bytes], *, onward: bool
) -> bool:
    """Whether a packet seen here must be seen there as well.

    `onward`: it was on its way there, else it came from there. `behind` are the MAC addresses
    heard from behind the other point.
    """
    group = bool(frame[:1] and frame[0] & 1)
    station = frame[:6] if onward else frame[6:12]
    match relation(here, there):
        case "port of" if onward:
            return group or not there.mac or station in (there.mac, here.mac)
        case "port of":  # what a port sends for itself, its bridge does not see
            return station != here.mac if group else station == there.mac
        case "bridge of" | "ports":
            return (group and onward) or station in behind
        case "under VLAN":
            head = ethernet(frame)
            return head is not None and there.tag in head.tags[:1]
        case _:
            return True
