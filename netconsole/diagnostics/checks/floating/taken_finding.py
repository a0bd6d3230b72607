"""A finding on rules of others that take the packets of floating addresses before ours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from netconsole.backend.filtering.nat_order import Turn
from netconsole.backend.filtering.places import table_in_words
from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.plan.nat_ways import NatWay, OtherChain
from netconsole.backend.survey.status import FloatingIPStatus, Status
from netconsole.diagnostics.checks.floating.taken_cure import cure, remedy
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.filter_keepers import keeper_of_table
from netconsole.diagnostics.reasoning.taken import Sent, Taken, taken_beside, taken_in_our_chain

MANAGERS = ("docker", "firewalld", "libvirt", "ufw", "incus", "lxd", "kube-proxy")
_WORST: Final[tuple[Verdict, ...]] = ("fail", "warn", "info")
_LAST_FIRST = (
    "Of chains of one priority the kernel asks the one that was registered last before the others, "
    "and the first that translates a connection decides; when that was cannot be read."
)
_ORDER: Final[Mapping[Turn, str]] = {
    "before": "That chain is asked before ours, and the first that translates a connection "
    "decides: a new one",
    "likely before": f"{_LAST_FIRST} The table was made after iptables' table nat, so that this "
    "chain is probably asked first, and then a new connection",
    "unknown": f"{_LAST_FIRST} Where this one came after ours, a new connection",
    "likely after": f"{_LAST_FIRST} The table was made before iptables' table nat, so that ours is "
    "probably asked first; once the table is loaded anew, a new connection",
}
"""Why the rule matters, by when its chain is asked."""
_ASKED: Final[Mapping[Turn, str]] = {
    "before": "asked before ours",
    "likely before": "probably asked before ours",
    "unknown": "before or after ours",
    "likely after": "probably asked after ours",
    "after": "asked after ours",
}
MEASURED: Final = (
    "Measured on Linux 6.18: a chain of a priority below that of iptables' own, which is {0}, "
    "comes first, one above it last; of several at {0} the one that was registered last comes "
    "first; an accept ends its own chain alone; a dormant table is not asked."
)
READ: Final = (
    "Then every chain of nftables that may be asked first, and the tables of the kind of which "
    "`iptables` is not: a rule that translates. When a chain of the same priority was registered "
    "cannot be read. In one table the order in which chains were made tells it; of two tables the "
    "order of the tables is a good guess, wrong where a chain was made long after its table or a "
    "dormant table has woken; of the legacy tables nothing tells. What rests on a guess is a "
    "warning, and so is a rule that names the address or the interface and has a condition that is "
    "not read here (a set, a mark, a protocol)."
)
EXCEPTED: Final = (
    "In another chain the rule stays as well, and an accept right before it leaves these addresses "
    "to the next chain. For good that has to be said where the table is written, or its chain be "
    "given a higher priority than {}."
)
"""For the pages of the checks."""


@dataclass(frozen=True, slots=True)
class TakenQuestion:
    """What a check asks of the packets of floating addresses."""

    check: str
    title: str
    way: NatWay
    sent: Callable[[Status], Sequence[Sent]]
    what: Callable[[FloatingIPStatus], str]
    """The packets, in words."""
    becomes: Callable[[Taken], str]
    """What a rule makes of them, and what it does not."""
    rules_out: tuple[str, ...]

    def answer(self, snapshot: Snapshot, exempt: Sequence[Evidence] = ()) -> Finding:
        """Look for rules before ours that decide; `exempt` is what is not to be translated."""
        seen, way = snapshot.part(PacketFilter), self.way
        sent = self.sent(snapshot.part(Backend).status)
        if not sent:
            because = "No floating address is associated."
            return Finding(self.check, self.title, "not-applicable", because)
        ours = seen.chain("nat", way.chain)
        if ours is None or way.jumps[-1] not in [rule.spec for rule in ours.rules]:
            because = (
                f"nat {way.chain} has no `{way.jumps[-1]}`: see what the checks on our own rules "
                "say."
            )
            return Finding(self.check, self.title, "info", because)
        taken = (*taken_in_our_chain(seen, sent, way), *taken_beside(seen, sent, way))
        found = sorted(taken, key=lambda each: _WORST.index(each.grade[0]))
        if found and found[0].grade[0] != "info":
            return self._found(snapshot, ours, found)
        rows = (*(_row(each, way) for each in found), *exempt, *_others(seen, way))
        return self._untaken(seen, sent, found, rows)

    def _untaken(
        self,
        seen: PacketFilter,
        sent: Sequence[Sent],
        found: Sequence[Taken],
        rows: tuple[Evidence, ...],
    ) -> Finding:
        whose = f"the {len(sent)} floating addresses" if sent[1:] else sent[0].victim.address
        because = (
            f"In nat {self.way.chain} nothing that takes {'their' if sent[1:] else 'its'} packets "
            f"comes before the translation of {whose}."
        )
        if self.way.hook in seen.unread_nat:
            more = f"A chain of nftables may be asked before: {seen.foreign_unread}."
            return Finding(self.check, self.title, "unknown", f"{because} {more}", rows)
        if found:
            _, confidence = found[0].grade
            because = f"{because} {self._because(found[0])}"
            return Finding(*(self.check, self.title, "info", because, rows), confidence=confidence)
        return Finding(self.check, self.title, "ok", because, rows)

    def _found(self, snapshot: Snapshot, ours: FilterChain, taken: Sequence[Taken]) -> Finding:
        verdict, confidence = taken[0].grade
        found = [each for each in taken if each.grade[0] != "info"]
        rows = (*(_row(each, self.way) for each in taken), *_managers(snapshot))
        because, fix = self._because(taken[0]), cure(ours, found, self.way)
        return Finding(
            *(self.check, self.title, verdict, because, rows, self.rules_out, fix),
            remedy=remedy(found, self.way),
            confidence=confidence,
        )

    def _because(self, taken: Taken) -> str:
        other, what = taken.other, self.what(taken.victims[0])
        if other is None:
            why = (
                f"In nat {self.way.chain} the rule `{taken.rule}` comes before "
                f"`{self.way.jumps[-1]}` and takes {what}: the first rule that decides is the last "
                "one asked, so that a new connection"
            )
        elif taken.decision.is_certain:
            why = f"The rule `{taken.rule}` in {_place(other)} takes {what}. {_ORDER[other.turn]}"
        else:
            why = (
                f"The rule `{taken.rule}` in {_place(other)} takes {what} where a condition holds, "
                "of it or of rules before it, that is not read here (a set, a mark, a protocol). "
                f"{_ORDER[other.turn]}"
            )
        return f"{why} {self.becomes(taken)}"


def _place(other: OtherChain) -> str:
    keeper = keeper_of_table(other.table.name) if other.table else ""
    return f"{other.words}, probably of {keeper}," if keeper else other.words


def _row(taken: Taken, way: NatWay) -> Evidence:
    counted = "" if taken.packets is None else f"{taken.packets} connections so far"
    if taken.other is None:
        label = f"nat {way.chain} rule {taken.decision.entry + 1}"
        return Evidence(label, taken.rule, f"after `{way.jumps[-1]}`", counted)
    handle = f" # handle {taken.handle}" if taken.handle else ""
    return Evidence(taken.other.words, f"{taken.rule}{handle}", "asked after ours", counted)


def _managers(snapshot: Snapshot) -> Iterator[Evidence]:
    owners = snapshot.get(Owners)
    for each in owners.of(*MANAGERS) if owners else ():
        yield Evidence(f"manages rules: {each.name}", each.because)


def _others(seen: PacketFilter, way: NatWay) -> Iterator[Evidence]:
    """The chains of nftables at the hook, and when they are asked."""
    for table in seen.foreign_tables:
        for each in table.chains:
            if (each.hook, each.type) == (way.hook, "nat") and each.turn:
                note = "switched off (dormant)" if "dormant" in table.flags else _ASKED[each.turn]
                value = f"chain {each.name} at priority {each.priority}"
                own = table_in_words("native", table.family, table.name)
                yield Evidence(own, value, note=note)
