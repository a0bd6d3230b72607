"""Faults of kernel settings, policy routing and dnsmasq's files, from the break to the cure."""

from collections.abc import Iterator

import pytest
from lab_faults import PROGRAMS, put_through, put_through_by_hand
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS)


@pytest.fixture(scope="module")
def lab() -> Iterator[RunningLab]:
    with RunningLab() as running:
        yield running


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("route_more_specific", "routes"),
        ("arp_silent", "arp_answers"),
        ("interface_without_arp", "arp_answers"),
        ("no_echo", "arp_answers"),
        ("bridge_forwards_nothing", "ip_forward"),
        ("uplink_forwards_nothing", "ip_forward"),
        ("udp_forgotten", "kernel_settings"),
        ("packets_of_one_hop", "kernel_settings"),
        ("neighbours_not_asked", "kernel_settings"),
        ("one_port_left", "kernel_settings"),
        ("answers_for_guests", "proxy_arp"),
        ("gateway_without_mask", "gateway"),
        ("uplink_bridged", "floating_nat"),
        ("host_files_closed", "dhcp_hosts"),
        ("host_file_changed", "dhcp_hosts"),
    ],
)
def test_what_a_command_cures(lab: RunningLab, fault: str, check: str) -> None:
    put_through(lab, fault, check)


def test_a_lease_of_a_stranger_is_released(lab: RunningLab) -> None:
    """Of its own lease the guest is still without, which is dhcp_nak's to say."""
    asked = (word for check in ("dhcp_hosts", "drift", "dhcp_probe") for word in ("--only", check))
    put_through(lab, "lease_of_a_stranger", "dhcp_hosts", *asked)


def test_a_router_is_known_by_its_answer(lab: RunningLab) -> None:
    put_through(lab, "router_entered_wrong", "neighbours", "--probe")


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        ("rule_to_dead_table", "routes", "`610: from all iif br100 lookup 61`"),
        ("rule_on_the_way_back", "routes", "`blackhole 10.0.0.0/8` of table 61"),
        ("rule_of_a_mark", "routes", "gives it the mark 0x61"),
        ("questions_marked", "routes", "gives it the mark 0x62"),
        ("default_in_halves", "routes", "leaves by vpn0 and not by eth0"),
        ("router_gone", "routes", "203.0.113.77 by eth0, and nobody answered"),
        ("host_address_lost", "uplink", "203.0.113.2 (my_ip) is on no interface"),
        ("strict_at_boot", "rp_filter", "98-hardening.conf:2"),
        ("forwarding_off_at_boot", "ip_forward", "98-hardening.conf:1 switches it off"),
    ],
)
def test_what_is_left_to_the_admin(lab: RunningLab, fault: str, check: str, words: str) -> None:
    assert words in put_through_by_hand(lab, fault, check)["because"]
