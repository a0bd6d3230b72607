"""DNS messages: a question to send, the code of the answer (RFC 1035 section 4). Pure."""

import socket
import struct
from contextlib import suppress

CODES = {
    0: "NOERROR",
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMP",
    5: "REFUSED",
}


def question(name: str, number: int) -> bytes:
    """Return a question for the IPv4 addresses of a name, recursion desired."""
    return _question(name, number, _ADDRESS, _INTERNET)


def question_of_its_own(number: int) -> bytes:
    """Return one that dnsmasq answers without asking anybody: how large its cache is.

    dnsmasq(8), at --cache-size: the statistics are records of class CHAOS and type TXT in the
    domain bind. With --no-ident it refuses them, which is an answer as well.
    """
    return _question("cachesize.bind", number, _TEXT, _CHAOS)


_HEADER, _RECORD = 12, 10
"""Bytes of a message's head, and of a record's behind its name."""
_POINTER = 0xC0
_ADDRESS, _TEXT = 1, 16
_INTERNET, _CHAOS = 1, 3


def _question(name: str, number: int, kind: int, of_class: int) -> bytes:
    labels = (label.encode("ascii") for label in name.split("."))
    encoded = b"".join(bytes((len(label),)) + label for label in labels)
    return (
        struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0)
        + encoded
        + struct.pack(">BHH", 0, kind, of_class)
    )


def answers_question(answer: bytes, number: int) -> bool:
    """Whether a message answers the question of that number."""
    return code(answer, number) is not None


def code(answer: bytes, number: int) -> str | None:
    """Return the response code, or None when the message answers no question of that number."""
    if len(answer) < 12:
        return None
    told, flags = struct.unpack(">HH", answer[:4])
    if told != number or not flags & 0x8000:
        return None
    return CODES.get(flags & 15, f"code {flags & 15}")


def addresses(answer: bytes) -> tuple[str, ...]:
    """Return the IPv4 addresses that a message answers with, as far as it is not cut off."""
    found = []
    with suppress(struct.error, IndexError):
        _, _, questions, records = struct.unpack_from(">HHHH", answer)
        at = _HEADER
        for _ in range(questions):
            at = _after_name(answer, at) + 4
        for _ in range(records):
            at = _after_name(answer, at)
            kind, of_class, _, length = struct.unpack_from(">HHIH", answer, at)
            at += _RECORD + length
            data = answer[at - length : at]
            if (kind, of_class) == (_ADDRESS, _INTERNET) and len(data) == 4:
                found.append(socket.inet_ntoa(data))
    return tuple(found)


def _after_name(message: bytes, at: int) -> int:
    """Return where a name ends: with a label of no length, or a pointer to elsewhere."""
    while message[at]:
        if message[at] & _POINTER:
            return at + 2
        at += 1 + message[at]
    return at + 1
