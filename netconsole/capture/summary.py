"""A packet in one line, for people."""

from datetime import datetime

from netconsole.capture.layers import (
    ARP,
    ICMP,
    ICMPV6,
    TCP,
    UDP,
    Internet,
    arp,
    ethernet,
    internet,
    ports,
    tcp,
)
from netconsole.capture.packet import Packet, direction
from netconsole.capture.services import RCODES, TYPES, Dns, dhcp, dns_messages

TCP_FLAGS = "FSRPAUEC"
ICMP_TYPES = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request"}
ICMP_TYPES |= {11: "time exceeded"}
ICMPV6_TYPES = {1: "unreachable", 2: "too big", 3: "time exceeded", 128: "echo request"}
ICMPV6_TYPES |= {129: "echo reply", 133: "router solicitation", 134: "router advertisement"}
ICMPV6_TYPES |= {135: "neighbour solicitation", 136: "neighbour advertisement"}
ICMPV6_TYPES |= {143: "listener report"}
ECHOES = {ICMP: (0, 8), ICMPV6: (128, 129)}


def mac(address: bytes) -> str:
    """Return a MAC address as people write it."""
    return address.hex(":")


def clock(time: int, digits: int = 6) -> str:
    """Return the local time of nanoseconds since 1970, with so many digits after the second."""
    seconds, fraction = divmod(time, 1_000_000_000)
    said = datetime.fromtimestamp(seconds).strftime("%H:%M:%S")
    return f"{said}.{fraction:09}"[: len(said) + digits + bool(digits)]


def line(interface: str, packet: Packet, digits: int = 6) -> str:
    """Return a packet of an interface: when, where, which way, and what it is."""
    time, frame, length, flags = packet
    return f"{clock(time, digits)} {interface} {direction(flags):3} {summary(frame, length)}"


def summary(frame: bytes, length: int) -> str:
    """Return what a frame is; `length` is the one it had on the wire, in bytes."""
    head = ethernet(frame)
    if head is None:
        return f"{len(frame)} bytes, too short for a frame"
    tags = "".join(f"vlan {tag} " for tag in head.tags)
    if head.ethertype == ARP and (message := arp(frame, head.at)) is not None:
        if message.operation == 1:
            return f"{tags}ARP who has {message.target}, tell {message.sender}"
        return f"{tags}ARP {message.sender} is at {mac(message.sender_mac)}"
    packet = internet(frame, head)
    if packet is None:
        ways = f"{mac(head.source)} > {mac(head.destination)}"
        return f"{tags}{ways} type 0x{head.ethertype:04x}, {length} bytes"
    return tags + _internet(frame, packet)


def _internet(frame: bytes, packet: Internet) -> str:
    size = packet.end - packet.at
    ends = ports(frame, packet)
    if ends is None:
        what = f"fragment at {packet.fragment}" if packet.fragment else _icmp(frame, packet)
        return f"{packet.source} > {packet.destination} {what}, {size} bytes"
    way = f"{packet.source}.{ends[0]} > {packet.destination}.{ends[1]}"
    segment = tcp(frame, packet)
    if segment is not None:
        flags = "".join(name for bit, name in enumerate(TCP_FLAGS) if segment.flags >> bit & 1)
        said = _service(frame, packet)
        return (
            f"{way} TCP [{flags}] seq {segment.sequence} ack {segment.acknowledgement}, "
            f"{max(packet.end - segment.at, 0)} bytes{f', {said}' if said else ''}"
        )
    return f"{way} {_service(frame, packet) or f'{_protocol(packet)}, {size} bytes'}"


def _protocol(packet: Internet) -> str:
    return {UDP: "UDP", TCP: "TCP"}.get(packet.protocol, f"protocol {packet.protocol}")


def _icmp(frame: bytes, packet: Internet) -> str:
    names = {ICMP: ICMP_TYPES, ICMPV6: ICMPV6_TYPES}.get(packet.protocol)
    head = frame[packet.at : packet.at + 8]
    if names is None or len(head) < 8:
        return _protocol(packet)
    version = "ICMP" if packet.protocol == ICMP else "ICMPv6"
    said = f"{version} {names.get(head[0], f'type {head[0]}')}"
    if head[0] in ECHOES[packet.protocol]:
        said += f" id {int.from_bytes(head[4:6], 'big')} seq {int.from_bytes(head[6:8], 'big')}"
    return said


def _service(frame: bytes, packet: Internet) -> str:
    """Return what DNS or DHCP says in a datagram or segment, or nothing."""
    if queries := tuple(dns_messages(frame, packet)):
        return ", ".join(map(_query, queries))
    if (message := dhcp(frame, packet)) is not None:
        kind = message.message or ("reply" if message.reply else "request")
        return f"DHCP {kind} xid {message.xid:08x} {mac(message.chaddr)}"
    return ""


def _query(query: Dns) -> str:
    name = f"{TYPES.get(query.type, query.type)} {query.name}"
    if not query.response:
        return f"DNS {query.id} {name}?"
    cut = " TC" if query.truncated else ""
    return f"DNS {query.id} {name} {RCODES.get(query.rcode, query.rcode)}{cut}"
