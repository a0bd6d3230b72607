"""Names of others as text: decoded as they are, shown without doing anything."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.filtering.rule_words import typed, words
from netconsole.backend.filtering.rules import parse, restore_lines
from netconsole.backend.model.codec import as_json
from netconsole.backend.model.hoststate import ChainKey
from netconsole.backend.model.text import decoded, documents_in, encoded, from_json, visible


@given(st.binary())
def test_bytes_come_back_as_they_were_and_are_shown_on_one_plain_line(data: bytes) -> None:
    text = decoded(data)
    assert encoded(text) == data
    assert visible(text).isprintable()
    document = as_json({text: [text]}, indent=1)
    assert "".join(document.split("\n")).isprintable()
    assert json.loads(document) == {text: [text]}


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"web1 \xc3\xa9", "web1 é"),
        (b"e\xff\x1b[2J", r"e\xff\x1b[2J"),
        (b"e\xc2\x9b2J\xe2\x80\xae", r"e\u009b2J\u202e"),
        (b"a\nb\tc\r", r"a\nb\tc\r"),
    ],
)
def test_what_steers_a_terminal_is_escaped(data: bytes, shown: str) -> None:
    assert visible(decoded(data)) == shown


def test_what_iproute2_prints_as_json_is_read() -> None:
    assert from_json('[{"ifname":"e\x1b[1m\\n"}]') == [{"ifname": "e\x1b[1m\n"}]


def test_what_a_batch_of_iproute2_prints_is_read_one_answer_after_the_other() -> None:
    said = '[{"ifname":"e\x1b[1m"}]\n[]\n\n[{"mtu":1500}] \n'
    assert list(documents_in(said)) == [[{"ifname": "e\x1b[1m"}], [], [{"mtu": 1500}]]
    assert list(documents_in("\n")) == []
    with pytest.raises(ValueError, match="Expecting value"):
        list(documents_in('[{"ifname":'))


COMMENTED = """*nat
:PREROUTING ACCEPT [0:0]
:c"x - [0:0]
[1:2] -A PREROUTING -m comment --comment "x
-A nova-network-PREROUTING -j ACCEPT" -j ACCEPT
-A PREROUTING -i "x -j c"x
-A PREROUTING -i e"x -m comment --comment "y -j nova-network-X \\" z" -j RETURN
-A PREROUTING -m comment --comment "
COMMIT
*filter
:FORWARD - [0:0]
" -j DROP
-A PREROUTING -i e\x1c\x85\u2028 -j ACCEPT
COMMIT
"""


def test_a_comment_is_no_rule_whatever_it_says() -> None:
    found = parse(COMMENTED, "ipv4")
    assert list(found) == [ChainKey("ipv4", "nat", "PREROUTING"), ChainKey("ipv4", "nat", 'c"x')]
    rules = found[ChainKey("ipv4", "nat", "PREROUTING")]
    assert [target_of(rule.spec) for rule in rules] == ["ACCEPT", 'c"x', "RETURN", "DROP", "ACCEPT"]
    assert (rules[0].packets, rules[0].bytes) == (1, 2)
    assert words(rules[2].spec)[5] == 'y -j nova-network-X " z'
    assert words(rules[4].spec)[1] == "e\x1c\x85\u2028"


def test_a_rule_of_two_lines_is_deleted_by_number_and_never_written() -> None:
    chain, spec = "nova-network-PREROUTING", '-m comment --comment "a\nCOMMIT" -j ACCEPT'
    assert restore_lines({chain: [spec]}, {chain: []}) == (f"-D {chain} 1",)
    for line in restore_lines({chain: []}, {chain: [spec]}):
        assert "\n" not in line


def test_a_rule_is_shown_so_that_a_shell_runs_nothing_of_it() -> None:
    assert typed('-A x ! -s 10.0.0.0/24 -m comment --comment "$(id)" -j ACCEPT') == (
        "-A x ! -s 10.0.0.0/24 -m comment --comment '$(id)' -j ACCEPT"
    )
    assert typed("-A x -i a;reboot -j DROP") == "-A x -i 'a;reboot' -j DROP"
