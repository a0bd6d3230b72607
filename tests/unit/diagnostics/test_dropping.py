"""Rules of others that dropped something meanwhile are named, whatever they ask for."""

from netconsole.backend.filtering.native_tables import NftChain, NftRule, NftTable
from netconsole.backend.filtering.saved_tables import FilterChain, FilterRule
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.dropping import dropping_rules

CHAINS = (
    FilterChain(
        *("nft", "ipv4", "filter", "FORWARD", "DROP"),
        (FilterRule("-p tcp -j ACCEPT", rise=90), FilterRule("-m u32 --u32 x -j DROP", rise=3)),
    ),
    FilterChain("nft", "ipv4", "filter", "nova-network-sg-fallback", "", (
        FilterRule("-j DROP", rise=50),
    )),
)  # fmt: skip
FIB = "meta nfproto ipv4 fib saddr . iif oif missing counter drop"
TABLE = NftTable("inet", "fw", (NftChain("pre", (NftRule("accept", 9, 9), NftRule(FIB, 7, 5))),))


def test_what_drops_and_counted_is_named_the_busiest_first() -> None:
    guards = NftTable("netdev", "netconsole", (NftChain("own", (NftRule("drop", 9, 9),)),))
    found = tuple(dropping_rules(PacketFilter("nft", CHAINS, (guards, TABLE))))
    assert [(each.place, each.packets) for each in found] == [
        ("rule 2 of pre (table inet fw)", 5),
        ("rule 2 of FORWARD (table filter)", 3),
    ]
    assert found[0].text == FIB


def test_where_counters_could_not_be_read_nothing_is_named() -> None:
    assert tuple(dropping_rules(None)) == ()
