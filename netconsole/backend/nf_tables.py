"""Asks the kernel about its tables of nftables, over netlink (linux/netfilter/nf_tables.h).

A few questions that are asked all the time, or on hosts without a program `nft`: the generation,
a number that each transaction moves on by one; which tables and chains there are; and of which
expressions a rule is made, which tells what wrote it.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Final, Literal, Self

NfFamily = Literal["inet", "ip", "arp", "netdev", "bridge", "ip6"]
FAMILIES: Final[dict[int, NfFamily]] = {
    1: "inet",
    2: "ip",
    3: "arp",
    5: "netdev",
    7: "bridge",
    10: "ip6",
}
"""Of linux/netfilter.h, as nft(8) names them."""
_NUMBERS: Final = {name: number for number, name in FAMILIES.items()}
HOOKS: Final = ("prerouting", "input", "forward", "output", "postrouting")
"""By their numbers in linux/netfilter.h, but for the families netdev and arp."""

_NETLINK_NETFILTER: Final = 12
_SUBSYSTEM: Final = 10 << 8
_GETTABLE, _GETCHAIN, _GETRULE, _GETGEN = (_SUBSYSTEM | number for number in (1, 4, 7, 16))
_REQUEST, _DUMP, _INTERRUPTED = 0x1, 0x300, 0x10
"""Flags of a message: a question, for everything; and an answer that is not of one moment."""
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
"""nlmsghdr of linux/netlink.h: length, type, flags, sequence, port."""
_FAMILY = struct.Struct("=BBH")
"""nfgenmsg of linux/netfilter/nfnetlink.h: family, version, resource."""
VERDICTS: Final = {
    0: "drop",
    1: "accept",
    -1: "continue",
    -3: "jump",
    -4: "goto",
    -5: "return",
}
"""By their numbers in linux/netfilter.h and linux/netfilter/nf_tables.h."""
_ATTRIBUTE = struct.Struct("=HH")
_NONE: Final = frozenset({errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})
"""What a kernel answers that has no nf_tables, or no table of that name any more."""


@dataclass(frozen=True, slots=True)
class KernelChain:
    """A chain; one with a hook is a base chain, where packets enter."""

    table: str
    name: str
    type: str = ""
    hook: str = ""
    priority: int = 0
    drops: bool = False
    """Its policy."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One instruction of a rule; what it is about is taken apart when it is asked for."""

    name: str
    data: bytes

    def number(self, attribute: int) -> int:
        """Return a number that it has among its attributes; -1 where it has none."""
        value = _parsed(self.data).get(attribute)
        return -1 if value is None else int.from_bytes(value, "big")


@dataclass(frozen=True, slots=True)
class KernelRule:
    """A rule, known by its handle as long as it is there."""

    handle: int
    expressions: tuple[Expression, ...]


class NfTables:
    """A connection to the kernel; use it as a context manager.

    Each question raises OSError where the kernel does not answer it: to an ordinary user.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._socket.settimeout(10.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def generation(self) -> int:
        """Return the generation of this network namespace's tables."""
        self._ask(_GETGEN, _REQUEST, 0, b"")
        answer = self._socket.recv(1 << 16)
        ((kind, _, begin, end),) = _headers(answer)
        if kind == _ERROR:
            raise _refusal(_code(answer, begin))
        data = answer[begin:end]
        return int.from_bytes(dict(_attributes(data[_FAMILY.size :]))[1], "big")

    def tables(self) -> tuple[tuple[NfFamily, str], ...]:
        """Return family and name of every table."""
        return tuple(
            (FAMILIES[message[0]], _text(dict(_attributes(message[_FAMILY.size :]))[1]))
            for message in _contents(self._dump(_GETTABLE, 0, b""))
            if message[0] in FAMILIES
        )

    def chains(self, family: NfFamily) -> tuple[KernelChain, ...]:
        """Return the chains of every table of a family."""
        dumped = _contents(self._dump(_GETCHAIN, _NUMBERS[family], b""))
        return tuple(_chain(dict(_attributes(message[_FAMILY.size :]))) for message in dumped)

    def raw_rules(self, family: NfFamily, table: str, chain: str) -> tuple[bytes, ...]:
        """Return the rules of a chain in their order as the kernel sends them, many in a piece.

        Not one by one: there may be 50,000, of which mostly nothing more has to be known.
        """
        named = _attribute(1, table) + _attribute(2, chain)
        return tuple(self._dump(_GETRULE, _NUMBERS[family], named))

    def _ask(self, kind: int, flags: int, family: int, data: bytes) -> None:
        length = _HEADER.size + _FAMILY.size + len(data)
        header = _HEADER.pack(length, kind, flags, 0, 0)
        self._socket.send(header + _FAMILY.pack(family, 0, 0) + data)

    def _dump(self, kind: int, family: int, data: bytes) -> list[bytes]:
        """Everything of a kind, of one moment: asked again where that passed meanwhile."""
        for _ in range(10):
            self._ask(kind, _REQUEST | _DUMP, family, data)
            pieces: list[bytes] = []
            if self._answered(pieces):
                return pieces
        raise OSError(errno.EAGAIN, "nf_tables: the tables change faster than they can be read")

    def _answered(self, pieces: list[bytes]) -> bool:
        """Receive all that answers a question; false where it is not of one moment."""
        whole = True
        while True:
            piece = self._socket.recv(1 << 17)
            pieces.append(piece)
            for kind, flags, begin, _ in _headers(piece):
                whole &= not flags & _INTERRUPTED
                if kind in (_ERROR, _DONE):
                    code = _code(piece, begin)
                    if code and code not in _NONE:
                        raise _refusal(code)
                    return whole


