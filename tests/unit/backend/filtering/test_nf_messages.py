"""Messages of the kernel about its tables of nftables, as it sent them."""

import sys

from netconsole.backend.filtering.nf_messages import parse_counters


def attribute(kind: int, value: bytes) -> bytes:
    padding = b"\0" * (-len(value) % 4)
    return (
        (4 + len(value)).to_bytes(2, sys.byteorder)
        + kind.to_bytes(2, sys.byteorder)
        + value
        + padding
    )


def message(kind: int, content: bytes) -> bytes:
    """With nlmsghdr (linux/netlink.h) before it, of the subsystem nf_tables."""
    length = (16 + len(content)).to_bytes(4, sys.byteorder)
    return length + kind.to_bytes(2, sys.byteorder) + bytes(10) + content


def counter(name: str, packets: int, kind: int = 1) -> bytes:
    """An object of linux/netfilter/nf_tables.h, of the family netdev."""
    seen = attribute(1, bytes(8)) + attribute(2, packets.to_bytes(8, "big"))
    named = attribute(1, b"netconsole\0") + attribute(2, f"{name}\0".encode())
    told = named + attribute(3, kind.to_bytes(4, "big")) + attribute(0x8004, seen)
    return message(0x0A12, b"\5\0\0\0" + told)


def test_counters_are_told_by_name_and_other_objects_are_none() -> None:
    piece = counter("arp_spoof", 12) + counter("quota", 7, kind=2) + counter("llc", 2**40)
    assert parse_counters((piece, message(3, bytes(4)))) == {"arp_spoof": 12, "llc": 2**40}
    assert parse_counters(()) == {}
