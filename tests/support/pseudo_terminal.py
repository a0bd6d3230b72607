"""A terminal for tests: a real pty with a program in it, and a screen that pyte keeps."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import entered
import pyte
from entered import Entered

Command: TypeAlias = tuple[str, ...] | list[str] | Entered

KEYS: Mapping[str, str] = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "end": "\x1b[F",
    "home": "\x1b[H",
    "backspace": "\x7f",
    "ctrl+c": "\x03",
    "ctrl+z": "\x1a",
}
PLAIN = {"TERM": "xterm-256color", "LC_ALL": entered.LOCALE}
_SIZE = ("COLUMNS", "LINES")
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?7h")
"""Back from the alternate screen, the cursor shown, lines wrapped."""
_ASK_AGAIN_SECONDS = 0.5
"""On a busy Linux 6.18 a pty has kept its last bytes until more came, or until it was asked."""
END = b"\0"
"""Written behind the last output of a command; no terminal shows it."""


def _environment() -> dict[str, str]:
    """Return this process's, without a size that would be believed more than the terminal's own."""
    return {name: value for name, value in os.environ.items() if name not in _SIZE}


def _holds(text: str, wanted: str | re.Pattern[str]) -> bool:
    return wanted in text if isinstance(wanted, str) else wanted.search(text) is not None


class Terminal:
    """Runs a command in a pty; use it as a context manager.

    One of netconsole in a host or a lab is a fork, as with `run`, and the first of its session. An
    argument list is run by setsid(1), as by a shell: who stops the command has to wake both.
    """

    def __init__(
        self,
        command: Command,
        columns: int = 80,
        lines: int = 24,
        environment: Mapping[str, str] | None = None,
        controlling: bool = True,
    ) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._changed = threading.Condition()
        self.output = bytearray()
        self._stopped, self._stop = os.pipe()
        self._main, inner = pty.openpty()
        self.inner = inner
        self._set_size(columns, lines)
        self.settings = termios.tcgetattr(inner)
        self.process = self._start(command, environment or {}, controlling)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _start(
        self, command: Command, more: Mapping[str, str], controlling: bool
    ) -> "subprocess.Popen[str]":
        if not isinstance(command, Entered):
            words, inherited = list(command), _environment()
        elif controlling and entered.can_fork(command.words, more):
            return entered.show(command, {**PLAIN, **more}, self.inner)
        else:
            words, inherited = command.argv, entered.environment()
        return subprocess.Popen(
            ["setsid", "--ctty", *words] if controlling else words,
            stdin=self.inner,
            stdout=self.inner,
            stderr=self.inner,
            env={**inherited, **PLAIN, **more},
            start_new_session=not controlling,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            print(f"the screen at the end:\n{self.text}")
            print(f"the latest that was sent:\n{bytes(self.output[-4000:])!r}")
        self.close()

    def _read(self) -> None:
        while True:
            ready = select.select([self._main, self._stopped], [], [], _ASK_AGAIN_SECONDS)[0]
            if self._stopped in ready:
                return
            if self._main not in ready:
                continue
            try:
                data = os.read(self._main, 65536)
            except OSError:
                return
            with self._changed:
                self.output += data
                self._stream.feed(data)
                self._changed.notify_all()

    @property
    def text(self) -> str:
        """What an admin sees; it may be half painted, so what should come is waited for."""
        with self._changed:
            return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(
        self, *wanted: str | re.Pattern[str], seconds: float = 120, absent: bool = False
    ) -> float:
        """Wait until all of these are on one screen, or none; return how many seconds it took.

        What is painted comes in pieces: whoever wants two things to be seen names both.
        """
        began = time.monotonic()
        deadline = began + seconds
        with self._changed:
            while True:
                text = self.text
                if all(_holds(text, one) is not absent for one in wanted):
                    return time.monotonic() - began
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise AssertionError(f"not within {seconds} s: {wanted}\n{self.text}")

    def press(self, *keys: str) -> None:
        """Type keys by name, or texts as they are; a surrogate is a byte (PEP 383)."""
        for key in keys:
            os.write(self._main, KEYS.get(key, key).encode("utf-8", "surrogateescape"))

    def settle(self, quiet: float = 1.5, seconds: float = 120) -> None:
        """Wait until nothing has been sent for a while."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._changed.wait(quiet):
                assert time.monotonic() < deadline, "the console does not come to rest"

    def bytes_within(self, seconds: float) -> int:
        """How many bytes are sent in so many seconds."""
        before = len(self.output)
        with self._changed:
            self._changed.wait_for(lambda: False, seconds)
        return len(self.output) - before

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal another size, as dragging its window does."""
        with self._changed:
            self.screen.resize(lines, columns)
        self._set_size(columns, lines)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._main, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def stall(self) -> None:
        """Read no more, as an SSH link that hangs."""
        os.write(self._stop, b"x")
        self._reader.join(timeout=60)

    def pid(self) -> int:
        """The pid of the command; nsenter(1) forks to enter a pid namespace, and so does a user."""
        outer = self.process.pid
        if Path(f"/proc/{outer}/ns/pid").readlink() != Path("/proc/self/ns/pid").readlink():
            return outer
        return int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])

    def hang_up(self) -> None:
        """Go away."""
        self.stall()
        os.close(self.inner)
        os.close(self._main)
        self.inner = -1

    def exit_status(self, seconds: float = 120) -> int:
        """Wait for the command to end, and until all that it has written is read."""
        status = self.process.wait(timeout=seconds)
        os.write(self.inner, END)
        with self._changed:
            assert self._changed.wait_for(lambda: self.output.endswith(END), seconds)
        return status

    def restored(self) -> bool:
        """Whether the terminal was left as it was found."""
        tail = bytes(self.output)
        left = all(tail.rfind(code) > tail.rfind(b"\x1b[?1049h") for code in RESTORED)
        return left and termios.tcgetattr(self.inner) == self.settings

    def close(self) -> None:
        """End the command if it still runs, and close the pty."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=60)
        if self.inner >= 0:
            self.hang_up()
        os.close(self._stop)
        os.close(self._stopped)
