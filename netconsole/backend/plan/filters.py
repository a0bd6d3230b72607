"""What to do about the packet filter, and the connections that outlive its rules. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, summarize_address_range
from itertools import groupby
from socket import inet_aton

from netconsole.backend.filtering import rules
from netconsole.backend.filtering.rule_lines import place_of
from netconsole.backend.model.hoststate import Address, ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.subject import Subject, Subjects
from netconsole.backend.model.table_names import Family, TableName
from netconsole.backend.plan import moves, standing_rules
from netconsole.backend.steps import ChangeRules, EndConnections, EndUntranslated, Plan, Step
from netconsole.backend.wording.bridge_guards import with_former
from netconsole.backend.wording.groups import filters_guests, with_leaving
from netconsole.backend.wording.rule_subjects import subject_of

_Table = Mapping[str, Sequence[str]]
_Place = tuple[Family, TableName]
_GUARDING: tuple[_Place, ...] = (
    ("ipv4", "filter"),
    ("ipv6", "filter"),
    ("bridge", "nat"),
)
"""The tables in which guests are filtered, or guarded by ebtables."""
_OTHERS: tuple[_Place, ...] = (
    ("ipv4", "nat"),
    ("ipv4", "mangle"),
    ("bridge", "filter"),
)
INCOMING = ChainKey("ipv4", "nat", f"{rules.CHAIN_PREFIX}PREROUTING")


class RuleDifference:
    """What has to happen to the tables of the packet filter.

    Each is put in order by itself: of ten thousand rules it is read once, though the guests' take
    two turns. Nothing is to happen where the rules could not be read.
    """

    def __init__(self, observed: Observed, wanted: Wanted) -> None:
        self._observed, self._wanted = observed, wanted
        self._here, self._goals = _by_table(observed.chains), _by_table(wanted.chains)
        self._current: Mapping[_Place, _Table] = {
            at: {chain: rules.specs(held) for chain, held in found.items()}
            for at, found in self._here.items()
        }
        self._ports_leave = moves.ports_leave(observed, wanted)
        self._first = {at: self._before_links(at) for at in _GUARDING}

    def _before_links(self, at: _Place) -> _Table:
        """A table as it is to be before links are made and removed."""
        goal: Mapping[str, tuple[Rule, ...]] = self._goals.get(at, {})
        if at[0] == "bridge":
            goal = with_former(self._here.get(at, {}), goal)
        elif self._ports_leave:
            goal = with_leaving(self._here.get(at, {}), goal)
        return rules.target(self._current.get(at, {}), goal)

    def guarding(self) -> Iterator[ChangeRules]:
        """Change the tables in which guests are filtered, before links are made.

        What filters guests whose ports are still to be removed stays until `finished`.
        """
        for at in _GUARDING:
            for step in self._change(at, self._current.get(at, {}), self._first[at]):
                yield replace(step, stays=self._wanted.was_asked)

    def after_guarding(self) -> Observed:
        """Return what is to be observed once the steps of `guarding` are taken."""
        chains = dict(self._observed.chains)
        for family, table in _GUARDING if "rules" not in self._observed.unreadable else ():
            for chain in self._here.get((family, table), ()):
                del chains[ChainKey(family, table, chain)]
            for chain, found in self._first[family, table].items():
                chains[ChainKey(family, table, chain)] = tuple(map(Rule, found))
        return replace(self._observed, chains=chains)

    def changes(self) -> Iterator[ChangeRules]:
        """Change each other table in which our rules are not as wanted, in one transaction."""
        for at in _OTHERS:
            current = self._current.get(at, {})
            yield from self._change(at, current, rules.target(current, self._goals.get(at, {})))

    def finished(self) -> Iterator[ChangeRules]:
        """Take away what filtered guests, once their ports are gone."""
        for at in _GUARDING:
            first = self._first[at]
            yield from self._change(at, first, rules.target(first, self._goals.get(at, {})))

    def _change(self, at: _Place, current: _Table, goal: _Table) -> Iterator[ChangeRules]:
        """The step from a table to another, if there is any."""
        if "rules" in self._observed.unreadable or current == goal:
            return
        if step := standing_rules.change(*at, current, goal):
            yield replace(step, subjects=_subjects(step, self._wanted))


def left_behind(observed: Observed) -> Iterator[ChangeRules]:
    """Take ours out of the tables of the other kind, where they are left from when iptables was
    that kind; everything of others stays."""
    if "rules" in observed.unreadable or observed.other_kind is None:
        return
    for family, table in (*_GUARDING, *_OTHERS):
        current = _specs(observed.other_chains, family, table)
        goal = rules.target(current, {})
        if step := standing_rules.change(family, table, current, goal, observed.other_kind):
            yield replace(step, subjects=_subjects(step, Wanted()))


def _subjects(step: ChangeRules, wanted: Wanted) -> Subjects:
    """What the lines of a step are about. What one deletes by its number, its way back makes."""
    lines = (*step.lines, *(step.inverse_lines if step.numbered else ()))
    about = frozenset(subjects_of_lines(step.family, step.table, lines, wanted))
    return tuple(sorted(subject for subject in about if subject is not None))


def subjects_of_lines(
    family: Family, table: str, lines: Iterable[str], wanted: Wanted
) -> Iterator[Subject | None]:
    """Yield what each line's rule is about: as wanted, or as one left over tells itself, or as all
    that its chain is wanted for, where that filters guests.
    """
    places = tuple(map(place_of, lines))
    specs = frozenset(spec for _, spec in places)
    known = {
        key.chain: {rule.spec: rule.subject for rule in found if rule.spec in specs}
        for key, found in wanted.chains.items()
        if (key.family, key.table) == (family, table)
    }
    of_no_chain: Mapping[str, Subject | None] = {}
    of_chains = {
        chain: _common(wanted.chains.get(ChainKey(family, "filter", chain), ()))
        for chain in {chain for chain, _ in places}
        if table == "filter" and filters_guests(chain)
    }
    for chain, spec in places:
        about = known.get(chain, of_no_chain).get(spec)
        yield about or subject_of(chain, spec) or of_chains.get(chain)


def _common(found: Iterable[Rule]) -> Subject | None:
    """What all these rules are about."""
    about = {rule.subject for rule in found}
    return about.pop() if len(about) == 1 else None


def after(observed: Observed, taken: Plan) -> Observed:
    """Return what the packet filter holds after steps, if no one else's transaction came between.

    Each of ours moves the generation on by one, so that what is known here is true only if the
    kernel has this very generation then.
    """
    chains, generation = dict(observed.chains), observed.generation
    for step in taken.steps:
        if not isinstance(step, ChangeRules) or generation is None:
            continue
        if step.family != "ipv4" or step.kind or step.table == "raw" or step.table == "security":
            return replace(observed, generation=None)  # tables that are not looked at
        former = _of_table(chains, step.family, step.table)
        for chain in former:
            del chains[ChainKey(step.family, step.table, chain)]
        for chain, found in rules.applied(former, step.lines).items():
            chains[ChainKey(step.family, step.table, chain)] = found
        generation += 1
    return replace(observed, chains=chains, generation=generation)


def _of_table(
    chains: Mapping[ChainKey, tuple[Rule, ...]], family: Family, table: TableName
) -> dict[str, tuple[Rule, ...]]:
    return {
        key.chain: found
        for key, found in chains.items()
        if (key.family, key.table) == (family, table)
    }


def _by_table(
    chains: Mapping[ChainKey, tuple[Rule, ...]],
) -> dict[_Place, dict[str, tuple[Rule, ...]]]:
    tables: dict[_Place, dict[str, tuple[Rule, ...]]] = {}
    for key, found in chains.items():
        tables.setdefault((key.family, key.table), {})[key.chain] = found
    return tables


def _specs(
    chains: Mapping[ChainKey, tuple[Rule, ...]], family: Family, table: TableName
) -> dict[str, list[str]]:
    found = _of_table(chains, family, table)
    return {chain: rules.specs(held) for chain, held in found.items()}


def ended_connections(
    observed: Observed, wanted: Wanted, gone: tuple[Address, ...]
) -> Iterator[Step]:
    """Connections outlive the rule that translated them, and the address: they are ended then.

    So are those that began before there was a rule for their address.
    """
    ended = {subject for address in gone if address.is_floating for subject in address.subjects}
    found, asked = observed.chains.get(INCOMING, ()), wanted.chains.get(INCOMING, ())
    before, after = frozenset(rules.specs(found)), frozenset(rules.specs(asked))
    led = (subject_of(INCOMING.chain, spec) for spec in before - after)
    ended |= {each for each in led if each is not None and each.kind == "floating"}
    yield from (EndConnections(subject.name, subjects=(subject,)) for subject in sorted(ended))
    begun = {rule.subject for rule in asked if rule.spec not in before} - ended
    about = tuple(sorted(each for each in begun if each is not None and each.kind == "floating"))
    if about and "rules" not in observed.unreadable:
        yield EndUntranslated(tuple(_ranges(each.name for each in about)), subjects=about)


def _ranges(addresses: Iterable[str]) -> Iterator[str]:
    """Put IPv4 addresses that follow each other into ranges; of thousands, one after the other."""
    numbers = sorted(int.from_bytes(inet_aton(each)) for each in addresses)
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        follow = [number for _, number in run]
        for range_ in summarize_address_range(IPv4Address(follow[0]), IPv4Address(follow[-1])):
            yield str(range_ if range_.num_addresses > 1 else range_.network_address)
