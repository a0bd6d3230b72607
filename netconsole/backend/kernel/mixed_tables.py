"""Tables of iptables of the nft kind, in which nft(8) may have rules as well.

The programs of the nft kind share their tables with nft. They print nothing of a table in which
one rule is not theirs, or leave out what they do not understand of it, with exit status 0. So the
kernel is asked which rules are not theirs. Such a rule is printed in its place among the others as
nft words it, with its handle: `nft: oifname "eth1" masquerade # handle 6`.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from netconsole.backend.filtering.native_rules import NATIVE, native_text
from netconsole.backend.filtering.nf_messages import KernelChain, KernelRule, NfFamily, parse_rules
from netconsole.backend.filtering.rule_shapes import counted, is_worded, jump
from netconsole.backend.filtering.rule_words import lines as lines_of
from netconsole.backend.filtering.rules import is_own_chain
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.model.table_names import TableName
from netconsole.backend.system.programs import ProgramFailed, run

TablesFamily = Literal["ipv4", "ipv6", "bridge"]

TABLES: Final = frozenset({"filter", "nat", "mangle", "raw", "security"})
"""Those of iptables, in the families ip, ip6 and bridge of nftables."""
FAMILIES: Final[Mapping[TablesFamily, NfFamily]] = {
    "ipv4": "ip",
    "ipv6": "ip6",
    "bridge": "bridge",
}
"""As nft names them."""
_EVERYWHERE: Final = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_Places = Mapping[str, Mapping[str, int]]
_PLACES: Final[_Places] = {
    "raw": {"PREROUTING": -300, "OUTPUT": -300},
    "mangle": dict.fromkeys(_EVERYWHERE, -150),
    "nat": {"PREROUTING": -100, "OUTPUT": -100, "INPUT": 100, "POSTROUTING": 100},
    "filter": dict.fromkeys(_EVERYWHERE[1:4], 0),
    "security": dict.fromkeys(_EVERYWHERE[1:4], 150),
}
"""The built-in chains of each table with their priorities: those of linux/netfilter_ipv4.h, but
that of `security`, which iptables of the nft kind puts at 150 instead of 50."""
_BRIDGE_PLACES: Final[_Places] = {
    "filter": dict.fromkeys(_EVERYWHERE[1:4], -200),
    "nat": {"PREROUTING": -300, "OUTPUT": 100, "POSTROUTING": 300},
}
"""linux/netfilter_bridge.h."""
_MANY: Final = 32
"""Chains: each guest and each group has one."""
_UNKNOWN_NAME: Final = (
    rb".\x00\x01\x00"
    rb"(?!(?:payload|cmp|match|counter|target|bitwise|immediate|meta)\x00)[a-z]+\x00"
)
_RANGE: Final = rb"cmp\x00.{12}\x08\x00\x02\x00\x00\x00\x00[^\x00\x01]"
_UNSURE = re.compile(rb"\x01\x00(?:" + _UNKNOWN_NAME + rb"|" + _RANGE + rb")", re.DOTALL)
"""What no rule of ours has: the name of an expression, NFTA_EXPR_NAME in an NFTA_LIST_ELEM, or a
comparison for more than equality, NFTA_CMP_OP after NFTA_CMP_SREG, as of a range."""
_UNSURE_OF_BRIDGES = re.compile(rb"\x01\x00" + _UNKNOWN_NAME, re.DOTALL)
"""Of ebtables alone: it has ports as ranges."""
_COUNTED = re.compile(r" -c (\d+) (\d+)")
"""As `iptables -v -S` prints it, before the target."""
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TO_FIXED, _TO_FLOATING = " -j DNAT --to-destination ", " -j SNAT --to-source "
_HANDLE = re.compile(r"(.*) # handle (\d+)")
_COUNTER = re.compile(r"\bcounter packets \d+ bytes \d+ ?")

_Chains = dict[str, list[str]]
"""The lines of each chain; the first declares it, `:FORWARD ACCEPT [0:0]`."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was read."""

    text: str
    """As iptables-save --counters prints it, base chains of other programs included."""
    generation: int | None = None
    """Of which it is; None of the legacy kind, and where rules moved meanwhile."""
    obstacle: str = ""
    """What stands in the way of rules of ours, and the command that shows or removes it."""


