"""Ignoring: the kernel lets no more connections in from some addresses at a listening socket.

By a filter of the socket (SO_ATTACH_FILTER of socket(7), the kernel's networking/filter.rst) the
first packet of a connection is dropped, as if it were lost: who means it well tries again a second
later, and who does not costs nothing here. Connections that there are stay.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Final

from netconsole.backend.system import socket_filters
from netconsole.backend.system.socket_filters import Instruction

MOST_IGNORED: Final = 64
_DETACH_FILTER: Final = 27
"""SO_DETACH_FILTER of asm-generic/socket.h."""
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
"""BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K and BPF_RET | BPF_K of linux/bpf_common.h."""
_SOURCE: Final = -0x100000 + 12 & 0xFFFFFFFF
"""SKF_NET_OFF of linux/filter.h, and where the source is in an IPv4 header (RFC 791)."""
_ALL, _NOTHING = 0xFFFFFFFF, 0


def ignore(listener: socket.socket, addresses: Sequence[str]) -> None:
    """Let no connections in from these addresses, at most MOST_IGNORED, and from all others.

    Raises OSError where the kernel refuses.
    """
    if not addresses:
        listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)
        return
    socket_filters.attach(listener, _program(addresses))


def _program(addresses: Sequence[str]) -> tuple[Instruction, ...]:
    """Load the source, and jump from each that is like it to the end, where nothing is kept."""
    count = len(addresses)
    return (
        (_LOAD_WORD, 0, 0, _SOURCE),
        *(
            (_JUMP_IF_EQUAL, count - number, 0, int(IPv4Address(address)))
            for number, address in enumerate(addresses)
        ),
        (_RETURN, 0, 0, _ALL),
        (_RETURN, 0, 0, _NOTHING),
    )
