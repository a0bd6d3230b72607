"""The metadata service of a lab, which runs beside it as an agent would carry it."""

import os
import signal
import sys
import time
from contextlib import suppress
from typing import Final

from netconsole.backend.configuration.loading import load
from netconsole.backend.kernel.listeners import tcp_listeners
from netconsole.backend.system.files import read_text
from netconsole.lab.sandbox.commands import LabFailed
from netconsole.lab.sandbox.ground import HOME
from netconsole.lab.sandbox.processes import fork

LOG: Final = HOME / "metadata.log"
_PID: Final = HOME / "metadata.pid"
_SECONDS: Final = 20.0


def start() -> None:
    """Start it, as a process that ends with the lab; it may take a moment to listen."""
    pid = fork(_serve)
    _PID.write_text(str(pid), encoding="ascii")


def wait() -> None:
    """Wait until it listens. Raises LabFailed, with its last words, where it does not."""
    deadline = time.monotonic() + _SECONDS
    while not listens():
        if time.monotonic() > deadline:
            raise LabFailed(f"the metadata service does not listen: {read_text(LOG).strip()}")
        time.sleep(0.02)


def listens() -> bool:
    """Whether somebody listens where instances are led."""
    port = load().metadata_port
    return any(each.port == port for each in tcp_listeners())


def stop() -> None:
    """End it, and wait until nobody listens there. Nothing where it does not run."""
    try:
        pid = int(read_text(_PID))
    except FileNotFoundError:
        return
    _PID.unlink()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + _SECONDS
    while listens():
        if time.monotonic() > deadline:
            raise LabFailed("the metadata service does not end")
        time.sleep(0.02)


def _serve() -> int:
    from netconsole.metadata.alone import serve_alone

    os.setsid()
    with LOG.open("ab", buffering=0) as log, open(os.devnull, "rb") as nothing:  # noqa: PTH123  no path of ours
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    serve_alone(load, lambda sentence: print(sentence, file=sys.stderr, flush=True))
    return 0
