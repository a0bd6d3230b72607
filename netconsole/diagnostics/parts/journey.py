"""The journey of a packet that was sent to be followed: what it met, there and back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from netconsole.backend.filtering.places import table_in_words
from netconsole.backend.model.codec import record
from netconsole.backend.model.subject import Subject

Way = Literal["there", "back"]
Protocol = Literal["icmp", "tcp", "udp", "dns", "arp", "dhcp"]
Reply = Literal["", "answer", "refusal", "error"]
"""What came back: an answer; a refusal of who was asked, be it a reset of TCP or an error of ICMP;
an error of ICMP of somebody else; nothing."""
End = Literal[
    "answered",
    "dropped",
    "taken",
    "unsent",
    "unheard",
    "inside",
    "ingress",
    "receiver",
    "host",
    "beyond",
    "elsewhere",
    "lost",
]
"""Where it ended: nowhere, as somebody answered; at a rule or policy; at one that handed it to a
program; it was not sent, as its kernel could not or as nobody told the MAC address of the next
(`unheard`); inside who sent it; before it was seen where this host wrote it (`ingress`); at the
receiver, or at this host itself, which did not answer; beyond this host, whence nothing came back;
at somebody who answered in the place of who it was for (`elsewhere`); on its way through this host,
for no rule (`lost`)."""
Lister = Literal["iptables", "iptables-legacy", "nft"]
"""The program in whose words a rule is written; what is of the legacy kind that alone lists."""
RulePart = Literal["group", "members", "groups", "guard", "floating", "network", "metadata"]
"""A rule of a group; what lets in the members of a group; what else stands in the chain of an
instance; the guard of a port; what a floating address, a network or the metadata service needs."""
_PARTS: Final[dict[RulePart, str]] = {
    "group": "group",
    "members": "members of group",
    "groups": "groups of",
    "guard": "guard of",
    "floating": "floating address",
    "network": "network",
    "metadata": "metadata service",
}
HopKind = Literal["sent", "arrived", "left", "rule", "policy"]


@dataclass(frozen=True, slots=True)
class RuleOwner:
    """What a rule of ours is there for, as its admin knows it."""

    subject: Subject = field(metadata={"inner": True})
    part: RulePart
    name: str
    """Of the group, of the instance that is filtered or guarded, or of what else it is about."""
    project: str = ""
    """Of a group: two projects may call theirs the same."""
    says: str = ""
    """What it lets in or drops, in words: `tcp 22 from 0.0.0.0/0`."""

    def __str__(self) -> str:
        whose = f" of {self.project}" if self.project else ""
        title = f"{_PARTS[self.part]} {self.name}{whose}".strip()
        return f"{title}: {self.says}" if self.says else title


@dataclass(frozen=True, slots=True)
class TracedRule:
    """A rule that the packet met, by the kernel's own trace or by its counter; or the policy of a
    chain."""

    family: str
    """As nft(8) names it: ip, ip6, inet, bridge, arp or netdev."""
    table: str
    chain: str
    handle: int = 0
    """By which nft(8) finds it; 0 of a policy, and of what is of the legacy kind."""
    position: int = 0
    """In its chain, from 1; 0 of a policy, and where it could not be read any more."""
    text: str = ""
    """In the words of the program that lists it. Empty where it could not be read any more."""
    ours: bool = False
    listed_by: Lister = "nft"
    owner: RuleOwner | None = None
    """Of one of ours what it is there for, where that is known."""

    @property
    def is_legacy(self) -> bool:
        """Whether it is of the legacy kind."""
        return self.listed_by == "iptables-legacy"

    @property
    def is_policy(self) -> bool:
        """Whether it is the policy of its chain."""
        return not (self.handle or self.position)

    @property
    def table_words(self) -> str:
        """Return its table as an admin calls it: `table ip filter`, `iptables-legacy table nat`."""
        if self.is_legacy:
            return table_in_words("legacy", self.family, self.table)
        return f"table {self.family} {self.table}"

    @property
    def listing(self) -> tuple[str, ...]:
        """Return the command that shows it among the others of its chain."""
        if self.is_legacy:
            how = ("--verbose", "--numeric", "--line-numbers", "--list", self.chain)
            return ("iptables-legacy", "--table", self.table, *how)
        return ("nft", "--handle", "list", "chain", self.family, self.table, self.chain)


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing that happened to the packet on its way."""

    way: Way
    kind: HopKind
    interface: str = ""
    """Where it was seen, or came in at; of what is sent the name of the sender."""
    source: str = ""
    destination: str = ""
    """Its addresses then, as far as they are known: translations change them."""
    rule: TracedRule | None = None
    verdict: str = ""
    """Of a rule or policy: accept, drop, jump NAME, goto NAME, return, continue, queue."""
    reply: Reply = ""
    """Of what was seen on its way back."""
    mac: str = ""
    """Of what was seen at an interface the MAC address that its frame was for."""
    counted: int = 0
    """Packets that the counter of a rule of the legacy kind rose by meanwhile: the kernel does not
    trace those, and by that it is known."""

    @property
    def ends(self) -> bool:
        """Whether the packet ended here."""
        return self.verdict == "drop"