@dataclass(frozen=True, slots=True)
class Program:
    """One of iptables, ip6tables and ebtables, or of their variants."""

    name: str
    family: TablesFamily
    table: TableName | None = None
    """The only one that is asked for; None for all."""

    @property
    def nft_family(self) -> NfFamily:
        """Return the family of the tables, as nft names it."""
        return FAMILIES[self.family]

    def save(self) -> str:
        """Print every table that is asked for, with counters where there are."""
        counting = () if self.family == "bridge" else ("--counters",)
        return run([f"{self.name}-save", *counting, *(("-t", self.table) if self.table else ())])

    def listed(self, table: str, chain: str) -> list[str] | None:
        """Print the rules of one chain; None where it refuses because of one of them."""
        options = ("-L",) if self.family == "bridge" else ("-v", "-S")
        try:
            told = tuple(lines_of(run([self.name, "-t", table, *options, chain])))
        except ProgramFailed:
            return None
        if self.family == "bridge":
            return [f"-A {chain} {line.rstrip()}" for line in told if line.startswith("-")]
        return [_counter_first(line) for line in told if line.startswith("-A ")]

    def listed_together(self, table: str, chains: Collection[str]) -> list[str] | None:
        """Print the rules of some chains of iptables; None where it refuses because of one.

        As lines of iptables-restore, which takes every command: one program for all of them, and
        no text of others. It changes nothing, and is no transaction.
        """
        commands = "".join(f"-v -S {chain}\n" for chain in chains)
        try:
            told = run([f"{self.name}-restore", "--noflush"], text=f"*{table}\n{commands}COMMIT\n")
        except ProgramFailed:
            return None
        return [_counter_first(line) for line in lines_of(told) if line.startswith("-A ")]


