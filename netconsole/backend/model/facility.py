"""Facilities: what a host and its store are looked at by, one reader each."""

from enum import Enum
from typing import Final


class Facility(Enum):
    """A part of what is seen, that changes by itself and is read by itself."""

    LINKS = "links"
    ADDRESSES = "addresses"
    ROUTES = "routes"
    """No state of its own: what hangs on them is looked at again."""
    RULES = "rules"
    """Chains of iptables, ip6tables and ebtables, without their counters."""
    GUARDS = "guards"
    SETTINGS = "settings"
    """Kernel settings, under /proc/sys."""
    DNSMASQ = "dnsmasq"
    """Its processes."""
    FILES = "files"
    """Those in `networks_path`, other than leases."""
    LEASES = "leases"
    MARK = "mark"
    """From which store the host was configured."""
    STORE = "store"
    JOURNAL = "journal"
    """Changes under way, or cut off."""
    COUNTERS = "counters"
    """Of the rules: how many packets and bytes met each."""


EVERYTHING: Final = frozenset(Facility)
