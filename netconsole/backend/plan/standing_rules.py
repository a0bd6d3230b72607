"""Transactions of the packet filter, held against the table as it is by now. Pure.

A rule that is deleted by number is looked up anew: an admin may have put one above it since the
number was told. And one line that cannot be carried out refuses the whole transaction
(iptables-restore(8)), so that the way back goes without the lines that have nothing left to do.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from netconsole.backend.filtering import rules
from netconsole.backend.filtering.native_rules import is_native, native_aims
from netconsole.backend.filtering.rule_lines import parts, place_of
from netconsole.backend.filtering.rule_order import Table, target_of
from netconsole.backend.filtering.rule_words import one_line
from netconsole.backend.model.hoststate import BUILTIN_CHAINS
from netconsole.backend.model.table_names import Family, Kind, TableName
from netconsole.backend.steps import ChangeRules


def change(
    family: Family, table: TableName, current: Table, goal: Table, kind: Kind | None = None
) -> ChangeRules | None:
    """Return the transaction that leads from one table to another, and back; None where they
    agree."""
    declaration = rules.NEW_CHAIN[family]
    lines = rules.restore_lines(current, goal, declaration)
    if not lines:
        return None
    back = rules.restore_lines(goal, current, declaration)
    told = numbered(current, lines), numbered(goal, back)
    return ChangeRules(family, table, lines, back, kind or "", *told)


def numbered(current: Table, lines: Iterable[str]) -> tuple[str, ...]:
    """Return the rules that lines delete by number, each chain's last first."""
    return tuple(
        current[chain][int(rest) - 1]
        for line in lines
        if line.startswith("-D ")
        for _, chain, rest in (parts(line),)
        if rest.isdigit()
    )


