"""LocalDoor: the door in the process of the service itself."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from netconsole.backend.changes import Change, Result
from netconsole.backend.model.errors import InvalidValue, Unavailable
from netconsole.backend.model.facility import Facility
from netconsole.backend.model.group_rules import Attempt
from netconsole.backend.plan.agreement import Preview
from netconsole.backend.service.looking import Look
from netconsole.backend.service.outcome import Confirm, Outcome
from netconsole.backend.service.service import Service
from netconsole.backend.steps import Plan
from netconsole.backend.survey.enforcement import Answer
from netconsole.backend.survey.senders import Source
from netconsole.backend.survey.status import Status
from netconsole.backend.system.privileges import Capability, lacking
from netconsole.backend.system.who import Asker
from netconsole.door.door import Deliver, Door, Subscription
from netconsole.door.proposal import Proposal
from netconsole.door.questions import HostQuestion, Protocol

if TYPE_CHECKING:
    from netconsole.backend.model.guest_requests import GuestRequests
    from netconsole.capture.comparison import Comparison, Progress
    from netconsole.capture.sink import Sink
    from netconsole.diagnostics.model.finding import Finding
    from netconsole.diagnostics.model.request import Request
    from netconsole.diagnostics.parts.journey import Journey, WaitedJourneys
    from netconsole.diagnostics.parts.links import Links
    from netconsole.diagnostics.parts.routing import Routing
    from netconsole.diagnostics.probes.live_capture import CaptureRequest
    from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait
    from netconsole.watch.watch import Watch

SEEN_SECONDS: Final = 5.0
"""So long an answer waits for the watch's look at what was changed; then it looks by itself."""
EXAMINED_SECONDS: Final = 15.0
"""And so long for the watch's checks."""
_PORTS = range(1, 65536)
_ICMP = range(256)


