"""Filters of classic BPF at sockets: the kernel drops what they do not let by (socket(7)).

Their language is described in Linux Documentation/networking/filter.rst.
"""

import ctypes
import socket
import struct
from collections.abc import Sequence
from typing import Final

Instruction = tuple[int, int, int, int]
"""One of classic BPF: code, jump if true, jump if false, operand."""

_SO_ATTACH_FILTER: Final = 26
"""Of asm-generic/socket.h; Python has no name for it."""
_INSTRUCTION: Final = struct.Struct("=HBBI")
"""sock_filter of linux/filter.h."""
_PROGRAM: Final = struct.Struct("@HP")
"""sock_fprog: how many instructions, and where they are."""


def attach(filtered: socket.socket, program: Sequence[Instruction]) -> None:
    """Let by what a program returns a length for, instead of all or of what was let by before.

    Raises OSError where the kernel refuses.
    """
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*each) for each in program))
    described = _PROGRAM.pack(len(program), ctypes.addressof(code))
    filtered.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
