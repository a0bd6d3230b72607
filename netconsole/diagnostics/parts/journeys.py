"""The paths that matter, each with a packet that went it: the journeys of one run."""

from dataclasses import dataclass
from typing import Literal

from netconsole.diagnostics.parts.journey import Journey

Purpose = Literal[
    "gateway", "lease", "names", "metadata", "servers", "world", "floating", "neighbour"
]
"""What a path is for: an instance's gateway, its lease by DHCP, the names that its network's
dnsmasq tells, the metadata service, the name servers that dnsmasq itself asks, what is beyond this
host, the instance's floating address from outside, and an instance of the same network."""


@dataclass(frozen=True, slots=True)
class PathJourney:
    """One path, and what became of the packet that was sent along it."""

    purpose: Purpose
    instance: str
    """Whom the path serves; empty of what this host asks for all of a network."""
    network: str
    journey: Journey
    has_data: bool = False
    """Whether the segment of TCP carries a long request of HTTP, as filters look at such."""


@dataclass(frozen=True, slots=True)
class Journeys:
    """All of a run."""

    paths: tuple[PathJourney, ...] = ()
    untried: int = 0
    """Instances whose paths were not tried: those that were stand for them."""
    unsent: tuple[str, ...] = ()
    """Why packets were not sent that should have been."""
    reached_by_host: tuple[str, ...] = ()
    """Of the destinations beyond this host those that answer the host itself."""
