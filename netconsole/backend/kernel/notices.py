"""Notices: the kernel tells that something changed, over netlink, to who has asked for it.

What changed is not taken from them: they say which facility, and of links which, is to be read
again. So one that is lost does no harm, as long as it is known that some were: the kernel says so
(ENOBUFS, netlink(7)), and then all that the connection is about counts as changed.
"""

import errno
import socket
import struct
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Final

from netconsole.backend.filtering.nf_messages import FAMILIES, attributes, headers, text
from netconsole.backend.model.authors import Authors
from netconsole.backend.model.facility import NOTHING, Again, Facility
from netconsole.backend.system import socket_filters
from netconsole.backend.system.origin import service_of

_SO_RCVBUFFORCE: Final = 33
"""Of asm-generic/socket.h; Python has no name for it."""
_BUFFER: Final = 1 << 20
"""Bytes: some thousand notices, as of one restored table, wait until they are read."""
_MOST_AT_ONCE: Final = 4_096
"""Of a storm no more are read before somebody looks."""
_PIECE: Final = 1 << 16


class Notices(ABC):
    """A connection over which the kernel tells; close it in the end.

    To open it raises OSError where this process is not told.
    """

    concerning: frozenset[Facility]
    """All that it can tell of."""

    def __init__(self, protocol: int, groups: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        try:
            self._socket.setblocking(False)
            with suppress(OSError):  # without the right to it the usual buffer has to do
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
            self._socket.bind((0, groups))
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are notices."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def heard(self) -> Again:
        """Return what is to be read again by all notices that have come; does not wait."""
        again = NOTHING
        for _ in range(_MOST_AT_ONCE):
            try:
                piece = self._socket.recv(_PIECE)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                again |= Again(self.concerning)
                continue
            for kind, _, begin, end in headers(piece):
                again |= self._told(kind, piece[begin:end])
        return again

    @abstractmethod
    def _told(self, kind: int, message: bytes) -> Again:
        """What one notice says."""


_LINK: Final = struct.Struct("=BxHiII")
"""ifinfomsg of linux/rtnetlink.h: family, type, index, flags, change."""
_NEW_LINK, _GONE_LINK, _SET_LINK = 16, 17, 19
_IFLA_IFNAME: Final = 3
_ADDRESS: Final = struct.Struct("=BxxBi")
"""ifaddrmsg of linux/if_addr.h: family, prefix length, flags, scope, index."""
_LINK_SCOPE: Final = 253
"""RT_SCOPE_LINK."""
_NETCONF_IFINDEX: Final = 1
"""NETCONFA_IFINDEX of linux/netconf.h."""
_OF_ADDRESSES: Final = frozenset({20, 21})
_OF_KINDS: Final = {
    24: Facility.ROUTES,
    25: Facility.ROUTES,
    32: Facility.ROUTES,
    33: Facility.ROUTES,
}
"""By RTM_* of linux/rtnetlink.h."""
_NETCONF: Final = frozenset({80, 81})
_ADDRESSES: Final = Again.of(Facility.ADDRESSES)
_RENAMED: Final = Again.of(Facility.LINKS, Facility.ADDRESSES, Facility.ROUTES, Facility.GUARDS)


def _mask(*groups: int) -> int:
    return sum(1 << group - 1 for group in groups)


class RouteNotices(Notices):
    """Of links, addresses, routes, and of those kernel settings of which the kernel tells.

    That is forwarding, rp_filter and proxy_arp (RTNLGRP_IPV4_NETCONF). Of disable_ipv6 speaks what
    follows where the link is up: it is ready for IPv6 (RTNLGRP_IPV6_IFINFO) and gets a link-local
    address, told of once nobody else has it, or it loses that. Of others it tells nobody.
    """

    concerning = frozenset({Facility.LINKS, Facility.ADDRESSES, Facility.ROUTES, Facility.SETTINGS})

    def __init__(self) -> None:
        # LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_IFINFO,
        # IPV6_RULE, and NETCONF of both: RTNLGRP_* of linux/rtnetlink.h
        super().__init__(socket.NETLINK_ROUTE, _mask(1, 5, 7, 8, 9, 11, 12, 19, 24, 25))
        self._names = dict(socket.if_nameindex())

    def _told(self, kind: int, message: bytes) -> Again:
        if kind in (_NEW_LINK, _GONE_LINK, _SET_LINK):
            return self._of_link(kind, message)
        if kind in _NETCONF:
            return self._of_setting(message)
        if kind in _OF_ADDRESSES:
            return self._of_address(message)
        return Again.of(_OF_KINDS[kind]) if kind in _OF_KINDS else NOTHING

    def _of_link(self, kind: int, message: bytes) -> Again:
        """Of a link that has another name now, others have told where they name it: all count, and
        so does what is on links and is told of by their names.
        """
        family, _, index, _, _ = _LINK.unpack_from(message)
        if family == socket.AF_INET6:
            return _ADDRESSES | self._of_settings(index)
        told = dict(attributes(message[_LINK.size :]))
        name = text(told.get(_IFLA_IFNAME, b""))
        former = self._names.get(index, name)
        if kind == _GONE_LINK:
            self._names.pop(index, None)
        elif name:
            self._names[index] = name
        if not name or name != former:
            return _RENAMED
        return Again(frozenset({Facility.LINKS}), frozenset({name}))

    def _of_address(self, message: bytes) -> Again:
        family, scope, index = _ADDRESS.unpack_from(message)
        if family == socket.AF_INET6 and scope == _LINK_SCOPE:
            return _ADDRESSES | self._of_settings(index)
        return _ADDRESSES

    def _of_setting(self, message: bytes) -> Again:
        told = dict(attributes(message[4:]))
        index = told.get(_NETCONF_IFINDEX, b"")
        return self._of_settings(int.from_bytes(index, sys.byteorder, signed=True))

    def _of_settings(self, index: int) -> Again:
        """Those of one link are read again with it."""
        if (name := self._names.get(index)) is None:
            return Again.of(Facility.SETTINGS)
        return Again(frozenset({Facility.LINKS}), frozenset({name}))


_NEW_GENERATION: Final = 15
"""NFT_MSG_NEWGEN: ends each transaction, also one that changed nothing."""
_NFGENMSG: Final = 4
_GEN_PROC_PID, _GEN_PROC_NAME = 2, 3
"""NFTA_GEN_* of linux/netfilter/nf_tables.h; the number is that of the first pid namespace."""
_NETLINK_NETFILTER: Final = 12
_NFNLGRP_NFTABLES: Final = 7


class RuleNotices(Notices):
    """Of the tables of nftables, and so of iptables' and ebtables' as far as these are of it.

    Of the legacy kind the kernel tells nobody.
    """

    concerning = frozenset({Facility.RULES, Facility.GUARDS})

    def __init__(self) -> None:
        super().__init__(_NETLINK_NETFILTER, _mask(_NFNLGRP_NFTABLES))
        self._has_changed = False
        self._authors = Authors()

    def authors(self) -> Authors:
        """Return who has changed some since this was asked last."""
        found, self._authors = self._authors, Authors()
        return found

    def _told(self, kind: int, message: bytes) -> Again:
        if kind & 0xFF == _NEW_GENERATION:
            if self._has_changed:
                self._authors |= _author(message)
            self._has_changed = False
            return NOTHING
        if not message:
            return NOTHING
        self._has_changed = True
        if FAMILIES.get(message[0]) == "netdev":
            return _GUARDS
        return _RULES


def _author(message: bytes) -> Authors:
    """Whose transaction a new generation ends (nft_gen_attributes)."""
    told = dict(attributes(message[_NFGENMSG:]))
    process = int.from_bytes(told.get(_GEN_PROC_PID, b""), "big")
    service = service_of(process, text(told.get(_GEN_PROC_NAME, b""))) if process else None
    return Authors.of(service)


_GUARDS: Final = Again.of(Facility.GUARDS)
_RULES: Final = Again.of(Facility.RULES)


_STATE_AT: Final = 16 + 8
"""Where ndm_state is, behind nlmsghdr and the beginning of ndmsg (linux/neighbour.h)."""
_FAILED: Final = (
    (0x28, 0, 0, _STATE_AT),  # ldh: the two bytes as of the network's order
    (0x45, 0, 1, socket.htons(0x20)),  # jset NUD_FAILED
    (0x06, 0, 0, 0xFFFFFFFF),  # ret all of it
    (0x06, 0, 0, 0),  # ret nothing of it
)
"""A filter of classic BPF that passes notices of neighbours that have failed."""


class NeighbourNotices(Notices):
    """Of neighbours that do not answer.

    Most notices of neighbours say that one is well, some each minute of each guest: those wake
    nobody. A filter in the kernel leaves them out (socket(7), SO_ATTACH_FILTER).
    """

    concerning = frozenset({Facility.NEIGHBOURS})

    def __init__(self) -> None:
        super().__init__(socket.NETLINK_ROUTE, _mask(3))
        socket_filters.attach(self._socket, _FAILED)

    def _told(self, kind: int, message: bytes) -> Again:
        return Again.of(Facility.NEIGHBOURS)
