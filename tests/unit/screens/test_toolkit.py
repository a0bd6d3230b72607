"""What the console knows of the inside of Textual, and what keys it makes of what is sent."""

import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import textual
from textual.constants import ESCAPE_DELAY
from textual.events import Key

import netconsole.screens
from netconsole.screens.toolkit import VERSION, TypedParser


def keys(*pieces: str) -> list[str]:
    """The keys that the console sees when the terminal's bytes come in these pieces."""
    parser = TypedParser()
    messages = [message for piece in pieces for message in parser.feed(piece)]
    time.sleep(ESCAPE_DELAY * 1.5)
    messages += parser.tick()
    return [message.key for message in messages if isinstance(message, Key)]


PAINT = """
import asyncio
from textual.app import App
from netconsole.screens.toolkit import TerminalDriver

async def paint():
    driver = TerminalDriver(App(), mouse=False)
    driver.start_application_mode()
    for begin in range(0, 100_000, 5_000):
        driver.write("".join(f"<{number:06}>" for number in range(begin, begin + 5_000)))
        await asyncio.sleep(0)
    driver.stop_application_mode()

asyncio.run(paint())
"""


CONTINUED = """
import asyncio, os, signal, threading
from textual.app import App
from netconsole.screens.toolkit import TerminalDriver

async def continued():
    driver = TerminalDriver(App(), mouse=False)
    driver.start_application_mode()
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGCONT)
        await asyncio.sleep(0)
    readers = [each for each in threading.enumerate() if each.name == "textual-input"]
    driver.stop_application_mode()
    driver.write(f"<{len(readers)} reads>")
    driver.close()

asyncio.run(continued())
"""


def test_one_reads_however_often_the_console_is_continued() -> None:
    main, inner = pty.openpty()
    continued = subprocess.Popen(
        [sys.executable, "-c", CONTINUED], stdin=inner, stdout=inner, stderr=inner
    )
    os.close(inner)
    said = b""
    with suppress(OSError):  # as the other end is closed
        while part := os.read(main, 4096):
            said += part
    os.close(main)
    assert continued.wait(timeout=60) == 0
    assert b"<1 reads>" in said


def test_what_is_painted_arrives_whole_however_often_the_console_is_stopped() -> None:
    main, inner = pty.openpty()
    painting = subprocess.Popen(
        [sys.executable, "-c", PAINT],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    os.close(inner)
    said, stopped = b"", 0
    with suppress(OSError):  # as the other end is closed
        while part := os.read(main, 4096):
            said += part
            if len(said) // 50_000 > stopped:
                stopped += 1
                painting.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, painting.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                painting.send_signal(signal.SIGCONT)
    os.close(main)
    assert painting.wait(timeout=60) == 0
    assert stopped > 10
    painted = re.sub(rb"\x1b\[[<-?\d;$]*[A-Za-z]", b"", said)
    assert list(map(int, re.findall(rb"<(\d{6})>", painted))) == list(range(100_000))


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        (["\x1bx"], ["escape", "x"]),
        (["\x1b", "x"], ["escape", "x"]),
        (["\x1b\r"], ["escape", "enter"]),
        (["\x1b/web"], ["escape", "slash", "w", "e", "b"]),
        (["\x1b", "/"], ["escape", "slash"]),
        (["\x1bx\x1b[B"], ["escape", "x", "down"]),
        (["\x1b\x1b[B"], ["escape", "down"]),
        (["\x1b", "[B"], ["down"]),
        (["\x1b"], ["escape"]),
    ],
)
def test_escape_and_a_key_that_arrive_together_are_two_keys(
    pieces: list[str], wanted: list[str]
) -> None:
    assert keys(*pieces) == wanted


def test_the_inside_of_textual_is_that_of_the_version_that_is_installed() -> None:
    assert textual.__version__ == VERSION, "go through screens/toolkit.py name by name"


def test_only_the_toolkit_knows_the_inside_of_textual() -> None:
    """Own private names are spelled `self._name` and made in the same class."""
    inside = re.compile(r"textual\._|\._(compositor|driver|loop|exception|screen_stacks|dirty)\w*")
    screens = Path(netconsole.screens.__file__).parent
    knowing = {path.name for path in screens.rglob("*.py") if inside.search(path.read_text())}
    assert knowing == {"toolkit.py"}
