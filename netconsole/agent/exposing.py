"""Exposing: the metrics of a host at an address for Prometheus, as long as the agent runs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from netconsole.agent.answer_times import AnswerTime, AnswerTimes
from netconsole.agent.metrics import Told, families
from netconsole.agent.tallies import OUTCOMES, Restarts, outcome_of
from netconsole.backend.model.errors import NetconsoleError, Unavailable, said
from netconsole.backend.service.service import Service
from netconsole.backend.transaction.telling import AuditTail
from netconsole.diagnostics.evidence.counters import read_once
from netconsole.metadata.tally import Counted
from netconsole.watch.picture import Picture
from netconsole.watch.watch import Watch

COUNTERS_SECONDS: Final = 15.0
"""The counters of rules are that old at most, once somebody asks for them again and again."""
ASKED_SECONDS: Final = 120.0
"""Who does not ask for so long is gone, and counters are read no more."""


@asynccontextmanager
async def exposing(
    service: Service, watch: Watch, metadata: Callable[[], Counted]
) -> AsyncIterator[None]:
    """Answer `GET /metrics` at the option metrics_listen, where that is an address.

    `metadata` gives the figures of the metadata service.
    Raises Unavailable where nobody can listen there.
    """
    endpoint = service.options.metrics_listen
    if endpoint is None:
        yield
        return
    tallies = HostTallies(service, metadata)
    leave = watch.subscribe(tallies.take)
    attention = _Attention(watch)
    one_at_a_time = asyncio.Lock()

    async def answer(_: web.Request) -> web.Response:
        attention.renew()
        async with one_at_a_time:
            body = await asyncio.to_thread(lambda: exposition(tallies.told(watch)))
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    application = web.Application()
    application.router.add_get("/metrics", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, endpoint.address, endpoint.port).start()
        except OSError as error:
            raise Unavailable(f"metrics_listen {endpoint}: {said(error)}") from error
        yield
    finally:
        await runner.cleanup()
        attention.end()
        leave()


class HostTallies:
    """What is counted while the agent runs: by the watch, in its thread, and when it is told."""

    def __init__(self, service: Service, metadata: Callable[[], Counted]) -> None:
        self._service = service
        self._metadata = metadata
        self._tail = AuditTail(f"{service.options.state_path}/audit.jsonl")
        self._restarts = Restarts()
        self._changes = Counter(dict.fromkeys(OUTCOMES, 0))
        self._has_failed = False
        self._answer_times = AnswerTimes()

    def take(self, result: Picture | Exception) -> None:
        """Called with each picture, and for each look that failed."""
        self._has_failed = isinstance(result, Exception)
        if isinstance(result, Picture):
            self._restarts = self._restarts.seen(result.status.dnsmasq)

    def told(self, watch: Watch) -> Told:
        """Return all that there is to tell now; one caller at a time."""
        with suppress(Unavailable):  # what cannot be read is not counted
            self._changes.update(map(outcome_of, self._tail.new()))
        picture = watch.latest()
        stopped: dict[str, int] = {}
        answers: tuple[AnswerTime, ...] = ()
        if picture is not None:
            answers = self._answer_times.measured(picture.status)
            with suppress(NetconsoleError, OSError):
                stopped = self._service.stopped(picture.survey)
        return Told(
            picture,
            watch.looks,
            watch.looking_for,
            self._has_failed,
            self._restarts,
            dict(self._changes),
            stopped,
            read_once(),
            self._metadata(),
            answers,
        )


def exposition(told: Told) -> bytes:
    """Return the metrics as text, with what the process itself uses."""
    registry = CollectorRegistry()
    registry.register(_Families(told))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, told: Told) -> None:
        self._told = told

    def collect(self) -> Iterable[Metric]:
        return families(self._told)


class _Attention:
    """That somebody asks for the counters, until nobody has for a while."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._leave: Callable[[], None] | None = None
        self._ending: asyncio.TimerHandle | None = None

    def renew(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
        if self._leave is None:
            self._leave = self._watch.attend(COUNTERS_SECONDS, checks=False)
        self._ending = asyncio.get_running_loop().call_later(ASKED_SECONDS, self.end)

    def end(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        if self._leave is not None:
            self._leave()
            self._leave = None
