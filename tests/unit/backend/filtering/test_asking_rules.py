"""Which rules of others ask for an interface, and how they are worded for another."""

from dataclasses import replace

import pytest

from netconsole.backend.filtering.asking_rules import AskingRule, asking_rules
from netconsole.backend.filtering.native_tables import NftSet, NftTable, parse_elements, parse_table
from netconsole.backend.filtering.saved_tables import parse_saved

ADMIN = """table inet admin { # handle 3
	set outer { # handle 5
		type ifname
		comment "not eth9"
	}

	set both { # handle 6
		typeof iifname . ip saddr
	}

	set known { # handle 8
		type ipv4_addr
	}

	map ways { # handle 7
		type ifname : verdict
	}

	chain x { # handle 1
	}

	chain input { # handle 2
		type filter hook input priority 0; policy drop;
		WORDS # handle 10
	}

	chain below { # handle 11
		type filter hook ingress device "eth0" priority 0; policy accept;
		iifname "eth0" accept # handle 12
		ip protocol tcp jump further # handle 13
	}

	chain further { # handle 14
		iifname "eth0" udp dport 9 drop # handle 15
	}
}
"""


HELD = {
    "outer": 'elements = { "eth0" comment "a,b",\n\t\t"eth1" }',
    "both": 'elements = { "eth0" . 10.0.0.1, "br100" . 10.0.0.1 }',
    "ways": 'elements = { "lo" : accept,\n\t\t"eth0" : jump x }',
}
"""What is in the sets, as `nft list set` prints it."""


def admins(listed: str, family: str = "inet") -> NftTable:
    table = parse_table(family, "admin", listed)
    filled = (replace(each, elements=parse_elements(HELD[each.name])) for each in table.sets)
    return replace(table, sets=tuple(filled))


def of_iptables(*specs: str, table: str = "filter", chain: str = "INPUT") -> list[AskingRule]:
    lines = "".join(f"-A {chain} {spec}\n" for spec in specs)
    saved = f"*{table}\n:{chain} ACCEPT [0:0]\n{lines}COMMIT\n"
    return list(asking_rules(parse_saved(saved, "nft", "ipv4"), (), "eth0", "br100"))


def of_nft(words: str, family: str = "inet") -> list[AskingRule]:
    table = admins(ADMIN.replace("WORDS", words), family)
    return list(asking_rules((), (table,), "eth0", "br100"))


@pytest.mark.parametrize(
    ("spec", "reworded"),
    [
        ("-i eth0 -j ACCEPT", "-i br100 -j ACCEPT"),
        ("-s 10.0.0.0/8 ! -i eth0 -p tcp -j DROP", "-s 10.0.0.0/8 ! -i br100 -p tcp -j DROP"),
        ("-i eth0 -o eth0 -j ACCEPT", "-i br100 -o br100 -j ACCEPT"),
        ("-i br100 -o eth0 -j ACCEPT", "-i br100 -o br100 -j ACCEPT"),
        ("-o eth+ -j ACCEPT", "-o br100 -j ACCEPT"),
        (
            '-i eth0 -m comment --comment "for -i eth0" -j ACCEPT',
            '-i br100 -m comment --comment "for -i eth0" -j ACCEPT',
        ),
    ],
)
def test_a_rule_of_iptables_is_worded_with_the_bridge(spec: str, reworded: str) -> None:
    (rule,) = of_iptables(spec)
    assert (rule.text, rule.reworded) == (spec, reworded)
    assert rule.place.name == "rule 1 of INPUT (iptables-nft table filter)"
    assert rule.excepts == ("!" in spec)
    assert rule.certain == ("+" not in spec)


@pytest.mark.parametrize(
    "specs",
    [
        ("-i eth01 -j ACCEPT",),
        ("-i br100 -j ACCEPT",),
        ("-i + -j ACCEPT",),
        ("-p tcp -j ACCEPT",),
        ("-m physdev --physdev-in eth0 -j ACCEPT",),
        ('-m comment --comment "-i eth0" -j ACCEPT',),
        ("-j LOG --log-prefix -i eth0 ",),
        ("-i eth0 -j nova-network-INPUT",),
        ("-i br100 -p tcp -j ACCEPT", "-i eth0 -p tcp -j ACCEPT"),
        ("-i eth0 -p tcp -j ACCEPT", "-i eth1 -j DROP", "-i br100 -p tcp -j ACCEPT"),
        ("-i eth0 -j ACCEPT", "-j ACCEPT"),
    ],
)
def test_others_are_not_told_of(specs: tuple[str, ...]) -> None:
    assert of_iptables(*specs) == []


@pytest.mark.parametrize(
    "specs",
    [
        ("-i br100 -p udp -j ACCEPT", "-i eth0 -p tcp -j ACCEPT"),
        ("! -i br100 -j DROP", "! -i eth0 -j DROP"),
        ("-j ACCEPT", "-i eth0 -j ACCEPT"),
    ],
)
def test_only_what_does_the_same_answers_for_it(specs: tuple[str, ...]) -> None:
    """Two exceptions take everything; what comes before a rule is met before it."""
    (rule,) = of_iptables(*specs)
    assert rule.text == specs[1]


def test_rules_in_our_own_chains_are_ours() -> None:
    assert of_iptables("-i eth0 -j ACCEPT", chain="nova-network-INPUT") == []


