"""Faults of bridges and their ports, put through from break to cure."""

import pytest
from lab_faults import PROGRAMS, put_through, put_through_by_hand
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("port_unplugged", "bridge"),
        ("stp", "stp"),
        ("hairpin", "hairpin"),
        ("ports_isolated", "hairpin"),
        ("port_disabled", "stp"),
        ("port_locked", "hairpin"),
        ("port_no_broadcast", "hairpin"),
        ("port_no_multicast", "hairpin"),
        ("port_no_learning", "hairpin"),
        ("port_suppressed", "hairpin"),
        ("fdb", "fdb"),
        ("fdb_ageing", "fdb"),
        ("bridge_nf_off", "bridge_nf"),
        ("multicast", "multicast"),
        ("guards_flushed", "guards"),
        ("guard_removed", "guards"),
        ("guard_address", "guards"),
    ],
)
def test_from_break_to_cure_and_back(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


def test_a_guest_that_has_another_ones_mac_is_found(lab: RunningLab) -> None:
    put_through(lab, "mac_twin", "fdb", beside=("guards",))


def test_a_limit_that_somebody_has_set_is_named_and_left(lab: RunningLab) -> None:
    assert "tc qdisc delete dev" in put_through_by_hand(lab, "drops", "drops")["remedy"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("guest_address", "uses the address 10.0.0.211"),
        ("guest_no_lease", "gives itself"),
        ("guest_mac", "with the hardware address 52:54:00:0b:ad:01"),
        ("guest_mask", "/29 or more instead of /24"),
        ("guest_router", "by 10.0.0.211, for which it asks by ARP"),
        ("guest_router_mac", "to 02:00:00:00:0b:ad"),
        ("guest_filter", "and none from 10.0.0.1"),
    ],
)
def test_what_is_wrong_in_a_guest_is_seen_at_its_port(
    lab: RunningLab, fault: str, words: str
) -> None:
    finding = put_through_by_hand(lab, fault, "guest_answers", "--probe")
    assert words in finding["because"]
    assert finding["because"].startswith("web2 ")


@pytest.mark.parametrize(("fault", "size"), [("mtu_beyond", 1420), ("guest_mtu", 1300)])
def test_how_much_passes_where_somebody_beyond_carries_less(
    lab: RunningLab, fault: str, size: int
) -> None:
    finding = put_through_by_hand(lab, fault, "mtu", "--probe")
    tag = 4  # a veth takes as much more, for a VLAN
    assert f"The largest that passes has {size + tag} bytes" in finding["because"]
