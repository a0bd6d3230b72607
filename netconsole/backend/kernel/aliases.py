"""Asks the kernel for the alias of one link (RTM_GETLINK, rtnetlink(7)).

By its alias a link says whose it is.
"""

import errno
import socket
import struct
from typing import Final

from netconsole.backend.filtering.nf_messages import attributes, named, text
from netconsole.backend.kernel.rtnetlink import Rtnetlink
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import encoded

_GETLINK: Final = 18
_MESSAGE = struct.Struct("=BBHiII")
"""ifinfomsg of linux/rtnetlink.h: family, padding, type, index, flags, change."""
_NAME, _ALIAS = 3, 20
"""IFLA_IFNAME and IFLA_IFALIAS."""
_LONGEST: Final = 15
"""Bytes of an interface's name: IFNAMSIZ, less the zero at its end."""


def alias_of(name: str) -> str | None:
    """Return the alias of a link, empty where it has none; None where no link has this name.

    Raises Unavailable where the kernel does not tell.
    """
    if len(encoded(name)) > _LONGEST:
        return None
    question = _MESSAGE.pack(socket.AF_UNSPEC, 0, 0, 0, 0, 0) + named(_NAME, name)
    try:
        with Rtnetlink() as kernel:
            answer = kernel.ask(_GETLINK, question)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return None
        raise Unavailable(f"{name}: {error.strerror or error}") from error
    return text(dict(attributes(answer[_MESSAGE.size :])).get(_ALIAS, b""))
