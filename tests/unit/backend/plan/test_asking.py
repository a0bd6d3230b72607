"""What is said of rules of others when an interface becomes a port, or is none any more."""

from netconsole.backend.filtering.asking_rules import asking_rules
from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.backend.plan.asking import note_of_bridge, note_of_port

RULES = """*filter
:INPUT ACCEPT
-A INPUT ! -i NAME -j DROP
-A INPUT -i NAME -p tcp -j ACCEPT
-A INPUT -i NAME -p udp -j ACCEPT
-A INPUT -i NA+ -p icmp -j ACCEPT
COMMIT
"""


def said(name: str, other: str) -> str:
    saved = RULES.replace("NAME", name).replace("NA+", f"{name[:2]}+")
    found = asking_rules(parse_saved(saved, "nft", "ipv4"), (), name, other)
    joins = name == "eth0"
    note = note_of_port if joins else note_of_bridge
    port, bridge = (name, other) if joins else (other, name)
    (sentence,) = note(port, bridge, found, "nft")
    assert list(note(port, bridge, (), "nft")) == []
    return sentence


INPUT = "INPUT (iptables-nft table filter)"


def test_of_many_rules_there_are_the_numbers_the_first_and_a_command() -> None:
    assert said("eth0", "br100") == (
        "once eth0 is a port of br100, its packets are those of br100: rules of others that ask "
        "for eth0 do not match them any more (2), no longer except them (1), may not, as a set or "
        f"a pattern has eth0 (1): {INPUT} `-i eth0 -p tcp -j ACCEPT`, {INPUT} `-i eth0 -p udp -j "
        f"ACCEPT`, {INPUT} `! -i eth0 -j DROP` and 1 more; `iptables -I INPUT 3 -i br100 -p tcp -j "
        f"ACCEPT` lets {INPUT} ask for br100 as well, typed before "
        "that; `netconsole playbook run port_rules` has the command for each afterwards"
    )


def test_the_way_back_is_told_of_as_well() -> None:
    sentence = said("br100", "eth0")
    assert sentence.startswith("once eth0 is no port of br100 any more, its packets are its own: ")
    assert "rules of others that ask for br100 do not match them any more (2)" in sentence
    assert "`iptables -I INPUT 3 -i eth0 -p tcp -j ACCEPT`" in sentence
    assert sentence.endswith("do so with each whose packets come or go by eth0")
