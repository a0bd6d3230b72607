"""The garbage collector of Python, kept from what it cannot help."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_YOUNG: Final = 10_000
"""Objects that are made, and not gone by themselves, before cycles are looked for among them.

Python's own 700 are what some ten requests at once hold.
"""
_OFTEN: Final = (20, 20)
"""How many such looks there are before one at older objects, and of those before one at all."""


@contextmanager
def at_rest() -> Iterator[None]:
    """Let the collector rest while a host is looked at.

    What is read of a large host are half a million objects, and all of them stay. The collector
    would go through them time and again: a third of the time that the look takes.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def rarely_looked_for() -> None:
    """Leave out what there is by now, and look for cycles more rarely (gc.freeze of Python).

    Modules and a host's records are more than 100,000 objects: to go through them took a quarter of
    the processor time of a request. What is left out still goes when nothing refers to it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *_OFTEN)
