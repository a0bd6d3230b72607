"""RemoteDoor: the door at the other end of a socket, which an agent answers at."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from netconsole import __version__
from netconsole.backend.model.codec import as_line
from netconsole.backend.model.errors import ReadOnly, Unavailable
from netconsole.door import protocol
from netconsole.door.answers import Unintelligible, value_of
from netconsole.door.channel import Channel
from netconsole.door.door import Deliver, Door, Result
from netconsole.door.exchange import AgentAnswer, AgentExchange, AnswerBroken
from netconsole.door.failures import error_of
from netconsole.door.questions import QUESTIONS, HostQuestion

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan
    from netconsole.backend.survey.status import Status
    from netconsole.diagnostics.model.finding import Finding

GREETING_SECONDS = 2.0
"""Within which an agent that is well answers who it is; over SSH it may take longer."""
ANSWER_SECONDS = 120.0
AGAIN_SECONDS = 2.0
"""A watch that broke off is begun anew after so long."""

_HEADERS = {
    "Host": "agent",
    protocol.VERSION_HEADER: __version__,
    protocol.API_HEADER: str(protocol.API),
}


class AgentGone(Unavailable):
    """The connection to an agent has ended before it answered."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What an agent says of itself, and of who asks."""

    name: str
    """What the host is called in the store."""
    version: str
    api: int
    login: str
    """Of who asks, as the agent knows them."""
    role: str
    read_only_because: str | None
    """Why the agent refuses changes of who asks; None where it does not."""


@dataclass(frozen=True, slots=True)
class RemoteSight:
    """What an agent saw of its host at one moment."""

    taken: datetime
    status: "Status"
    findings: "tuple[Finding, ...] | None" = None


