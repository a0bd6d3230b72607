"""Log: what the agent says, to the journal with fields where that listens, else to stderr."""

import sys
from contextlib import suppress

from netconsole.backend.model.text import visible
from netconsole.backend.system import journald
from netconsole.backend.system.journald import LogMessage, Priority


def say(text: str, priority: Priority = Priority.INFO, **fields: str) -> None:
    """Say a sentence; `fields` are named in the journal after us, as `change` NETCONSOLE_CHANGE.

    Where nobody hears it, it is not missed.
    """
    named = {f"NETCONSOLE_{name.upper()}": value for name, value in fields.items()}
    if journald.is_stderr() and journald.send(LogMessage(text, priority, named)):
        return
    with suppress(OSError, ValueError):
        print(visible(text), file=sys.stderr, flush=True)
