"""Faults that no check was built for: packets along every path that matters name each of them."""

import pytest
from lab_faults import PROGRAMS, put_through_by_hand
from running_lab import RunningLab

pytestmark = pytest.mark.requires(*PROGRAMS, "root", "nft", "ebtables")

OF_PATHS = (
    *("packet_loss", "forward_filter", "dhcp_firewall", "bridge_nf", "egress_source", "drops"),
    *("floating_nat", "ingress_destination", "ip_forward", "gateway", "routes", "own_address"),
    "metadata",
)
"""The checks that may name what ends such packets, so that one alone is to be shown by them."""
ASKED = tuple(word for check in OF_PATHS for word in ("--only", check))
"""Of the doctor; the whole of it asks many more."""


@pytest.mark.parametrize(
    ("fault", "check", "said"),
    [
        ("layer2_questions", "packet_loss", "table bridge quiet"),
        ("layer2_web", "packet_loss", "table bridge no_web"),
        ("layer2_between_guests", "packet_loss", "table bridge filter"),
        ("arp_answers_filtered", "packet_loss", "table arp mute"),
        ("ingress_filter", "packet_loss", "table netdev edge"),
        ("forward_filter_content", "forward_filter", "--string"),
        ("forward_filter_banned", "forward_filter", "-s 203.0.113.1/32"),
        ("forward_filter_late", "forward_filter", "table ip mangle"),
        ("answers_of_dns", "dhcp_firewall", "--sport 53 -j DROP"),
        ("answers_of_dhcp", "dhcp_firewall", "table inet no_rogues"),
        ("gateway_ping", "packet_loss", "--icmp-type 8 -j DROP"),
        ("metadata_untranslated", "metadata", "-d 169.254.0.0/16"),
        ("untracked", "packet_loss", "--notrack"),
        ("short_lived", "packet_loss", "--ttl-set 1"),
        ("queued_for_nobody", "packet_loss", "queue 7"),
        ("names_led_astray", "packet_loss", "203.0.113.88"),
        ("drops_all", "drops", "pfifo with room for nothing"),
    ],
)
def test_the_rule_that_ends_packets_is_named(
    lab: RunningLab, fault: str, check: str, said: str
) -> None:
    finding = put_through_by_hand(lab, fault, check, "--probe", "--seconds", "1", *ASKED)
    assert (finding["verdict"], finding["confidence"]) == ("fail", "certain")
    assert said in finding["because"]
