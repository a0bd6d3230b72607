"""What an admin drops of the guests, above what drops all of them, stays dropped by a cure."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import unified_diff

import pytest
from lab_faults import PROGRAMS, run_playbook, state
from lab_guests import gets_address, port_of_guest, reaches_the_world
from private_host import eventually
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "nft")


@dataclass(frozen=True)
class Rules:
    """Commands that put in a rule against web2 and, below it, what drops everyone's packets."""

    made: str
    gone: str


FORWARDING = {
    "a rule": Rules(
        "iptables -I FORWARD 1 -s $ADDRESS -j DROP; iptables -I FORWARD 2 -j REJECT",
        "iptables -D FORWARD -j REJECT; iptables -D FORWARD -s $ADDRESS -j DROP",
    ),
    "a rule of nft among those of iptables": Rules(
        "iptables -I FORWARD 1 -j DROP; nft insert rule ip filter FORWARD "
        "ip saddr $ADDRESS ip length 20-1400 counter drop",
        "nft delete rule ip filter FORWARD handle "
        "$(nft -a list chain ip filter FORWARD | sed -n '/ip length/s/.*handle //p'); "
        "iptables -D FORWARD -j DROP",
    ),
    "a chain that both lead to": Rules(
        "iptables -N refused; iptables -A refused -j LOG; iptables -A refused -j DROP; "
        "iptables -I FORWARD 1 -s $ADDRESS -j refused; iptables -I FORWARD 2 -j refused",
        "iptables -D FORWARD 1; iptables -D FORWARD 1; iptables -F refused; iptables -X refused",
    ),
    "a policy, in the chain that docker leaves to the admin": Rules(
        "iptables-legacy -N DOCKER-USER; iptables-legacy -A DOCKER-USER -s $ADDRESS -j DROP; "
        "iptables-legacy -A DOCKER-USER -j RETURN; iptables-legacy -A FORWARD -j DOCKER-USER; "
        "iptables-legacy -P FORWARD DROP",
        "iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD; "
        "iptables-legacy -F DOCKER-USER; iptables-legacy -X DOCKER-USER",
    ),
    "a policy, behind the chain that docker leaves to the admin": Rules(
        "iptables-legacy -N DOCKER-USER; iptables-legacy -A FORWARD -j DOCKER-USER; "
        "iptables-legacy -A FORWARD -s $ADDRESS -j DROP; iptables-legacy -P FORWARD DROP",
        "iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F FORWARD; "
        "iptables-legacy -X DOCKER-USER",
    ),
    "a rule of nftables": Rules(
        "nft add table inet wall; nft add chain inet wall forward "
        "'{ type filter hook forward priority 10; }'; "
        "nft add rule inet wall forward ip saddr $ADDRESS counter drop; "
        "nft add rule inet wall forward counter reject",
        "nft delete table inet wall",
    ),
    "a policy of nftables": Rules(
        "nft add table ip wall; nft add chain ip wall forward "
        "'{ type filter hook forward priority 10; policy drop; comment \"of the admin\"; }'; "
        "nft add rule ip wall forward ip saddr $ADDRESS drop",
        "nft delete table ip wall",
    ),
}
ASKING = {
    "a rule": Rules(
        "iptables -I INPUT 1 -m mac --mac-source $MAC -j DROP; "
        "iptables -I INPUT 2 -p udp --dport 67 -j DROP",
        "iptables -D INPUT 1; iptables -D INPUT 1",
    ),
    "a rule before anything is tracked": Rules(
        "iptables -t raw -I PREROUTING 1 -m mac --mac-source $MAC -j DROP; "
        "iptables -t raw -I PREROUTING 2 -p udp --dport 67 -j DROP",
        "iptables -t raw -D PREROUTING 1; iptables -t raw -D PREROUTING 1",
    ),
    "a rule of nftables": Rules(
        "nft add table inet wall; nft add chain inet wall input "
        "'{ type filter hook input priority 10; }'; "
        "nft add rule inet wall input ether saddr $MAC drop; "
        "nft add rule inet wall input udp dport 67 drop",
        "nft delete table inet wall",
    ),
    "a policy of nftables": Rules(
        "nft add table inet wall; nft add chain inet wall input "
        "'{ type filter hook input priority 10; policy drop; }'; "
        "nft add rule inet wall input ether saddr $MAC drop; "
        "nft add rule inet wall input meta l4proto '{ icmp, ipv6-icmp }' accept",
        "nft delete table inet wall",
    ),
}


@pytest.fixture(autouse=True)
def _settled(lab: RunningLab) -> None:
    """Wait until what a state holds does not change by itself any more."""
    eventually(lambda: not lab.run("ip", "-6", "address", "show", "tentative").stdout)


def _of_web2(lab: RunningLab, script: str) -> None:
    """Run commands about the address of web2 and its hardware address."""
    port = port_of_guest(lab, "web2")
    lab.run("sh", "-ec", f"ADDRESS={port['address']}; MAC={port['mac']}; {script}")


def _cured(lab: RunningLab, check: str) -> None:
    """Cure it, and see that a second time adds nothing."""
    status, document = run_playbook(lab, check, "--apply")
    assert (status, document["verified"]) == (0, True), document
    once = state(lab)
    again = run_playbook(lab, check, "--apply")[1]
    assert again["change_id"] is None, again  # who is shut off may be told of, without a cure
    assert state(lab) == once


def _taken_back(lab: RunningLab, check: str, former: list[str]) -> None:
    assert run_playbook(lab, check, "--undo")[0] == 0
    now = state(lab)
    assert now == former, list(unified_diff(former, now, n=0))


_WORLD = ("forward_filter", reaches_the_world)
_ADDRESS = ("dhcp_firewall", gets_address)
CURES = [
    *(pytest.param(*_WORLD, each, id=f"world: {name}") for name, each in FORWARDING.items()),
    *(pytest.param(*_ADDRESS, each, id=f"address: {name}") for name, each in ASKING.items()),
]


@pytest.mark.parametrize(("check", "gets_through", "rules"), CURES)
def test_the_guests_get_through_again_and_the_one_that_is_shut_off_does_not(
    lab: RunningLab, check: str, gets_through: Callable[[RunningLab, str], bool], rules: Rules
) -> None:
    eventually(lambda: gets_through(lab, "web1"))
    eventually(lambda: gets_through(lab, "web2"))
    _of_web2(lab, rules.made)
    try:
        broken = state(lab)
        assert not gets_through(lab, "web1")
        _cured(lab, check)
        eventually(lambda: gets_through(lab, "web1"))
        assert not gets_through(lab, "web2")
        _taken_back(lab, check, broken)
        assert not gets_through(lab, "web1")
    finally:
        _of_web2(lab, rules.gone)


def test_what_another_puts_above_meanwhile_moves_no_rule_of_nftables(lab: RunningLab) -> None:
    """The finding was made, and the table has changed: a handle still means the same rule."""
    _of_web2(lab, FORWARDING["a rule of nftables"].made)
    try:
        _, document = run_playbook(lab, "forward_filter")
        commands = document["finding"]["fix"]
        lab.run("nft", "insert", "rule", "inet", "wall", "forward", "iifname", "eth9", "accept")
        lab.run("sh", "-ec", "; ".join(commands))
        eventually(lambda: reaches_the_world(lab, "web1"))
        assert not reaches_the_world(lab, "web2")
    finally:
        _of_web2(lab, FORWARDING["a rule of nftables"].gone)
