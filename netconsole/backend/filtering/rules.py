"""Packet-filter rules as text: read what iptables-save prints, write what iptables-restore takes.

Pure. Rules are compared in the form in which iptables-save(8) prints them, so that a rule that
is already there is left alone and keeps its counters.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby, takewhile
from operator import eq, itemgetter

from netconsole.backend.filtering.native_rules import is_native
from netconsole.backend.filtering.rule_lines import parts, place_of
from netconsole.backend.filtering.rule_order import Table, placed, target_of
from netconsole.backend.filtering.rule_words import lines as lines_of
from netconsole.backend.filtering.rule_words import one_line
from netconsole.backend.model.hoststate import BUILTIN_CHAINS, ChainKey, Rule
from netconsole.backend.model.table_names import Family, TableName

CHAIN_PREFIX = "nova-network-"
"""Begins the name of every chain that is ours alone."""

SHARED_CHAINS = frozenset({"nova-filter-top", "nova-postrouting-bottom"})
"""Chains that nova's other programs use as well: ours are only the jumps to our own chains."""


def is_own_chain(chain: str) -> bool:
    """Whether everything in the chain is ours."""
    return chain.startswith(CHAIN_PREFIX)


def is_ours(chain: str, spec: str) -> bool:
    """Whether a rule was made by netconsole: it is in a chain of ours, or jumps to one."""
    if is_native(spec):
        return False
    if is_own_chain(chain):
        return True
    aim = target_of(spec)
    return is_own_chain(aim) or (chain in BUILTIN_CHAINS and aim in SHARED_CHAINS)


def gone(observed: Iterable[ChainKey], wanted: Collection[ChainKey]) -> tuple[ChainKey, ...]:
    """Return the chains of ours that are there and not wanted any more."""
    return tuple(key for key in observed if is_own_chain(key.chain) and key not in wanted)


def used_by_others(table: Table) -> frozenset[str]:
    """Return the shared chains in which nova's other programs have rules."""
    return frozenset(
        chain
        for chain in SHARED_CHAINS
        if any(not is_ours(chain, spec) for spec in table.get(chain, ()))
    )


def is_ours_alone(chain: str, spec: str, wanted: Collection[str], shared: Collection[str]) -> bool:
    """Whether a rule is ours to keep or delete.

    A jump to a chain that others use as well (`shared`) stays theirs when we no longer want it.
    """
    if not is_ours(chain, spec):
        return False
    return is_own_chain(chain) or spec in wanted or target_of(spec) not in shared


def parse(saved: str, family: Family) -> dict[ChainKey, tuple[Rule, ...]]:
    """Read the output of `iptables-save -c` or `ebtables-save`: every chain with its rules."""
    table: TableName | None = None
    chains: dict[ChainKey, list[Rule]] = {}
    chain, rules = "", []
    for line in lines_of(saved):
        counters, is_rule, rest = line.partition("-A ")
        if is_rule and table is not None and counters[:1] in ("", "["):
            name, _, spec = rest.partition(" ")
            packets, _, octets = counters[1:-2].partition(":")
            if name != chain:
                chain, rules = name, chains.setdefault(ChainKey(family, table, name), [])
            rules.append(Rule(spec.rstrip(" "), None, False, int(packets or 0), int(octets or 0)))
        elif line.startswith("*"):
            table, chain = _table(line[1:].strip()), ""
        elif line.startswith(":") and table is not None:
            chains[ChainKey(family, table, line[1:].split(" ", 1)[0])] = []
    return {key: tuple(found) for key, found in chains.items()}


def _table(name: str) -> TableName | None:
    match name:
        case "filter" | "nat" | "mangle":
            return name
    return None


def target(observed: Table, wanted: Mapping[str, Sequence[Rule]]) -> dict[str, list[str]]:
    """Return what a table should hold: what is wanted of ours, and all of others that is
    observed."""
    shared = used_by_others(observed)
    result: dict[str, list[str]] = {}
    for chain in {**wanted, **observed}:
        if is_own_chain(chain):
            if chain in wanted:
                result[chain] = specs(wanted[chain])
            continue
        merged = _merge(chain, observed, wanted, shared)
        if merged or chain not in SHARED_CHAINS or _is_aim_of_others(chain, observed):
            result[chain] = merged
    return result


