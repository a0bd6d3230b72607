"""The garbage collector of Python, kept from what it cannot help."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
