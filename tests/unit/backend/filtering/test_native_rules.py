"""Rules of nft in the tables of iptables, as text: kept where they are, never taken for ours."""

import pytest

from netconsole.backend.filtering.native_rules import native_source, native_target
from netconsole.backend.filtering.rules import is_ours, restore_lines, target
from netconsole.backend.kernel.mixed_tables import by_handle
from netconsole.backend.model.errors import Conflict
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.plan import plan

SET = "nft: ip saddr @blocked drop # handle 4"
LISTED = """\
table ip filter {
\tchain FORWARD { # handle 2
\t\ttype filter hook forward priority filter; policy accept;
\t\tcounter packets 5 bytes 90 jump nova-network-FORWARD # handle 3
\t\tip saddr @blocked drop # handle 4
\t\tip saddr { 192.0.2.1, 192.0.2.2,
\t\t\t   192.0.2.3 } counter packets 7 bytes 9 drop comment "it is # handle 9" # handle 5
\t}
}
"""


def test_each_rule_is_read_with_its_handle_and_without_its_counters() -> None:
    assert by_handle(LISTED) == {
        3: "nft: jump nova-network-FORWARD # handle 3",
        4: SET,
        5: "nft: ip saddr { 192.0.2.1, 192.0.2.2, 192.0.2.3 } drop "
        'comment "it is # handle 9" # handle 5',
    }


@pytest.mark.parametrize(
    ("text", "aim"),
    [
        ("ip saddr @blocked drop", "DROP"),
        ('oifname "drop" masquerade', "MASQUERADE"),
        ('ct state new jump mine comment "drop"', "mine"),
        ("ip daddr vmap { 192.0.2.1 : drop }", "vmap"),
        ("counter", ""),
    ],
)
def test_where_such_a_rule_leads(text: str, aim: str) -> None:
    assert native_target(f"nft: {text} # handle 7") == aim


def test_the_source_is_a_range_or_unknown() -> None:
    assert native_source("nft: ip saddr 10.0.0.0/8 masquerade # handle 1") == "10.0.0.0/8"
    assert native_source("nft: ip saddr != 10.0.0.0/8 masquerade # handle 1") == ""
    assert native_source("nft: ip saddr @some masquerade # handle 1") == ""


def test_none_of_them_is_ours_wherever_it_is_and_leads() -> None:
    assert not is_ours("FORWARD", "nft: ct state new jump nova-network-FORWARD # handle 4")
    assert not is_ours("nova-network-FORWARD", SET)


def test_ours_come_before_what_translates_and_behind_what_exempts() -> None:
    exempted = "nft: ip daddr @tunnels accept # handle 2"
    taken = 'nft: oifname "eth0" masquerade # handle 3'
    other = "nft: ip saddr 172.17.0.0/16 masquerade # handle 4"
    last = Rule("-j nova-postrouting-bottom", at_end=True)
    wanted = {
        "POSTROUTING": (last,),
        "nova-network-snat": (Rule("-s 10.0.0.0/24 -j SNAT --to-source 192.0.2.1"),),
    }

    goal = target({"POSTROUTING": [exempted, other, taken]}, wanted)

    assert goal["POSTROUTING"] == [exempted, other, last.spec, taken]


def test_ours_are_deleted_by_number_beside_rules_that_iptables_does_not_understand() -> None:
    """By its words iptables could take `ct state new jump X` for `-j X`, or refuse."""
    ours = "-j nova-network-FORWARD"

    assert restore_lines({"FORWARD": [SET, ours]}, {"FORWARD": [SET]}) == ("-D FORWARD 2",)


@pytest.mark.parametrize(
    "leading",
    [
        "ct state new jump nova-network-FORWARD",
        'iifname vmap { "a" : goto nova-network-FORWARD, "b" : drop }',
    ],
)
def test_a_chain_of_ours_that_such_a_rule_leads_to_is_not_removed(leading: str) -> None:
    observed = Observed(
        chains={
            ChainKey("ipv4", "filter", "FORWARD"): (Rule(f"nft: {leading} # handle 8"),),
            ChainKey("ipv4", "filter", "nova-network-FORWARD"): (),
        }
    )

    with pytest.raises(Conflict, match="nft delete rule ip filter FORWARD handle 8"):
        plan(observed, Wanted())
