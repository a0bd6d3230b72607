"""DHCP messages as frames: a DISCOVER to send, answers to read (RFC 2131, RFC 2132). Pure."""

import socket
import struct
from dataclasses import dataclass

from netconsole.backend.model.text import decoded
from netconsole.diagnostics.probes.internet_checksum import internet_checksum

_BROADCAST_MAC = b"\xff" * 6
_MAGIC = b"\x63\x82\x53\x63"
_MESSAGE_TYPES = {2: "OFFER", 5: "ACK", 6: "NAK"}
_BROADCAST_FLAG = 0x8000
_HEADERS = 42
"""Bytes of the Ethernet, IPv4 and UDP headers."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a server said."""

    kind: str
    transaction: int
    mac: str
    address: str
    server: str
    source: str
    text: str


def inform(client: str, address: str, transaction: int) -> bytes:
    """Return an INFORM, without its frame: a client that has an address asks for the rest.

    A server gives no address for it and keeps nothing (RFC 2131 sections 3.4, 4.3.5). It answers
    to that address.
    """
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, transaction, 0, 0) + socket.inet_aton(address)
    return head + bytes(12) + _mac(client) + bytes(10) + bytes(192) + _MAGIC + b"\x35\x01\x08\xff"


def answers_transaction(message: bytes, number: int) -> bool:
    """Whether a message, without its frame, is a server's answer to a transaction."""
    return (
        len(message) >= 240
        and message[0] == 2
        and message[236:240] == _MAGIC
        and int.from_bytes(message[4:8], "big") == number
    )


def discover(source: str, client: str, transaction: int) -> bytes:
    """Return a DISCOVER for the client, in a frame from `source`, that asks to be broadcast to.

    A DISCOVER makes no server keep anything: a lease begins with a REQUEST.
    """
    options = b"\x35\x01\x01" + b"\x37\x04\x01\x03\x06\x33" + b"\xff"
    head = struct.pack(">BBBBIHH", 1, 1, 6, 0, transaction, 0, _BROADCAST_FLAG)
    message = head + bytes(16) + _mac(client) + bytes(10) + bytes(192) + _MAGIC + options
    datagram = struct.pack(">HHHH", 68, 67, 8 + len(message), 0) + message
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4
    )
    header = header[:10] + struct.pack(">H", internet_checksum(header)) + header[12:]
    return _BROADCAST_MAC + _mac(source) + b"\x08\x00" + header + datagram


def read(frame: bytes) -> Message | None:
    """Return what a frame says, or None when it is no answer of a DHCP server."""
    if len(frame) < _HEADERS or frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    datagram = frame[14 + (frame[14] & 15) * 4 :]
    if len(datagram) < 248 or datagram[:4] != struct.pack(">HH", 67, 68):
        return None
    message = datagram[8:]
    if message[0] != 2 or message[236:240] != _MAGIC:
        return None
    options = _options(message[240:])
    kind = _MESSAGE_TYPES.get(options.get(53, b"\0")[0])
    if kind is None:
        return None
    server = options.get(54, b"")
    return Message(
        kind,
        int.from_bytes(message[4:8], "big"),
        message[28:34].hex(":"),
        socket.inet_ntoa(message[16:20]),
        socket.inet_ntoa(server) if len(server) == 4 else socket.inet_ntoa(frame[26:30]),
        frame[6:12].hex(":"),
        decoded(options.get(56, b"")),
    )


def _options(text: bytes) -> dict[int, bytes]:
    """Read the options up to the end, or to where they are cut off."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 1 < len(text) and text[at] != 255:
        if text[at] == 0:
            at += 1
            continue
        length = text[at + 1]
        value = text[at + 2 : at + 2 + length]
        if value:
            found.setdefault(text[at], value)
        at += 2 + length
    return found


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
