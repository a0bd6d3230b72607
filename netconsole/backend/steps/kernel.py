"""Steps on kernel settings, the packet filter and tracked connections."""

from dataclasses import dataclass, replace
from typing import Literal

from netconsole.backend.filtering.rule_lines import parts
from netconsole.backend.filtering.rule_words import typed
from netconsole.backend.model.kernel_settings import interface_of
from netconsole.backend.model.table_names import Family, TableName
from netconsole.backend.steps.step import Argv, ProgramStep, Step, Thing, argv, given, words


@dataclass(frozen=True, slots=True)
class SetSysctl(Step):
    """Write a kernel setting (sysctl(8)), and again what the kernel changes along with it."""

    key: str
    value: str
    former: str
    along: tuple[tuple[str, str], ...] = ()
    """Settings and values, written afterwards."""
    former_along: tuple[tuple[str, str], ...] = ()
    """The same for the way back."""

    @property
    def commands(self) -> tuple[str, ...]:
        written = ((self.key, self.value), *self.along)
        return tuple(words("sysctl", "-w", f"{key}={value}") for key, value in written)

    @property
    def inverse(self) -> Step:
        return replace(
            self,
            value=self.former,
            former=self.value,
            along=self.former_along,
            former_along=self.along,
        )

    @property
    def needs(self) -> tuple[Thing, ...]:
        interface = interface_of(self.key)
        return (("link", interface),) if interface else ()


TablesKind = Literal["", "nft", "legacy"]
"""Which of the two kinds of tables a host can hold; empty for those that its `iptables` shows."""


@dataclass(frozen=True, slots=True)
class ChangeRules(Step):
    """Change one table of the packet filter in one transaction (iptables-restore(8) --noflush).

    `lines` and `inverse_lines` are in the words of iptables-restore: `:CHAIN - [0:0]` makes a
    chain or, of a built-in one, sets its policy; `-A`, `-I`, `-D`, `-F` and `-X` are as in
    iptables(8). Those of ebtables are alike.
    """

    family: Family
    table: TableName | Literal["raw", "security"]
    lines: tuple[str, ...]
    inverse_lines: tuple[str, ...]
    kind: TablesKind = ""
    numbered: tuple[str, ...] = ()
    """The rules that `lines` delete by number, in their order: by it they are found again."""
    inverse_numbered: tuple[str, ...] = ()

    @property
    def commands(self) -> tuple[str, ...]:
        return tuple(self._command(line) for line in self.lines)

    @property
    def holds_guests(self) -> bool:
        return self.table == "filter" or self.family == "bridge"

    @property
    def chains(self) -> frozenset[str]:
        """The chains that it changes, or makes, or removes."""
        return frozenset(parts(line)[1] for line in (*self.lines, *self.inverse_lines))

    def _command(self, line: str) -> str:
        if line.startswith(":"):
            line = self._declared(*line[1:].split()[:2])
        return f"{self.program} -t {self.table} {typed(line)}"

    def _declared(self, chain: str, policy: str) -> str:
        if self.family == "bridge":
            return f"-N {chain} -P {policy}"
        return f"-N {chain}" if policy == "-" else f"-P {chain} {policy}"

    @property
    def program(self) -> str:
        """The program that changes one rule; with `-restore` behind it, the one for many."""
        if self.family == "bridge":
            return "ebtables"
        name = "ip6tables" if self.family == "ipv6" else "iptables"
        return f"{name}-{self.kind}" if self.kind else name

    @property
    def inverse(self) -> Step:
        return replace(
            self,
            lines=self.inverse_lines,
            inverse_lines=self.lines,
            numbered=self.inverse_numbered,
            inverse_numbered=self.numbered,
            stays=False,
        )


@dataclass(frozen=True, slots=True)
class EndConnections(ProgramStep):
    """Forget every tracked connection to or from an address (conntrack(8)); not undoable.

    With `inner`, only those that are translated between the address and that one.
    """

    address: str
    inner: str = ""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        delete = ("conntrack", "--delete")
        return (
            argv(*delete, "--orig-dst", self.address, *given("--reply-src", self.inner)),
            argv(*delete, "--reply-dst", self.address, *given("--orig-src", self.inner)),
        )


@dataclass(frozen=True, slots=True)
class EndUntranslated(ProgramStep):
    """Forget every connection to addresses that were not translated until now; not undoable.

    The kernel asks the nat table once a connection, at its first packet: whoever sent to an address
    that led nowhere, and keeps sending, would never reach whom it leads to now (conntrack(8)).
    """

    ranges: tuple[str, ...]
    """Single addresses, and CIDRs that have no others."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return tuple(argv("conntrack", "--delete", "--orig-dst", each) for each in self.ranges)
