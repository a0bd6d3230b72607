"""Address ranges: read strictly, and cut into the ranges of new networks. Pure."""

import re
from collections.abc import Iterable
from typing import Literal

from netaddr import AddrFormatError, IPAddress, IPNetwork

from netconsole.backend.model.errors import Conflict, InvalidValue
from netconsole.backend.model.phrases import command

SMALLEST_PREFIX = 8
LARGEST_PREFIX = 29
"""A /30 has two addresses, for the gateway and one instance, and none to spare."""
UNUSABLE = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
"""This network, loopback, link-local with the metadata service, multicast and reserved."""
PREFIX_V6 = 64
"""Guests make their addresses from 64 bits of prefix and 64 of their own (RFC 4862)."""
LINK_LOCAL_V6 = "fe80::/10"
UNUSABLE_V6 = ("::/8", LINK_LOCAL_V6, "ff00::/8")
"""Special addresses such as loopback, link-local, multicast."""
LARGEST_ALLOWED = {4: 8, 6: 16}
"""The shortest prefix of a range that a guest may be allowed beside its own addresses."""

Version = Literal[4, 6]

_RANGE = re.compile(r"[0-9.]+/[0-9.]+")
_RANGE_V6 = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")
_ALLOWED = re.compile(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?")


def parse_range(value: str, what: str = "fixed range") -> IPNetwork:
    """Read an IPv4 range in CIDR notation; raises InvalidValue."""
    rule = "must be an IPv4 range such as 10.0.0.0/24"
    network = _parse(what, value, 4) if _RANGE.fullmatch(value) else None
    if network is None:
        raise InvalidValue(what, value, rule)
    if not SMALLEST_PREFIX <= network.prefixlen <= LARGEST_PREFIX:
        rule = f"must be between a /{SMALLEST_PREFIX} and a /{LARGEST_PREFIX}"
        raise InvalidValue(what, value, rule)
    refuse_unusable(what, value, network)
    return network


def parse_range_v6(value: str) -> IPNetwork:
    """Read an IPv6 range in CIDR notation that holds at least a /64; raises InvalidValue."""
    what, rule = "IPv6 range", "must be an IPv6 range such as fd00::/48"
    network = _parse(what, value, 6) if _RANGE_V6.fullmatch(value) else None
    if network is None:
        raise InvalidValue(what, value, rule)
    if network.prefixlen > PREFIX_V6:
        raise InvalidValue(what, value, f"must be a /{PREFIX_V6} or larger")
    refuse_unusable(what, value, network, UNUSABLE_V6)
    return network


def parse_allowed(value: str) -> IPNetwork:
    """Read an address or a range of either kind that a guest may send from; raises InvalidValue."""
    what = "allowed address"
    version: Version = 6 if ":" in value else 4
    network = _parse(what, value, version) if _ALLOWED.fullmatch(value) else None
    if network is None:
        raise InvalidValue(what, value, "must be an address or a range such as 10.0.0.0/28")
    if network.prefixlen < LARGEST_ALLOWED[version]:
        rule = "is nearly all there are: `netconsole instance unguard NAME` is for that"
        raise InvalidValue(what, value, rule)
    # VRRP announces a link-local address (RFC 5798 section 6.1).
    unusable = UNUSABLE if version == 4 else (each for each in UNUSABLE_V6 if each != LINK_LOCAL_V6)
    refuse_unusable(what, value, network, unusable)
    return network


def parse_part(what: str, value: str, within: IPNetwork) -> IPNetwork:
    """Read an IPv4 range that lies inside another; raises InvalidValue."""
    rule = f"must be an IPv4 range inside {within}"
    network = _parse(what, value, 4) if _RANGE.fullmatch(value) else None
    if network is None or network not in within:
        raise InvalidValue(what, value, rule)
    return network


def parse_address(what: str, value: str, within: IPNetwork | None = None) -> str:
    """Read an IPv4 address, optionally inside a range; raises InvalidValue."""
    return _parse_address(what, value, 4, within)


def parse_address_v6(what: str, value: str, within: IPNetwork) -> str:
    """Read an IPv6 address inside a range; raises InvalidValue."""
    return _parse_address(what, value, 6, within)


def parse_gateway(value: str, cidr: IPNetwork) -> str:
    """Read a gateway's address, which may lie outside the range; raises InvalidValue."""
    address = parse_address("gateway", value)
    for unusable in () if address in cidr else UNUSABLE:
        if address in IPNetwork(unusable):
            raise InvalidValue("gateway", value, f"lies in {unusable}, where no router can be")
    return address


def refuse_unusable(
    what: str, value: str, network: IPNetwork, unusable: Iterable[str] = UNUSABLE
) -> None:
    """Raise InvalidValue for a range of addresses that no guest can have."""
    for each in unusable:
        if network in IPNetwork(each) or IPNetwork(each) in network:
            raise InvalidValue(what, value, f"overlaps {each}, which guests cannot use")


def network_prefix(size: int, cidr: IPNetwork) -> int:
    """Return the prefix length of a network of so many addresses, rounded up to a power of two.

    Raises InvalidValue where that is too small a network or does not fit into the range.
    """
    prefix = 32 - (size - 1).bit_length() if size > 1 else 32
    if prefix > LARGEST_PREFIX:
        raise InvalidValue("network size", size, "must be 5 or more: the smallest network is a /29")
    if prefix < cidr.prefixlen:
        raise InvalidValue("network size", size, f"is more than the {cidr.size} of {cidr}")
    return prefix


def free_parts(
    within: IPNetwork, prefix: int, count: int, taken: Iterable[tuple[str, IPNetwork]]
) -> list[IPNetwork]:
    """Cut networks out of a range, in order, around those that are there already.

    `taken` are the labels and ranges of the networks there are. Raises InvalidValue where the
    range has not so many parts, Conflict where too few of them are free, naming the first that is
    not and the network in its way.
    """
    size = 2 ** ((32 if within.version == 4 else 128) - prefix)
    if count * size > within.size:
        raise InvalidValue("number of networks", count, f"so many /{prefix} are not in {within}")
    in_the_way = sorted((other.first, other.last, label, other) for label, other in taken)
    parts: list[IPNetwork] = []
    first_refusal = ""
    cursor = within.first
    while len(parts) < count and cursor + size - 1 <= within.last:
        while in_the_way and in_the_way[0][1] < cursor:
            in_the_way.pop(0)
        part = IPNetwork((cursor, prefix), version=within.version)
        if in_the_way and in_the_way[0][0] <= part.last:
            _, last, label, other = in_the_way[0]
            first_refusal = first_refusal or f"{part} overlaps {other} of network {label!r}"
            cursor = max(cursor + size, (last // size + 1) * size)
        else:
            parts.append(part)
            cursor += size
    if len(parts) < count:
        shown = command("network", "list")
        raise Conflict(f"{first_refusal}: {shown} shows which ranges are taken")
    return parts


def _parse(what: str, value: str, version: Version) -> IPNetwork | None:
    """Read a range; None where it is none. Raises InvalidValue where it has host bits."""
    try:
        network = IPNetwork(value, version=version)
    except (AddrFormatError, ValueError):
        return None
    if network.ip != network.network:
        raise InvalidValue(what, value, f"has host bits set; meant {network.cidr}?")
    return network


def _parse_address(what: str, value: str, version: Version, within: IPNetwork | None) -> str:
    try:
        address = IPAddress(value, version=version)
    except (AddrFormatError, ValueError):
        raise InvalidValue(what, value, f"must be an IPv{version} address") from None
    if within is not None and address not in within:
        raise InvalidValue(what, value, f"must lie in {within}")
    return str(address)
