"""Rules of configuration values: each takes the text and returns the value. Pure.

Each raises ValueError whose text is the rule. They are strict because most values end up in the
texts of iptables-restore(8) and dnsmasq(8), where a stray blank or line break has a meaning.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from netconsole.backend.model.secret import Secret
from netconsole.backend.model.step_kind import REPAIR_TIMES, STEP_KINDS, RepairTime, StepKind
from netconsole.backend.model.text import encoded

Rule = Callable[[str], object]
DEFAULT_SECTION = "DEFAULT"

LEAST_SIZE = 64 << 10
"""Bytes of a record: a look at a host of some guests, eight times."""
LONGEST_SOCKET_PATH = 98
"""Bytes: 107, less what is added to its name while it is made."""

MANAGERS = tuple(f"nova.network.manager.{kind}Manager" for kind in ("Flat", "FlatDHCP", "Vlan"))

L3_DRIVERS = ("nova.network.l3.LinuxNetL3", "nova.network.l3.NullL3")
TokenUse = Literal["off", "optional", "required"]
TOKEN_USES: Final[tuple[TokenUse, ...]] = get_args(TokenUse)
_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")
_TARGET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,27}")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_ETHERTYPE = re.compile(r"0x[0-9A-Fa-f]{4}")
_GUARDED_ETHERTYPES = frozenset({0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x9100, 0x9200, 0x9300})
_SIZE = re.compile(r"([0-9]{1,9})([KMG]?)")
_HOST_AND_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})")
_YES = frozenset({"true", "1", "on", "yes"})
_NO = frozenset({"false", "0", "off", "no"})


@dataclass(frozen=True, slots=True)
class Option:
    """How an option stands in a file: its rule, and its default where that refers to another."""

    rule: Rule
    default: str | None = None
    group: str | None = None
    """None is [DEFAULT]."""
    listed: bool = False
    """Several values in one line, divided by commas."""
    together: Callable[[Sequence[object]], str] = lambda _: ""
    """The rule that all values of a list break together, if they do."""
    repeated: bool = False
    """The option stands once for each of its values."""

    @property
    def is_secret(self) -> bool:
        """Whether its value is shown to nobody."""
        return self.rule is secret

    @property
    def section(self) -> str:
        """The section of a file that it belongs in."""
        return self.group or DEFAULT_SECTION


class ByteCount(int):
    """A number of bytes, which is shown as it may stand in a file: 64M."""

    def __str__(self) -> str:
        power = max(power for power in range(4) if not self % (1 << 10 * power))
        return f"{self >> 10 * power}{' KMG'[power].strip()}"


@dataclass(frozen=True, slots=True)
class RepairRule:
    """When the agent mends drift: of one kind of things, or of every kind that has no rule."""

    kind: StepKind | Literal[""]
    """Empty: every other kind."""
    when: RepairTime

    def __str__(self) -> str:
        return f"{self.kind}:{self.when}" if self.kind else self.when


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port to listen at."""

    address: str
    port: int

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{self.port}"


@dataclass(frozen=True, slots=True)
class VendorTarget:
    """Who is asked for vendor data of an instance, and under which name it is told."""

    name: str
    url: str

    def __str__(self) -> str:
        return f"{self.name}@{self.url}"


def text(value: str) -> str:
    """Any text of one line."""
    if not value or len(value) > 255 or not value.isprintable():
        raise ValueError("must be 1 to 255 printable characters")
    return value


def text_or_empty(value: str) -> str:
    """Any text of one line, or none."""
    return text(value) if value else ""


def word(value: str) -> str:
    """Return a text without blanks."""
    if " " in text(value):
        raise ValueError("must hold no blank")
    return value


def boolean(value: str) -> bool:
    """Nova's words for yes and no."""
    if value.lower() not in _YES | _NO:
        raise ValueError("must be true or false")
    return value.lower() in _YES


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return the rule of a whole number within limits."""
    limits = f"of {least} or more" if most is None else f"from {least} to {most}"

    def rule(value: str) -> int:
        if not _WHOLE.fullmatch(value):
            raise ValueError(f"must be a whole number {limits}")
        number = int(value)
        if number < least or (most is not None and number > most):
            raise ValueError(f"must be a whole number {limits}")
        return number

    return rule


def ipv4_address(value: str) -> str:
    """Return an IPv4 address, never a name: nobody resolves names in a packet filter."""
    try:
        return str(ipaddress.IPv4Address(value))
    except ValueError:
        raise ValueError("must be an IPv4 address, not a host name") from None


def ipv4_address_or_none(value: str) -> str | None:
    """Return an IPv4 address; nothing counts as not given."""
    return ipv4_address(value) if value else None


def ipv4_address_or_empty(value: str) -> str:
    """Return an IPv4 address, or nothing."""
    return ipv4_address(value) if value else ""


def ip_address_or_none(value: str) -> str | None:
    """Return an IPv4 or IPv6 address; nothing counts as not given."""
    if not value:
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("must be an IP address") from None


def ipv4_range(value: str) -> str:
    """Return an IPv4 range. Bits behind the prefix are cleared, as iptables clears them."""
    try:
        return str(ipaddress.IPv4Network(value, strict=False))
    except ValueError:
        raise ValueError("must be an IPv4 range such as 10.0.0.0/8") from None


def guest_ethertype(value: str) -> int:
    """Return an ethertype that hides no other from the guards, written as 0x8863."""
    if not _ETHERTYPE.fullmatch(value) or (number := int(value, 16)) < 0x0600:
        raise ValueError("must be an ethertype from 0x0600 to 0xffff, such as 0x8863")
    if number in _GUARDED_ETHERTYPES:
        raise ValueError("must be none of IPv4, ARP, IPv6 and VLAN tags, which guards look into")
    return number


def name_server(value: str) -> str:
    """Return an address as dnsmasq's --server takes it, with or without a port: 192.0.2.1#5353."""
    address, separator, port = value.partition("#")
    try:
        known = str(ipaddress.ip_address(address))
        number = whole(1, 65535)(port) if separator else ""
    except ValueError:
        raise ValueError("must be an IP address, or one with a port: 192.0.2.1#5353") from None
    return f"{known}{separator}{number}"


