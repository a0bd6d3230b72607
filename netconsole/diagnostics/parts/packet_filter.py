"""The packet filter as a packet meets it: every chain of both kinds, with policies and counters."""

from dataclasses import dataclass

from netconsole.backend.filtering.nat_order import NatHook
from netconsole.backend.filtering.native_tables import NftTable
from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.model.table_names import Kind


@dataclass(frozen=True, slots=True)
class PacketFilter:
    """All of it."""

    command: Kind
    """The kind of which `iptables` is on this host."""
    chains: tuple[FilterChain, ...] = ()
    foreign_tables: tuple[NftTable, ...] = ()
    foreign_unread: str = ""
    """Why the tables that are not of iptables could not be listed; empty where they were."""
    unread_nat: frozenset[NatHook] = frozenset()
    """The hooks at which chains of those may translate before iptables' own."""

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
