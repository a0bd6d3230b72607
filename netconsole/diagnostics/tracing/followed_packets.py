"""What became of each packet that was sent or waited for: its hops, by what was heard of it."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final, Self

from netconsole.backend.model.trace_table import is_trace_table
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.parts.journey import Hop, KernelDrop
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.tracing import following
from netconsole.diagnostics.tracing.ends import Ends
from netconsole.diagnostics.tracing.heard import Heard
from netconsole.diagnostics.tracing.legacy_counters import LegacyTables
from netconsole.diagnostics.tracing.legacy_ways import FollowedWays, with_legacy_rules
from netconsole.diagnostics.tracing.outcome import Hindrance
from netconsole.diagnostics.tracing.rule_owners import RuleOwners
from netconsole.diagnostics.tracing.rule_texts import RuleTexts, read_rule_texts
from netconsole.diagnostics.tracing.sending import SentPackets
from netconsole.diagnostics.tracing.trace_messages import TraceMessage, rules_met
from netconsole.diagnostics.tracing.traced_packet import Recognisable
from netconsole.diagnostics.tracing.watched_interfaces import WatchedInterfaces

_EVERYBODY: Final = IPv4Address(2**32 - 1)


@dataclass(frozen=True, slots=True)
class FollowedPacket:
    """What became of one that was sent."""

    ends: Ends
    packet: Recognisable
    heard: Heard
    told: SentPackets
    hops: tuple[Hop, ...]
    unseen: tuple[str, ...]
    dropped: KernelDrop | None
    """Where the kernel gave one up."""
    unheard: str
    """Why nothing was heard of that."""
    suspects: tuple[Hindrance, ...] = ()
    """Rules that are not traced, and of which one ended it probably."""
    is_unmarked: bool = False
    """Whether it, or what came back, was one of too many to be marked each."""


def is_lost(each: FollowedPacket) -> bool:
    """Whether nothing is known of its end so far: no answer came, and no rule dropped it."""
    return not (each.told.reply or each.told.refusal or any(hop.ends for hop in each.hops))


@dataclass(frozen=True, slots=True)
class JourneyReader:
    """What packets met that were followed at the same time."""

    texts: RuleTexts
    owners: RuleOwners
    ways: following.Interfaces
    unseen: tuple[str, ...]
    legacy: LegacyTables
    """With how far their counters rose meanwhile."""
    links: Links

    @classmethod
    def of(
        cls,
        heard: Iterable[Heard],
        watched: WatchedInterfaces,
        missed: Iterable[str],
        status: Status,
        links: Links,
        legacy: LegacyTables,
    ) -> Self:
        """Read what there is to know of the rules that were met."""
        met = (message for each in heard for message in _of_others(each.messages))
        texts = read_rule_texts(rules_met(met))
        unseen = (*legacy.unread, *texts.unread, *watched.unseen(), *missed)
        ways = following.Interfaces(dict(socket.if_nameindex()), links.bridge_of)
        return cls(texts, RuleOwners.of(status), ways, unseen, legacy, links)

    def followed(
        self,
        between: Ends,
        packet: Recognisable,
        heard: Heard,
        told: SentPackets,
        dropped: KernelDrop | None,
        unheard: str,
        is_unmarked: bool = False,
    ) -> FollowedPacket:
        """Return what became of one."""
        known = Heard(_of_others(heard.messages), heard.sightings)
        hops = tuple(following.hops(known, packet, self.ways, self.texts.rule))
        if between.interface and not hops:
            told = told.resolved_or_not()
        told = told.refused_or_not(between.destination)
        source = told.source or between.source
        begun = Hop("there", "sent", between.name, source, between.destination)
        found = FollowedPacket(
            ends=between,
            packet=packet,
            heard=heard,
            told=told,
            hops=(begun, *hops),
            unseen=self.unseen,
            dropped=dropped,
            unheard=unheard,
            is_unmarked=is_unmarked,
        )
        return self._with_legacy(found)

    def _with_legacy(self, found: FollowedPacket) -> FollowedPacket:
        """Add the rules that are not traced, and whom each rule serves."""
        ways = FollowedWays(
            *(found.hops, found.ends, found.packet, found.heard, found.told, found.dropped)
        )
        legacy = with_legacy_rules(self.legacy, ways, self.links)
        journey = tuple(self.owners.named(legacy.hops))
        found = replace(found, hops=journey, suspects=legacy.suspects)
        is_untold = is_lost(found) and not (legacy.is_told or self.legacy.unread)
        return replace(found, unseen=(*found.unseen, *(self.legacy.untold if is_untold else ())))


def _of_others(messages: Iterable[TraceMessage]) -> list[TraceMessage]:
    """Leave out what was met in our own tables."""
    return [each for each in messages if not is_trace_table(each.table)]


def handed_to(followed: FollowedPacket) -> tuple[str, str] | None:
    """Return the port and address at which a guest is to be asked by ARP; None where that tells
    nothing.

    They are of where the packet or its answer was handed over last, without an answer; of a packet
    that did not come so far, of the instance that it is for.
    """
    between, told = followed.ends, followed.told
    seen = [hop for hop in followed.hops if hop.kind in ("arrived", "left")]
    last = seen[-1] if seen else None
    if any(hop.ends for hop in followed.hops):
        return None
    if last is None or (last.way == "there" and last.interface != between.receiver):
        is_open = bool(between.receiver) and is_lost(followed)
        return (between.receiver, between.receiver_address) if is_open else None
    if last.kind != "left":
        return None
    port = between.receiver if last.way == "there" else between.interface
    is_guests = last.way == "there" or bool(between.guest_mac)
    is_open = told.is_written if last.way == "back" and told.reply else not told.reply
    if last.interface != port or not (is_guests and is_open):
        return None
    address = IPv4Address(last.destination)
    is_one = not (address.is_unspecified or address.is_multicast or address == _EVERYBODY)
    return (port, last.destination) if is_one else None
