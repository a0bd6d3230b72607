"""What a rule of a security group lets in: read strictly from words, by nova's rules. Pure."""

import re
from dataclasses import dataclass
from ipaddress import ip_interface

from netconsole.backend.model.errors import InvalidValue
from netconsole.backend.model.group_rules import ANY, EVERYONE, GroupProtocol

PORTS = range(1, 65536)
ICMP = range(ANY, 256)
"""Types and codes; -1 stands for every one."""

_PROTOCOLS: dict[str, GroupProtocol] = {"tcp": "tcp", "udp": "udp", "icmp": "icmp"}
_NUMBERS = re.compile(r"(-?[0-9]{1,9})(?::(-?[0-9]{1,9}))?")
_RANGE = re.compile(r"[0-9A-Fa-f:.]+/(?:0|[1-9][0-9]{0,2})")


@dataclass(frozen=True, slots=True)
class TypedTraffic:
    """What is let in, as it is typed."""

    protocol: str | None = None
    port: str | None = None
    """Of TCP and UDP: `22`, or `8000:8010`."""
    icmp: str | None = None
    """Of ICMP: `8`, a type with all its codes, or `8:0`, with one; -1 for every one."""
    cidr: str | None = None

    def numbers(self, *, needed: bool) -> tuple[GroupProtocol | None, int | None, int | None]:
        """Return the protocol, and from which port to which, or type and code. Raises InvalidValue.

        Where they are not `needed`, as of a source group, those that are missing are all there are;
        without a protocol there are none.
        """
        if self.protocol is None:
            self._refuse_without_protocol(needed=needed)
            return None, None, None
        protocol = _PROTOCOLS.get(self.protocol.lower())
        if protocol is None:
            raise InvalidValue("protocol", self.protocol, "must be tcp, udp or icmp")
        if protocol == "icmp":
            return protocol, *self._type_and_code(needed=needed)
        return protocol, *self._ports(protocol, needed=needed)

    def _refuse_without_protocol(self, *, needed: bool) -> None:
        if self.port is not None:
            raise InvalidValue("port", self.port, "needs its protocol: --protocol tcp or udp")
        if self.icmp is not None:
            raise InvalidValue("ICMP type", self.icmp, "needs its protocol: --protocol icmp")
        if needed:
            rule = "is needed where a range is let in: tcp, udp or icmp"
            raise InvalidValue("protocol", "", rule)

    def _ports(self, protocol: str, *, needed: bool) -> tuple[int, int]:
        if self.icmp is not None:
            rule = f"is of no use with {protocol}, which has ports: --port 22"
            raise InvalidValue("ICMP type", self.icmp, rule)
        if self.port is None:
            if needed:
                rule = "needs its ports where a range is let in: --port 22, or 8000:8010"
                raise InvalidValue("protocol", protocol, rule)
            return PORTS[0], PORTS[-1]
        rule = f"must be {PORTS[0]} to {PORTS[-1]}, or two of those with ':' between"
        first, last = _two("port", self.port, rule)
        last = first if last is None else last
        if first not in PORTS or last not in PORTS:
            raise InvalidValue("port", self.port, rule)
        if first > last:
            rule = f"goes from the higher to the lower: meant {last}:{first}?"
            raise InvalidValue("port", self.port, rule)
        return first, last

    def _type_and_code(self, *, needed: bool) -> tuple[int, int]:
        if self.port is not None:
            rule = "is of no use with icmp, which has types and codes: --icmp 8, or -1 for all"
            raise InvalidValue("port", self.port, rule)
        if self.icmp is None:
            if needed:
                rule = "needs its type where a range is let in: --icmp 8, or -1 for all"
                raise InvalidValue("protocol", "icmp", rule)
            return ANY, ANY
        rule = f"must be a type, or TYPE:CODE, each {ICMP[0]} to {ICMP[-1]}"
        kind, code = _two("ICMP type", self.icmp, rule)
        code = ANY if code is None else code
        if kind not in ICMP or code not in ICMP:
            raise InvalidValue("ICMP type", self.icmp, rule)
        return kind, code

    def range(self) -> str:
        """Return the range that is let in; without one, all of IPv4. Raises InvalidValue."""
        return EVERYONE if self.cidr is None else parse_source(self.cidr)


def parse_source(value: str) -> str:
    """Read a range of IPv4 or IPv6 from which something is let in. Raises InvalidValue."""
    rule = "must be a range such as 192.0.2.0/24 or 2001:db8::/64, of one address with /32"
    try:
        found = ip_interface(value) if _RANGE.fullmatch(value) else None
    except ValueError:
        found = None
    if found is None:
        raise InvalidValue("CIDR", value, rule)
    if found.ip == found.network.network_address:
        return str(found.network)
    if found.network.prefixlen == 0:
        one = f"{found.ip}/{found.max_prefixlen}"
        rule = f"is everyone: say {found.network}, or {one} for that one alone"
    else:
        rule = f"has host bits set; meant {found.network}?"
    raise InvalidValue("CIDR", value, rule)


def _two(what: str, value: str, rule: str) -> tuple[int, int | None]:
    found = _NUMBERS.fullmatch(value)
    if found is None:
        raise InvalidValue(what, value, rule)
    first, second = found.groups()
    return int(first), None if second is None else int(second)
