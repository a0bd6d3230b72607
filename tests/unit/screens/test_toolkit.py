"""What the console knows of the inside of Textual, and what keys it makes of what is sent."""

import re
import time
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
