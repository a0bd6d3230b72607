"""Enters the network namespace of another process (setns(2)); for processes of one thread."""

import ctypes
import os
from typing import Final

_CLONE_NEWNET: Final = 0x40000000


def enter_network(process: int) -> None:
    """Enter the one that a process is in. Raises OSError where that is gone, or not allowed."""
    namespace = os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(namespace)
