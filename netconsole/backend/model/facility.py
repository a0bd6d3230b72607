"""Facilities: by what a host and its store are looked at, one reader each."""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Facility(Enum):
    """A part of what is seen, that changes by itself and is read by itself."""

    LINKS = "links"
    ADDRESSES = "addresses"
    ROUTES = "routes"
    """What hangs on the links that a plan moves."""
    NEIGHBOURS = "neighbours"
    """Of no picture's own; checks ask for them."""
    RULES = "rules"
    """Chains of iptables, ip6tables and ebtables, but for their counters."""
    COUNTERS = "counters"
    """How many packets and bytes met each rule."""
    GUARDS = "guards"
    SETTINGS = "settings"
    """Of the kernel, under /proc/sys."""
    LISTENERS = "listeners"
    """TCP ports at which somebody waits for connections."""
    DNSMASQ = "dnsmasq"
    """Its processes."""
    HOSTS = "hosts"
    """The files in the networks' --dhcp-hostsdir, one a port."""
    FILES = "files"
    """The others in `networks_path`."""
    LEASES = "leases"
    MARK = "mark"
    """From which store the host was configured."""
    STORE = "store"
    JOURNAL = "journal"
    """Changes under way, or cut off."""


EVERYTHING: Final = frozenset(Facility)


@dataclass(frozen=True, slots=True)
class Again:
    """What is to be looked at anew."""

    facilities: frozenset[Facility] = EVERYTHING
    links: frozenset[str] | None = None
    """The names of the links to which something happened; None for all there are."""

    def __or__(self, other: "Again") -> "Again":
        """All that one or the other says."""
        asking = [each for each in (self, other) if Facility.LINKS in each.facilities]
        named = [each.links for each in asking if each.links is not None]
        links = frozenset().union(*named) if len(named) == len(asking) else None
        return Again(self.facilities | other.facilities, links)

    def __bool__(self) -> bool:
        """Whether it is anything."""
        return bool(self.facilities)

    @classmethod
    def of(cls, *facilities: Facility) -> "Again":
        """Return all of some facilities."""
        return cls(frozenset(facilities))


NOTHING: Final = Again(frozenset(), frozenset())
EVERYTHING_AGAIN: Final = Again()
