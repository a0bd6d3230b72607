"""RemoteDoor: the door at the other end of a socket, which an agent answers at."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netconsole.backend.model.errors import ReadOnly, Unavailable
from netconsole.door import protocol
from netconsole.door.answers import value_of
from netconsole.door.channel import Channel
from netconsole.door.connection import (
    AgentConnection,
    AgentGone,
    document_of,
    lines_of,
    object_of,
)
from netconsole.door.door import Deliver, Door, Result, Subscription
from netconsole.door.exchange import AgentAnswer, AnswerBroken
from netconsole.door.failures import error_of
from netconsole.door.questions import QUESTIONS, HostQuestion

if TYPE_CHECKING:
    from netconsole.backend.changes import Change
    from netconsole.backend.plan.agreement import Preview
    from netconsole.backend.service.outcome import Confirm, Outcome
    from netconsole.backend.steps import Plan
    from netconsole.capture.comparison import Comparison, Progress
    from netconsole.capture.sink import Sink
    from netconsole.diagnostics.model.request import Request
    from netconsole.diagnostics.model.snapshot import Snapshot
    from netconsole.diagnostics.parts.journey import Journey, WaitedJourneys
    from netconsole.diagnostics.probes.live_capture import CaptureRequest
    from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait


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


@dataclass(slots=True)
class _UnderWay:
    """How far the agent is with a change that was asked for."""

    on_trial: bool = False
    """Whether it waits for a yes."""

    @property
    def becomes(self) -> str:
        """What becomes of it when who asked is gone."""
        if self.on_trial:
            return "interrupted without a yes, so that the agent takes it back"
        return "interrupted here, and the agent goes on with it"


def _unheard(_: Mapping[str, Any]) -> None:
    """Of a job that tells nothing before it is done."""


class RemoteDoor(Door):
    """Asks an agent. Safe to use from several threads: each request has its own connection."""

    def __init__(self, channel: Channel, *, read_only: bool = False) -> None:
        """`read_only` refuses every change here already, whoever asks."""
        self._channel = channel
        self._read_only = read_only
        self._greeting: Greeting | None = None

    def close(self) -> None:
        """Be done with the agent."""
        self._channel.close()

    def ask_nothing(self) -> None:
        """Let nothing ask at the terminal from now on, as for a login anew."""
        self._channel.ask_nothing()

    # Who is there

    def greet(self, seconds: float | None = None) -> Greeting:
        """Ask the agent who it is. Raises OSError where nobody answers, and what it refuses by."""
        with closing(AgentConnection(self._channel)) as connection:
            connection.open(seconds)
            connection.tell("GET", protocol.GREETING)
            self._greeting = value_of(Greeting, document_of(connection.answer()))
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

    @property
    def if_left(self) -> str:
        return "the agent goes on with it"

    # Questions

    def ask(self, question: HostQuestion, arguments: Mapping[str, object]) -> Any:
        if question.for_changers:
            self._refuse_if_read_only(question.name)
        given = {name: value for name, value in arguments.items() if value is not None}
        path = f"{question.path}?inner=true"
        if given:
            from urllib.parse import urlencode

            path += f"&{urlencode(given)}"
        answer = value_of(question.answer_type, self._request("GET", path))
        if question.name == "status" and self._read_only:
            from netconsole.backend.survey.status import told_to_viewer

            return told_to_viewer(answer, self.read_only_because)
        return answer

    def plain_status(self) -> object:
        plain: dict[str, Any] = self._request("GET", QUESTIONS["status"].path)
        if not self._read_only:
            return plain
        told = {"access": "read-only", "read_only_because": self.read_only_because}
        return {**plain, "host": {**plain["host"], **told}}

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
        history = self._channel.command("history")
        with closing(AgentConnection(self._channel)) as connection:
            connection.begin()
            under_way = _UnderWay()
            try:
                with self._titled(title):
                    response = connection.ask("POST", path, body)
                told = self._outcome(response, confirm, under_way)
            except (AgentGone, OSError) as error:
                why = error if isinstance(error, AgentGone) else self._channel.why_ended()
                raise AgentGone(
                    f"{title}: {why}, before it said what came of this: {history} does"
                ) from error
            except KeyboardInterrupt as interrupt:
                interrupt.add_note(f"{title}: {under_way.becomes}: {history} says how it ended")
                raise
        made = value_of(Outcome, {**told, "result": None})
        made_result = value_of(result, told["result"])
        return Outcome(
            *(made.change_id, made_result, made.plan, made.waits, made.notes, made.recovered)
        )

    def _outcome(
        self, response: AgentAnswer, confirm: "Confirm | None", under_way: "_UnderWay"
    ) -> dict[str, Any]:
        """Read what came of a change, and ask on the way whether it stays."""
        if response.content_type != protocol.LINES:
            return object_of(document_of(response))
        for line in lines_of(response):
            if question := line.get("confirm"):
                under_way.on_trial = True
                keep = confirm is not None and confirm(int(question["seconds"]))
                under_way.on_trial = not keep
                answer = {"token": question["token"], "keep": keep}
                with suppress(Unavailable):  # what is not heard is a no
                    self._request("POST", protocol.CONFIRM, answer)
            elif "error" in line:
                raise error_of(line["error"])
            elif "outcome" in line:
                return object_of(line["outcome"])
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

    def asking(self, request: "Request") -> "Request":
        return replace(request, collector=self._collect)

    @property
    def no_evidence_because(self) -> str | None:
        told = self.greeting
        if told.role in ("root", "admin"):
            return None
        return f"this looks at the host itself: {told.read_only_because}"

    def _collect(self, request: "Request", wanted: "Iterable[type[object]]") -> "Snapshot":
        from netconsole.diagnostics.saved import from_text
        from netconsole.door import job
        from netconsole.door.inquiry import Inquiry

        def heard(line: Mapping[str, Any]) -> None:
            request.progress(str(line["progress"]))

        asked = Inquiry.of(request, wanted)
        told = job.done(self._channel, protocol.EVIDENCE, asked, heard, request.cancelled)
        return from_text(self.host_name, str(told))

    def capture(
        self,
        request: "CaptureRequest",
        *,
        cancel: threading.Event,
        progress: "Callable[[Progress], None]",
        sinks: "Sequence[Sink]" = (),
    ) -> "Comparison":
        from netconsole.capture.comparison import Comparison, Progress
        from netconsole.door import job
        from netconsole.door.captured import AskedCapture, hand_on

        def heard(line: Mapping[str, Any]) -> None:
            if "progress" in line:
                progress(value_of(Progress, line["progress"]))
            else:
                hand_on(line, sinks)

        asked = AskedCapture(request, bool(sinks))
        told = job.done(self._channel, protocol.CAPTURE, asked, heard, cancel)
        found: Comparison = value_of(Comparison, told)
        return found

    def trace(self, asked: "AskedTrace", *, cancel: threading.Event) -> "Journey":
        from netconsole.diagnostics.parts.journey import Journey
        from netconsole.door import job

        self._refuse_if_read_only("trace")
        told = job.done(self._channel, protocol.TRACE, asked, _unheard, cancel)
        found: Journey = value_of(Journey, told)
        return found

    def wait(
        self, asked: "AskedWait", *, cancel: threading.Event, began: Callable[[], None]
    ) -> "WaitedJourneys":
        from netconsole.diagnostics.parts.journey import WaitedJourneys
        from netconsole.door import job

        self._refuse_if_read_only("trace --wait")
        told = job.done(self._channel, protocol.WAIT, asked, lambda _: began(), cancel)
        found: WaitedJourneys = value_of(WaitedJourneys, told)
        return found

    @property
    def no_capture_because(self) -> str | None:
        return self.no_evidence_because

    def subscribe(self, deliver: Deliver, counters: float | None = None) -> Subscription:
        from netconsole.door.following import Following

        return Following(self._channel, deliver, counters).subscription

    # Requests

    def _request(self, method: str, path: str, body: object = None) -> Any:
        with closing(AgentConnection(self._channel)) as connection:
            connection.begin()
            try:
                return document_of(connection.ask(method, path, body))
            except OSError as error:
                raise AgentGone(self._why_no_answer(error)) from error

    def _why_no_answer(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return self._channel.why_silent()
        return f"{self._channel.why_ended()} before it answered"
