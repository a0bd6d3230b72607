"""Faults of bridges and their ports, put through from break to cure."""

import pytest
from lab_faults import PROGRAMS, put_through, put_through_by_hand
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("port-unplugged", "bridge"),
        ("stp", "stp"),
        ("hairpin", "hairpin"),
        ("ports-isolated", "hairpin"),
        ("port-disabled", "stp"),
        ("port-locked", "hairpin"),
        ("port-no-broadcast", "hairpin"),
        ("port-no-multicast", "hairpin"),
        ("port-no-learning", "hairpin"),
        ("port-suppressed", "hairpin"),
        ("fdb", "fdb"),
        ("fdb-ageing", "fdb"),
        ("bridge_nf-off", "bridge_nf"),
        ("multicast", "multicast"),
        ("guards-flushed", "guards"),
        ("guard-removed", "guards"),
        ("guard-address", "guards"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


def test_a_guest_that_has_another_ones_mac_is_found(lab: RunningLab) -> None:
    put_through(lab, "mac-twin", "fdb", beside=("guards",))


def test_a_limit_that_somebody_has_set_is_named_and_left(lab: RunningLab) -> None:
    assert "tc qdisc delete dev" in put_through_by_hand(lab, "drops", "drops")["remedy"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("guest-address", "uses the address 10.0.0.211"),
        ("guest-no-lease", "gives itself"),
        ("guest-mac", "with the hardware address 52:54:00:0b:ad:01"),
        ("guest-mask", "/29 or more instead of /24"),
        ("guest-router", "by 10.0.0.211, for which it asks by ARP"),
        ("guest-router-mac", "to 02:00:00:00:0b:ad"),
    ],
)
def test_what_is_wrong_in_a_guest_is_seen_at_its_port(
    lab: RunningLab, fault: str, words: str
) -> None:
    finding = put_through_by_hand(lab, fault, "guest_answers", "--probe")
    assert words in finding["because"]
    assert finding["because"].startswith("web2 ")


@pytest.mark.parametrize(("fault", "size"), [("mtu-beyond", 1420), ("guest-mtu", 1300)])
def test_how_much_passes_where_somebody_beyond_carries_less(
    lab: RunningLab, fault: str, size: int
) -> None:
    finding = put_through_by_hand(lab, fault, "mtu", "--probe")
    tag = 4  # a veth takes as much more, for a VLAN
    assert f"The largest that passes has {size + tag} bytes" in finding["because"]
