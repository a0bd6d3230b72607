"""Rules of ebtables as its two kinds print them, in one form."""

import pytest

from netconsole.backend.filtering.bridge_words import canonical, ethertypes_in

FILE = """
# as Debian's /etc/ethertypes
IPv4            0800    ip ip4          # Internet IP
X25             0805
ARP             0806    ether-arp       #
PPP_DISC        8863                    # PPPoE discovery
IPv6            86DD    ip6
"""
PROTOCOLS = {"udp": 17, "icmp": 1, "ipv6-icmp": 58, "hip": 139, "ipv6-frag": 44}


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        ("-s ! 2:0:0:a:0:1 -j DROP", "-s ! 02:00:00:0a:00:01 -j DROP"),
        (
            "-d 1:80:c2:0:0:0/ff:ff:ff:ff:ff:f0 -j DROP",
            "-d 01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0 -j DROP",
        ),
        (
            "-p ARP --arp-ptype ! IPv4 --arp-mac-src 2:0:0:0:0:1 -j DROP",
            "-p ARP --arp-ptype ! 0x0800 --arp-mac-src 02:00:00:00:00:01 -j DROP",
        ),
        ("-p ARP --arp-ptype ! 0x800 -j DROP", "-p ARP --arp-ptype ! 0x0800 -j DROP"),
        ("-p 802_1Q -j DROP", "-p 0x8100 -j DROP"),
        ("-p S-TAG -j DROP", "-p 0x88a8 -j DROP"),
        ("-p PPP_DISC -j RETURN", "-p 0x8863 -j RETURN"),
        ("-p LENGTH -j DROP", "-p LENGTH -j DROP"),
        ("-p IPv6 --ip6-proto ! udp -j RETURN", "-p IPv6 --ip6-proto ! udp -j RETURN"),
        ("-p IPv6 --ip6-proto 17 -j RETURN", "-p IPv6 --ip6-proto udp -j RETURN"),
        ("-p IPv6 --ip6-proto hip -j DROP", "-p IPv6 --ip6-proto 139 -j DROP"),
        (
            "-p IPv4 --ip-proto icmp --ip-icmp-type redirect -j DROP",
            "-p IPv4 --ip-proto icmp --ip-icmp-type 5 -j DROP",
        ),
        (
            "-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type 130/0:255 -j RETURN",
            "-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type 130 -j RETURN",
        ),
        ("-p IPv4 --ip-proto unheard -j DROP", "-p IPv4 --ip-proto unheard -j DROP"),
        ("-p UNHEARD -j DROP", "-p UNHEARD -j DROP"),
    ],
)
def test_both_kinds_print_one_rule(printed: str, wanted: str) -> None:
    assert canonical(printed, ethertypes_in(FILE), PROTOCOLS.get) == wanted
    assert canonical(wanted, ethertypes_in(FILE), PROTOCOLS.get) == wanted


def test_without_the_file_the_names_that_ebtables_knows_itself_are_numbers() -> None:
    assert canonical("-p 802_1Q -j DROP", {}, PROTOCOLS.get) == "-p 0x8100 -j DROP"
    assert ethertypes_in("no line of it\nIPv4 number\n") == {}