class RemoteDoor(Door):
    """Asks an agent. Safe to use from several threads: each request has its own connection."""

    def __init__(self, channel: Channel, *, read_only: bool = False) -> None:
        """`read_only` refuses every change here already, whoever asks."""
        self._channel = channel
        self._read_only = read_only
        self._greeting: Greeting | None = None
        self._lock = threading.Lock()

    def close(self) -> None:
        """Be done with the agent."""
        self._channel.close()

    # Who is there

    def greet(self, seconds: float | None = None) -> Greeting:
        """Ask the agent who it is. Raises OSError where nobody answers, and what it refuses by."""
        with closing(AgentExchange(self._channel)) as connection:
            connection.open(seconds)
            response = _sent(connection, "GET", protocol.GREETING, None)
            self._greeting = value_of(Greeting, _document(response))
        return self._greeting

    @property
    def greeting(self) -> Greeting:
        """What the agent said of itself when it was first asked."""
        return self._greeting or self.greet(None)

    @property
    def host_name(self) -> str:
        return self.greeting.name

    @property
    def read_only_because(self) -> str | None:
        return "asked for with --read-only" if self._read_only else self.greeting.read_only_because

    # Questions

    def ask(self, question: HostQuestion, arguments: Mapping[str, object]) -> Any:
        if question.for_changers:
            self._refuse_if_read_only(question.name)
        given = {name: value for name, value in arguments.items() if value is not None}
        path = f"{question.path}?{urlencode({**given, 'inner': 'true'})}"
        answer = value_of(question.answer_type, self._request("GET", path))
        if question.name == "status" and self._read_only:
            from netconsole.backend.survey.status import told_to_viewer

            return told_to_viewer(answer, self.read_only_because)
        return answer

    def plain_status(self) -> object:
        if self._read_only:
            return self.status()
        plain: object = self._request("GET", QUESTIONS["status"].path)
        return plain

    # Changes

    def preview(self, change: "Change[Any]") -> "Preview":
        from netconsole.backend.plan.agreement import Preview
        from netconsole.door.codec import told_change

        self._refuse_if_read_only(change.title)
        with self._titled(change.title):
            told = self._request("POST", protocol.PREVIEW, told_change(change))
        preview: Preview = value_of(Preview, told)
        return preview

    def do(
        self,
        change: "Change[Result]",
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[Result]":
        from netconsole.door.codec import result_type, told_change

        self._refuse_if_read_only(change.title)
        asked = told_change(change)
        return self._done(
            protocol.DO, change.title, asked, agreed, confirm, result_type(type(change))
        )

    def preview_undo(self, change_id: str | None = None) -> "Preview":
        from netconsole.backend.plan.agreement import Preview

        self._refuse_if_read_only("undo")
        told = self._request("POST", protocol.PREVIEW_UNDO, {"change_id": change_id})
        preview: Preview = value_of(Preview, told)
        return preview

    def undo(
        self,
        change_id: str | None = None,
        agreed: "Plan | None" = None,
        *,
        confirm: "Confirm | None" = None,
    ) -> "Outcome[None]":
        self._refuse_if_read_only("undo")
        return self._done(protocol.UNDO, "undo", {"change_id": change_id}, agreed, confirm, None)

    def _done(
        self,
        path: str,
        title: str,
        asked: dict[str, object],
        agreed: "Plan | None",
        confirm: "Confirm | None",
        result: object,
    ) -> "Outcome[Any]":
        """Have a change made. Where it is on trial, the answer comes line by line."""
        from netconsole.backend.service.outcome import Outcome
        from netconsole.backend.steps import Plan

        plan = None if agreed is None else Plan(agreed.steps)
        body = {**asked, "agreed": plan, "confirm": confirm is not None}
        with closing(AgentExchange(self._channel)) as connection:
            self._opened(connection)
            try:
                with self._titled(title):
                    response = _sent(connection, "POST", path, body)
                told = self._outcome(response, confirm)
            except OSError as error:
                raise AgentGone(
                    f"{title}: {self._channel.why_ended()} before it answered: "
                    "`netconsole history` says what came of it"
                ) from error
        made = value_of(Outcome, {**told, "result": None})
        made_result = value_of(result, told["result"])
        return Outcome(
            *(made.change_id, made_result, made.plan, made.waits, made.notes, made.recovered)
        )

    def _outcome(self, response: AgentAnswer, confirm: "Confirm | None") -> dict[str, Any]:
        """Read what came of a change, and ask on the way whether it stays."""
        if response.content_type != protocol.LINES:
            return _object(_document(response))
        for line in _lines(response):
            if question := line.get("confirm"):
                keep = confirm is not None and confirm(int(question["seconds"]))
                answer = {"token": question["token"], "keep": keep}
                with suppress(Unavailable):  # what is not heard is a no
                    self._request("POST", protocol.CONFIRM, answer)
            elif "outcome" in line:
                return _object(line["outcome"])
        raise AnswerBroken("it breaks off")

    def _refuse_if_read_only(self, title: str) -> None:
        if self._read_only:
            raise ReadOnly(f"{title}: refused, this is read-only ({self.read_only_because})")

    @contextmanager
    def _titled(self, title: str) -> Iterator[None]:
        """Name the change that is refused: of who only looks the agent does not read which."""
        try:
            yield
        except ReadOnly as error:
            because = self.greeting.read_only_because
            if because is None:
                raise
            raise ReadOnly(f"{title}: refused, {because}") from error

    # Watching

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        over = threading.Event()
        holder: list[AgentExchange] = []
        work = threading.Thread(
            target=self._watch_on, args=(deliver, over, holder), name="watch", daemon=True
        )
        work.start()

        def unsubscribe() -> None:
            over.set()
            for connection in holder:
                with suppress(OSError):
                    connection.hang_up()

        return unsubscribe

    def _watch_on(
        self, deliver: Deliver, over: threading.Event, holder: list[AgentExchange]
    ) -> None:
        """Deliver what comes; a connection that ends is said once, and taken up again."""
        while not over.is_set():
            try:
                with closing(AgentExchange(self._channel)) as connection:
                    holder[:] = [connection]
                    self._opened(connection)
                    response = _sent(connection, "GET", f"{protocol.WATCH}?inner=true", None)
                    connection.allow(None)
                    for line in _lines(response):
                        if over.is_set():
                            return
                        deliver(_sight(line))
                raise AgentGone(f"{self._channel.why_ended()}: trying again")
            except Exception as error:  # noqa: BLE001  the outermost edge of this thread
                if over.is_set():
                    return
                deliver(_said(error, self._channel))
            over.wait(AGAIN_SECONDS)

    # Requests

    def _request(self, method: str, path: str, body: object = None) -> Any:
        with closing(AgentExchange(self._channel)) as connection:
            self._opened(connection)
            try:
                return _document(_sent(connection, method, path, body))
            except OSError as error:
                raise AgentGone(_why_no_answer(error, self._channel)) from error

    def _opened(self, connection: AgentExchange) -> None:
        try:
            connection.open(ANSWER_SECONDS)
        except OSError as error:
            raise AgentGone(f"{self._channel.why_ended()}: {error.strerror}") from error


def _sent(connection: AgentExchange, method: str, path: str, body: object) -> AgentAnswer:
    """Send a request and return the response; raises the error that it says."""
    data = None if body is None else as_line(body).encode()
    headers = dict(_HEADERS)
    if data is not None:
        headers["Content-Type"] = protocol.ONE_DOCUMENT
        connection.allow(None)  # it may wait for another change, and for the admin
    response = connection.ask(method, path, headers, data)
    if response.status >= 400:
        raise error_of(_object(_object(_document(response)).get("error", {})))
    return response


def _document(response: AgentAnswer) -> Any:
    try:
        return json.loads(response.read())
    except ValueError as error:
        raise Unintelligible(f"the agent answers no JSON: {error}") from error


def _object(told: object) -> dict[str, Any]:
    if not isinstance(told, dict):
        raise Unintelligible("the agent answers no object of JSON")
    return told


def _lines(response: AgentAnswer) -> Iterator[dict[str, Any]]:
    """Yield each line of an answer as it comes; raises the error that one says."""
    for line in response.lines():
        told = _object(json.loads(line))
        if "error" in told and len(told) == 1 and "taken" not in told:
            raise error_of(told["error"])
        yield told


def _sight(told: dict[str, Any]) -> RemoteSight:
    from netconsole.backend.survey.status import Status
    from netconsole.diagnostics.model.finding import Finding

    found = told.get("findings")
    return RemoteSight(
        datetime.fromisoformat(told["taken"]),
        value_of(Status, told["status"]),
        None if found is None else value_of(tuple[Finding, ...], found),
    )


def _why_no_answer(error: Exception, channel: Channel) -> str:
    if isinstance(error, TimeoutError):
        return f"the agent does not answer, for {ANSWER_SECONDS:.0f} s by now"
    return f"{channel.why_ended()} before it answered"


def _said(error: Exception, channel: Channel) -> Exception:
    if isinstance(error, OSError | ValueError):
        return AgentGone(f"{channel.why_ended()}: trying again")
    return error