def interface(value: str) -> str:
    """Return the name of a network interface."""
    if not _INTERFACE.fullmatch(value):
        raise ValueError(
            "must be an interface name: at most 15 letters, digits, '.', '_' or '-', no '/', "
            "no blank, no '-' or '.' in front"
        )
    return value


def interface_or_none(value: str) -> str | None:
    """Return the name of a network interface; nothing counts as not given."""
    return interface(value) if value else None


def interface_or_empty(value: str) -> str:
    """Return the name of a network interface, or nothing."""
    return interface(value) if value else ""


def target(value: str) -> str:
    """Return a target of the packet filter: ACCEPT, DROP or the name of a chain."""
    if not _TARGET.fullmatch(value):
        raise ValueError("must be a target or chain: at most 28 letters, digits, '_' or '-'")
    return value


def domain_or_empty(value: str) -> str:
    """Return a domain name (RFC 1123 section 2.1), or nothing."""
    if value and (len(value) > 253 or not all(map(_LABEL.fullmatch, value.split(".")))):
        raise ValueError(
            "must be a domain name: labels of at most 63 letters, digits and inner hyphens"
        )
    return value


def absolute_path(value: str) -> str:
    """Return the absolute path of a file or directory."""
    if not value.startswith("/") or not value.isprintable():
        raise ValueError("must be an absolute path")
    return value.rstrip("/") or "/"


def socket_path(value: str) -> str:
    """Return the absolute path of a UNIX socket (unix(7))."""
    path = absolute_path(value)
    if len(encoded(path)) > LONGEST_SOCKET_PATH:
        raise ValueError(f"must be {LONGEST_SOCKET_PATH} bytes at most")
    return path


def absolute_path_or_empty(value: str) -> str:
    """Return an absolute path, or nothing."""
    return absolute_path(value) if value else ""


def secret(value: str) -> Secret:
    """Any text of one line, or none, that nobody is shown."""
    return Secret(text_or_empty(value))


def token_use(value: str) -> TokenUse:
    """Whether tokens are used."""
    for each in TOKEN_USES:
        if each == value:
            return each
    raise ValueError(f"must be one of {', '.join(TOKEN_USES)}")


def vendor_target(value: str) -> VendorTarget:
    """Return who is asked for vendor data: name@url."""
    name, separator, url = value.partition("@")
    parts = urlsplit(url) if separator else None
    known = parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    if not name or not known or not value.isprintable() or " " in value:
        raise ValueError("must be a name and a URL, as hooks@https://192.0.2.1:9999/path")
    return VendorTarget(name, url)


def l3_lib(value: str) -> str:
    """Return one of nova's two drivers."""
    if value not in L3_DRIVERS:
        raise ValueError(f"must be one of {', '.join(L3_DRIVERS)}")
    return value


def network_manager(value: str) -> str:
    """Return one of nova's three managers."""
    if value not in MANAGERS:
        raise ValueError(f"must be one of {', '.join(MANAGERS)}")
    return value


def repair_rule(value: str) -> RepairRule:
    """When drift is mended: `boot`, or of one kind alone `rules:always`."""
    named, separator, time = value.rpartition(":")
    kinds = [kind for kind in STEP_KINDS if kind == named]
    for when in REPAIR_TIMES:
        if when == time and (kinds or not separator):
            return RepairRule(kinds[0] if kinds else "", when)
    raise ValueError(
        f"must be one of {', '.join(REPAIR_TIMES)}, for one kind alone as rules:always; "
        f"kinds are {', '.join(STEP_KINDS)}"
    )


def repair_rules(values: Sequence[object]) -> str:
    """Return what is wrong with several of these: two of one kind say nothing, or two things."""
    kinds = [each.kind for each in values if isinstance(each, RepairRule)]
    twice = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if twice is None:
        return ""
    return f"must say when once for {f'the kind {twice}' if twice else 'all kinds'}"


def endpoint_or_none(value: str) -> Endpoint | None:
    """Return an IP address and a port; nothing counts as not given."""
    if not value:
        return None
    try:
        found = _HOST_AND_PORT.fullmatch(value)
        if found is None:
            raise ValueError
        address = ipaddress.ip_address(found[1] or found[2])
        return Endpoint(str(address), whole(1, 65535)(found[3]))
    except ValueError:
        raise ValueError("must be an address and a port, as 127.0.0.1:9555 or [::1]:9555") from None


def size(value: str) -> int:
    """Return a number of bytes, as 64M: K, M and G are powers of 1024."""
    found = _SIZE.fullmatch(value)
    number = int(found[1]) << 10 * " KMG".index(found[2] or " ") if found else 0
    if number < LEAST_SIZE:
        raise ValueError(
            f"must be a number of bytes, {LEAST_SIZE >> 10}K or more, such as 64M: K, M and G are "
            "powers of 1024"
        )
    return ByteCount(number)
