"""Tables of nftables, as nft lists them."""

from netconsole.backend.filtering.native_tables import NftRule, parse_table

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