def is_undone(step: ChangeRules, current: Table) -> bool:
    """Whether a table does not show a step: a rule that it makes is missing, or one that it only
    takes away is there. One that it moves is there either way."""
    commands = [(parts(line)[0], *place_of(line)) for line in step.lines]
    made = {(chain, _plain(spec)) for command, chain, spec in commands if command in ("-A", "-I")}
    taken = {(chain, _plain(spec)) for command, chain, spec in commands if command == "-D" and spec}
    there = {(chain, _plain(spec)) for chain, found in current.items() for spec in found}
    return not made <= there or bool((taken - made) & there)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left to do of a step."""

    step: ChangeRules
    """Without lines where that is nothing."""
    left: tuple[str, ...]
    """What is left alone, a sentence a chain."""
    table: dict[str, list[str]]
    """What it leads to."""


def still(step: ChangeRules, current: Table) -> Remaining:
    """Return what is left to do of a step where its table is this by now."""
    now = _Now({chain: list(specs) for chain, specs in current.items()}, step)
    texts = iter(step.numbered)
    for line in step.lines:
        now.load(line, texts)
    back = rules.restore_lines(now.chains, current, rules.NEW_CHAIN[step.family])
    policies = (line for line in step.inverse_lines if _is_policy(line))
    fitted = replace(
        step,
        lines=tuple(now.lines),
        inverse_lines=(*policies, *back),
        numbered=tuple(now.numbered),
        inverse_numbered=numbered(now.chains, back),
    )
    left = tuple(f"{step.program} -t {step.table}: {words}" for words in now.left_alone())
    return Remaining(fitted, left, now.chains)


def _is_policy(line: str) -> bool:
    command, chain, _ = parts(line)
    return command == ":" and chain in BUILTIN_CHAINS


def _plain(spec: str) -> str:
    """A rule with one blank between its words: an extension may print two."""
    return " ".join(one_line(spec).split())


class _Jump(NamedTuple):
    """A jump of ours that is taken away: from which place, and by which line."""

    place: int
    line: str


class _Now:
    """A table, as line after line is loaded."""

    def __init__(self, chains: dict[str, list[str]], step: ChangeRules) -> None:
        self.chains = chains
        self.lines: list[str] = []
        """Those that can be carried out, with the numbers that are right by then."""
        self.numbered: list[str] = []
        self._plain = {chain: list(map(_plain, found)) for chain, found in chains.items()}
        self._copies = {chain: Counter(found) for chain, found in self._plain.items()}
        self._added: Counter[tuple[str, str]] = Counter()
        self._jumps: dict[tuple[str, str], _Jump] = {}
        """Our jumps that were taken away so far, and may go to another place."""
        taken = (parts(line)[2] for line in step.lines if line.startswith("-D "))
        self._moving = frozenset(map(_plain, (*taken, *step.numbered)))
        self._mixed = {chain for chain, found in chains.items() if any(map(is_native, found))}
        self._kept = {
            chain
            for command, chain, _ in map(parts, step.lines)
            if command == "-X"
            and not rules.is_own_chain(chain)
            and any(not rules.is_ours(chain, spec) for spec in chains.get(chain, ()))
        }
        """Chains that go, but for the rules that others have put into them since."""
        self._gone: dict[str, list[str]] = {}
        self._left: list[str] = []

    def left_alone(self) -> Iterator[str]:
        """Yield a sentence a chain."""
        for chain, specs in self._gone.items():
            what = f"`{specs[0]}` is" if len(specs) == 1 else f"{len(specs)} rules are"
            yield f"{what} not in {chain} any more"
        yield from self._left

    def load(self, line: str, numbered: Iterator[str]) -> None:
        """Load a line, or leave it; `numbered` has the next rule that is deleted by number."""
        command, chain, rest = parts(line)
        match command:
            case ":":
                self._declare(chain, line)
            case "-A":
                self._add(chain, rest, None)
            case "-I":
                number, _, spec = rest.partition(" ")
                self._add(chain, spec, int(number))
            case "-D" if rest.isdigit():
                self._delete(chain, next(numbered, f"rule {rest}"), int(rest))
            case "-D":
                self._delete(chain, rest, 1)
            case "-F":
                self._flush(chain)
            case "-X":
                self._remove(chain)

    def _declare(self, chain: str, line: str) -> None:
        """Make a chain, or give one its policy; one that is there would be emptied by that."""
        if chain in BUILTIN_CHAINS or chain not in self.chains:
            self.lines.append(line)
            self._make(chain)

    def _make(self, chain: str) -> None:
        self.chains.setdefault(chain, [])
        self._plain.setdefault(chain, [])
        self._copies.setdefault(chain, Counter[str]())

    def _add(self, chain: str, spec: str, place: int | None) -> None:
        if chain in BUILTIN_CHAINS:
            self._make(chain)
        aim = target_of(spec)
        needed = (chain, aim) if rules.is_own_chain(aim) or aim in rules.SHARED_CHAINS else (chain,)
        for each in needed:
            if each not in self.chains:
                self._left.append(f"there is no {each} any more, `{spec}` is not put back")
                return
        found, plain = self.chains[chain], _plain(spec)
        if self._copies[chain][plain] > self._added[chain, plain]:
            return  # someone has put it back
        self._added[chain, plain] += 1
        if place is None or place > len(found):
            place = len(found) + 1
        if jump := self._jumps.pop((chain, plain), None):
            asked, place = place, self._in_order(found, jump.place, place)
            if place == jump.place:
                self._stays(chain, spec, jump, is_asked=place == asked)
                return
        if place > len(found):
            self.lines.append(f"-A {chain} {one_line(spec)}")
        else:
            self.lines.append(f"-I {chain} {place} {one_line(spec)}")
        self._insert(chain, spec, place)

    def _insert(self, chain: str, spec: str, place: int) -> None:
        plain = _plain(spec)
        self.chains[chain].insert(place - 1, spec)
        self._plain[chain].insert(place - 1, plain)
        self._copies[chain][plain] += 1

    def _in_order(self, found: Sequence[str], former: int, place: int) -> int:
        """Where a jump of ours may go to: past no other one that stays.

        What it was moved before may be gone by now. Were it put behind the next of our jumps
        instead, what that accepts would not be asked of the first.
        """
        first, last = min(former, place), max(former, place)
        passed = [at for at in range(first, last) if self._is_to_stay(found[at - 1])]
        if not passed:
            return place
        return passed[0] if place > former else passed[-1] + 1

    def _is_to_stay(self, spec: str) -> bool:
        return _is_our_jump(spec) and _plain(spec) not in self._moving

    def _stays(self, chain: str, spec: str, jump: _Jump, *, is_asked: bool) -> None:
        """Take back that a jump was taken away; `is_asked` says that it is where it should go."""
        self.lines.remove(jump.line)
        if jump.line.rpartition(" ")[2].isdigit():
            self.numbered.remove(spec)
        self._insert(chain, spec, jump.place)
        if not is_asked:
            gone = "what it was moved past is not there any more"
            self._left.append(f"`{spec}` stays where it is in {chain}: {gone}")

    def _delete(self, chain: str, spec: str, number: int) -> None:
        """Delete a rule; of several that are alike, the one that is nearest to its number."""
        plain = _plain(spec)
        copies = self._copies[chain][plain] if chain in self.chains else 0
        if target_of(spec) in self._kept:
            return
        if not copies:
            self._gone.setdefault(chain, []).append(spec)
        elif copies == 1:
            self._delete_at(chain, self._plain[chain].index(plain) + 1)
        else:
            places = (at for at, each in enumerate(self._plain[chain], 1) if each == plain)
            self._delete_at(chain, min(places, key=lambda place: abs(place - number)))

    def _delete_at(self, chain: str, place: int) -> None:
        spec = self.chains[chain].pop(place - 1)
        plain = self._plain[chain].pop(place - 1)
        by_number = self._copies[chain][plain] > 1 or "\n" in spec or chain in self._mixed
        self._copies[chain][plain] -= 1
        if by_number:
            self.numbered.append(spec)
        line = f"-D {chain} {place if by_number else spec}"
        self.lines.append(line)
        if _is_our_jump(spec):
            self._jumps[chain, plain] = _Jump(place, line)

    def _flush(self, chain: str) -> None:
        """Take our rules out of a chain."""
        found = self.chains.get(chain, [])
        if chain in self._kept:
            for place in range(len(found), 0, -1):
                if rules.is_ours(chain, found[place - 1]):
                    self._delete_at(chain, place)
        elif found:
            found.clear()
            self._plain[chain].clear()
            self._copies[chain].clear()
            self.lines.append(f"-F {chain}")

    def _remove(self, chain: str) -> None:
        if chain not in self.chains:
            return
        self._flush(chain)
        leading = (
            other
            for other, found in self.chains.items()
            if any(chain in spec and _leads_to(chain, spec) for spec in found)
        )
        if chain in self._kept:
            self._left.append(f"{chain} stays, others have put rules into it since")
        elif other := next(leading, None):
            self._left.append(f"{chain} stays, a rule in {other} leads to it by now")
        else:
            del self.chains[chain]
            self.lines.append(f"-X {chain}")


def _is_our_jump(spec: str) -> bool:
    """Whether a rule leads all packets to a chain of ours."""
    words = spec.split()
    return words[:1] == ["-j"] and len(words) == 2 and rules.is_ours("FORWARD", spec)


def _leads_to(chain: str, spec: str) -> bool:
    return chain in (target_of(spec), *native_aims(spec))