class TableListing:
    """One reading: what the program prints, and what the kernel has."""

    def __init__(self, program: Program, kernel: NfTables) -> None:
        self._program = program
        self._family = program.nft_family
        self._unsure = _UNSURE_OF_BRIDGES if program.family == "bridge" else _UNSURE
        self._kernel = kernel
        self._failure: ProgramFailed | None = None
        self._text = ""
        with ThreadPoolExecutor(max_workers=1) as aside:  # each takes as long as the other
            saving = aside.submit(program.save)
            if program.family == "bridge":
                wait((saving,))  # it makes the chains that it prints
            self._chains = _chains(kernel, self._family, program.table)
            self._rules = {
                (chain.table, chain.name): self._unclear(chain)
                for chains in self._chains.values()
                for chain in chains.values()
                if not is_own_chain(chain.name)
            }
            """Of the chains that the program cannot print every rule of; None of the others."""
        try:
            self._text = saving.result()
        except ProgramFailed as error:
            self._failure = error
        printed = _printed(self._text)
        self._declared = printed.declared
        for table, chains in self._chains.items():
            own = [each for each in chains.values() if is_own_chain(each.name)]
            asked = [each for each in own if (table, each.name) not in printed.translating]
            clear = self._are_clear(table) if len(asked) > _MANY else False
            self._rules |= {(table, chain.name): None for chain in own}
            if not clear:
                self._rules |= {(table, chain.name): self._unclear(chain) for chain in asked}
        self.mixed = tuple(table for table in self._chains if self._is_mixed(table))
        """The tables of which the program does not print everything."""
        self._listed = {
            (table, chain): self._program.listed(table, chain)
            for table in self.mixed
            for chain in self._chains[table].keys() - self._declared.get(table, frozenset())
            if self._rules[table, chain] is None
        }

    def _are_clear(self, table: str) -> bool:
        """Whether all rules of a table look as ours do: asked at once where chains are many."""
        return not any(map(self._unsure.search, self._kernel.raw_rules(self._family, table)))

    def _unclear(self, chain: KernelChain) -> tuple[KernelRule, ...] | None:
        raw = self._kernel.raw_rules(self._family, chain.table, chain.name)
        if is_own_chain(chain.name) and not any(map(self._unsure.search, raw)):
            return None  # it may hold 10,000, and what ours are made of is known
        rules = parse_rules(raw)
        if is_displaced(chain, self._family):
            return rules
        return None if all(is_worded(rule, self._family) for rule in rules) else rules

    def _is_mixed(self, table: str) -> bool:
        chains = self._chains[table]
        return not chains.keys() <= self._declared.get(table, frozenset()) or any(
            self._rules[table, chain] is not None for chain in chains
        )

    def whole(self) -> str:
        """Return every table, as iptables-save does. Raises NetconsoleError."""
        if not self.mixed:
            if self._failure:
                raise self._failure
            return self._text
        printed = _tables(self._text)
        found = {**printed, **{table: self._mixed(table, printed) for table in self.mixed}}
        return "".join(f"{line}\n" for each in found.items() for line in _print(*each))

    def _mixed(self, table: str, tables: Mapping[str, _Chains]) -> _Chains:
        printed = tables.get(table, {})
        found = dict(printed)
        for name, chain in self._chains[table].items():
            policy = "-" if not chain.hook else "DROP" if chain.drops else "ACCEPT"
            declared = printed.get(name, [f":{name} {policy} [0:0]"])[0]
            found[name] = [declared, *self._lines(table, name, printed.get(name))]
        return found

    def _lines(self, table: str, chain: str, printed: list[str] | None) -> list[str]:
        """Each rule in the words of the program where it has them all, else in those of nft."""
        rules = self._rules[table, chain]
        if rules is None:
            lines = printed[1:] if printed else self._listed[table, chain]
            if lines is not None:
                return lines
            rules = parse_rules(self._kernel.raw_rules(self._family, table, chain))
        words = self._native(table, chain)
        specs = [line.partition("-A ")[2].partition(" ")[2] for line in (printed or [""])[1:]]
        if len(specs) == len(rules) - 1 and self._family == "bridge":
            rules = rules[:-1]  # the policy of a chain of ebtables
        whole = len(specs) == len(rules)
        found = []
        for place, rule in enumerate(rules):
            if whole and is_worded(rule, self._family):
                spec = specs[place]
            else:
                spec = jump(rule) or words.get(rule.handle, NATIVE)
            packets, octets = counted(rule)
            found.append(f"[{packets}:{octets}] -A {chain} {spec}".rstrip())
        return found

    def _native(self, table: str, chain: str) -> dict[int, str]:
        """Return the rules of a chain in the words of nft, by their handles."""
        return by_handle(run(["nft", "-a", "list", "chain", self._family, table, chain]))

    def obstacle(self) -> str:
        """Return why rules of ours could not be changed and verified; empty where they can."""
        for table in self.mixed:
            for chain in self._chains[table].values():
                if is_displaced(chain, self._family):
                    return self._displaced(chain)
                rules = self._rules[table, chain.name] if is_own_chain(chain.name) else None
                for rule in rules or ():
                    if not is_worded(rule, self._family):
                        return self._intruding(chain, rule.handle)
        return ""

    def _displaced(self, chain: KernelChain) -> str:
        place = f"{self._family} {chain.table} {chain.name}"
        return (
            f"table {self._family} {chain.table}: {chain.name} is not the built-in chain of "
            f"{self._program.name}, as it is at hook {chain.hook or 'none'}, priority "
            f"{chain.priority}: no rule of ours can be put there before it has another name; "
            f"`nft list chain {place}` shows it"
        )

    def _intruding(self, chain: KernelChain, handle: int) -> str:
        place = f"{self._family} {chain.table} {chain.name}"
        text = native_text(self._native(chain.table, chain.name).get(handle, ""))
        return (
            f"table {self._family} {chain.table}: {chain.name}, a chain of ours, holds a rule that "
            f"{self._program.name} cannot show, {text}, so that no change could be verified: "
            f"remove it with `nft delete rule {place} handle {handle}`"
        )


def listed_chains(
    program: Program, kernel: NfTables, table: TableName, chains: Collection[str]
) -> str | None:
    """Return some chains as iptables-save prints them, without those that are not there.

    None where the program does not print all of one.
    """
    family = program.nft_family
    there: list[str] = []
    for name in chains:
        if (chain := kernel.chain(family, table, name)) is None:
            continue
        rules = parse_rules(kernel.raw_rules(family, table, name))
        if is_displaced(chain, family) or not all(is_worded(rule, family) for rule in rules):
            return None
        there.append(name)
    listed = program.listed_together(table, there)
    if listed is None:
        return None
    declared = (f":{name} - [0:0]" for name in there)
    return "".join(f"{line}\n" for line in (f"*{table}", *declared, *listed, "COMMIT"))


