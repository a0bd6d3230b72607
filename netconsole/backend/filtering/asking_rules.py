"""Rules of others that ask for an interface which IP packets do not have any more. Pure.

A port of a bridge is such an interface: what comes in by it is the bridge's wherever IP looks, in
all chains of iptables and in those of nft but at the hooks ingress and egress. Where br_netfilter
leads bridged frames through IP's chains, it says the bridge as well (net/bridge/br_input.c,
br_netfilter_hooks.c).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netconsole.backend.filtering.interface_conditions import (
    Direction,
    InterfaceCondition,
    NamedInterface,
    element_names,
    iptables_conditions,
    nft_conditions,
    with_names,
    without,
)
from netconsole.backend.filtering.native_rules import aims, is_native, native_handle, native_text
from netconsole.backend.filtering.native_tables import NftChain, NftTable
from netconsole.backend.filtering.places import (
    TableKind,
    chain_in_words,
    rule_in_words,
    table_in_words,
)
from netconsole.backend.filtering.rule_words import typed
from netconsole.backend.filtering.rules import is_ours, is_own_chain
from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.model.table_names import Kind
from netconsole.backend.model.text import in_shell

FAMILIES_ASKED = frozenset({"ip", "ip6", "inet", "arp"})
"""Families of nft whose packets have been through the bridge; ARP is handed up as IP is."""
_BELOW = frozenset({"ingress", "egress"})
"""Hooks at the interface itself, before a bridge and after it (nft(8), address families)."""
_NFT_FAMILIES = {"ipv4": "ip", "ipv6": "ip6"}


@dataclass(frozen=True, slots=True)
class RulePlace:
    """Where a rule stands."""

    kind: TableKind
    family: str
    table: str
    chain: str
    position: int
    """From 1."""
    handle: int = 0
    """Of a rule in the words of nft."""
    locked: bool = False
    """Only the program that made the table can change it."""

    @property
    def name(self) -> str:
        """Return what an admin would call it."""
        return rule_in_words(self.position, self.chain, self._table)

    @property
    def chain_name(self) -> str:
        """Return what an admin would call the chain."""
        return chain_in_words(self.chain, self._table)

    @property
    def _table(self) -> str:
        return table_in_words(self.kind, self.family, self.table)


@dataclass(frozen=True, slots=True)
class AskingRule:
    """A rule that asks for one interface, and for no other that would stand for it."""

    place: RulePlace
    text: str
    """In the words of its program, without its handle."""
    reworded: str
    """The same with the other interface; not of one that asks for the interface by a set."""
    ways: frozenset[Direction]
    certain: bool
    """Whether it names the interface; else a set, a map or a pattern has it."""
    excepts: bool = False
    """Whether it asks for all but the interface, and takes everything without it."""
    of_set: str = ""
    elements: tuple[str, ...] = ()
    """What the set or map would have to hold for the other interface."""
    rise: int = 0
    """Packets that it counted while it was looked at."""

    def in_its_place(self, own: Kind) -> str:
        """Return the command that gives the rule the other interface; empty where none can.

        `own` is the kind of the machine's iptables. What only a pattern has is not taken from it.
        """
        if self.place.locked:
            return ""
        if self.of_set or not self.certain:
            return self.beside(own)
        if self.place.handle:
            return self._nft("replace", self.place.handle)
        chain, number = in_shell(self.place.chain), self.place.position
        return f"{self._iptables(own)} -R {chain} {number} {typed(self.reworded)}"

    def beside(self, own: Kind) -> str:
        """Return the command that puts one with the other interface beside it; empty where none
        can, or where two would be worse than one: each takes what the other excepts."""
        if self.place.locked or (self.excepts and not self.of_set):
            return ""
        if self.of_set:
            held = f"{{ {', '.join(self.elements)} }}"
            of_set = (self._nft_family, self.place.table, self.of_set)
            return in_shell("nft", "add", "element", *of_set, held)
        if self.place.handle:
            return self._nft("add", self.place.handle)
        chain, number = in_shell(self.place.chain), self.place.position + 1
        return f"{self._iptables(own)} -I {chain} {number} {typed(self.reworded)}"

    @property
    def _nft_family(self) -> str:
        return _NFT_FAMILIES.get(self.place.family, self.place.family)

    def _nft(self, verb: str, handle: int) -> str:
        place = (self._nft_family, self.place.table, self.place.chain, "handle", str(handle))
        return in_shell("nft", verb, "rule", *place, self.reworded)

    def _iptables(self, own: Kind) -> str:
        program = "ip6tables" if self.place.family == "ipv6" else "iptables"
        kind = "" if self.place.kind == own else f"-{self.place.kind}"
        table = "" if self.place.table == "filter" else f" -t {self.place.table}"
        return f"{program}{kind}{table}"


def asking_rules(
    chains: Iterable[FilterChain], tables: Iterable[NftTable], name: str, other: str
) -> tuple[AskingRule, ...]:
    """Return the rules of others that ask for the interface `name`, where `other` stands for it.

    Not those that ask for the other as well, and not those beside which stands one that does the
    same for the other, or whatever the interface.
    """
    seen = tuple(chains)
    shown = {(_NFT_FAMILIES[each.family], each.table) for each in seen if each.kind == "nft"}
    return (
        *(rule for chain in seen for rule in _of_iptables(chain, name, other)),
        *(
            rule
            for table in tables
            if (table.family, table.name) not in shown
            for rule in _of_nft(table, name, other)
        ),
    )


def _of_iptables(chain: FilterChain, name: str, other: str) -> Iterator[AskingRule]:
    if is_own_chain(chain.chain):
        return  # it may hold 50,000
    texts = [_text(rule.spec) for rule in chain.rules]
    for position, rule in enumerate(chain.rules, start=1):
        if not _may_ask(rule.spec, name) or is_ours(chain.chain, rule.spec):
            continue
        native = is_native(rule.spec)
        handle = native_handle(rule.spec)
        place = RulePlace(chain.kind, chain.family, chain.table, chain.chain, position, handle)
        read = nft_conditions if native else iptables_conditions
        asked = _Asked(name, other, read(texts[position - 1]), {})
        if asked.hits:
            yield from asked.rule(place, texts, rule.rise)


def _may_ask(text: str, name: str) -> bool:
    """Whether it is worth a reading: by name, by a pattern of iptables or nft, or by a set."""
    return name in text or any(sign in text for sign in ("+ ", '*"', "@"))


def _text(spec: str) -> str:
    return native_text(spec) if is_native(spec) else spec


def _of_nft(table: NftTable, name: str, other: str) -> Iterator[AskingRule]:
    if table.family not in FAMILIES_ASKED or "dormant" in table.flags:
        return
    sets = {each.name: each.elements for each in table.sets}
    below = _below(table)
    for chain in table.chains:
        if chain.name in below:
            continue
        texts = [rule.text for rule in chain.rules]
        for position, rule in enumerate(chain.rules, start=1):
            if not _may_ask(rule.text, name):
                continue
            asked = _Asked(name, other, nft_conditions(rule.text), sets)
            if asked.hits:
                locked = "owner" in table.flags
                where = (table.family, table.name, chain.name)
                place = RulePlace("native", *where, position, rule.handle, locked)
                yield from asked.rule(place, texts, rule.rise)


def _below(table: NftTable) -> set[str]:
    """The chains that packets enter at the interface itself."""
    leads: Mapping[str, NftChain] = {each.name: each for each in table.chains}
    found: set[str] = set()
    left = [each.name for each in table.chains if each.hook in _BELOW]
    while left:
        name = left.pop()
        if name in leads and name not in found:
            found.add(name)
            left += [aim for rule in leads[name].rules for aim in aims(rule.text)]
    return found


class _Asked:
    """What a rule asks about one interface."""

    def __init__(
        self,
        name: str,
        other: str,
        conditions: Sequence[InterfaceCondition],
        sets: Mapping[str, Sequence[str]],
    ) -> None:
        self._name, self._other, self._sets = name, other, sets
        self.hits = [each for each in conditions if self._asks(each)]
        """The conditions that ask for it, and not for the other."""

    def _asks(self, condition: InterfaceCondition) -> bool:
        held = [*condition.names, *(name for each in self._held(condition) for name in each)]
        return _fits(held, self._name) and not _fits(held, self._other)

    def _held(self, condition: InterfaceCondition) -> list[tuple[NamedInterface, ...]]:
        return list(map(element_names, self._sets.get(condition.of_set, ())))

    def rule(self, place: RulePlace, texts: Sequence[str], rise: int) -> Iterator[AskingRule]:
        """Say so of the rule at a place of a chain, unless another there answers for it."""
        text = texts[place.position - 1]
        named = [each for hit in self.hits for each in hit.names if _fits((each,), self._name)]
        reworded = with_names(text, named, self._other)
        excepts = all(hit.negated for hit in self.hits)
        whole = all(each.name == self._name for hit in self.hits for each in hit.names)
        plain = without(text, self.hits) if whole else ""
        later = texts[place.position :]
        of_set = next((hit.of_set for hit in self.hits if hit.of_set), "")
        if (named and reworded in texts and not excepts) or (
            plain and not of_set and plain in later
        ):
            return
        yield AskingRule(
            place,
            text,
            reworded if not of_set else "",
            frozenset(hit.way for hit in self.hits),
            certain=all(each.name == self._name for each in named) and not of_set,
            excepts=excepts,
            of_set=of_set,
            elements=tuple(self._elements(of_set)),
            rise=rise,
        )

    def _elements(self, of_set: str) -> Iterator[str]:
        for element in self._sets.get(of_set, ()):
            places = [each for each in element_names(element) if _fits((each,), self._name)]
            if places:
                yield with_names(element, places, self._other)


def _fits(names: Iterable[NamedInterface], name: str) -> bool:
    return any(
        name.startswith(each.name[:-1]) if each.name.endswith("*") else each.name == name
        for each in names
    )
