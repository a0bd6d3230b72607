"""Process: the agent from its start to its end."""

import asyncio
import signal

from netconsole.agent.notify import notifying
from netconsole.agent.serving import serving
from netconsole.backend.configuration.options import Options
from netconsole.backend.service.service import Service
from netconsole.door.local import LocalDoor

_ENDING = (signal.SIGTERM, signal.SIGINT)


def run(options: Options) -> None:
    """Be the agent of this host until SIGTERM or SIGINT."""
    asyncio.run(_run(Service(options)))


async def _run(service: Service) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, ending.set)
    async with (
        notifying(lambda: True) as notifier,
        serving(LocalDoor(service), service.options),
    ):
        notifier.ready()
        await ending.wait()