def _refusal(code: int) -> OSError:
    """What the kernel says, and what helps where it says no."""
    helps = ", run as root" if code == errno.EPERM else ""
    return OSError(code, f"nf_tables: {os.strerror(code)}{helps}")


def parse_rules(raw: Iterable[bytes]) -> tuple[KernelRule, ...]:
    """Take apart what `raw_rules` answers."""
    return tuple(_rule(message[_FAMILY.size :]) for message in _contents(raw))


def _rule(raw: bytes) -> KernelRule:
    told = dict(_attributes(raw))
    parts = (dict(_attributes(element)) for _, element in _attributes(told.get(4, b"")))
    expressions = tuple(Expression(_text(part[1]), part.get(2, b"")) for part in parts)
    return KernelRule(int.from_bytes(told[3], "big"), expressions)


def verdict(expression: Expression) -> tuple[str, str]:
    """Return the verdict of an expression `immediate`, with the chain it leads to; nothing where
    it is data."""
    data = _parsed(_parsed(expression.data).get(2, b""))
    if 2 not in data:
        return "", ""
    told = _parsed(data[2])
    (code,) = struct.unpack(">i", told[1])
    return VERDICTS.get(code, "unknown"), _text(told.get(2, b""))


def _chain(told: dict[int, bytes]) -> KernelChain:
    table, name = _text(told[1]), _text(told[3])
    if 4 not in told:
        return KernelChain(table, name)
    hook = dict(_attributes(told[4]))
    number = int.from_bytes(hook[1], "big")
    (priority,) = struct.unpack(">i", hook[2])
    return KernelChain(
        table,
        name,
        _text(told.get(7, b"")),
        HOOKS[number] if number < len(HOOKS) else str(number),
        priority,
        int.from_bytes(told.get(5, b"\1"), "big") == 0,
    )


def _headers(answer: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Kind and flags of each message that was received, and where its content begins and ends."""
    at = 0
    while at + _HEADER.size <= len(answer):
        length, kind, flags, _, _ = _HEADER.unpack_from(answer, at)
        yield kind, flags, at + _HEADER.size, at + length
        at += length + 3 & ~3


def _contents(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The content of each message but the one that says that these are all."""
    return (
        piece[begin:end]
        for piece in pieces
        for kind, _, begin, end in _headers(piece)
        if kind not in (_ERROR, _DONE)
    )


def _code(answer: bytes, begin: int) -> int:
    """The error number that a message tells, 0 for none."""
    return -int(struct.unpack_from("=i", answer, begin)[0])


@lru_cache(maxsize=1024)
def _parsed(data: bytes) -> dict[int, bytes]:
    """Attributes by number; the same expressions come again and again."""
    return dict(_attributes(data))


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at, end = 0, len(data) - _ATTRIBUTE.size
    while at <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += length + 3 & ~3 or 4


def _attribute(kind: int, name: str) -> bytes:
    value = name.encode(errors="surrogateescape") + b"\0"
    padding = b"\0" * (-len(value) % 4)
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + padding


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="surrogateescape")
