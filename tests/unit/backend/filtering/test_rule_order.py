"""Where our source translation goes among the rules of others."""

import pytest

from netconsole.backend.filtering.rules import restore_lines, target
from netconsole.backend.model.hoststate import Rule

FIRST, LAST = "-j nova-network-POSTROUTING", "-j nova-postrouting-bottom"
WANTED = {
    "POSTROUTING": (Rule(FIRST), Rule(LAST, at_end=True)),
    "nova-postrouting-bottom": (Rule("-j nova-network-snat"),),
    "nova-network-POSTROUTING": (Rule("-s 10.0.0.0/24 -d 10.0.0.0/24 -j ACCEPT"),),
    "nova-network-snat": (Rule("-s 10.0.0.0/24 -o eth0 -j SNAT --to-source 192.0.2.1"),),
}
TUNNEL = "-s 10.0.0.0/24 -m policy --dir out --pol ipsec -j ACCEPT"
MASQUERADE = "-o eth0 -j MASQUERADE"


@pytest.mark.parametrize(
    "taker",
    [
        MASQUERADE,
        "-j MASQUERADE",
        "-s 10.0.0.0/8 -o eth0 -j SNAT --to-source 192.0.2.9",
        "-s 10.0.0.7/32 -j NETMAP --to 192.0.2.0/24",
        "! -s 172.17.0.0/16 -j MASQUERADE",
        "-s 10.0.0.0/255.0.255.0 -j MASQUERADE",
        "-g firewall",
        '-m comment --comment "never -s 172.17.0.0/16 -j ACCEPT" -j MASQUERADE',
    ],
)
def test_ours_come_before_what_would_translate_the_networks_packets(taker: str) -> None:
    observed = {
        "POSTROUTING": [TUNNEL, taker, "-j LOG"],
        "firewall": ["-j zone"],
        "zone": [MASQUERADE],
    }
    goal = target(observed, WANTED)

    assert goal["POSTROUTING"] == [FIRST, TUNNEL, LAST, taker, "-j LOG"]
    lines = restore_lines(observed, goal)
    assert not any(taker in line for line in lines), "the rule of others is not touched"


@pytest.mark.parametrize(
    "other",
    [
        "-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
        "-s 172.17.0.0/16 -j firewall",
        "-j LOG",
        "-j ACCEPT",
        '-m comment --comment "-j MASQUERADE" -j RETURN',
        "-j loop",
    ],
)
def test_ours_come_behind_what_others_exempt_or_translate_of_their_own(other: str) -> None:
    observed = {"POSTROUTING": [other], "firewall": [MASQUERADE], "loop": ["-j loop"]}
    assert target(observed, WANTED)["POSTROUTING"] == [FIRST, other, LAST]


def test_jumps_that_are_there_stay_where_they_are() -> None:
    """Who puts a rule before ours later may mean it: that is what the doctor is for."""
    observed = {"POSTROUTING": [FIRST, MASQUERADE, LAST]}
    assert target(observed, WANTED)["POSTROUTING"] == observed["POSTROUTING"]
