"""Process: the agent from its start to its end."""

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial

from netconsole.agent.converging import converging
from netconsole.agent.exposing import exposing
from netconsole.agent.log import say
from netconsole.agent.notify import Notifier, notifying
from netconsole.agent.own_address import own_address_heard
from netconsole.agent.serving import serving
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.errors import NetconsoleError, said
from netconsole.backend.service.service import Service
from netconsole.backend.survey.survey import Survey
from netconsole.door.local import LocalDoor
from netconsole.metadata.serving import metadata_serving
from netconsole.watch.followed import Followed
from netconsole.watch.recorder import RECORDER, recording
from netconsole.watch.watch import Watch

_STUCK_SECONDS = 60.0
"""Every program that a look asks is given less: one that takes longer never ends."""
_ENDING = (signal.SIGTERM, signal.SIGINT)
_VITAL = frozenset({"watch", "examiner", "converging"})
"""Threads of every agent, by name."""

Load = Callable[[], Options]
"""Reads the configuration. Raises InvalidValue."""


def run(load: Load) -> None:
    """Be the agent of this host until SIGTERM or SIGINT.

    Who waits for it is told that it is ready once the host is as the store says, as far as that
    can be: guests that start then have their networks. At SIGHUP the configuration is read again,
    and when the host's own address is another: my_ip is that by default.
    """
    asyncio.run(_run(load))


async def _run(load: Load) -> None:
    ending, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, ending.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    options, kept = load(), ""
    watches: list[Watch] = []
    async with notifying(lambda: lives(options) and all(map(_is_well, watches))) as notifier:
        while not ending.is_set():
            service = Service(options)
            watches[:] = [Watch(service)]
            watches[0].follow(partial(_keeps, kept))
            await _be(service, watches[0], notifier, ending, again)
            if again.is_set() and not ending.is_set():
                again.clear()
                notifier.reloading()
                options, kept = _loaded(load, options)


def _is_well(watch: Watch) -> bool:
    return watch.looking_for < _STUCK_SECONDS


async def _be(
    service: Service,
    watch: Watch,
    notifier: Notifier,
    ending: asyncio.Event,
    again: asyncio.Event,
) -> None:
    """Be the agent by a configuration, until the end or until it is to be read again."""
    settled, options = asyncio.Event(), service.options
    tell = asyncio.get_running_loop().call_soon_threadsafe
    async with AsyncExitStack() as parts:
        metadata = await parts.enter_async_context(metadata_serving(service, watch, say))
        door = LocalDoor(service, watch, metadata.requests)
        await parts.enter_async_context(serving(door, options))
        await parts.enter_async_context(exposing(service, watch, metadata.counted))
        watch.start()
        parts.push_async_callback(asyncio.to_thread, watch.stop)
        parts.enter_context(own_address_heard(again.set))
        parts.enter_context(recording(watch, options, say))
        parts.enter_context(converging(service, watch, say, partial(tell, settled.set)))
        await _first(settled, ending, again)
        if settled.is_set():
            notifier.ready()
            say(f"ready, at {options.agent_socket}")
        await _first(ending, again)


def _keeps(because: str, _: Survey) -> Followed:
    return Followed(configuration_kept=because)


def _loaded(load: Load, former: Options) -> tuple[Options, str]:
    """The configuration as it is now; of one that cannot be used why, and the former stays."""
    try:
        return load(), ""
    except NetconsoleError as error:
        say(f"the configuration stays as it was: {said(error)}")
        return former, said(error)


def vital(options: Options) -> frozenset[str]:
    """Return the threads that the work rests on, by name."""
    return _VITAL | ({RECORDER} if options.record_days else frozenset())


def lives(options: Options) -> bool:
    """Whether every thread is there that the work rests on: a bug may have ended one."""
    return {thread.name for thread in threading.enumerate()} >= vital(options)


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of them is there."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
