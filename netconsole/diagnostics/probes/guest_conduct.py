"""What the frames at a guest's port say of it. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Literal

from netconsole.diagnostics.parts.guests import GuestTalk, GuestWay, Outcome, UsedAddress
from netconsole.diagnostics.probes.dhcp_message import discover
from netconsole.diagnostics.probes.guest_frames import (
    BROADCAST,
    ECHO_REPLY,
    ECHO_REQUEST,
    ICMP,
    TCP,
    UDP,
    PortArp,
    PortFrame,
    PortPacket,
)

_DNS, _CLIENT, _SERVER = 53, 68, 67
"""Ports: of DNS, and of both ends of DHCP."""
_NOBODY: Final = "0.0.0.0"  # noqa: S104  who has no address yet (RFC 5227 section 1.1)
LONGEST: Final = 30
"""The longest mask that is tried: a network of two guests."""
MOST_TALKS: Final = 24
_OWN_DISCOVER: Final = len(discover("00:00:00:00:00:00", "00:00:00:00:00:00", 0)) - 14
"""Bytes of a packet; those of clients are longer, as they are filled up (RFC 1542 section 2.1)."""


@dataclass(frozen=True, slots=True)
class MaskTrial:
    """An echo request from an address that only masks shorter than so many bits hold."""

    bit: int
    source: str


def mask_trials(
    address: str, network: IPv4Network, taken: Iterable[str], *, beyond: bool, turn: int = 0
) -> tuple[MaskTrial, ...]:
    """Return the trials that show the mask of a guest, where it is longer than its network's.

    An address that differs from the guest's at one bit, and not before, is a neighbour by every
    mask that is shorter, and by no other. None is of an instance. `beyond`: one is of another
    network as well, and shows a mask that is shorter. With another `turn` they come from others:
    the guest may remember a hardware address of one that was asked for before.
    """
    used, own = set(taken), int(IPv4Address(address))
    trials = []
    for bit in range(network.prefixlen + (not beyond), LONGEST + 1):
        rest = 1 << (32 - bit)
        first = (own ^ rest) & ~(rest - 1)
        size = min(rest, 256)
        free = (str(IPv4Address(first + (low + turn) % size)) for low in range(size))
        edges = (str(network.network_address), str(network.broadcast_address))
        source = next((each for each in free if each not in used and each not in edges), "")
        if source:
            trials.append(MaskTrial(bit, source))
    return tuple(trials)


def answering(frames: Iterable[PortFrame], address: str) -> tuple[str, ...]:
    """Return the hardware addresses from which the guest answered ARP for its address."""
    found = (
        each.sender_mac
        for each in frames
        if isinstance(each, PortArp)
        and not each.leaves
        and each.is_answer
        and each.sender == address
    )
    return tuple(dict.fromkeys(found))


def was_asked(frames: Iterable[PortFrame], address: str) -> bool:
    """Whether a question for the address left by the port."""
    return any(
        isinstance(each, PortArp) and each.leaves and not each.is_answer and each.target == address
        for each in frames
    )


def used_addresses(frames: Iterable[PortFrame], address: str) -> tuple[UsedAddress, ...]:
    """Return the addresses other than its own that the guest speaks under, the most used first."""
    told: Counter[UsedAddress] = Counter()
    for each in frames:
        if each.leaves:
            continue
        if isinstance(each, PortArp):
            told[UsedAddress(each.sender, each.sender_mac)] += 1
        elif each.protocol in (ICMP, TCP, UDP):
            told[UsedAddress(each.source, each.source_mac)] += 1
    return tuple(used for used, _ in told.most_common() if used.address not in (address, _NOBODY))


def asks_for_lease(frames: Iterable[PortFrame]) -> bool:
    """Whether the guest asked everybody for an address by DHCP.

    Not so a DISCOVER of our own that is followed, which comes in as if from the guest.
    """
    return any(
        isinstance(each, PortPacket)
        and not each.leaves
        and each.size != _OWN_DISCOVER
        and (each.protocol, each.source_port, each.destination_port) == (UDP, _CLIENT, _SERVER)
        and each.destination_mac == BROADCAST
        for each in frames
    )


def echoed(frames: Iterable[PortFrame], identifier: int) -> bool:
    """Whether an echo request was answered."""
    return any(_is_reply(each, identifier) for each in frames)


def _is_request(each: PortFrame, identifier: int) -> bool:
    return (
        isinstance(each, PortPacket)
        and each.leaves
        and (each.protocol, each.icmp, each.identifier) == (ICMP, ECHO_REQUEST, identifier)
    )


def _is_reply(each: PortFrame, identifier: int) -> bool:
    return (
        isinstance(each, PortPacket)
        and not each.leaves
        and (each.protocol, each.icmp, each.identifier) == (ICMP, ECHO_REPLY, identifier)
    )


def way(
    frames: Sequence[PortFrame], identifier: int, destination: str, own: str, others: Iterable[str]
) -> GuestWay:
    """Return where the guest sent what is for an address: the reply to an echo request from it.

    `own` is the address of the guest. Without a reply tells what it asked for by ARP since, but for
    what was asked in the name of `others` at the same time, and for neighbours that spoke to it: to
    these it only wants to answer, and a router that answers ARP would have got the reply.
    """
    begun = next((at for at, each in enumerate(frames) if _is_request(each, identifier)), None)
    since = () if begun is None else frames[begun:]
    asked = [
        each.target
        for each in since
        if isinstance(each, PortArp)
        and not (each.leaves or each.is_answer)
        and each.sender == own
        and each.target != own
    ]
    sent = next(
        (
            each.destination_mac
            for each in since
            if isinstance(each, PortPacket)
            and _is_reply(each, identifier)
            and each.destination == destination
        ),
        "",
    )
    if destination in asked:
        return GuestWay(destination, destination, sent)
    known = {*others, *_speaking(frames)}
    unknown = (each for each in asked if each not in known)
    return GuestWay(destination, "" if sent else next(unknown, ""), sent)


def _speaking(frames: Iterable[PortFrame]) -> Iterator[str]:
    """Yield whose packets and answers of ARP went to the guest."""
    for each in frames:
        if each.leaves and isinstance(each, PortPacket):
            yield each.source
        elif each.leaves and isinstance(each, PortArp) and each.is_answer:
            yield each.sender


def prefix_length(
    network: IPv4Network, ways: Iterable[tuple[MaskTrial, GuestWay]], router_mac: str
) -> int | None:
    """Return the length of the guest's mask by what it took for neighbours.

    None where it did not say, or was at odds with itself: it sends to who it knows without asking,
    as to one for whom this host answered before. Who looks for an address by ARP takes it for a
    neighbour's; who sends to its router does not. A mask that is shorter than its network's shows
    as one bit less.
    """
    neighbours, beyond = [], []
    for trial, each in ways:
        if each.asks_for == each.destination:
            neighbours.append(trial.bit)
        elif each.sends_to and each.sends_to == router_mac:
            beyond.append(trial.bit)
    if network.prefixlen in neighbours:
        return network.prefixlen - 1
    longer = [bit for bit in beyond if bit > network.prefixlen]
    if longer:
        return None if neighbours and min(neighbours) < max(longer) else max(longer)
    return network.prefixlen if neighbours else None


def talks(frames: Sequence[PortFrame], address: str) -> tuple[GuestTalk, ...]:
    """Return the connections that were tried, and the questions of DNS, the most tried first."""
    told: dict[tuple[bool, Literal["tcp", "udp"], str, int], list[Outcome]] = {}
    for each in frames:
        if not isinstance(each, PortPacket):
            continue
        begun_by_guest = not each.leaves
        peer = each.destination if begun_by_guest else each.source
        key = (begun_by_guest, _name(each.protocol), peer, each.destination_port)
        if address not in (each.source, each.destination):
            continue
        if each.begins or (each.protocol == UDP and each.destination_port == _DNS):
            told.setdefault(key, []).append("silent")
        else:
            _note_answer(told, each)
    found = (GuestTalk(*key, _worst(outcomes), len(outcomes)) for key, outcomes in told.items())
    return tuple(sorted(found, key=lambda each: -each.times)[:MOST_TALKS])


def _name(protocol: int) -> Literal["tcp", "udp"]:
    return "tcp" if protocol == TCP else "udp"


def _note_answer(
    told: dict[tuple[bool, Literal["tcp", "udp"], str, int], list[Outcome]], each: PortPacket
) -> None:
    """Note the answer to what was tried before; others are no answers."""
    peer = each.source if each.leaves else each.destination
    protocol, port = each.protocol, each.source_port
    if each.protocol == ICMP:
        if not each.refuses:
            return
        protocol, port = each.quoted
    outcomes = told.get((each.leaves, _name(protocol), peer, port))
    if outcomes and "silent" in outcomes:
        at = outcomes.index("silent")
        outcomes[at] = "refused" if each.refuses else "answered"


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return what came of all tries: an answer to one shows that somebody is there."""
    if "answered" in outcomes:
        return "answered"
    return "refused" if "refused" in outcomes else "silent"


def swept(network: IPv4Network, most: int) -> Iterator[str]:
    """Return the addresses of a network to try at the port of a guest that has not its own."""
    for number, each in enumerate(network.hosts()):
        if number >= most:
            return
        yield str(each)