class LocalDoor(Door):
    """Over a service; where a watch looks at the host anyway, its pictures are the answers.

    Safe to use from several threads.
    """

    def __init__(
        self,
        service: Service,
        watch: "Watch | None" = None,
        guest_requests: "Callable[[], tuple[GuestRequests, ...]] | None" = None,
        *,
        no_agent: str = "",
    ) -> None:
        """`watch` has been started, and is stopped by whoever did that.

        `guest_requests` says what the metadata service was asked, where this process serves it;
        `no_agent` why no agent is asked instead, in words that follow "the agent".
        """
        self.service = service
        self._watch = watch
        self._own_watch: Watch | None = None
        self._looking_on = 0
        """How many look by it."""
        self._lock = threading.Lock()
        self._guests_asked = guest_requests
        self._no_agent = no_agent or "which is not asked here"
        self._own: Mapping[str, Callable[..., object]] = {
            "status": self._status,
            "plan": self._plan,
            "findings": self._findings,
            "admissions": self._admissions,
            "guest_requests": self._guest_requests,
        }

    @property
    def host_name(self) -> str:
        return self.service.options.host

    @property
    def read_only_because(self) -> str | None:
        return self.service.read_only_because

    def ask(self, question: HostQuestion, arguments: Mapping[str, object]) -> Any:
        answer = self._own.get(question.name) or getattr(self.service, question.name)
        return answer(**arguments)

    def preview(self, change: Change[Any]) -> Preview:
        return self.service.preview(change)

    def do(
        self,
        change: Change[Result],
        agreed: Plan | None = None,
        *,
        confirm: Confirm | None = None,
        by: Asker | None = None,
    ) -> Outcome[Result]:
        with self._changing():
            return self.service.do(change, agreed, confirm=confirm, by=by)

    def preview_undo(self, change_id: str | None = None) -> Preview:
        return self.service.preview_undo(change_id)

    def undo(
        self,
        change_id: str | None = None,
        agreed: Plan | None = None,
        *,
        confirm: Confirm | None = None,
        by: Asker | None = None,
    ) -> Outcome[None]:
        with self._changing():
            return self.service.undo(change_id, agreed, confirm=confirm, by=by)

    def asking(self, request: "Request") -> "Request":
        looks = None if self._watch is None else self._look
        return replace(request, service=self.service, looks=looks)

    def _look(self, facilities: frozenset[Facility]) -> Look:
        """Look over what the watch knows, where it is not behind; else at everything."""
        watch = self._watch
        if watch is None or watch.caught_up(SEEN_SECONDS) is None:
            return self.service.look()
        return watch.look_closer(facilities)

    def capture(
        self,
        request: "CaptureRequest",
        *,
        cancel: threading.Event,
        progress: "Callable[[Progress], None]",
        sinks: "Sequence[Sink]" = (),
    ) -> "Comparison":
        from netconsole.diagnostics.probes.live_capture import compare

        return compare(request, cancel=cancel, progress=progress, sinks=sinks)

    def trace(self, asked: "AskedTrace", *, cancel: threading.Event) -> "Journey":
        (journey,) = self.trace_all((asked,), cancel=cancel)
        return journey

    def trace_all(
        self, asked: "Sequence[AskedTrace]", *, cancel: threading.Event
    ) -> "tuple[Journey, ...]":
        """Send them after one look at this host."""
        from netconsole.diagnostics.tracing.trace import trace

        self.refuse_if_read_only("trace")
        requests = [each.request() for each in asked]
        seen = self._seen_by_tracer()
        return tuple(trace(each, *seen, cancel) for each in requests)

    def wait(
        self, asked: "AskedWait", *, cancel: threading.Event, began: Callable[[], None]
    ) -> "WaitedJourneys":
        from netconsole.diagnostics.tracing.waiting import wait

        self.refuse_if_read_only("trace --wait")
        request, seconds = asked.request(), asked.seconds
        return wait(request, *self._seen_by_tracer(), seconds, cancel, began)

    def _seen_by_tracer(self) -> "tuple[Status, Links, Routing]":
        """Look once, and return what a trace goes by, of one moment."""
        from netconsole.diagnostics.evidence.links import read_links
        from netconsole.diagnostics.evidence.routing import read_routing

        seen = self._look(frozenset({Facility.LINKS, Facility.ADDRESSES})).survey
        return seen.status(), read_links(seen.observed), read_routing(seen.observed)

    @property
    def no_capture_because(self) -> str | None:
        return lacking(Capability.NET_RAW)

    def subscribe(self, deliver: Deliver, counters: float | None = None) -> Subscription:
        watch = self._looking()
        endings = [watch.subscribe(deliver)]
        if counters is not None:
            endings.append(watch.attend(counters))

        def end() -> None:
            while endings:
                endings.pop()()
                if not endings:
                    self._looked_on()

        return Subscription(end, lambda: watch.looking_for)

    def _looking(self) -> "Watch":
        """The watch for one more who looks: that which there is, or one of this door's own."""
        if self._watch is not None:
            return self._watch
        from netconsole.watch.watch import Watch

        with self._lock:
            self._looking_on += 1
            if self._own_watch is None:
                self._own_watch = Watch(self.service)
                self._own_watch.start()
            return self._own_watch

    def _looked_on(self) -> None:
        """One who looked does no more; after the last the door's own watch ends."""
        if self._watch is not None:
            return
        with self._lock:
            self._looking_on -= 1
            watch = self._own_watch
            if watch is None or self._looking_on:
                return
            self._own_watch = None
        threading.Thread(target=watch.stop, name="stop", daemon=True).start()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            yield
        finally:
            for watch in (self._watch, self._own_watch):
                if watch is not None:
                    watch.soon()

    def count(self) -> None:
        """Have counters read for a status that tells all of them."""
        if self._watch is not None:
            self._watch.count()

    def _status(self) -> Status:
        watch = self._watch
        if watch is None:
            return self.service.status()
        watch.glance()
        picture = watch.seen(SEEN_SECONDS)
        if picture is not None and any(rule.state != "present" for rule in picture.status.nat):
            self.count()  # of these the text for people tells them
            picture = watch.seen(SEEN_SECONDS)
        return self.service.status() if picture is None else picture.status

    def _findings(self) -> "tuple[Finding, ...]":
        from netconsole.diagnostics.doctor import examine
        from netconsole.diagnostics.model.request import Request

        watch = self._watch
        if watch is None:
            return examine(self.asking(Request()))
        watch.glance(checks=True)
        picture = watch.seen(SEEN_SECONDS)
        found = watch.examined(EXAMINED_SECONDS) if picture is not None else None
        if found is not None:
            return found
        return examine(self.asking(Request()))

    def _guest_requests(self) -> "tuple[GuestRequests, ...]":
        if self._guests_asked is None:
            said = "what guests have asked is known to the agent alone"
            raise Unavailable(f"{said}, {self._no_agent}")
        return self._guests_asked()

    def _plan(self) -> Proposal:
        seen = self.service.planned()
        shown = self.service.preview_of(seen)
        obstacles = tuple(each.because for each in seen.obstacles)
        return Proposal(shown.steps, shown.notes, seen.removes_most, obstacles)

    def _admissions(
        self,
        source: str,
        instance: str,
        protocol: Protocol,
        source_project: str | None = None,
        port: int | None = None,
        icmp_type: int | None = None,
        icmp_code: int = 0,
    ) -> tuple[Answer, ...]:
        if (port is None) != (protocol == "icmp") or (port is not None and port not in _PORTS):
            raise InvalidValue("port", port, "is of TCP and UDP, 1 to 65535, and not of ICMP")
        for name, number in (("icmp_type", icmp_type), ("icmp_code", icmp_code)):
            if number is not None and number not in _ICMP:
                raise InvalidValue(name, number, "must be 0 to 255")
        attempt = Attempt(protocol, port, icmp_type, icmp_code)
        return self.service.admissions(Source(source, source_project), instance, attempt)
