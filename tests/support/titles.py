"""The command line of a process as others read it, which a fork would have of the one it is of."""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

ROOM: Final = "-" * 512
"""An argument for the process that forks: its forks' command lines are longer than its own."""


class Title(NamedTuple):
    """Where the kernel reads it: proc(5), `arg_start` and `arg_end` of /proc/PID/stat."""

    start: int
    end: int

    @classmethod
    def of_this_process(cls) -> Self:
        """Return its own, which a fork has at the same place."""
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        return cls(int(fields[45]), int(fields[46]))

    def write(self, words: Sequence[str]) -> None:
        """Have the calling process shown with these words; what has no room is cut off."""
        room = self.end - self.start
        line = b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)
        ctypes.memmove(self.start, line[: room - 1].ljust(room, b"\0"), room)
