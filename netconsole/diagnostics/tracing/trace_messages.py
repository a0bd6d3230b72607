"""What the kernel tells of a packet that it traces: messages of nf_tables, taken apart. Pure.

NFT_MSG_TRACE of linux/netfilter/nf_tables.h: one for each base chain that the packet enters, with
its headers, for each rule that it meets, and for the end of a chain by its policy.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from netconsole.backend.filtering.nf_messages import (
    FAMILIES,
    FAMILY,
    VERDICTS,
    NfFamily,
    attributes,
    headers,
    text,
)

NFT_MSG_TRACE: Final = 17
_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID = 1, 2, 3, 4, 5, 6
_NETWORK, _TRANSPORT, _INTO, _OUT, _MARK = 8, 9, 10, 12, 14
"""NFTA_TRACE_*."""
_KINDS: Final[dict[int, Literal["policy", "return", "rule"]]] = {
    1: "policy",
    2: "return",
    3: "rule",
}
"""NFT_TRACETYPE_*; a packet that enters a base chain is told of with what comes first."""
_QUEUE: Final = 3
"""NF_QUEUE, with the number of the queue in the upper half."""


@dataclass(frozen=True, slots=True)
class TraceMessage:
    """One thing that a traced packet met."""

    number: int
    """Of the packet, as long as it is not handed to another part of the kernel anew."""
    family: NfFamily
    table: str
    chain: str
    kind: Literal["policy", "return", "rule"]
    handle: int = 0
    verdict: str = ""
    """accept, drop, continue, return, queue, stolen, or `jump NAME` and `goto NAME`."""
    into: int = 0
    out: int = 0
    """The interfaces that it came in by and goes out by, as numbers; 0 where there is none."""
    packet: bytes = b""
    """Headers of network and transport, in the first message of each base chain alone."""
    mark: int = 0
    """Of netfilter, that the packet has after this."""


def parse_traces(piece: bytes) -> Iterator[TraceMessage]:
    """Yield what a piece read from the kernel tells; what is no such message is passed over."""
    for kind, _, begin, end in headers(piece):
        if kind & 0xFF != NFT_MSG_TRACE or piece[begin] not in FAMILIES:
            continue
        found = _message(FAMILIES[piece[begin]], piece[begin + FAMILY.size : end])
        if found is not None:
            yield found


def _message(family: NfFamily, data: bytes) -> TraceMessage | None:
    told = dict(attributes(data))
    kind = _KINDS.get(int.from_bytes(told.get(_TYPE, b""), "big"))
    if kind is None:
        return None
    return TraceMessage(
        int.from_bytes(told.get(_ID, b""), "big"),
        family,
        text(told.get(_TABLE, b"")),
        text(told.get(_CHAIN, b"")),
        kind,
        int.from_bytes(told.get(_HANDLE, b""), "big"),
        _verdict(told),
        int.from_bytes(told.get(_INTO, b""), "big"),
        int.from_bytes(told.get(_OUT, b""), "big"),
        told.get(_NETWORK, b"") + told.get(_TRANSPORT, b""),
        int.from_bytes(told.get(_MARK, b""), "big"),
    )


_POLICY: Final = 16
"""NFTA_TRACE_POLICY."""
_CODE, _AIM = 1, 2
"""NFTA_VERDICT_*."""


def _verdict(told: dict[int, bytes]) -> str:
    if _POLICY in told:
        return "drop" if int.from_bytes(told[_POLICY], "big") == 0 else "accept"
    if _VERDICT not in told:
        return ""
    parts = dict(attributes(told[_VERDICT]))
    (code,) = struct.unpack(">i", parts[_CODE])
    if code & 0xFF == _QUEUE:
        return f"queue {code >> 16 & 0xFFFF}"
    name = VERDICTS.get(code, "stolen" if code == _STOLEN else "unknown")
    aim = text(parts.get(_AIM, b""))
    return f"{name} {aim}" if aim else name


_STOLEN: Final = 2
"""NF_STOLEN: the rule itself did away with the packet, as REJECT in some versions."""


def rules_met(messages: Iterable[TraceMessage]) -> frozenset[tuple[NfFamily, str, str]]:
    """Return the chains whose rules were met, for who looks up their texts."""
    return frozenset((each.family, each.table, each.chain) for each in messages if each.handle)
