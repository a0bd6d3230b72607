"""Where a packet ended that no rule dropped and nobody answered: where it was seen last. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from netconsole.backend.model.phrases import command
from netconsole.diagnostics.parts.journey import Hop
from netconsole.diagnostics.tracing.ends import OUTSIDE
from netconsole.diagnostics.tracing.outcome import (
    Ending,
    NextHop,
    PortAnswer,
    TraceOutcome,
    until_end,
)

_OVER: Final = {
    (3, 4): "it is longer than the MTU of the way on, and not to be fragmented",
    (11, 0): "its time to live (TTL) was over, which each router lowers by one",
}
"""Why a packet goes no further that has a way, by the error that tells of it (RFC 792)."""


def there_ended(there: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    """Say where it ended on its way there, by what was met since it was sent."""
    seen = [hop for hop in there if hop.kind in ("arrived", "left")]
    if not seen and outcome.first:
        return _never_came(outcome)
    last = seen[-1] if seen else None
    if last is not None and last.kind == "left":
        return _left(seen, outcome)
    if outcome.is_handed:
        return _on_this_host(outcome)
    came = f"it came to {last.interface}" if last else f"it was sent by {outcome.sender}"
    return _stuck(came, last, outcome)


def _never_came(outcome: TraceOutcome) -> Ending:
    """Of what was not even seen where it was to come in."""
    sender = outcome.sender
    if outcome.unanswered:
        return Ending(
            "unheard",
            f"it did not leave {sender}, which asks at {outcome.first} who has "
            f"{outcome.unanswered} (ARP), and nobody answers",
            remedy=command("trace", "--from", sender, "--to", outcome.unanswered, "arp"),
        )
    if outcome.is_unresolved:
        said = f"it did not leave {sender}, which had no answer to ARP of who is next on the way"
        return Ending("unheard", f"{said}, {outcome.destination} or a router")
    if outcome.is_written:
        said = f"it did not come in at {outcome.first}, where this host wrote it"
        return Ending("ingress", said, remedy=f"`tc filter show dev {outcome.first} ingress`")
    where = f"it ended inside {sender}, and never came to {outcome.first}"
    if not outcome.asks_instead:
        return Ending("inside", where)
    asks = f"{sender} asks there who has {outcome.asks_instead} (ARP), and nobody answers"
    remedy = command("doctor", "--probe")
    if outcome.is_near:  # that may be about something else
        return Ending("inside", where, evidence=(f"meanwhile {asks}",), remedy=remedy)
    why = f"{asks}; by the store that is not next on this way"
    return Ending("inside", where, why, remedy=remedy)


def _on_this_host(outcome: TraceOutcome) -> Ending:
    if outcome.protocol == "icmp":
        remedy = "`sysctl net.ipv4.icmp_echo_ignore_all`"
    else:
        kind = transport(outcome)
        remedy = f"`ss --listening --numeric --processes --{kind} sport = :{outcome.port}`"
    on = f" on {_what(outcome)}" if outcome.port else ""
    where = f"it was handed to this host itself, where nobody answers{on}{_or_silent(outcome)}"
    return Ending("host", where, remedy=remedy)


def _stuck(came: str, last: Hop | None, outcome: TraceOutcome) -> Ending:
    """Of something that came in and did not go out, as far as the kernel tells why."""
    following = outcome.next_hop
    into = last.interface if last else ""
    source, destination = (last.source, last.destination) if last else ("", outcome.destination)
    came_by = f" from {source} iif {outcome.bridge_of.get(into, into)}" if into else ""
    route = f"`ip route get {following.destination or destination}{came_by}`"
    if following.is_here:
        where = f"{came}, and was not handed to this host itself, for which it is"
        return Ending("lost", where)
    if following.refusal:
        where = f"{came}, and this host has no way for it"
        return Ending("lost", where, following.refusal, remedy=following.remedy or route)
    if following.is_silent:
        where = f"{came}, and {_was_to_leave(following)}"
        shown = f"`ip neighbour show to {following.address} dev {following.interface}`"
        return Ending("lost", where, remedy=shown)
    bridge, port = outcome.bridge_of.get(into, ""), _aim(last, outcome)
    if bridge and port and outcome.bridge_of.get(port) == bridge:
        where = f"{came}, and {bridge} did not send it out by {port}"
        return Ending("lost", where, remedy=f"`bridge fdb show br {bridge}`")
    why = _OVER.get(outcome.error or (0, 0), "")
    out = f" on its way out by {following.interface}" if following.interface and not why else ""
    if out and following.address != following.destination:
        out += f" to {following.address}"
    where = f"{came}, and no further{out}"
    return Ending("lost", where, why, remedy="" if bridge or why else route)


def _aim(last: Hop | None, outcome: TraceOutcome) -> str:
    """The port that it was to be handed over at."""
    return outcome.first if last is not None and last.way == "back" else outcome.receiver


def _was_to_leave(following: NextHop) -> str:
    return (
        f"was to leave by {following.interface}, where {following.address}, which is next, "
        f"does not answer ARP ({following.mac_state})"
    )


def _left(seen: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    if outcome.protocol == "arp":
        return _asked_of_all(seen, outcome)
    last, port = seen[-1], outcome.receiver
    if port and last.interface == port:
        return _handed_over(last, outcome)
    copies = _copies(seen, outcome)
    if all(each.interface == outcome.first for each in copies):
        return _sent_back(last, outcome)
    left = " and ".join(
        f"by {each.interface} as {each.source} → {each.destination}" for each in copies
    )
    bridge = outcome.bridge_of.get(port, "")
    if bridge and bridge in (last.interface, outcome.bridge_of.get(last.interface)):
        where = f"it left {left}, and did not come out at {port}"
        return Ending("lost", where, remedy=f"`bridge fdb show br {bridge}`")
    if outcome.protocol == "dhcp":
        said = f"everybody on the network of {outcome.sender} was asked, and no DHCP server answers"
        return Ending("beyond", said, remedy=command("doctor", "--only", "dnsmasq_processes"))
    if bridge:
        where = f"it left {left}, and not by {bridge}"
        return Ending("lost", where, remedy=f"`ip route get {last.destination}`")
    shown = command("capture", "--on", last.interface, "host", last.destination)
    return Ending("beyond", f"it left {left}, and nothing came back", remedy=shown)


def _sent_back(last: Hop, outcome: TraceOutcome) -> Ending:
    """Of what a bridge sends to all its ports, as it does not know where it belongs (`hairpin`)."""
    bridge = outcome.bridge_of.get(last.interface, "its bridge")
    where = f"it came to {last.interface}, and {bridge} sent it out by no other port"
    why = f"none that carries leads to {last.destination}"
    return Ending("lost", where, why, remedy=f"`bridge -details link show master {bridge}`")


def _asked_of_all(seen: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    """Of ARP, which a bridge sends to all its ports: also to where it came from, by `hairpin`."""
    handed = [hop for hop in seen if hop.kind == "left" and hop.interface == outcome.receiver]
    if handed:
        return _handed_over(handed[-1], outcome)
    if outcome.receiver:
        return Ending("lost", f"it did not come out at {outcome.receiver}")
    said = f"everybody on the network of {outcome.sender} was asked, and nobody says to have"
    return Ending("beyond", f"{said} {outcome.destination}")


def _handed_over(last: Hop, outcome: TraceOutcome) -> Ending:
    where = f"it was handed over at {last.interface}, and who is there does not answer"
    shown = command("capture", "--on", last.interface, "host", last.destination)
    other = _other_mac(last, outcome)
    if other:
        where = f"it was handed over at {last.interface}, and who is there does not take it"
        return Ending("receiver", where, other, remedy=command("doctor", "--probe"))
    asked = outcome.asked
    if outcome.receiver_asks:
        why = f"it asks there who has {outcome.receiver_asks} (ARP), and nobody answers"
        shown = command("doctor", "--only", "arp_answers")
    elif asked is None:
        why = f"its own firewall, or nobody{_or_silent(outcome)}"
    elif asked.macs:
        why = f"its own firewall{_or_silent(outcome)}, as it does answer ARP there"
    else:
        why = f"nobody answers ARP for {asked.address} there either"
        shown = command("doctor", "--probe")
    return Ending("receiver", where, why, remedy=shown)


def is_for_another(mac: str, asked: PortAnswer | None) -> bool:
    """Whether a frame for this MAC address is for somebody else than who answers at the port."""
    if asked is None or not asked.macs or not mac or mac in asked.macs:
        return False
    return not int(mac[:2], 16) & 1  # for everybody (IEEE 802.3, 3.2.3)


def _other_mac(last: Hop, outcome: TraceOutcome) -> str:
    """Why a guest takes no frame: it is for another MAC address than the guest has."""
    if outcome.asked is None or not is_for_another(last.mac, outcome.asked):
        return ""
    said = " and ".join(outcome.asked.macs)
    return f"its frame is for MAC address {last.mac}, and the guest there has {said} (ARP)"


def answer_ended(back: Sequence[Hop], outcome: TraceOutcome) -> Ending:
    """Say where the answer ended on its way back."""
    until = until_end(outcome.hops, outcome.reply, outcome.is_handed)
    is_told = len(until) < len(outcome.hops)
    last = until[-1] if is_told else back[-1]
    answer = f"the answer of {last.source}"
    if last.kind != "left":
        found = _stuck(f"{answer} came to {last.interface}", last, outcome)
    elif last.interface == outcome.first:
        found = _not_taken(answer, last, outcome)
    else:
        found = _astray(answer, last, outcome)
    if not is_told:
        return found
    told = f"this host told {last.source} so by ICMP"
    return replace(found, evidence=(*found.evidence, told))


def _not_taken(answer: str, last: Hop, outcome: TraceOutcome) -> Ending:
    where = f"{answer} was handed over at {last.interface}, and {outcome.sender} did not take it"
    if other := _other_mac(last, outcome):
        return Ending("inside", where, other, remedy=command("doctor", "--probe"))
    shown = command("capture", "--on", last.interface, "host", last.destination)
    why = "its own firewall, or its reverse path filter"
    return Ending("inside", where, why, remedy=shown)


def _astray(answer: str, last: Hop, outcome: TraceOutcome) -> Ending:
    left = f"{answer} left by {last.interface}"
    if last.interface == outcome.bridge_of.get(outcome.first):
        where = f"{left}, and did not come out at {outcome.first}"
        return Ending("lost", where, remedy=f"`bridge fdb show br {last.interface}`")
    route = f"`ip route get {last.destination}`"
    if outcome.sender == OUTSIDE:
        where = (
            f"{left}, and was asked for at {outcome.first}: whether it gets there that way cannot "
            "be seen here"
        )
        return Ending("beyond", where, remedy=route)
    return Ending("lost", f"{left}, and not to where it was asked for", remedy=route)


def _copies(seen: Sequence[Hop], outcome: TraceOutcome) -> Sequence[Hop]:
    """Where it left at last: by more than one interface where a rule sends copies. By a bridge and
    its port it leaves once."""
    arrived = max((at for at, each in enumerate(seen) if each.kind == "arrived"), default=-1)
    found = seen[arrived + 1 :]
    passed = {outcome.bridge_of.get(each.interface) for each in found}
    return [each for each in found if each.interface not in passed]


def _what(outcome: TraceOutcome) -> str:
    return f"{transport(outcome)} port {outcome.port}"


def transport(outcome: TraceOutcome) -> str:
    """Return by which protocol it is sent: a question of DNS by UDP."""
    return "udp" if outcome.protocol == "dns" else outcome.protocol


def _or_silent(outcome: TraceOutcome) -> str:
    """A datagram need not be answered."""
    if outcome.protocol != "udp":
        return ""
    return f", or who listens on udp port {outcome.port} has no answer to this"
