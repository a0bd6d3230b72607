"""Process: the agent from its start to its end."""

import asyncio
import signal
from contextlib import AsyncExitStack

from netconsole.agent.converging import converging
from netconsole.agent.log import say
from netconsole.agent.notify import notifying
from netconsole.agent.serving import serving
from netconsole.backend.configuration.options import Options
from netconsole.backend.service.service import Service
from netconsole.door.local import LocalDoor
from netconsole.watch.watch import Watch

_ENDING = (signal.SIGTERM, signal.SIGINT)


def run(options: Options) -> None:
    """Be the agent of this host until SIGTERM or SIGINT.

    Who waits for it is told that it is ready once the host is as the store says, as far as that
    can be: guests that start then have their networks.
    """
    asyncio.run(_run(Service(options)))


async def _run(service: Service) -> None:
    ending, settled = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, ending.set)
    watch = Watch(service)
    async with AsyncExitStack() as parts:
        notifier = await parts.enter_async_context(notifying(lambda: True))
        await parts.enter_async_context(serving(LocalDoor(service, watch), service.options))
        watch.start()
        parts.callback(watch.stop)
        parts.enter_context(
            converging(service, watch, say, lambda: loop.call_soon_threadsafe(settled.set))
        )
        await _first(settled, ending)
        notifier.ready()
        say(f"ready, at {service.options.agent_socket}")
        await ending.wait()


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of them is there."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
