"""Frames for tests, made by scapy: another implementation than ours."""

from typing import Any

from netconsole.capture.packet import INBOUND, OUTBOUND, Packet

GUEST, HOST_MAC, PEER = "fa:16:3e:00:00:02", "02:00:00:00:00:0b", "fa:16:3e:00:00:03"
GUEST_IP, GATEWAY = "10.0.0.2", "10.0.0.1"
MS = 1_000_000
"""Nanoseconds."""


def built(packet: Any) -> bytes:
    """Return the bytes of a packet of scapy's."""
    return bytes(packet)


def udp(
    number: int = 0,
    *,
    payload: bytes = b"",
    source: str = GUEST_IP,
    target: str = GATEWAY,
    macs: tuple[str, str] = (GUEST, HOST_MAC),
    ttl: int = 64,
    identification: int | None = None,
    ports: tuple[int, int] = (4000, 9),
) -> bytes:
    """A datagram from the guest to its gateway; the number tells one from the other."""
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether

    head = IP(
        src=source, dst=target, ttl=ttl, id=number if identification is None else identification
    )
    ether = Ether(src=macs[0], dst=macs[1])
    content = payload or number.to_bytes(40, "big")
    return built(ether / head / UDP(sport=ports[0], dport=ports[1]) / content)


def query(id_: int, name: str = "www.example.org", source: int = 4242) -> bytes:
    """A DNS question of the guest's."""
    from scapy.layers.dns import DNS, DNSQR

    return udp(id_, payload=built(DNS(id=id_, rd=1, qd=DNSQR(qname=name))), ports=(source, 53))


def answer(
    id_: int, name: str = "www.example.org", target: int = 4242, *, rcode: int = 0, tc: int = 0
) -> bytes:
    """The gateway's answer to it."""
    from scapy.layers.dns import DNS, DNSQR

    message = DNS(id=id_, qr=1, rcode=rcode, tc=tc, qd=DNSQR(qname=name))
    return udp(
        id_ + 30_000,
        payload=built(message),
        source=GATEWAY,
        target=GUEST_IP,
        macs=(HOST_MAC, GUEST),
        ports=(53, target),
    )


def dns_segment(*payloads: bytes, reply: bool = False, source: int = 4242, at: int = 1) -> bytes:
    """A TCP segment of DNS messages, each led by its length; `at` is its sequence number."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether

    carried = b"".join(len(message).to_bytes(2, "big") + message for message in payloads)
    ends = (GATEWAY, GUEST_IP) if reply else (GUEST_IP, GATEWAY)
    ports = (53, source) if reply else (source, 53)
    ether = Ether(src=HOST_MAC if reply else GUEST, dst=GUEST if reply else HOST_MAC)
    head = IP(src=ends[0], dst=ends[1], id=at)
    return built(ether / head / TCP(sport=ports[0], dport=ports[1], seq=at, flags="PA") / carried)


def dns_message(id_: int, name: str = "www.example.org", *, reply: bool = False) -> bytes:
    """A DNS message by itself."""
    from scapy.layers.dns import DNS, DNSQR

    return built(DNS(id=id_, qr=int(reply), rd=1, qd=DNSQR(qname=name)))


def tagged(frame: bytes, tag: int) -> bytes:
    """The frame with an 802.1Q tag."""
    return frame[:12] + b"\x81\x00" + tag.to_bytes(2, "big") + frame[12:]


def came_in(ms: float, frame: bytes) -> Packet:
    """The frame as it came in at an interface, so many milliseconds after the beginning."""
    return (round(ms * MS), frame, len(frame), INBOUND)


def went_out(ms: float, frame: bytes) -> Packet:
    """The frame as it left by an interface."""
    return (round(ms * MS), frame, len(frame), OUTBOUND)
