"""Where a packet's journey ended, in a sentence with its evidence. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from netconsole.backend.filtering.places import rule_in_words
from netconsole.diagnostics.parts.journey import (
    End,
    Hop,
    KernelDrop,
    Protocol,
    Reply,
    TracedRule,
    is_rejected,
)
from netconsole.diagnostics.tracing.ends import OUTSIDE

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
KERNEL_REASONS: Final = {
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
_UNTOLD: Final = "no rule of the packet filter that the kernel traces ended it"


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where this host's routes send the packet on, asked after it was sent."""

    interface: str = ""
    address: str = ""
    """Of the router, or of the destination itself where that is on the link."""
    mac_state: str = ""
    """What the kernel knows of its MAC address: REACHABLE, STALE, FAILED, INCOMPLETE, empty."""
    refusal: str = ""
    """What the kernel says instead of a route."""
    is_here: bool = False
    """Whether this host itself is who it is for."""

    @property
    def is_silent(self) -> bool:
        """Whether it was asked for its MAC address by ARP, and did not say it."""
        return self.mac_state in ("FAILED", "INCOMPLETE")


@dataclass(frozen=True, slots=True)
class TraceOutcome:
    """All that is known of how it ended."""

    hops: tuple[Hop, ...]
    reply: Reply
    answered_by: str
    error: tuple[int, int] | None
    """Type and code of an error of ICMP that came back."""
    protocol: Protocol
    port: int
    destination: str
    sender: str
    first: str
    """The interface that it comes in by first; empty of what this host sends itself."""
    receiver: str
    """The port of the instance that it is for; empty of others."""
    next_hop: NextHop
    """Of what was sent, or of the answer where one came in."""
    is_handed: bool = False
    """Whether the packet filter has let it in to this host itself."""
    unanswered: str = ""
    """The address that the sender asks for by ARP where it comes in, and nobody says it has."""
    asks_instead: str = ""
    """Another address on its network that it asks for, where a router is next on the way."""
    is_unresolved: bool = False
    """Whether the sender's kernel gave it up, as ARP had no answer when it was asked before."""
    hindrances: tuple[str, ...] = ()
    """What stands where it was seen last, and takes packets without a trace."""
    bridge_of: Mapping[str, str] = field(default_factory=dict)
    """The bridge of each port."""
    is_written: bool = False
    """Whether the host wrote it where it was to come in, in the sender's stead."""
    kernel_drop: KernelDrop | None = None
    """Where the kernel says that it gave it up."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Where it ended, as a value and in words."""

    kind: End
    because: str


def cannot_send(sender: str, refusal: str) -> str:
    """Say why it was not sent, by what the sender's kernel says."""
    if refusal == "Operation not permitted":
        refusal = f"its own packet filter drops it ({refusal})"
    return f"{sender} cannot send it: {refusal}"


def ending(outcome: TraceOutcome) -> Ending:
    """Say where it ended, and by what that is known."""
    there = [hop for hop in outcome.hops if hop.way == "there" and hop.kind != "sent"]
    back = [hop for hop in outcome.hops if hop.way == "back"]
    if (drop := next((hop for hop in (*there, *back) if hop.ends), None)) is not None:
        return Ending("dropped", _with_drop(drop, outcome))
    if outcome.reply:
        return Ending("answered", _answered(outcome))
    if (taken := _taken(back or there)) is not None:
        return Ending("taken", taken)
    found = _back_ended(back, outcome) if back else _there_ended(there, outcome)
    given_up = (_given_up(outcome.kernel_drop),) if outcome.kernel_drop else ()
    return Ending(found.kind, "; ".join((found.because, *given_up, *outcome.hindrances)))


def _given_up(drop: KernelDrop) -> str:
    """What the kernel says of a packet that no rule ended."""
    what = "the answer" if drop.way == "back" else "it"
    probably = "" if drop.is_certain else "probably "
    where = f" in {drop.function}" if drop.function else ""
    words = f" ({KERNEL_REASONS[drop.reason]})" if drop.reason in KERNEL_REASONS else ""
    reason = f": {drop.reason}{words}" if drop.reason else ", and has no word for why"
    return f"the kernel {probably}dropped {what}{where}{reason}"


