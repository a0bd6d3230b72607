"""Answering: each request at the agent's socket, by who makes it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from aiohttp import web

from netconsole import __version__
from netconsole.agent import requests
from netconsole.agent.connections import DoorRequest, failed
from netconsole.agent.examining import capturing, collecting, tracing, waiting
from netconsole.agent.jobs import Jobs
from netconsole.agent.telling import Differing, Whole, without_secrets
from netconsole.agent.trials import Trial, Trials
from netconsole.agent.visitors import Visitor, Visitors
from netconsole.agent.watching import watched
from netconsole.backend.model.codec import as_json, as_line
from netconsole.backend.model.errors import (
    InvalidValue,
    NetconsoleError,
    NotFound,
    ReadOnly,
    Unavailable,
)
from netconsole.backend.service.outcome import Confirm, Outcome
from netconsole.backend.survey.status import Status, told_to_viewer
from netconsole.backend.system.who import Asker, login_of, other_process
from netconsole.door import protocol
from netconsole.door.door import Deliver, Subscription
from netconsole.door.failures import AgentFailed, Refused, told_error
from netconsole.door.local import LocalDoor
from netconsole.door.openapi import document
from netconsole.door.questions import QUESTIONS, HostQuestion
from netconsole.door.remote import Greeting

T = TypeVar("T")

ANSWER_SECONDS = 60.0
"""For how long an answer may be taken from us, line by line perhaps."""

_STATUSES: tuple[tuple[type[NetconsoleError], int], ...] = (
    (Refused, 403),
    (AgentFailed, 500),
    (InvalidValue, 400),
    (NotFound, 404),
    (ReadOnly, 403),
    (Unavailable, 503),
)


Answer = Callable[[DoorRequest, Visitor], Awaitable[web.StreamResponse]]


class Answering:
    """Answers requests over one door. What blocks runs in threads, of which there are few."""

    def __init__(self, door: LocalDoor) -> None:
        self._door = door
        self._trials = Trials()
        self._jobs = Jobs()
        self._ended = asyncio.Event()
        self._visitors = Visitors(door)
        self._changes = ThreadPoolExecutor(8, "changes")
        answers: dict[tuple[str, str], Answer] = {
            ("GET", protocol.GREETING): self._greet,
            ("GET", protocol.OPENAPI): self._describe,
            ("GET", protocol.WATCH): self._watch,
            ("POST", protocol.PREVIEW): self._preview,
            ("POST", protocol.DO): self._do,
            ("POST", protocol.PREVIEW_UNDO): self._preview_undo,
            ("POST", protocol.UNDO): self._undo,
            ("POST", protocol.CONFIRM): self._confirm,
            ("POST", protocol.END): self._end,
        }
        for path in (protocol.EVIDENCE, protocol.CAPTURE, protocol.TRACE, protocol.WAIT):
            answers["POST", path] = partial(self._examine, path)
        for question in QUESTIONS.values():
            answers["GET", question.path] = partial(self._question, question)
        self._answers: Mapping[tuple[str, str], Answer] = answers
        self._methods: Mapping[str, str] = {path: method for method, path in answers}

    async def close(self) -> None:
        """Take back what waits for a yes, and wait for the changes that are under way."""
        self._ended.set()
        self._trials.refuse_all()
        self._jobs.end()
        self._visitors.close()
        await asyncio.to_thread(self._changes.shutdown)

    async def handle(self, request: DoorRequest) -> web.StreamResponse:
        """Answer a request, whatever it is; who does not take the answer is cut off."""
        response = await self._response(request)
        response.headers[protocol.VERSION_HEADER] = __version__
        response.headers[protocol.API_HEADER] = str(protocol.API)
        if response.prepared:
            return response
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await response.prepare(request)
                await response.write_eof()
        except ConnectionError:
            pass
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _response(self, request: DoorRequest) -> web.StreamResponse:
        try:
            requests.refuse_other_versions(request)
            answer = self._answers.get((request.method, request.path))
            if answer is None:
                return self._nowhere(request)
            return await answer(request, await self._visitors.of(request))
        except NetconsoleError as error:
            return failed(error, _status(error))

    def _nowhere(self, request: DoorRequest) -> web.StreamResponse:
        method = self._methods.get(request.path)
        if method is None:
            known = f"{protocol.OPENAPI} lists what there is"
            return failed(InvalidValue("path", request.path, known), 404)
        error = InvalidValue("method", request.method, f"{request.path} takes {method}")
        response = failed(error, 405)
        response.headers["Allow"] = method
        return response

    # Questions

    async def _question(
        self, question: HostQuestion, request: DoorRequest, visitor: Visitor
    ) -> web.StreamResponse:
        if question.for_changers and not visitor.may_change:
            raise await self._visitors.not_for_viewers(question.name, visitor)
        arguments = requests.arguments_of(question, request)
        inner = requests.truth_of(request, "inner")

        def work() -> str:
            if question.name == "status" and not inner:
                self._door.count()  # other programs read them; our own show few
            found = self._door.ask(question, arguments)
            if isinstance(found, Status):
                found = self._as_told(found, visitor)
            indent = None if inner else 2
            text = as_json(found, indent=indent, inner=inner)
            return text if visitor.may_change else without_secrets(text, indent)

        return _answered(await self._visitors.read(visitor, work))

    def _as_told(self, status: Status, visitor: Visitor) -> Status:
        if visitor.may_change:
            return status
        return told_to_viewer(status, self._visitors.read_only_because(visitor))

    async def _greet(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        requests.refuse_arguments(request)

        def work() -> Greeting:
            because = self._visitors.read_only_because(visitor)
            login = login_of(visitor.uid)
            name = self._door.host_name
            return Greeting(name, __version__, protocol.API, login, visitor.role, because)

        return _answered(as_json(await self._visitors.read(visitor, work), indent=2))

    async def _describe(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        requests.refuse_arguments(request)
        return _answered(json.dumps(await self._visitors.read(visitor, document), indent=2))

    async def _watch(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        requests.refuse_arguments(request, "differences", "counters")
        counters = requests.counters_of(request)
        kind = Differing if requests.truth_of(request, "differences") else Whole
        manner = kind(partial(self._as_told, visitor=visitor), may_change=visitor.may_change)

        def subscribe(deliver: Deliver) -> Subscription:
            return self._door.subscribe(deliver, counters)

        in_thread = partial(self._visitors.read, visitor)
        return await watched(request, subscribe, in_thread, manner, self._ended)

    # Changes

    async def _preview(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        await self._visitors.refuse_viewer("preview", visitor, request)
        asked = await requests.change_request(request)
        title = await asyncio.to_thread(_title, asked.change)
        await self._visitors.refuse_beyond_role(title, asked.change, visitor)
        found = await self._visitors.read(visitor, partial(self._door.preview, asked.change))
        return _answered(as_json(found, indent=2, inner=True))

    async def _preview_undo(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        await self._visitors.refuse_viewer("undo", visitor)
        asked = await requests.undo_request(request)
        found = await self._visitors.read(
            visitor, partial(self._door.preview_undo, asked.change_id)
        )
        return _answered(as_json(found, indent=2, inner=True))

    async def _do(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        await self._visitors.refuse_viewer("do", visitor, request)
        asked = await requests.change_request(request, "agreed", "confirm")
        title = await asyncio.to_thread(_title, asked.change)
        await self._visitors.refuse_beyond_role(title, asked.change, visitor)
        make = partial(self._door.do, asked.change, asked.agreed)
        return await self._make(request, visitor, make, can_ask=asked.confirm)

    async def _undo(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        await self._visitors.refuse_viewer("undo", visitor)
        asked = await requests.undo_request(request, "agreed", "confirm")
        make = partial(self._door.undo, asked.change_id, asked.agreed)
        return await self._make(request, visitor, make, can_ask=asked.confirm)

    async def _confirm(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        await self._visitors.refuse_viewer("confirm", visitor)
        token, keep = await requests.answer_request(request)
        self._trials.answer(token, visitor.uid, keep=keep)
        return _answered(as_json({"heard": True}))

    async def _examine(
        self, path: str, request: DoorRequest, visitor: Visitor
    ) -> web.StreamResponse:
        """Do what looks at the host itself, or sends packets: line by line, for who may change."""
        await self._visitors.refuse_viewer(path.rpartition("/")[2], visitor)
        match path:
            case protocol.EVIDENCE:
                work = collecting(self._door, await requests.inquiry_request(request))
            case protocol.CAPTURE:
                work = capturing(await requests.capture_request(request), request.peer)
            case protocol.TRACE:
                work = tracing(self._door, await requests.trace_request(request))
            case _:
                work = waiting(self._door, await requests.wait_request(request))
        return await self._jobs.answer(request, work)

    async def _end(self, request: DoorRequest, visitor: Visitor) -> web.StreamResponse:
        await self._visitors.refuse_viewer("end", visitor)
        self._jobs.end_one(await requests.end_request(request), visitor.uid)
        return _answered(as_json({"heard": True}))

    async def _make(
        self,
        request: DoorRequest,
        visitor: Visitor,
        make: Callable[..., Outcome[Any]],
        *,
        can_ask: bool,
    ) -> web.StreamResponse:
        """Make a change to its end, whether who asked for it is still there or not.

        Where they have to confirm it, the answer is lines: the question, then what came of it.
        """
        trial = self._trials.begin(visitor.uid) if can_ask else None

        def work() -> Outcome[Any]:
            asker: Asker = other_process(visitor.uid, visitor.process)
            confirm: Confirm | None = trial.confirm if trial is not None else None
            try:
                return make(confirm=confirm, by=asker)
            finally:
                if trial is not None:
                    self._trials.over(trial)

        making = asyncio.get_running_loop().run_in_executor(self._changes, work)
        if trial is None:
            return _answered(as_json(await making, indent=2, inner=True))
        asking = asyncio.ensure_future(trial.asked.wait())
        both: set[asyncio.Future[Any]] = {making, asking}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        asking.cancel()
        if making.done():
            return _answered(as_json(making.result(), indent=2, inner=True))
        return await _on_trial(request, trial, making)


async def _on_trial(
    request: DoorRequest, trial: Trial, making: "asyncio.Future[Outcome[Any]]"
) -> web.StreamResponse:
    """Ask whether a change stays. A connection that breaks is a no."""
    response = web.StreamResponse()
    response.content_type = protocol.LINES
    question = {"confirm": {"token": trial.token, "seconds": trial.seconds}}
    try:
        await response.prepare(request)
        await response.write(as_line(question).encode())
    except ConnectionError:
        trial.answer(False)
    while not making.done():
        await asyncio.wait({making}, timeout=0.5)
        if request.transport is None or request.transport.is_closing():
            trial.answer(False)
    try:
        ended: object = {"outcome": making.result()}
    except NetconsoleError as error:
        ended = told_error(error)
    with suppress(ConnectionError):
        await response.write(as_line(ended).encode())
    return response


def _title(change: Any) -> str:
    title: str = change.title
    return title


def _answered(text: str) -> web.Response:
    return web.Response(text=f"{text}\n", content_type=protocol.ONE_DOCUMENT)


def _status(error: NetconsoleError) -> int:
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 409)
