"""The packet filter as a packet meets it: every chain of both kinds, with policies and counters."""

from dataclasses import dataclass
from typing import Literal

from netconsole.backend.filtering import rule_words
from netconsole.backend.filtering.native_rules import is_native, native_target
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.model.hoststate import Kind


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule, in the words of iptables-save(8), without `-A CHAIN`; one that these cannot say is
    in the words of nft(8), after `nft: `."""

    spec: str
    packets: int = 0
    bytes: int = 0
    rise: int = 0
    """Packets that it counted between the two readings."""

    @property
    def words(self) -> list[str]:
        """Return the words of the rule; a quoted comment is one, whatever it says."""
        return rule_words.words(self.spec)

    @property
    def target(self) -> str:
        """Return where it leads: ACCEPT, DROP, a chain; empty for a rule that only counts."""
        if is_native(self.spec):
            return native_target(self.spec)
        words = self.words
        for option in ("-j", "-g"):
            if option in words[:-1]:
                return words[words.index(option) + 1]
        return ""


@dataclass(frozen=True, slots=True)
class FilterChain:
    """One chain of iptables or ip6tables."""

    kind: Kind
    family: Literal["ipv4", "ipv6"]
    table: str
    chain: str
    policy: str
    """ACCEPT or DROP of a built-in chain, empty of another."""
    rules: tuple[FilterRule, ...] = ()
    packets: int = 0
    """That reached the policy."""
    rise: int = 0
    """How many of them did so between the two readings."""


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """All of it."""

    command: Kind
    """The kind of which `iptables` is on this host."""
    chains: tuple[FilterChain, ...] = ()
    foreign_tables: tuple[NftTable, ...] = ()
    foreign_unread: str = ""
    """Why the tables that are not of iptables could not be listed; empty where they were."""

    def of(self, table: str, kind: Kind | None = None) -> tuple[FilterChain, ...]:
        """Return the IPv4 chains of a table, of one kind or of both."""
        return tuple(
            each
            for each in self.chains
            if each.family == "ipv4" and each.table == table and kind in (None, each.kind)
        )

    def chain(self, table: str, name: str, kind: Kind | None = None) -> FilterChain | None:
        """Return an IPv4 chain, of the kind that `iptables` is unless another is given."""
        wanted = kind or self.command
        return next((each for each in self.of(table, wanted) if each.chain == name), None)
