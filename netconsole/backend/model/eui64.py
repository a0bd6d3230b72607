"""The IPv6 addresses that a guest makes itself of its MAC address. Pure."""

from netaddr import EUI, IPNetwork

LINK_LOCAL = "fe80::/64"


def address_v6(mac: str, cidr: str) -> str:
    """Return the address that a guest makes of its MAC address and an IPv6 range (RFC 4291
    2.5.1)."""
    return str(EUI(mac).ipv6(IPNetwork(cidr).first))
