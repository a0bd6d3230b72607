"""Steps on tables of nftables that iptables does not show; foreign ones all of them."""

from dataclasses import dataclass

from netconsole.backend.steps.step import Argv, ProgramStep, Step, words


@dataclass(frozen=True, slots=True)
class _NftRuleStep(Step):
    family: str
    table: str
    chain: str
    rule: str
    """Its matches and its verdict, in the words of nft."""
    comment: str
    """With `before` it tells this rule from all others of the chain: the kernel chooses its
    handle."""
    before: int = 0
    """The handle of the rule in front of which it stands; 0 at the end of the chain."""

    @property
    def listing(self) -> Argv:
        """The program that lists the chain with the handles of its rules."""
        return ("nft", "-a", "list", "chain", self.family, self.table, self.chain)

    @property
    def mark(self) -> str:
        """What the listed rule is known by."""
        return f"comment {self.quoted}"

    @property
    def quoted(self) -> str:
        """The whole comment, of 128 bytes at most (nft(8)), as nft is told it."""
        return f'"{self.comment}, before {self.before}"' if self.before else f'"{self.comment}"'


@dataclass(frozen=True, slots=True)
class InsertNftRule(_NftRuleStep, ProgramStep):
    """Insert a rule right before another, or add it at the end of the chain (nft(8)).

    A handle names its rule for good; an index would name another once a rule above it came or went.
    """

    @property
    def argvs(self) -> tuple[Argv, ...]:
        verb, at = ("insert", ("handle", str(self.before))) if self.before else ("add", ())
        place = (self.family, self.table, self.chain, *at)
        return (("nft", verb, "rule", *place, self.rule, "comment", self.quoted),)

    @property
    def inverse(self) -> Step:
        place = (self.family, self.table, self.chain)
        rule = (self.rule, self.comment, self.before)
        return RemoveNftRule(*place, *rule, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class RemoveNftRule(_NftRuleStep):
    """Delete the rule with this comment, where it is still there."""

    def deletion(self, handle: str) -> Argv:
        """Return the program that deletes the rule of this handle."""
        return ("nft", "delete", "rule", self.family, self.table, self.chain, "handle", handle)

    @property
    def commands(self) -> tuple[str, ...]:
        found = f"$({words(*self.listing)} | sed -n '/{self.mark}/s/.*handle //p')"
        return (f'{words(*self.deletion("")[:-1])} "{found}"',)

    @property
    def inverse(self) -> Step:
        place = (self.family, self.table, self.chain)
        rule = (self.rule, self.comment, self.before)
        return InsertNftRule(*place, *rule, subjects=self.subjects)