def is_displaced(chain: KernelChain, family: NfFamily) -> bool:
    """Whether a chain has the name of a built-in one of iptables, and not its place."""
    places = (_BRIDGE_PLACES if family == "bridge" else _PLACES).get(chain.table, {})
    if chain.name not in places:
        return False
    return (chain.hook, chain.priority) != (chain.name.lower(), places[chain.name])


def is_foreign_base(chain: KernelChain, family: NfFamily) -> bool:
    """Whether packets enter a table of iptables by a chain that iptables does not know."""
    places = _BRIDGE_PLACES if family == "bridge" else _PLACES
    known = chain.name in places.get(chain.table, {})
    return bool(chain.hook) and (not known or is_displaced(chain, family))


def _chains(
    kernel: NfTables, family: NfFamily, only: TableName | None
) -> dict[str, dict[str, KernelChain]]:
    """The chains of every table of iptables that there is, or of one, by table and name."""
    asked = TABLES if only is None else {only}
    found: dict[str, dict[str, KernelChain]] = {
        name: {} for each, name in kernel.tables() if each == family and name in asked
    }
    for chain in kernel.chains(family):
        if chain.table in found:
            found[chain.table][chain.name] = chain
    return found


def by_handle(listed: str) -> dict[int, str]:
    """Read what `nft -a list chain` prints: each rule without what it counted, by its handle.

    A rule begins with two tabs and ends with its handle; a long one goes over several lines.
    """
    found: dict[int, str] = {}
    begun = ""
    for line in listed.split("\n"):
        begins = line.startswith("\t\t") and not line[2:3].isspace()
        if begins or begun:
            begun = line.strip() if begins else f"{begun} {line.strip()}"
        if ended := _HANDLE.fullmatch(begun):
            found[int(ended[2])] = f"{NATIVE}{_COUNTER.sub('', ended[1])} # handle {ended[2]}"
            begun = ""
    return found


def _counter_first(line: str) -> str:
    """Put the counters of a rule where iptables-save has them; a comment could look like some."""
    found = _COUNTED.search(_QUOTED.sub(lambda quoted: "_" * len(quoted[0]), line))
    if found is None:
        return line
    return f"[{found[1]}:{found[2]}] {line[: found.start()]}{line[found.end() :]}"


class _Printed(NamedTuple):
    """What iptables-save says of chains, whose rules may be 50,000."""

    declared: Mapping[str, set[str]]
    """The chains of each table."""
    translating: Collection[tuple[str, str]]
    """The tables and names of chains in which every rule translates addresses: iptables made them
    all, as nft can make none of its extensions."""


def _printed(text: str) -> _Printed:
    """Read what iptables-save prints; no line of a rule's comment counts."""
    declared: dict[str, set[str]] = {}
    others: set[tuple[str, str]] = set()
    table = ""
    for line in lines_of(text):
        if (_TO_FIXED in line or _TO_FLOATING in line) and '"' not in line:
            continue
        if line.startswith("*"):
            table = line[1:].strip()
            declared.setdefault(table, set())
        elif line.startswith(":"):
            declared[table].add(line[1:].split(" ", 1)[0])
        elif not line.startswith("#"):
            others.add((table, line.partition("-A ")[2].partition(" ")[0]))
    every = {(table, chain) for table, chains in declared.items() for chain in chains}
    return _Printed(declared, every - others)


def _tables(text: str) -> dict[str, _Chains]:
    """Take apart what iptables-save prints."""
    tables: dict[str, _Chains] = {}
    chains: _Chains = {}
    for line in lines_of(text):
        _, is_rule, rest = line.partition("-A ")
        if line.startswith("*"):
            chains = tables.setdefault(line[1:].strip(), {})
        elif line.startswith(":"):
            chains[line[1:].split(" ", 1)[0]] = [line]
        elif is_rule and not line.startswith("#"):
            chains[rest.split(" ", 1)[0]].append(line)
    return tables


def _print(table: str, chains: _Chains) -> Iterator[str]:
    yield f"*{table}"
    yield from (lines[0] for lines in chains.values())
    for lines in chains.values():
        yield from lines[1:]
    yield "COMMIT"