def _with_drop(drop: Hop, outcome: TraceOutcome) -> str:
    """It is sent again and again: one may be dropped, and another answered."""
    said = _dropped(drop)
    if not outcome.reply:
        return said
    if is_rejected(outcome.reply, outcome.hops, outcome.is_handed):
        return f"{said}; {_rejected(outcome)}"
    return f"{_answered(outcome)}, though not each time: {said}"


def _taken(hops: Sequence[Hop]) -> str | None:
    """Where a rule was the last that it met, and handed it to somebody else."""
    last = hops[-1] if hops else None
    if last is None or last.rule is None:
        return None
    what = "the answer" if last.way == "back" else "it"
    kind, _, number = last.verdict.partition(" ")
    match kind:
        case "queue":
            does = f" hands {what} to queue {number}"
            why = "a program dropped it there, or none takes from that queue (NFQUEUE)"
            return f"{_with_text(last.rule, does)}; it did not come back: {why}"
        case "stolen":
            return _with_text(last.rule, f" takes {what} away")
    return None


def _answered(outcome: TraceOutcome) -> str:
    by = outcome.answered_by
    aside = "" if by == outcome.destination else f", for {outcome.destination}"
    if outcome.first and not any(hop.kind == "arrived" for hop in outcome.hops):
        aside += f": inside {outcome.sender}, as it never came to {outcome.first}"
    match outcome.reply:
        case "refusal":
            return f"{by} refuses it{aside}: nothing listens there on {_what(outcome)}"
        case "error":
            words = ERRORS.get(outcome.error or (0, 0), f"an error of ICMP, {outcome.error}")
            return f"{by} answers with {words}{aside}"
        case _:
            return f"{by} answers{aside}"


def _rejected(outcome: TraceOutcome) -> str:
    """What this host told the sender that dropped it, in its own or another's name."""
    if outcome.reply == "error":
        words = ERRORS.get(outcome.error or (0, 0), f"an error of ICMP, {outcome.error}")
        return f"{outcome.answered_by} told {outcome.sender} so: {words}"
    return f"a reset in the name of {outcome.answered_by} told {outcome.sender} so"


def _what(outcome: TraceOutcome) -> str:
    return f"{outcome.protocol} port {outcome.port}"


def _dropped(drop: Hop) -> str:
    what = "the answer" if drop.way == "back" else "it"
    rule = drop.rule
    if rule is None:
        return f"{what} was dropped at {drop.interface}"
    table = f"table {rule.family} {rule.table}"
    if drop.kind == "policy":
        whose = f" ({rule.owner})" if rule.owner else ""
        policy = f"the policy of chain {rule.chain} in {table}{whose}"
        return f"{policy} drops {what}: no rule of it lets it by"
    return _with_text(rule, f" drops {what}")


def _with_text(rule: TracedRule, does: str) -> str:
    place = rule_in_words(rule.position, rule.chain, f"table {rule.family} {rule.table}")
    text = f": `{rule.text}`" if rule.text else ""
    whose = f" ({rule.owner})" if rule.owner else ""
    return f"{place}{does}{text}{whose}"


