"""The checksum of IPv4, ICMP, UDP and TCP (RFC 1071). Pure."""

import struct


def internet_checksum(covered: bytes) -> int:
    """Return it of what it covers, in which its own place is zero; an odd byte is filled up."""
    whole = covered + b"\0" * (len(covered) % 2)
    total: int = sum(struct.unpack(f"!{len(whole) // 2}H", whole))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
