"""Rules of security groups: as records, in words, and what each of them lets in. Pure."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Literal

GroupProtocol = Literal["tcp", "udp", "icmp"]

DEFAULT_GROUP = "default"
"""The group that every project has, and that an instance is in where nothing else is said."""

EVERYONE, EVERYONE_V6 = "0.0.0.0/0", "::/0"

ANY = -1
"""Every type of ICMP, or every code of one."""

_ECHO_REQUEST, _ECHO_REQUEST_V6 = 8, 128


@dataclass(frozen=True, slots=True)
class SecurityGroupRule:
    """One thing that a group lets in: from a range, or from the members of a group."""

    id: int
    parent_group_id: int
    """The group whose rule it is."""
    protocol: GroupProtocol | None = None
    """None: every one. `icmp` of an IPv6 range is ICMPv6."""
    from_port: int | None = None
    """Of ICMP the type; -1 for every one."""
    to_port: int | None = None
    """Of ICMP the code; -1 for every one."""
    cidr: str | None = None
    group_id: int | None = None
    """The source group, instead of a range."""


@dataclass(frozen=True, slots=True)
class DefaultRule:
    """A rule that every project's new `default` group gets."""

    id: int
    protocol: GroupProtocol
    from_port: int
    to_port: int
    cidr: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody sends to an instance."""

    protocol: GroupProtocol
    port: int | None = None
    """Of TCP and UDP, where it goes."""
    icmp_type: int | None = None
    """Of ICMP or, where IPv6 is spoken, ICMPv6; None for a ping."""
    icmp_code: int = 0

    def __str__(self) -> str:
        if self.protocol != "icmp":
            return f"{self.protocol} {self.port}"
        if self.icmp_type is None:
            return "ping"
        return f"icmp type {self.icmp_type} code {self.icmp_code}"

    def type_from(self, source: str) -> int:
        """Return the type of ICMP that it has from an address."""
        if self.icmp_type is not None:
            return self.icmp_type
        return _ECHO_REQUEST_V6 if is_ipv6(source) else _ECHO_REQUEST


def lets_everything_in(rule: SecurityGroupRule) -> bool:
    """Whether a rule lets in all that comes from anywhere, of IPv4 or of IPv6."""
    return rule.protocol is None and rule.cidr in (EVERYONE, EVERYONE_V6)


def is_ipv6(cidr: str) -> bool:
    """Whether a range is of IPv6."""
    return ":" in cidr


def told(rule: SecurityGroupRule | DefaultRule, source: str | None = None) -> str:
    """Return a rule as people read it: `tcp 22 from 0.0.0.0/0`, `icmp type 8 from group web`.

    `source` is what its source group is called, where it has one.
    """
    return f"{_traffic(rule)} from {rule.cidr if source is None else f'group {source}'}"


def _traffic(rule: SecurityGroupRule | DefaultRule) -> str:
    if rule.protocol is None:
        return "everything"
    if rule.protocol != "icmp":
        one = rule.from_port == rule.to_port
        ports = f"{rule.from_port}" if one else f"{rule.from_port}-{rule.to_port}"
        return f"{rule.protocol} {ports}"
    name = "icmpv6" if rule.cidr is not None and is_ipv6(rule.cidr) else "icmp"
    if rule.from_port == ANY:
        return name
    code = "" if rule.to_port == ANY else f" code {rule.to_port}"
    return f"{name} type {rule.from_port}{code}"


def admits(rule: SecurityGroupRule, attempt: Attempt, source: str) -> bool:
    """Whether a rule that is for a source lets in an attempt of it.

    The types of ICMP that a rule has for a group's members are those of IPv4.
    """
    if rule.protocol is None:
        return True
    if rule.protocol != attempt.protocol:
        return False
    first, last = rule.from_port, rule.to_port
    if rule.protocol != "icmp":
        port = attempt.port or 0
        return first is None or last is None or first <= port <= last
    if first in (None, ANY):
        return True
    if rule.cidr is None and is_ipv6(source):
        return False
    return first == attempt.type_from(source) and last in (None, ANY, attempt.icmp_code)


def is_within(address: str, cidr: str) -> bool:
    """Return whether an address is of a range; none is of one of the other family."""
    found, network = ip_address(address), ip_network(cidr, strict=False)
    return found.version == network.version and found in network