def _back_ended(back: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    last = back[-1]
    answer = f"the answer of {last.source}"
    if last.kind == "left" and last.interface == outcome.first:
        return Ending(
            "inside",
            f"{answer} was handed over at {last.interface}, and {outcome.sender} did not take it: "
            "its own firewall, or its reverse path filter",
        )
    if last.kind == "left" and last.interface == outcome.bridge_of.get(outcome.first):
        astray = _astray(last.interface, outcome.first)
        return Ending("lost", f"{answer} left by {last.interface}, and {astray}")
    if last.kind == "left" and outcome.sender == OUTSIDE:
        return Ending(
            "beyond",
            f"{answer} left by {last.interface}, and was asked for at {outcome.first}: whether it "
            "gets there that way cannot be seen here",
        )
    if last.kind == "left":
        return Ending(
            "lost", f"{answer} left by {last.interface}, and not to where it was asked for"
        )
    return Ending("lost", f"{answer} came to {last.interface}, and {_stuck(outcome.next_hop)}")


def _stuck(following: NextHop) -> str:
    """Why something that came in did not go out, as far as the kernel tells."""
    if following.is_here:
        return f"was not handed to this host itself, for which it is: {_UNTOLD}"
    if following.refusal:
        return f"this host has no way for it: {following.refusal}"
    if following.is_silent:
        return (
            f"was to leave by {following.interface}, where {following.address}, which is next, "
            f"does not answer ARP ({following.mac_state})"
        )
    return f"no further: {_UNTOLD}"


def _there_ended(there: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    seen = [hop for hop in there if hop.kind in ("arrived", "left")]
    if not seen and outcome.unanswered:
        return Ending(
            "unheard",
            f"it was not sent: {outcome.sender} asks at {outcome.first} who has "
            f"{outcome.unanswered} (ARP), and nobody answers",
        )
    if not seen and outcome.is_unresolved:
        said = f"it was not sent: {outcome.sender} had no answer to ARP of who is next on the way"
        return Ending("unheard", f"{said}, {outcome.destination} or a router")
    if not seen and outcome.is_written:
        said = f"it did not come in at {outcome.first}, where this host wrote it"
        return Ending("ingress", said)
    if not seen and outcome.first:
        said = f"it never came to {outcome.first}: it ended inside {outcome.sender}"
        if outcome.asks_instead:
            said += f", which asks there who has {outcome.asks_instead} (ARP), and nobody answers"
            return Ending("inside", f"{said}: by the store that is not next on this way")
        return Ending("inside", said)
    last = seen[-1] if seen else None
    if last is not None and last.kind == "left":
        return _left(seen, outcome)
    if outcome.is_handed:
        nobody = f"where nobody answers{_on(outcome)}{_or_silent(outcome)}"
        return Ending("host", f"it was handed to this host itself, {nobody}")
    where = f"it came to {last.interface}, and " if last else f"{outcome.sender} sent it, and "
    return Ending("lost", f"{where}{_stuck(outcome.next_hop)}")


def _on(outcome: TraceOutcome) -> str:
    return f" on {_what(outcome)}" if outcome.port else ""


def _left(seen: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    if outcome.protocol == "arp":
        return _asked_of_all(seen, outcome)
    last = seen[-1]
    if outcome.receiver and last.interface == outcome.receiver:
        return _handed_over(outcome)
    left = " and ".join(
        f"by {each.interface} as {each.source} → {each.destination}"
        for each in _copies(seen, outcome)
    )
    if last.interface == outcome.bridge_of.get(outcome.receiver):
        astray = _astray(last.interface, outcome.receiver)
        return Ending("lost", f"it left {left}, and {astray}")
    return Ending("beyond", f"it left {left}, and nothing came back")


def _asked_of_all(seen: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    """Of ARP, which a bridge sends to all its ports: also to where it came from, by `hairpin`."""
    if any(each.interface == outcome.receiver for each in seen if each.kind == "left"):
        return _handed_over(outcome)
    if outcome.receiver:
        return Ending("lost", f"it did not come out at {outcome.receiver}")
    said = f"everybody on the network of {outcome.sender} was asked, and nobody says to have"
    return Ending("beyond", f"{said} {outcome.destination}")


def _handed_over(outcome: TraceOutcome) -> Ending:
    return Ending(
        "receiver",
        f"it was handed over at {outcome.receiver}, and who is there does not answer: its own "
        f"firewall, or nobody{_or_silent(outcome)}",
    )


def _copies(seen: Sequence[Hop], outcome: TraceOutcome) -> Sequence[Hop]:
    """Where it left at last: by more than one interface where a rule sends copies. By a bridge and
    its port it leaves once."""
    arrived = max((at for at, each in enumerate(seen) if each.kind == "arrived"), default=-1)
    found = seen[arrived + 1 :]
    passed = {outcome.bridge_of.get(each.interface) for each in found}
    return [each for each in found if each.interface not in passed]


def _astray(bridge: str, port: str) -> str:
    return (
        f"did not come out at {port}: `bridge fdb show br {bridge}` says where the bridge sends it"
    )


def _or_silent(outcome: TraceOutcome) -> str:
    """A datagram need not be answered."""
    if outcome.protocol != "udp":
        return ""
    return f", or who listens on udp port {outcome.port} has no answer to this"
