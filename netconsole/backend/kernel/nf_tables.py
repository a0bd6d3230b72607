"""Asks the kernel about its tables of nftables, over netlink (linux/netfilter/nf_tables.h).

A few questions that are asked all the time, or on hosts without a program `nft`: the generation,
a number that each transaction moves on by one; which tables and chains there are; and of which
expressions a rule is made, which tells what wrote it.
"""

import errno
import os
import socket
from types import TracebackType
from typing import Final, Self

from netconsole.backend.filtering.nf_messages import (
    DONE,
    ERROR,
    FAMILIES,
    FAMILY,
    HEADER,
    KernelChain,
    NfFamily,
    error_code,
    headers,
    named,
    parse_chains,
    parse_generation,
    parse_tables,
)

_NUMBERS: Final = {name: number for number, name in FAMILIES.items()}
_NETLINK_NETFILTER: Final = 12
_SUBSYSTEM: Final = 10 << 8
_GETTABLE, _GETCHAIN, _GETRULE, _GETGEN = (_SUBSYSTEM | number for number in (1, 4, 7, 16))
_GETSET, _GETSETELEM, _GETOBJ = (_SUBSYSTEM | number for number in (10, 13, 19))
_REQUEST, _DUMP, _INTERRUPTED = 0x1, 0x300, 0x10
"""Flags of a message: a question, for everything; and an answer that is not of one moment."""
ABSENT: Final = frozenset({errno.EOPNOTSUPP, errno.EPROTONOSUPPORT})
"""What a kernel that has no nf_tables at all answers to the connection."""
_NONE: Final = ABSENT | {errno.EINVAL, errno.ENOENT}
"""What a kernel answers that has no nf_tables, or no table of that name any more."""


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
        ((kind, _, begin, end),) = headers(answer)
        if kind == ERROR:
            raise _refusal(error_code(answer, begin))
        data = answer[begin:end]
        return parse_generation(data)

    def tables(self) -> tuple[tuple[NfFamily, str], ...]:
        """Return family and name of every table."""
        return parse_tables(self._dump(_GETTABLE, 0, b""))

    def chains(self, family: NfFamily | None = None) -> tuple[KernelChain, ...]:
        """Return the chains of every table of a family, or of all families.

        The tables come in the order in which they were made, and so do the chains of each
        (nf_tables_dump_chains of Linux net/netfilter/nf_tables_api.c).
        """
        return parse_chains(self._dump(_GETCHAIN, _NUMBERS[family] if family else 0, b""))

    def chain(self, family: NfFamily, table: str, chain: str) -> KernelChain | None:
        """Return a chain; None where it is not there."""
        answer = self.raw_chain(family, table, chain)
        return None if answer is None else parse_chains((answer,))[0]

    def raw_chain(self, family: NfFamily, table: str, chain: str) -> bytes | None:
        """Return the message that tells of a chain; None where it is not there."""
        self._ask(_GETCHAIN, _REQUEST, _NUMBERS[family], named(1, table) + named(3, chain))
        answer = self._socket.recv(1 << 16)
        ((kind, _, begin, _),) = headers(answer)
        if kind != ERROR:
            return answer
        if (code := error_code(answer, begin)) not in _NONE:
            raise _refusal(code)
        return None

    def raw_sets(self, family: NfFamily, table: str) -> tuple[bytes, ...]:
        """Return the sets and maps of a table, without their elements."""
        return tuple(self._dump(_GETSET, _NUMBERS[family], named(1, table)))

    def raw_elements(self, family: NfFamily, table: str, name: str) -> tuple[bytes, ...]:
        """Return the elements of a set, many in a piece: of thousands few are taken apart."""
        asked = named(1, table) + named(2, name)
        return tuple(self._dump(_GETSETELEM, _NUMBERS[family], asked))

    def raw_objects(self, family: NfFamily, table: str) -> tuple[bytes, ...]:
        """Return the counters of a table, and what else in it has a name and a state."""
        return tuple(self._dump(_GETOBJ, _NUMBERS[family], named(1, table)))

    def raw_rules(
        self, family: NfFamily, table: str, chain: str | None = None
    ) -> tuple[bytes, ...]:
        """Return the rules of a chain, or of all of a table, in their order, many in a piece.

        Not one by one: there may be 50,000, of which mostly nothing more has to be known.
        """
        asked = named(1, table) + (b"" if chain is None else named(2, chain))
        return tuple(self._dump(_GETRULE, _NUMBERS[family], asked))

    def _ask(self, kind: int, flags: int, family: int, data: bytes) -> None:
        length = HEADER.size + FAMILY.size + len(data)
        header = HEADER.pack(length, kind, flags, 0, 0)
        self._socket.send(header + FAMILY.pack(family, 0, 0) + data)

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
            for kind, flags, begin, _ in headers(piece):
                whole &= not flags & _INTERRUPTED
                if kind in (ERROR, DONE):
                    code = error_code(piece, begin)
                    if code and code not in _NONE:
                        raise _refusal(code)
                    return whole


def _refusal(code: int) -> OSError:
    """What the kernel says, and what helps where it says no."""
    helps = ", run as root" if code == errno.EPERM else ""
    return OSError(code, f"nf_tables: {os.strerror(code)}{helps}")
