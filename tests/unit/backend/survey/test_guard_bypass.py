"""Which rules of others take frames before the guards of ebtables see them."""

import pytest

from netconsole.backend.model.hoststate import Rule
from netconsole.backend.survey.guard_bypass import JUMP, PREROUTING, guard_bypasses
from netconsole.backend.wording.bridge_guards import key

PORTS = ("tap0", "veth1")


def found(*above: str, below: str = "-j ACCEPT") -> list[tuple[int, bool]]:
    chains = {
        key(PREROUTING): tuple(map(Rule, (*above, JUMP, below))),
        key("libvirt-I-tap0"): (Rule("-j ACCEPT"),),
    }
    return [(each.entry, each.whole) for each in guard_bypasses(chains, PORTS)]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("-j ACCEPT", [(1, True)]),
        ("-j RETURN", [(1, True)]),
        ("-p ARP -j ACCEPT", [(1, False)]),
        ("-i tap0 -j ACCEPT", [(1, False)]),
        ("-i ! tap0 -j ACCEPT", [(1, False)]),
        ("-i tap+ -j ACCEPT", [(1, False)]),
        ("-i tap0 -j libvirt-I-tap0", [(1, False)]),
        ("-j libvirt-I-tap0", [(1, False)]),
        ("-p IPv4 -j redirect --redirect-target ACCEPT", [(1, False)]),
        ("-j mark --mark-set 0x1 --mark-target ACCEPT", [(1, True)]),
        ("-j mark --mark-set 0x1 --mark-target CONTINUE", []),
        ("-p ARP -j arpreply --arpreply-mac 02:0:0:0:0:1", []),
        ("-i eth0 -j ACCEPT", []),
        ("-i eth+ -j ACCEPT", []),
        ("-p ARP -j DROP", []),
        ("-p ARP", []),
    ],
)
def test_what_takes_frames_of_a_guarded_port_is_found(
    rule: str, told: list[tuple[int, bool]]
) -> None:
    assert found(rule) == told


def test_what_comes_after_the_guards_and_without_them_is_nothing() -> None:
    assert found() == []
    assert found("-p ARP -j DROP", "-j ACCEPT") == [(2, True)]
    assert guard_bypasses({key(PREROUTING): (Rule("-j ACCEPT"),)}, PORTS) == ()
    assert guard_bypasses({key(PREROUTING): (Rule("-j ACCEPT"), Rule(JUMP))}, ()) == ()
