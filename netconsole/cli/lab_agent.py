"""The agent of a lab, which runs beside what runs there."""

import subprocess
import time
from collections.abc import Callable
from typing import Final

from netconsole.backend.system.files import read_text
from netconsole.lab.sandbox.commands import LabFailed
from netconsole.lab.sandbox.ground import HOME

LOG: Final = HOME / "agent.log"
_SECONDS: Final = 60.0


def with_agent(program: str, inside: Callable[[], int]) -> int:
    """Start the agent of this lab, and once it answers do something there; return its status.

    The agent ends with the lab. Raises LabFailed where it does not answer, by its own words.
    """
    from netconsole.agent.knocking import answering
    from netconsole.backend.configuration.loading import load
    from netconsole.lab.clouds import metadata_service

    metadata_service.stop()  # the agent carries it

    with LOG.open("wb") as log:
        agent = subprocess.Popen(
            [program, "agent"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    socket, deadline = load().agent_socket, time.monotonic() + _SECONDS
    while not answering(socket).answers:
        if agent.poll() is not None or time.monotonic() > deadline:
            raise LabFailed(f"the lab's agent does not answer: {_last_words()}")
        time.sleep(0.05)
    return inside()


def _last_words() -> str:
    lines = read_text(LOG).splitlines()
    return lines[-1] if lines else "it says nothing"
