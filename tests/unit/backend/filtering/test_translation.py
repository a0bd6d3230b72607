"""Which rule of a chain decides under which address a connection goes on."""

from ipaddress import IPv4Network

import pytest

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.nat_order import Turn, turns
from netconsole.backend.filtering.native_tables import NftRule, parse_table
from netconsole.backend.filtering.nf_messages import KernelChain
from netconsole.backend.filtering.nft_matches import read_nft
from netconsole.backend.filtering.translation import Decision, decisions
from netconsole.backend.model.hoststate import Kind

FLOW = Flow(
    "", "br100", "br100", "eth0", IPv4Network("10.0.0.2"), IPv4Network("192.0.2.1"), protocol="sctp"
)
MASQUERADE = 'oifname "eth0" masquerade'


def decided(*rules: str, more: tuple[str, ...] = ()) -> tuple[Decision, ...]:
    chains = {"post": rules, "more": more}
    return decisions("post", lambda name: chains.get(name, ()), read_nft, FLOW)


@pytest.mark.parametrize(
    ("rules", "target"),
    [
        ((MASQUERADE,), "MASQUERADE"),
        (("counter masquerade random",), "MASQUERADE"),
        (("snat ip to 203.0.113.9",), "SNAT"),
        (('iifname "br100" ip saddr 10.0.0.0/24 snat to 203.0.113.9',), "SNAT"),
        (("ip daddr != { 10.0.0.0/8, 172.16.0.0/12 } masquerade",), "MASQUERADE"),
        (("tcp dport 25 return", MASQUERADE), "MASQUERADE"),
        (("accept", MASQUERADE), "ACCEPT"),
        (("ip saddr 10.0.0.2 return", MASQUERADE), "ACCEPT"),
        (("ip saddr 10.0.0.3 return", MASQUERADE), "MASQUERADE"),
        (("drop", MASQUERADE), "DROP"),
    ],
)
def test_the_first_rule_that_fits_decides(rules: tuple[str, ...], target: str) -> None:
    (found,) = decided(*rules)
    assert (found.target, found.is_certain) == (target, True)
    assert found.translates is (target not in ("ACCEPT", "DROP"))


@pytest.mark.parametrize(
    "rules",
    [
        ('oifname "eth1" masquerade',),
        ("ip saddr 10.0.0.3 masquerade",),
        ("ip daddr 224.0.0.0/4 masquerade",),
        ("tcp dport 25 masquerade",),
        ("counter",),
        (),
    ],
)
def test_what_fits_nothing_of_it_decides_nothing(rules: tuple[str, ...]) -> None:
    assert decided(*rules) == ()


@pytest.mark.parametrize(
    ("rules", "is_whole", "is_spared"),
    [
        (("ip saddr @lan masquerade",), False, False),
        (("snat to ip saddr map { 10.0.0.2 : 203.0.113.9 }",), False, False),
        (("meta mark & 0x4000 != 0x4000 return", MASQUERADE), True, True),
        (("ip daddr @exempt accept", MASQUERADE), True, True),
    ],
)
def test_what_is_not_understood_makes_nothing_certain(
    rules: tuple[str, ...], is_whole: bool, is_spared: bool
) -> None:
    found = decided(*rules)[-1]
    assert (found.is_whole, found.is_spared, found.is_certain) == (is_whole, is_spared, False)


def test_a_jump_leads_to_what_decides_and_back_where_nothing_does() -> None:
    (found,) = decided("counter", "jump more", more=("tcp dport 1 drop", MASQUERADE))
    assert (found.chain, found.place, found.entry) == ("more", 1, 1)
    (found,) = decided("jump more", "snat to 203.0.113.9", more=("return", MASQUERADE))
    assert (found.target, found.chain) == ("SNAT", "post")
    assert decided("goto more", MASQUERADE, more=("tcp dport 1 drop",)) == ()
    whole, rest = decided("jump more", MASQUERADE, more=("meta mark 1 return", "snat to 1.2.3.4"))
    assert (whole.target, whole.is_whole) == ("SNAT", False)
    assert (rest.target, rest.is_certain) == ("MASQUERADE", True)
    assert decided("jump post", MASQUERADE)[0].target == "MASQUERADE"


OURS = KernelChain("ip", "nat", "POSTROUTING", "nat", "postrouting", 100)
OTHER = KernelChain("ip", "nat", "later", "nat", "postrouting", 100)


def theirs(priority: int = 100) -> KernelChain:
    return KernelChain("inet", "theirs", "post", "nat", "postrouting", priority)


@pytest.mark.parametrize(
    ("chains", "kind", "turn"),
    [
        ((OURS, theirs(99)), "nft", "before"),
        ((theirs(101), OURS), "nft", "after"),
        ((OURS, theirs()), "nft", "likely before"),
        ((theirs(), OURS), "nft", "likely after"),
        ((theirs(),), "nft", "likely after"),
        ((OURS, theirs()), "legacy", "unknown"),
        ((theirs(99),), "legacy", "before"),
        ((OURS, OTHER), "nft", "before"),
        ((OTHER, OURS), "nft", "after"),
    ],
)
def test_of_one_priority_what_was_made_last_is_asked_first(
    chains: tuple[KernelChain, ...], kind: Kind, turn: Turn
) -> None:
    (found,) = turns(chains, kind, "postrouting").values()
    assert found == turn


def test_only_what_translates_packets_of_ipv4_there_is_asked() -> None:
    others = (
        KernelChain("ip6", "theirs", "post", "nat", "postrouting", 99),
        KernelChain("inet", "theirs", "late", "filter", "postrouting", 99),
        KernelChain("inet", "theirs", "pre", "nat", "prerouting", -101),
        KernelChain("inet", "theirs", "more"),
    )
    assert turns((OURS, *others), "nft", "postrouting") == {}
    assert turns((OURS, *others), "nft", "prerouting") == {("inet", "theirs", "pre"): "before"}


LISTED = """table ip theirs { # handle 7
	flags dormant
	set lan { # handle 3
		type ipv4_addr
	}

	chain post { # handle 1
		type nat hook postrouting priority 99; policy accept;
		ip saddr { 10.0.0.1, 10.0.0.2,
			10.0.0.3 } counter packets 5 bytes 300 masquerade # handle 4
		oifname "eth0" masquerade comment "a { # handle 9" # handle 5
	}
}
"""


def test_a_listing_is_read_with_its_handles() -> None:
    table = parse_table("ip", "theirs", LISTED)
    assert table.flags == ("dormant",)
    (post,) = table.chains
    assert (post.name, post.type, post.hook, post.priority) == ("post", "nat", "postrouting", "99")
    assert post.rules == (
        NftRule("ip saddr { 10.0.0.1, 10.0.0.2, 10.0.0.3 } counter masquerade", 5, handle=4),
        NftRule('oifname "eth0" masquerade comment "a { # handle 9"', handle=5),
    )
    place = ("ip", "theirs", "post")
    assert table.with_turns({place: "before"}).chains[0].turn == "before"
