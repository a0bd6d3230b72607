"""Job: what an agent does for who asks and tells line by line, at the asker's end."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any

from netconsole.backend.model.errors import NetconsoleError
from netconsole.door import protocol
from netconsole.door.channel import Channel
from netconsole.door.connection import AgentConnection, AgentGone, lines_of
from netconsole.door.failures import error_of

Heard = Callable[[Mapping[str, Any]], None]


def done(
    channel: Channel,
    path: str,
    asked: object,
    heard: Heard,
    cancelled: threading.Event,
) -> Any:
    """Have a job done; return what comes of it. `heard` is called with each line before.

    Where `cancelled` is set it is ended, with what has come of it by then. Raises what the agent
    refuses by, and AgentGone.
    """
    with closing(AgentConnection(channel)) as connection:
        connection.begin()
        over = threading.Event()
        try:
            connection.expect_beats()
            response = connection.ask("POST", path, asked)
            for line in lines_of(response):
                if "error" in line:
                    raise error_of(line["error"])
                if "done" in line:
                    return line["done"]
                if "job" in line:
                    minding = (channel, str(line["job"]), cancelled, over)
                    threading.Thread(target=_mind, args=minding, name="mind", daemon=True).start()
                elif line:
                    heard(line)
        except TimeoutError as error:
            raise AgentGone(channel.why_silent()) from error
        except (OSError, ValueError) as error:
            raise AgentGone(f"{channel.why_ended()} before it answered") from error
        finally:
            over.set()
    raise AgentGone(f"{channel.why_ended()} before it answered")


def _mind(channel: Channel, token: str, cancelled: threading.Event, over: threading.Event) -> None:
    """Have it ended when it is cancelled; an agent that is gone has ended it already."""
    while not over.is_set():
        if cancelled.wait(0.2):
            with (
                closing(AgentConnection(channel)) as connection,
                suppress(NetconsoleError, OSError),
            ):
                connection.begin()
                connection.ask("POST", protocol.END, {"token": token})
            return
