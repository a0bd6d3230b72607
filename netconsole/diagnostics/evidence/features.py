"""Reads which offloads of an interface are on (ethtool(8) -k), over generic netlink."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Protocol

MOST = 32
"""Interfaces asked, one question each."""


class _Feature(Protocol):
    enable: bool


class _Features(Protocol):
    features: Mapping[str, _Feature]


class _Ethtool(Protocol):
    """What is used of pyroute2's Ethtool, which has no types of its own."""

    def get_features(self, ifname: str) -> _Features: ...


def read_features(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the features that are on, by interface; those that could not be asked are left out.

    pyroute2 asks for names in UTF-8 alone.
    """
    asked = tuple(islice(filter(_is_utf8, names), MOST))
    if not asked:
        return {}
    from pyroute2 import Ethtool  # type: ignore[import-untyped]  # _Ethtool has its types
    from pyroute2.netlink.exceptions import (  # type: ignore[import-untyped]  # it has none
        NetlinkError,
    )

    found = {}
    try:
        with Ethtool() as opened:
            ethtool: _Ethtool = opened
            for name in asked:
                told = ethtool.get_features(name).features.items()
                found[name] = tuple(sorted(key for key, each in told if key and each.enable))
    except (NetlinkError, OSError):
        return found  # a kernel without this interface, or a link that has just gone
    return found


def _is_utf8(name: str) -> bool:
    """Whether a name has no surrogate that stands for a byte."""
    return not any("\udc80" <= letter <= "\udcff" for letter in name)
