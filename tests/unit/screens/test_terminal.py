"""What keys the console makes of what a terminal sends."""

import time

import pytest
from textual.constants import ESCAPE_DELAY
from textual.events import Key

from netconsole.screens.terminal import TypedParser


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
