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
    """Tells this rule from all others of the chain: the kernel chooses its handle."""

    @property
    def listing(self) -> Argv:
        """The program that lists the chain with the handles of its rules."""
        return ("nft", "-a", "list", "chain", self.family, self.table, self.chain)

    @property
    def mark(self) -> str:
        """What the listed rule is known by."""
        return f'comment "{self.comment}"'


@dataclass(frozen=True, slots=True)
class InsertNftRule(_NftRuleStep, ProgramStep):
    """Insert a rule at the top of a chain (nft(8), insert rule)."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        place = (self.family, self.table, self.chain)
        return (("nft", "insert", "rule", *place, self.rule, "comment", f'"{self.comment}"'),)

    @property
    def inverse(self) -> Step:
        place = (self.family, self.table, self.chain)
        return RemoveNftRule(*place, self.rule, self.comment, subjects=self.subjects)


@dataclass(frozen=True, slots=True)
class RemoveNftRule(_NftRuleStep):
    """Delete the rule with this comment, where it is still there."""

    def deletion(self, handle: str) -> Argv:
        """The program that deletes the rule of this handle."""
        return ("nft", "delete", "rule", self.family, self.table, self.chain, "handle", handle)

    @property
    def commands(self) -> tuple[str, ...]:
        found = f"$({words(*self.listing)} | sed -n '/{self.mark}/s/.*handle //p')"
        return (f'{words(*self.deletion("")[:-1])} "{found}"',)

    @property
    def inverse(self) -> Step:
        place = (self.family, self.table, self.chain)
        return InsertNftRule(*place, self.rule, self.comment, subjects=self.subjects)