@pytest.mark.parametrize(
    ("words", "reworded"),
    [
        ('iifname "eth0" accept', 'iifname "br100" accept'),
        ('iif "eth0" counter packets 1 bytes 84 accept', 'iif "br100" counter accept'),
        (
            'iifname { "lo", "eth0" } accept comment "iifname eth0"',
            'iifname { "lo", "br100" } accept comment "iifname eth0"',
        ),
        (
            'ip saddr . iifname { 10.0.0.2 . "eth0" } accept',
            'ip saddr . iifname { 10.0.0.2 . "br100" } accept',
        ),
        (
            'iifname vmap { "lo" : accept, "eth0" : jump x }',
            'iifname vmap { "lo" : accept, "br100" : jump x }',
        ),
        (
            'meta mark set oifname map { "eth0" : 0x00000001 }',
            'meta mark set oifname map { "br100" : 0x00000001 }',
        ),
        ('iifname != "eth0" drop', 'iifname != "br100" drop'),
    ],
)
def test_a_rule_of_nft_is_worded_with_the_bridge(words: str, reworded: str) -> None:
    (rule,) = of_nft(words)
    assert rule.reworded == reworded
    assert rule.certain
    assert rule.excepts == ("!=" in words)
    assert rule.in_its_place("nft") == f"nft replace rule inet admin input handle 10 '{reworded}'"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("iifname @outer drop", """nft add element inet admin outer '{ "br100" comment "a,b" }'"""),
        ("iifname vmap @ways", "nft add element inet admin ways '{ \"br100\" : jump x }'"),
        (
            'iifname "eth*" accept',
            "nft add rule inet admin input handle 10 'iifname \"br100\" accept'",
        ),
    ],
)  # fmt: skip
def test_what_has_it_in_a_set_or_a_pattern_may_lose_it(words: str, command: str) -> None:
    (rule,) = of_nft(words)
    assert not rule.certain
    assert rule.in_its_place("nft") == rule.beside("nft") == command


@pytest.mark.parametrize(
    "words",
    [
        'iifname "eth01" accept',
        'iifname { "eth0", "br100" } accept',
        "iifname . ip saddr @both accept",
        'tcp dport 22 log prefix "iifname eth0" accept',
        'accept comment "iifname eth0"',
    ],
)
def test_of_nft_others_are_not_told_of(words: str) -> None:
    assert of_nft(words) == []


def test_frames_of_a_port_are_not_told_of_nor_what_is_switched_off() -> None:
    assert of_nft('iifname "eth0" accept', "bridge") == []
    assert of_nft('iifname "eth0" accept', "netdev") == []
    off = ADMIN.replace("WORDS", 'iifname "eth0" accept').replace("3\n", "3\n\tflags dormant\n", 1)
    assert asking_rules((), (admins(off),), "eth0", "br100") == ()


def test_a_table_that_iptables_shows_is_looked_at_once() -> None:
    saved = '*filter\n:INPUT ACCEPT\n-A INPUT nft: iifname "eth0" drop # handle 6\nCOMMIT\n'
    listed = 'table ip filter {\n\tchain INPUT {\n\t\tiifname "eth0" drop # handle 6\n\t}\n}\n'
    chains = parse_saved(saved, "nft", "ipv4")
    table = parse_table("ip", "filter", listed)
    (rule,) = asking_rules(chains, (table,), "eth0", "br100")
    assert rule.in_its_place("nft") == (
        "nft replace rule ip filter INPUT handle 6 'iifname \"br100\" drop'"
    )


def test_the_command_is_of_the_kind_and_family_that_has_the_rule() -> None:
    saved = "*nat\n:POSTROUTING ACCEPT\n-A POSTROUTING -o lo -j ACCEPT\n-A POSTROUTING -o eth0 "
    chains = parse_saved(f"{saved}-j MASQUERADE\nCOMMIT\n", "legacy", "ipv6")
    (rule,) = asking_rules(chains, (), "eth0", "br100")
    assert rule.place.name == "rule 2 of POSTROUTING (ip6tables-legacy table nat)"
    told = "-t nat -R POSTROUTING 2 -o br100 -j MASQUERADE"
    assert rule.in_its_place("nft") == f"ip6tables-legacy {told}"
    assert rule.in_its_place("legacy") == f"ip6tables {told}"
    assert rule.beside("legacy") == "ip6tables -t nat -I POSTROUTING 3 -o br100 -j MASQUERADE"


def test_two_exceptions_are_not_put_beside_each_other_nor_a_locked_table_changed() -> None:
    (rule,) = of_iptables("! -i eth0 -j DROP")
    assert rule.beside("nft") == ""
    owned = ADMIN.replace("WORDS", 'iifname "eth0" accept').replace("3\n", "3\n\tflags owner\n", 1)
    (locked,) = asking_rules((), (admins(owned),), "eth0", "br100")
    assert locked.in_its_place("nft") == locked.beside("nft") == ""


def test_sets_and_handles_are_read_with_their_table() -> None:
    table = admins(ADMIN.replace("WORDS", "counter packets 7 bytes 9 drop"))
    assert table.sets == (
        NftSet("set", "outer", ('"eth0" comment "a,b"', '"eth1"')),
        NftSet("set", "both", ('"eth0" . 10.0.0.1', '"br100" . 10.0.0.1')),
        NftSet("map", "ways", ('"lo" : accept', '"eth0" : jump x')),
    )
    (rule,) = table.chains[1].rules
    assert (rule.text, rule.packets, rule.handle) == ("counter drop", 7, 10)


def test_a_comment_over_several_lines_moves_no_rule() -> None:
    saved = '*filter\n:INPUT ACCEPT\n-A INPUT -m comment --comment "a\n-A INPUT b" -j LOG\n'
    chains = parse_saved(f"{saved}-A INPUT -i eth0 -j ACCEPT\nCOMMIT\n", "nft", "ipv4")
    (rule,) = asking_rules(chains, (), "eth0", "br100")
    assert rule.place.position == 2