@dataclass(frozen=True, slots=True)
class KernelDrop:
    """Where the kernel gave a packet up, by its own word (tracepoint skb:kfree_skb)."""

    way: Way
    interface: str
    """Where it had come in last."""
    function: str
    """Of the kernel; empty where it has no name for the place."""
    reason: str
    """Such as IP_RPFILTER; empty where the kernel has no word for it."""
    is_certain: bool
    """Whether it was this packet and no other; else one as long, at that interface and time."""


@dataclass(frozen=True, slots=True)
class Journey:
    """What was sent, what it met, and how that ended."""

    sender: str
    """Name of the instance, `outside` or `host`."""
    source: str
    destination: str
    protocol: Protocol
    port: int
    """0 of icmp."""
    hops: tuple[Hop, ...]
    reply: Reply
    """What came back to the sender."""
    answered_by: str
    """Who sent what came back; empty where nothing came."""
    because: str
    """Where it ended, then why, then what else is known, in a sentence."""
    unseen: tuple[str, ...] = ()
    """What could not be seen here, and why."""
    is_handed: bool = False
    """Whether one of the packets was handed to this host itself, past all its rules."""
    end: End = "lost"
    kernel_drop: KernelDrop | None = None
    """Of one that no rule ended, and that was not answered."""
    remedy: str = ""
    """What to type next, in backquotes; empty where it was answered."""

    @property
    def dropped_by(self) -> Hop | None:
        """Return where a rule or policy ended it, also where another of its kind was answered."""
        return next((hop for hop in self.hops if hop.ends), None)

    @property
    def is_barred(self) -> bool:
        """Whether a rule of ours ended it: what groups and guards keep out is meant to end."""
        drop = self.dropped_by
        return drop is not None and drop.rule is not None and drop.rule.ours

    @property
    def reached(self) -> bool:
        """Whether an answer came back, or a refusal, of the destination itself.

        What this host rejected did not reach anybody, whatever the sender was told.
        """
        if self.reply not in ("answer", "refusal") or self.end == "elsewhere":
            return False
        return not is_rejected(self.reply, self.hops, self.is_handed)


@dataclass(frozen=True, slots=True)
class WaitedJourneys:
    """The first real packets that came while they were waited for, and what became of each."""

    journeys: tuple[Journey, ...]
    unanswered: str = ""
    """Where none came, the address for which the sender asks by ARP and gets no answer: of a guest
    that may be another than who is next by the store."""


def waited_record(found: WaitedJourneys) -> dict[str, object]:
    """Return what came as it is told in JSON."""
    told = [journey_record(each) for each in found.journeys]
    return {"journeys": told, "unanswered": found.unanswered}


def journey_record(journey: Journey) -> dict[str, object]:
    """Return a journey as it is told in JSON."""
    return {"reached": journey.reached, **record(journey)}


def is_rejected(reply: Reply, hops: Sequence[Hop], is_handed: bool) -> bool:
    """Whether what came back is this host's own word for a packet that ended on its way through.

    It is where a rule dropped it, or where it came in and did not leave, as of a rule that is not
    traced. It is not where something came in on the way back, or one was handed to this host
    itself: then one packet was dropped, and another of the same kind was let by. Nor is an answer:
    a rule rejects by a reset or an error.
    """
    if reply in ("", "answer") or is_handed:
        return False
    if any(hop.kind == "arrived" and hop.way == "back" for hop in hops):
        return False
    there = [hop for hop in hops if hop.way == "there"]
    kinds = {hop.kind for hop in there}
    return any(hop.ends for hop in there) or ("arrived" in kinds and "left" not in kinds)
