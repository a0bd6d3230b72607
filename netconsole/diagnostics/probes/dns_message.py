"""DNS messages: a question to send, the code of the answer (RFC 1035 section 4). Pure."""

import struct

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
    labels = (label.encode("ascii") for label in name.split("."))
    encoded = b"".join(bytes((len(label),)) + label for label in labels)
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + encoded + b"\0\0\1\0\1"


def code(answer: bytes, number: int) -> str | None:
    """Return the response code, or None when the message answers no question of that number."""
    if len(answer) < 12:
        return None
    told, flags = struct.unpack(">HH", answer[:4])
    if told != number or not flags & 0x8000:
        return None
    return CODES.get(flags & 15, f"code {flags & 15}")