def _is_aim_of_others(aim: str, observed: Table) -> bool:
    return any(
        target_of(spec) == aim and not is_ours(chain, spec)
        for chain, present in observed.items()
        for spec in present
    )


def _merge(
    chain: str, observed: Table, wanted: Mapping[str, Sequence[Rule]], shared: Collection[str]
) -> list[str]:
    """Put our jumps into a chain of others. Those that are all there stay where they are."""
    present, jumps = observed.get(chain, ()), wanted.get(chain, ())
    mine = specs(jumps)
    ours = [spec for spec in present if is_ours_alone(chain, spec, mine, shared)]
    if ours == mine:
        return list(present)
    foreign = [spec for spec in present if spec not in ours]
    return placed(jumps, foreign, observed, wanted)


NEW_CHAIN: Mapping[Family, str] = {"ipv4": "- [0:0]", "ipv6": "- [0:0]", "bridge": "RETURN"}
"""How a chain is declared: one of ebtables accepts whatever reaches its end unless told."""


def restore_lines(
    current: Table, goal: Table, declaration: str = NEW_CHAIN["ipv4"]
) -> tuple[str, ...]:
    """Return the lines for `iptables-restore --noflush` that lead from one table to another.

    Rules in both stay untouched. Chains are made first and deleted last, so that no jump ever
    points nowhere. A built-in chain that is not told of is an empty one: a table that was never
    used lists none.
    """
    made = [f":{chain} {declaration}" for chain in goal if chain not in current and _is_user(chain)]
    gone = [chain for chain in current if chain not in goal and _is_user(chain)]
    edits: list[str] = []
    for chain in (*goal, *(chain for chain in current if chain not in goal)):
        if chain not in gone:
            edits += _edit(chain, list(current.get(chain, ())), list(goal.get(chain, ())))
    flushed = [f"-F {chain}" for chain in gone if current[chain]]
    deleted = [f"-X {chain}" for chain in gone]
    return (*made, *flushed, *edits, *deleted)


def applied(
    current: Mapping[str, tuple[Rule, ...]], lines: Iterable[str]
) -> dict[str, tuple[Rule, ...]]:
    """Return what a table holds once lines that `restore_lines` made for it have been loaded."""
    chains = {chain: list(found) for chain, found in current.items()}
    for (command, chain), group in groupby(map(parts, lines), key=itemgetter(0, 1)):
        rests = [rest for _, _, rest in group]
        found = chains.setdefault(chain, [])
        match command:
            case "-A":
                found += map(Rule, rests)
            case "-I":
                for position, _, spec in (rest.partition(" ") for rest in rests):
                    found.insert(int(position) - 1, Rule(spec))
            case "-D":
                named = frozenset(rests)
                places = {each.spec: at for at, each in enumerate(found, 1) if each.spec in named}
                gone = {places[rest] if rest in places else int(rest) for rest in rests}
                found[:] = [rule for place, rule in enumerate(found, 1) if place not in gone]
            case "-F":
                found.clear()
            case "-X":
                del chains[chain]
    return {chain: tuple(found) for chain, found in chains.items()}


def untouched(current: Table, lines: Iterable[str], inverse_lines: Iterable[str]) -> bool:
    """Whether a table shows for certain that lines were not loaded, all of which happen or none.

    Nothing is there of what they make, and all that they take away. Of a rule that they only
    move nothing can be said, and nothing of a policy.
    """
    made, taken = set(map(_made, lines)), set(map(_made, inverse_lines))
    there = {(chain, spec) for chain, found in current.items() for spec in ("", *found)}
    signs = (made ^ taken) - {None}
    return bool(signs) and all((sign in there) == (sign in taken) for sign in signs)


def _made(line: str) -> tuple[str, str] | None:
    """What a line makes: a rule and its chain, or a chain alone."""
    command, chain, _ = parts(line)
    match command:
        case ":" if _is_user(chain):
            return chain, ""
        case "-A" | "-I":
            return place_of(line)
    return None


def _is_user(chain: str) -> bool:
    return chain not in BUILTIN_CHAINS


