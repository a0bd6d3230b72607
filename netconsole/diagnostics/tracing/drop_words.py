"""What the kernel says of a packet that no rule ended, in words; and of errors of ICMP. Pure."""

from collections.abc import Sequence
from typing import Final

from netconsole.diagnostics.parts.journey import Hop, KernelDrop
from netconsole.diagnostics.tracing.outcome import TraceOutcome

ERRORS: Final[dict[tuple[int, int], str]] = {
    (3, 0): "network unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "fragmentation needed",
    (3, 9): "network administratively prohibited",
    (3, 10): "host administratively prohibited",
    (3, 13): "administratively prohibited",
    (11, 0): "time to live exceeded",
}
"""Type and code of an error of ICMP, in words (RFC 792, RFC 1812)."""
REFUSALS: Final = frozenset({(3, 2), (3, 3), (3, 9), (3, 10), (3, 13)})
"""Those by which the destination itself refuses what has come to it: nobody listens, or its own
packet filter forbids it."""
_REASONS: Final = {
    "NO_SOCKET": "nobody listens for it",
    "SOCKET_FILTER": "a filter of the program that listens",
    "SOCKET_RCVBUFF": "the program that listens does not read what it has",
    "TCP_LISTEN_OVERFLOW": "the program that listens accepts no more",
    "NETFILTER_DROP": "a rule of the packet filter, one that the kernel does not trace",
    "OTHERHOST": "its MAC address is that of another",
    "IP_CSUM": "a wrong checksum",
    "TCP_CSUM": "a wrong checksum",
    "UDP_CSUM": "a wrong checksum",
    "ICMP_CSUM": "a wrong checksum",
    "IP_RPFILTER": "the reverse path filter, rp_filter",
    "IP_LOCAL_SOURCE": "its source is an address of this host",
    "IP_INVALID_SOURCE": "its source is none that can be",
    "IP_LOCALNET": "an address of 127.0.0.0/8: route_localnet is off",
    "IP_INADDRERRORS": "it is for another, and forwarding is off where it came in",
    "IP_INNOROUTES": "no route leads there",
    "IP_OUTNOROUTES": "no route leads there",
    "IP_NOPROTO": "nobody takes its protocol",
    "XFRM_POLICY": "a policy of IPsec",
    "NEIGH_FAILED": "the next hop does not answer ARP",
    "NEIGH_QUEUEFULL": "the next hop has not answered ARP so far",
    "PKT_TOO_BIG": "longer than the MTU, and not to be fragmented",
    "QDISC_DROP": "the queueing discipline of the interface",
    "CPU_BACKLOG": "the processor has too much to do",
    "TC_INGRESS": "a filter of tc(8)",
    "TC_EGRESS": "a filter of tc(8)",
    "XDP": "a program of XDP",
    "FULL_RING": "the guest does not take what is in its queue",
    "BRIDGE_INGRESS_STP_STATE": "the bridge's port is not forwarding",
}
"""What the kernel's reasons mean (Linux include/net/dropreason-core.h)."""
_DELIVERING: Final = ("icmp_", "ping_", "tcp_", "udp_", "__udp4_", "raw_", "sk_", "ip_local_")
"""How functions of the kernel begin that hand a packet to this host's own programs."""


def error_words(error: tuple[int, int] | None) -> str:
    """Return what an error of ICMP says."""
    return ERRORS.get(error or (0, 0), f"an error of ICMP, {error}")


def given_up(outcome: TraceOutcome) -> str:
    """Return what the kernel says of a packet that no rule ended.

    Empty where it says nothing, or speaks of another one: of another network namespace, or just as
    long.
    """
    drop = outcome.kernel_drop
    if drop is None or not _can_be(drop, outcome):
        return ""
    what = "the answer" if drop.way == "back" else "it"
    probably = "" if drop.is_certain else "probably "
    where = f" in {drop.function}" if drop.function else ""
    words = f" ({_REASONS[drop.reason]})" if drop.reason in _REASONS else ""
    reason = f": {drop.reason}{words}" if drop.reason else ", and has no word for why"
    return f"the kernel {probably}dropped {what}{where}{reason}"


def _can_be(drop: KernelDrop, outcome: TraceOutcome) -> bool:
    last = _last_seen(outcome.hops)
    if last is None:
        return True
    if last.kind == "left":  # what a bridge sends out is on this host still
        return last.interface in outcome.bridge_of.values() and drop.function.startswith("br_")
    if drop.function.startswith(_DELIVERING):
        is_here = outcome.next_hop.is_here or outcome.is_handed
        return is_here and drop.interface == last.interface
    return drop.is_certain or drop.interface == last.interface


def _last_seen(hops: Sequence[Hop]) -> Hop | None:
    return next((hop for hop in reversed(hops) if hop.kind in ("arrived", "left")), None)
