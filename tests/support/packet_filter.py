"""One table of the packet filter in memory, changed by the lines that iptables-restore(8) takes.

As strict as the kernel where it matters here: nothing is made twice, nothing is deleted that is
in use or does not exist, no jump leads nowhere. It knows which rules stayed throughout.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from netconsole.backend.model.hoststate import BUILTIN_CHAINS


class Refused(Exception):
    """What iptables-restore would fail on; then the whole transaction fails."""


@dataclass(eq=False)
class Held:
    """A rule in place: two of the same text are two."""

    spec: str
    new: bool = field(default=True)


class Table:
    """A table as it stands before a transaction, and as the lines change it."""

    def __init__(self, chains: Mapping[str, Sequence[str]]) -> None:
        self.chains: dict[str, list[Held]] = {chain: [] for chain in BUILTIN_CHAINS}
        for chain, specs in chains.items():
            self.chains[chain] = [Held(spec, new=False) for spec in specs]

    def restore(self, lines: Iterable[str]) -> None:
        for line in lines:
            if line.startswith(":"):
                self._make(line[1:].removesuffix(" - [0:0]"))
                continue
            command, chain, *words = line.split(" ", 2)
            rest = words[0] if words else ""
            match command:
                case "-A":
                    self._insert(chain, len(self._rules(chain)), rest)
                case "-I":
                    number, _, spec = rest.partition(" ")
                    self._insert(chain, int(number) - 1, spec)
                case "-D":
                    self._delete(chain, rest)
                case "-F":
                    self._rules(chain).clear()
                case "-X":
                    self._remove(chain)
                case _:
                    raise Refused(f"unknown: {line}")
        for chain, rules in self.chains.items():
            for rule in rules:
                if (aim := self._chain_jumped_to(rule.spec)) and aim not in self.chains:
                    raise Refused(f"{chain} jumps to {aim}, which is not there")

    def specs(self) -> dict[str, list[str]]:
        """What is in it; built-in chains only where they hold something."""
        return {
            chain: [rule.spec for rule in rules]
            for chain, rules in self.chains.items()
            if rules or chain not in BUILTIN_CHAINS
        }

    def stayed(self, chain: str) -> list[str]:
        """The rules of a chain that were there from the beginning, in order."""
        return [rule.spec for rule in self.chains.get(chain, []) if not rule.new]

    def _rules(self, chain: str) -> list[Held]:
        if chain not in self.chains:
            raise Refused(f"no chain {chain}")
        return self.chains[chain]

    def _make(self, chain: str) -> None:
        if chain in self.chains:
            raise Refused(f"{chain} would be flushed")
        self.chains[chain] = []

    def _insert(self, chain: str, position: int, spec: str) -> None:
        rules = self._rules(chain)
        if not 0 <= position <= len(rules):
            raise Refused(f"{chain} has no place {position + 1}")
        if (aim := self._chain_jumped_to(spec)) and aim not in self.chains:
            raise Refused(f"no chain {aim}")
        rules.insert(position, Held(spec))

    def _delete(self, chain: str, which: str) -> None:
        rules = self._rules(chain)
        if which.isdigit():
            positions = [int(which) - 1] if int(which) <= len(rules) else []
        else:
            positions = [place for place, rule in enumerate(rules) if rule.spec == which]
        if not positions:
            raise Refused(f"{chain} has no rule {which}")
        del rules[positions[0]]

    def _remove(self, chain: str) -> None:
        users = [
            user
            for user, rules in self.chains.items()
            for rule in rules
            if self._chain_jumped_to(rule.spec) == chain
        ]
        if self._rules(chain) or users or chain in BUILTIN_CHAINS:
            raise Refused(f"{chain} is in use by {users}")
        del self.chains[chain]

    @staticmethod
    def _chain_jumped_to(spec: str) -> str:
        """The chain at the end of a rule of these tests; targets are in capitals."""
        before, jump, aim = spec.rpartition("-j ")
        quoted = before.count('"') % 2
        return aim if jump and not quoted and not aim.split(" ")[0].isupper() else ""
