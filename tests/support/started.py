"""A process that a fork server has started, as subprocess.Popen would show it."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence
from typing import TextIO

from forking import REQUEST


class Forked(subprocess.Popen[str]):
    """Tells of its end by a socket, as it is no child of this process."""

    def __init__(self, words: Sequence[str], answer: socket.socket) -> None:
        self._answer = answer
        self.args = words
        self.pid = int(answer.recv(REQUEST))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(BlockingIOError):
            self._hear(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        try:
            return self._hear(timeout)
        except TimeoutError:
            raise subprocess.TimeoutExpired(self.args, timeout or 0) from None

    def send_signal(self, sig: int) -> None:
        """Send it to the process itself, as root; else to the one that waits for it."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _hear(self, timeout: float | None) -> int:
        if self.returncode is None:
            self._answer.settimeout(timeout)
            self.returncode = int(self._answer.recv(REQUEST))
            self._answer.close()
        return self.returncode


class Started(Forked):
    """One whose standard streams are pipes."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO

    def __init__(
        self, words: Sequence[str], answer: socket.socket, stdin: int, out: int, err: int
    ) -> None:
        super().__init__(words, answer)
        self.stdin = open(stdin, "w")  # noqa: SIM115
        self.stdout = open(out)  # noqa: SIM115
        self.stderr = open(err)  # noqa: SIM115

    def communicate(
        self, input: str | None = None, timeout: float | None = None
    ) -> tuple[str, str]:
        """End its input, read what it has still to say, and wait for its end."""
        if self.stdout.closed:
            return "", ""
        with contextlib.suppress(BrokenPipeError):
            self.stdin.write(input or "")
        with contextlib.suppress(BrokenPipeError):
            self.stdin.close()
        said = {self.stdout: "", self.stderr: ""}

        def read(stream: TextIO) -> None:
            with stream:
                said[stream] = stream.read()

        readers = [threading.Thread(target=read, args=(each,), daemon=True) for each in said]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(timeout)
        return said[self.stdout], said[self.stderr]
