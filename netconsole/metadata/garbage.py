"""Garbage: what lasts as long as the process is not looked through at every so many requests."""

import gc
from typing import Final

_YOUNG: Final = 10_000
"""Objects that are made, and not gone by themselves, before cycles are looked for among them.

Python's own 700 are what some ten requests at once hold.
"""
_OFTEN: Final = (20, 20)
"""How many such looks there are before one at older objects, and of those before one at all."""


def rarely_looked_for() -> None:
    """Leave out what there is by now, and look for cycles more rarely (gc.freeze of Python).

    Modules and a host's records are more than 100,000 objects: to go through them took a quarter of
    the processor time of a request. What is left out still goes when nothing refers to it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *_OFTEN)
