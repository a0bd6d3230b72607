"""Rules of security groups in words, and which of them leave nothing closed. Pure."""

from netconsole.backend.model.records import DefaultRule, SecurityGroupRule

DEFAULT_GROUP = "default"
"""The group that every project has, and that an instance is in where nothing else is said."""

EVERYONE, EVERYONE_V6 = "0.0.0.0/0", "::/0"

ANY = -1
"""Every type of ICMP, or every code of one."""


def lets_everything_in(rule: SecurityGroupRule) -> bool:
    """Whether a rule lets in all that comes from anywhere, of IPv4 or of IPv6."""
    return rule.protocol is None and rule.cidr in (EVERYONE, EVERYONE_V6)


def is_ipv6(cidr: str) -> bool:
    """Whether a range is of IPv6."""
    return ":" in cidr


def told(rule: SecurityGroupRule | DefaultRule, source: str | None = None) -> str:
    """Return a rule as people read it: `tcp 22 from 0.0.0.0/0`, `icmp type 8 from group web`.

    `source` is the name of its source group, where it has one.
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