def _edit(chain: str, current: list[str], goal: list[str]) -> list[str]:
    """The lines that change one chain; what it begins and ends with is mostly as it should be."""
    if current == goal:
        return []
    begin, end = _common_ends(current, goal)
    here, there = len(current) - end, len(goal) - end
    between = begin < here and begin < there
    kept = _kept(chain, current[begin:here], goal[begin:there]) if between else []
    kept_here = {begin + now for now, _ in kept}
    kept_there = {begin + then for _, then in kept}
    lines = _deletions(chain, current, [at for at in range(begin, here) if at not in kept_here])
    last = len(goal) if end else max(kept_there, default=-1)
    for position in range(begin, there):
        if position in kept_there:
            continue
        if position > last:
            lines.append(f"-A {chain} {one_line(goal[position])}")
        else:
            lines.append(f"-I {chain} {position + 1} {one_line(goal[position])}")
    return lines


def _common_ends(current: list[str], goal: list[str]) -> tuple[int, int]:
    """How many rules both begin with, and how many of the others both end with."""
    begin = _alike(current, goal)
    left = min(len(current), len(goal)) - begin
    return begin, min(left, _alike(reversed(current), reversed(goal)))


def _alike(some: Iterable[str], others: Iterable[str]) -> int:
    """How many come before the first that differ; one list may go on when the other ends."""
    return sum(takewhile(bool, map(eq, some, others)))


def _deletions(chain: str, current: list[str], positions: list[int]) -> list[str]:
    """Delete by text, which no one else's edit can misdirect; by number only among equals, in a
    chain with rules that iptables does not understand, as it could take one of them for ours, and
    where a rule cannot be told on one line.
    """
    copies = Counter(current) if positions else Counter()
    numbered = bool(positions) and any(map(is_native, current))
    return [
        f"-D {chain} {position + 1}"
        if numbered or copies[current[position]] > 1 or "\n" in current[position]
        else f"-D {chain} {current[position]}"
        for position in reversed(positions)
    ]


def _kept(chain: str, current: list[str], goal: list[str]) -> list[tuple[int, int]]:
    """The rules that stay: position now and position then, ascending.

    Every rule of others stays, and between them as many of ours as can.
    """
    theirs_now = [place for place, spec in enumerate(current) if not is_ours(chain, spec)]
    theirs_then = [place for place, spec in enumerate(goal) if not is_ours(chain, spec)]
    if [current[place] for place in theirs_now] != [goal[place] for place in theirs_then]:
        return _longest_common(current, goal)
    kept: list[tuple[int, int]] = []
    here = there = 0
    ends = (len(current), len(goal))
    for theirs in (*zip(theirs_now, theirs_then, strict=True), ends):
        ours = _longest_common(current[here : theirs[0]], goal[there : theirs[1]])
        kept += [(here + now, there + then) for now, then in ours]
        if theirs != ends:
            kept.append(theirs)
        here, there = theirs[0] + 1, theirs[1] + 1
    return kept


def _longest_common(current: list[str], goal: list[str]) -> list[tuple[int, int]]:
    """The most rules that can stay in order: (position now, position then), ascending.

    Hunt and Szymanski's: of all pairs of equal rules, a longest sequence that ascends in both
    positions (patience sorting; n log n where few rules are equal).
    """
    places: dict[str, list[int]] = {}
    for position in range(len(goal) - 1, -1, -1):
        places.setdefault(goal[position], []).append(position)
    pairs = [(here, there) for here, spec in enumerate(current) for there in places.get(spec, ())]
    tails: list[int] = []
    tail_pairs: list[int] = []
    before: list[int | None] = []
    for index, (_, there) in enumerate(pairs):
        pile = bisect_left(tails, there)
        before.append(tail_pairs[pile - 1] if pile else None)
        if pile == len(tails):
            tails.append(there)
            tail_pairs.append(index)
        else:
            tails[pile], tail_pairs[pile] = there, index
    chosen: list[tuple[int, int]] = []
    at = tail_pairs[-1] if tail_pairs else None
    while at is not None:
        chosen.append(pairs[at])
        at = before[at]
    return chosen[::-1]


def specs(rules: Iterable[Rule]) -> list[str]:
    """Return the texts of rules."""
    return [rule.spec for rule in rules]
