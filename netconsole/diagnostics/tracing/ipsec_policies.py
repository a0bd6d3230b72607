"""Policies of IPsec that refuse packets: the packet filter's trace tells nothing of them."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.system.programs import run

_SELECTOR: Final = re.compile(r"src (\d[\d./]*) dst (\d[\d./]*)")
_DIRECTION: Final = re.compile(r"\s+dir (\w+)")
_ACTION: Final = re.compile(r"\saction block\b")


def blocking_policies(source: str, destination: str) -> tuple[str, ...]:
    """Return those that refuse a packet, each as a part of a sentence (ip-xfrm(8)).

    Nothing where the kernel has no IPsec.
    """
    try:
        told = run(["ip", "xfrm", "policy", "list"])
    except NetconsoleError:
        return ()
    return tuple(blocking(told, source, destination))


def blocking(told: str, source: str, destination: str) -> Iterator[str]:
    """Yield those in the words of `ip xfrm policy list`. Pure."""
    selector: tuple[str, str] | None = None
    for line in told.splitlines():
        if line[:1].strip():
            found = _SELECTOR.match(line)
            selector = (found[1], found[2]) if found else None
        elif (way := _DIRECTION.match(line)) and selector and _ACTION.search(line):
            ends = zip((source, destination), selector, strict=True)
            if all(IPv4Address(one) in IPv4Network(many, strict=False) for one, many in ends):
                yield (
                    f"a policy of IPsec blocks it (ip xfrm policy: src {selector[0]} "
                    f"dst {selector[1]} dir {way[1]} action block)"
                )
