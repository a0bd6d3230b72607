"""Asks the kernel where some IPv4 addresses are, over rtnetlink (rtnetlink(7)).

It has no question for one address, and tells of all: of ten thousand only those messages are taken
apart that hold one asked for. That takes a third of what `ip address show to` does. Of one that is
nowhere that is known before, so that nothing is told.
"""

import errno
import os
import socket
import struct
from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address
from typing import Final

from netconsole.backend.filtering.nf_messages import DONE, ERROR, HEADER, attributes, error_code
from netconsole.backend.kernel.rtnetlink import DUMP, REQUEST, Rtnetlink
from netconsole.backend.model.hoststate import Address

_GETADDR: Final = 22
_INTERRUPTED: Final = 0x10
"""NLM_F_DUMP_INTR: an answer that is not of one moment."""
_ASKED = struct.Struct("=BBBBI")
"""ifaddrmsg of linux/if_addr.h: family, prefix length, flags, scope, index."""
_BEGINNING = struct.Struct("=IHH")
"""Of each nlmsghdr: length, type, flags."""
_LOCAL, _BROADCAST = 2, 4
"""IFA_LOCAL and IFA_BROADCAST."""
_TRIES: Final = 10


def places(addresses: Collection[str]) -> tuple[Address, ...]:
    """Return where IPv4 addresses are, as `ip address` tells it; none of those that are nowhere.

    Raises OSError where the kernel does not tell.
    """
    wanted = _present(IPv4Address(each).packed for each in addresses)
    if not wanted:
        return ()
    with Rtnetlink() as kernel:
        for _ in range(_TRIES):
            kernel.send(_GETADDR, _ASKED.pack(socket.AF_INET, 0, 0, 0, 0), REQUEST | DUMP)
            found: list[Address] = []
            if _answered(kernel, wanted, found):
                return tuple(found)
    raise OSError(errno.EAGAIN, "addresses change faster than they can be read")


def _present(addresses: Iterable[bytes]) -> frozenset[bytes]:
    """Leave out the addresses that no interface has.

    Only of one that some interface has can multicast packets be sent (IP_MULTICAST_IF, ip(7)): the
    kernel looks for it among the addresses of all, up or down, by its hash.
    """
    found: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for address in addresses:
            try:
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, address)
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    continue
                raise
            found.append(address)
    return frozenset(found)


def _answered(kernel: Rtnetlink, wanted: frozenset[bytes], found: list[Address]) -> bool:
    """Receive all that answers a question; false where it is not of one moment."""
    is_whole = True
    while True:
        piece = kernel.receive()
        is_named = any(each in piece for each in wanted)
        at = 0
        while at < len(piece):
            length, kind, flags = _BEGINNING.unpack_from(piece, at)
            is_whole = is_whole and not flags & _INTERRUPTED
            if kind == ERROR and (code := error_code(piece, at + HEADER.size)):
                raise OSError(code, f"addresses: {os.strerror(code)}")
            if kind in (ERROR, DONE):
                return is_whole
            if is_named:
                found += _place(piece[at + HEADER.size : at + length], wanted)
            at += length + 3 & ~3


def _place(message: bytes, wanted: frozenset[bytes]) -> Iterator[Address]:
    """The address of a message, where it is one of those; none where its interface is gone."""
    told = dict(attributes(message[_ASKED.size :]))
    if (local := told.get(_LOCAL, b"")) not in wanted:
        return
    _, prefix, _, _, index = _ASKED.unpack_from(message)
    try:
        name = socket.if_indextoname(index)
    except OSError:
        return
    broadcast = str(IPv4Address(told[_BROADCAST])) if _BROADCAST in told else None
    yield Address(name, f"{IPv4Address(local)}/{prefix}", broadcast)
