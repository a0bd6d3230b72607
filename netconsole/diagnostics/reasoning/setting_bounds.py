"""How small kernel settings may be before packets of guests suffer. Pure.

Linux Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst and
Documentation/admin-guide/sysctl/net.rst. The smallest value was tried where a network namespace
has a setting of its own.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

FIRST_PORT, LAST_PORT = 32768, 60999
"""Of the range that the kernel takes ports from, where nobody sets it (ip_local_port_range)."""


def first_number(value: str) -> int | None:
    """Return the first number of a value; None where it begins with none."""
    word = next(iter(value.split()), "")
    return int(word) if word.lstrip("-").isdigit() else None


def is_off(value: str) -> int | None:
    """Return 1 of a switch that is off, 0 of one that is on."""
    number = first_number(value)
    return None if number is None else int(number == 0)


def ports_between(value: str) -> int | None:
    """Return how many ports a range has, of two numbers: `32768 60999`."""
    words = value.split()
    if len(words) != len(("first", "last")) or not all(word.isdigit() for word in words):
        return None
    return int(words[1]) - int(words[0]) + 1


def ports_not_reserved(value: str) -> int | None:
    """Return how many ports of the usual range a list such as `8080,40000-50000` leaves."""
    reserved: set[int] = set()
    for each in value.split(","):
        first, _, last = each.strip().partition("-")
        if first.isdigit() and (last or first).isdigit():
            reserved |= {*range(int(first), int(last or first) + 1)}
    return len({*range(FIRST_PORT, LAST_PORT + 1)} - reserved)


def forwards(value: str) -> int | None:
    """Return 0 of the queueing discipline that drops whatever it is given (sch_blackhole)."""
    return int(value != "blackhole")


@dataclass(frozen=True, slots=True)
class SettingBound:
    """One setting, and what becomes of packets where it is too small."""

    pattern: str
    """Its path under /proc/sys; a `*` is an interface with guests, or to the world."""
    usual: str
    """What the kernel has it at."""
    least: int
    """The smallest that does no harm."""
    harm: str
    """What happens to packets below it: an independent clause."""
    none_pass: int = 0
    """At this value and below no packet of the kind passes; from here to `least` some are lost."""
    measure: Callable[[str], int | None] = first_number

    @property
    def is_v6(self) -> bool:
        """Whether it is of IPv6 alone."""
        return "/ipv6/" in self.pattern or "icmpv6" in self.pattern or "frag6" in self.pattern

    def keys(self, interfaces: Iterable[str]) -> Iterator[str]:
        """Return the settings that it means."""
        if "*" not in self.pattern:
            yield self.pattern
            return
        yield from (self.pattern.replace("*", name) for name in interfaces)

    def is_harmful(self, value: str) -> bool:
        """Whether a value is too small; one that is no value of the setting is not known to be."""
        found = self.measure(value)
        return found is not None and found < self.least

    def ends_all(self, value: str) -> bool:
        """Whether no packet of the kind passes with it."""
        found = self.measure(value)
        return found is not None and found <= self.none_pass


TRACKING: Final = "net/netfilter/nf_conntrack_"
_OF_NFT: Final = {
    ("udp", "unreplied"): "udp_timeout",
    ("udp", "replied"): "udp_timeout_stream",
    ("tcp", "unack"): "tcp_timeout_unacknowledged",
    ("tcp", "retrans"): "tcp_timeout_max_retrans",
}
"""What nft(8) calls otherwise in an object `ct timeout`."""
_TRACKED: Final = (
    ("icmp_timeout", "30", 5, "an echo request"),
    ("icmpv6_timeout", "30", 5, "an echo request of IPv6"),
    ("udp_timeout", "30", 5, "a question by UDP, as of DNS,"),
    ("udp_timeout_stream", "120", 5, "an exchange by UDP"),
    ("tcp_timeout_syn_sent", "120", 5, "the request for a connection of TCP"),
    ("tcp_timeout_syn_recv", "60", 5, "a connection of TCP that is not yet agreed upon"),
    ("tcp_timeout_established", "432000", 60, "a connection of TCP"),
    ("tcp_timeout_unacknowledged", "300", 5, "a connection of TCP that waits for an answer"),
    ("tcp_timeout_max_retrans", "300", 5, "a connection of TCP that sends once more"),
    ("tcp_timeout_fin_wait", "120", 2, "a connection of TCP that one side has ended"),
    ("tcp_timeout_close_wait", "60", 2, "a connection of TCP that one side has ended"),
    ("sctp_timeout_cookie_wait", "3", 1, "the request for an association of SCTP"),
    ("sctp_timeout_cookie_echoed", "3", 1, "an association of SCTP that is not yet agreed upon"),
    ("sctp_timeout_established", "210", 60, "an association of SCTP"),
    ("dccp_timeout_request", "240", 5, "the request for a connection of DCCP"),
    ("dccp_timeout_respond", "480", 5, "a connection of DCCP that is not yet agreed upon"),
    ("dccp_timeout_partopen", "480", 5, "a connection of DCCP that is not yet agreed upon"),
    ("dccp_timeout_open", "43200", 60, "a connection of DCCP"),
    ("gre_timeout", "30", 5, "the first packet of a tunnel of GRE"),
    ("gre_timeout_stream", "180", 5, "a tunnel of GRE"),
    ("generic_timeout", "600", 5, "a packet of any other protocol, as of IPsec,"),
)
"""Of the timeouts of connection tracking: what is remembered for so many seconds."""


def _of_tracking() -> Iterator[SettingBound]:
    for name, usual, least, what in _TRACKED:
        harm = (
            f"connection tracking forgets {what} before the answer comes, which then has no "
            "translation, belongs to nothing, and is dropped"
        )
        yield SettingBound(f"{TRACKING}{name}", usual, least, harm, 1)


_HOPS = (
    "what this host itself sends, questions of dnsmasq and answers about metadata among it, is "
    "thrown away by a router on its way to whoever is further off"
)
_RESOLVED = (
    "this host asks nobody there for a hardware address: who has not just spoken to it is not "
    "found, and what is for that one is dropped"
)
_PIECES = (
    "connection tracking puts datagrams together before it lets them pass, and has no {} for it: "
    "large ones, which come in pieces, are dropped"
)
_FEW_SENT = (
    "this host tells few senders, or none, that a packet is too large or leads nowhere: transfers "
    "by way of a smaller MTU hang"
)
_PORTS = (
    "what this host begins finds few ports free, or none: dnsmasq takes another one for each "
    "question that it passes on, and guests resolve no names"
)
_ROOM = "sockets of this host have no room for more than a packet: dnsmasq loses questions"

BOUNDS: Final = (
    SettingBound("net/ipv4/ip_default_ttl", "64", 32, _HOPS, 8),
    SettingBound("net/ipv6/conf/*/hop_limit", "64", 32, _HOPS, 8),
    SettingBound("net/ipv4/neigh/*/mcast_solicit", "3", 1, _RESOLVED),
    SettingBound("net/ipv6/neigh/*/mcast_solicit", "3", 1, _RESOLVED),
    SettingBound(
        "net/ipv6/neigh/default/gc_thresh3",
        "1024",
        64,
        "this host remembers fewer neighbours than it has, and drops what is for others",
        16,
    ),
    *_of_tracking(),
    SettingBound("net/ipv4/ipfrag_high_thresh", "4194304", 1 << 17, _PIECES.format("memory"), 4096),
    SettingBound("net/ipv4/ipfrag_time", "30", 2, _PIECES.format("time"), -1),
    SettingBound(
        "net/netfilter/nf_conntrack_frag6_high_thresh",
        "4194304",
        1 << 17,
        _PIECES.format("memory"),
        4096,
    ),
    SettingBound("net/netfilter/nf_conntrack_frag6_timeout", "60", 2, _PIECES.format("time"), -1),
    SettingBound("net/ipv4/icmp_msgs_per_sec", "1000", 1, _FEW_SENT, -1),
    SettingBound("net/ipv4/icmp_msgs_burst", "50", 1, _FEW_SENT, -1),
    SettingBound(
        "net/ipv6/icmp/echo_ignore_all",
        "0",
        1,
        "this host answers no ping by IPv6, so that guests take their router for dead",
        -1,
        is_off,
    ),
    SettingBound(
        "net/ipv4/ip_local_port_range",
        f"{FIRST_PORT} {LAST_PORT}",
        1024,
        _PORTS,
        64,
        ports_between,
    ),
    SettingBound("net/ipv4/ip_local_reserved_ports", "", 1024, _PORTS, 64, ports_not_reserved),
    SettingBound("net/core/rmem_default", "212992", 16384, _ROOM, -1),
    SettingBound("net/core/wmem_default", "212992", 16384, _ROOM, -1),
    SettingBound(
        "net/core/somaxconn",
        "4096",
        16,
        "programs of this host, the metadata service among them, take few connections at once",
        -1,
    ),
    SettingBound(
        "net/core/default_qdisc",
        "pfifo_fast",
        1,
        "each interface that is made from now on drops whatever it has to send",
        0,
        forwards,
    ),
)
"""Settings of the kernel by which guests are cut off, beside those of which other checks tell."""


def of_timeout(protocol: str, state: str) -> SettingBound | None:
    """Return the bound of a timeout that an object `ct timeout` of nft(8) gives; None without."""
    name = _OF_NFT.get((protocol, state), f"{protocol}_timeout_{state}")
    return next((each for each in BOUNDS if each.pattern == f"{TRACKING}{name}"), None)
