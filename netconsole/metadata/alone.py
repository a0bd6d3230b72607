"""Alone: the metadata service in a process of its own, where no agent carries it."""

import asyncio
import signal
from collections.abc import Callable

from netconsole.backend.configuration.options import Options
from netconsole.backend.service.service import Service
from netconsole.metadata.listening import allow_more_connections
from netconsole.metadata.serving import metadata_serving
from netconsole.watch.watch import Watch

_ENDING = (signal.SIGTERM, signal.SIGINT)
_NOBODY = "0.0.0.0"  # noqa: S104  no guest's address: asked for to see whether the store answers


def serve_alone(
    load: Callable[[], Options], say: Callable[[str], None], *, read_only: bool = False
) -> None:
    """Serve until SIGTERM or SIGINT; at SIGHUP the configuration is read again.

    Raises Conflict where the port is taken, Unavailable where the kernel refuses to listen or the
    store cannot be read.
    """
    allow_more_connections()
    asyncio.run(_serve(load, say, read_only))


async def _serve(load: Callable[[], Options], say: Callable[[str], None], read_only: bool) -> None:
    ending, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, ending.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    while not ending.is_set():
        again.clear()
        service = Service(load(), read_only=read_only)
        watch = Watch(service, examine_seconds=None)
        await asyncio.to_thread(service.guest_at, _NOBODY)
        async with metadata_serving(service, watch, say, goes_on=False) as metadata:
            watch.start()
            try:
                await metadata.settled.wait()
                if metadata.failed is not None:
                    raise metadata.failed
                say(f"metadata is served at {', '.join(metadata.places) or 'no bridge yet'}")
                await _first(ending, again)
            finally:
                await asyncio.to_thread(watch.stop)


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
