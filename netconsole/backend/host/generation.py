"""The generation of the packet filter: a number that each transaction of nf_tables moves on by one.

The kernel keeps one for each network namespace and tells it in answer to NFT_MSG_GETGEN
(linux/netfilter/nf_tables.h). The legacy tables have none.
"""

import socket
import struct

NETLINK_NETFILTER = 12
_GETGEN = 10 << 8 | 16
"""NFNL_SUBSYS_NFTABLES, and NFT_MSG_GETGEN in it."""
_HEADER = struct.Struct("=IHHII")
"""nlmsghdr of linux/netlink.h: length, type, flags, sequence, port."""
_FAMILY = struct.Struct("=BBH")
"""nfgenmsg of linux/netfilter/nfnetlink.h: family, version, resource."""
_ERROR = 2
_REQUEST = _HEADER.pack(_HEADER.size + _FAMILY.size, _GETGEN, 1, 0, 0) + _FAMILY.pack(0, 0, 0)
_ID = _HEADER.size + _FAMILY.size + 4
"""Where NFTA_GEN_ID is, the first attribute of the answer, in network order."""


def current() -> int | None:
    """The generation here and now; None where the kernel has no nf_tables or does not tell."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netfilter:
            netfilter.settimeout(1.0)
            netfilter.send(_REQUEST)
            answer = netfilter.recv(4096)
    except OSError:
        return None
    if _HEADER.unpack_from(answer)[1] == _ERROR or len(answer) < _ID + 4:
        return None
    return int.from_bytes(answer[_ID : _ID + 4], "big")
