"""Watch: the one loop that looks at a host, for all who want to know how it stands."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from netconsole.backend.model.authors import Authors
from netconsole.backend.model.facility import EVERYTHING_AGAIN, NOTHING, Again, Facility
from netconsole.backend.service.looking import Look
from netconsole.backend.service.service import Service
from netconsole.backend.survey.survey import Survey
from netconsole.diagnostics.doctor import examine
from netconsole.diagnostics.model.request import Request
from netconsole.watch.attendance import Attendance
from netconsole.watch.ears import Ears
from netconsole.watch.examiner import CLOSE_SECONDS, Examiner, Findings
from netconsole.watch.followed import Followed, together, told_by, with_failures
from netconsole.watch.next_look import FOR_CHECKS, next_moment, of_pictures, servers, untold
from netconsole.watch.pace import Beats, Pace
from netconsole.watch.picture import Picture
from netconsole.watch.subscribers import Delivery, Subscribers

EXAMINE_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 0.01
"""What happens to one thing is told of in several pieces: they are waited for so long. By then a
database that tells of a write shows it as well."""
RETRY_SECONDS: Final = 1.0
"""When a look failed."""
_JOIN_SECONDS: Final = 1.0
Follow = Callable[[Survey], Followed]
"""Does what follows from a look."""


class Watch:
    """Looks at the host of a service when something happens there, and tells who subscribed.

    It has a thread for this and one for the checks. Nothing tells of rules of the legacy kind, of
    most kernel settings, of a bridge's switches under /sys and of dnsmasq processes of others that
    begin: these are looked at at a slow beat.
    """

    def __init__(
        self, service: Service, *, examine_seconds: float | None = EXAMINE_SECONDS
    ) -> None:
        """`examine_seconds` is how often the checks are made where nothing happens; None: never."""
        self._service = service
        self._examiner = (
            None
            if examine_seconds is None
            else Examiner(self._examine, self._examined, examine_seconds)
        )
        self._latest: Picture | None = None
        self._look: Look | None = None
        """The one that the latest picture, or what differs in nothing from it, was made of."""
        self._findings: Findings | None = None
        self._happened = self._examining = self._examined_until = 0
        """How often something was noticed that checks may turn on: in all, before those that are
        under way began, before the latest did."""
        self._examining_at = self._examined_at = -math.inf
        """When those began."""
        self._error: Exception | None = None
        self._subscribers = Subscribers()
        self._attendance = Attendance()
        self._followers: list[Follow] = []
        self._asked = NOTHING
        self._beats = Beats()
        self._requests = self._taken = self._answered = 0
        """How often `soon` was called: in all, as of the look under way, as of the latest."""
        self._lock = threading.Lock()
        """Of what other threads than the watch's own change."""
        self._looked_again = threading.Condition(self._lock)
        self._ears: Ears | None = None
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._stopped = False
        self._began: float | None = None
        self.looks = 0
        """How often the host was looked at."""
        self.heard = 0
        """How often something was heard for which it was."""

    def start(self) -> None:
        """Begin to look."""
        self._ears = Ears(self._service.places)
        self._thread.start()
        if self._examiner is not None:
            self._examiner.start()

    def stop(self) -> None:
        """Look no more; a look that takes longer than a second ends by itself."""
        self._stopped = True
        self._wake()
        if self._examiner is not None:
            self._examiner.stop(_JOIN_SECONDS / 2)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)

    def latest(self) -> Picture | None:
        """Return the latest picture; None before the first."""
        return self._latest

    def seen(self, seconds: float) -> Picture | None:
        """Return the latest picture once all that `soon` was told until now is in it.

        None where that takes longer, or the host cannot be looked at.
        """
        with self._looked_again:
            number = self._requests

            def is_over() -> bool:
                is_seen = self._latest is not None and self._answered >= number
                return is_seen or self._error is not None

            is_seen = self._looked_again.wait_for(is_over, seconds) and self._error is None
            return self._latest if is_seen else None

    def caught_up(self, seconds: float) -> Picture | None:
        """Return the latest picture once all that has happened until now is in it, of that which
        something tells; None as `seen`.
        """
        self.soon(NOTHING)
        return self.seen(seconds)

    def examined(self, seconds: float) -> Findings | None:
        """Return what the checks find, by all that was noticed until now and a few seconds old at
        most; None where that takes longer. They are made as often as ever, whoever asks.
        """
        if self._examiner is None:
            return None
        with self._looked_again:
            number, since = self._happened, time.monotonic() - CLOSE_SECONDS

            def is_of_now() -> bool:
                return self._examined_until >= number and self._examined_at >= since

            if not is_of_now():
                self._examiner.need()
            return self._findings if self._looked_again.wait_for(is_of_now, seconds) else None

    def look_closer(self, facilities: frozenset[Facility]) -> Look:
        """Look at some of it now, for who asks alone, and at all of which nothing tells.

        The rest is as in the latest look: `caught_up` says when all is in it that has happened.
        Called in the thread of who asks. Raises what a look raises.
        """
        former, ears = self._look, self._ears
        deaf = frozenset[Facility]() if ears is None else ears.deaf
        found = self._service.look(former, Again(facilities | untold(former, deaf)))
        return with_failures(found, self._latest, told_by(self._latest))

    def follow(self, follow: Follow) -> Callable[[], None]:
        """Have it done what follows from each look, before anybody is told; the answer ends that.

        So no picture tells of what lasts only until this process has done its own part. Called in
        the watch's thread; it raises nothing.
        """
        self._followers.append(follow)
        return lambda: self._followers.remove(follow)

    @property
    def looking_for(self) -> float:
        """For how many seconds a look has been under way; 0 while none is."""
        began = self._began
        return 0.0 if began is None else time.monotonic() - began

    def subscribe(self, deliver: Delivery) -> Callable[[], None]:
        """Have each new picture delivered, or why there is none; the answer ends that.

        Called in the watch's thread, first with the latest picture where there is one. It should
        return soon, and raise nothing.
        """
        unsubscribe = self._subscribers.add(deliver)
        self._wake()
        return unsubscribe

    def attend(self, seconds: float, *, checks: bool = True) -> Callable[[], None]:
        """Somebody looks: read counters so often, and tell of each reading; until called.

        That of which nothing tells is looked at as often, and `checks` are made more often.
        """
        number = self._attendance.begin(seconds, checks=checks)
        self._attended()

        def leave() -> None:
            self._attendance.end(number)
            self._attended()

        return leave

    def glance(self, *, checks: bool = False) -> None:
        """Somebody asked for the latest picture, or its `checks`, and may ask again soon.

        For a few seconds counters are read as if they attended. Who asks once gets old counters.
        """
        if self._attendance.glance(checks=checks):
            self._wake()

    def soon(self, again: Again = EVERYTHING_AGAIN) -> None:
        """Look again now, at everything if nothing else is said: something was changed."""
        with self._lock:
            self._asked |= again
            self._requests += 1
        if again.facilities - {Facility.COUNTERS}:
            self._need_checks()
        self._wake()

    def count(self) -> None:
        """Somebody is told counters: have them read, after a pause where that was done just now."""
        time.sleep(self._beats.pause_of_counters(time.monotonic()))
        self.soon(Again.of(Facility.COUNTERS))

    @property
    def _is_asked(self) -> bool:
        with self._lock:
            return self._requests != self._taken

    def _wake(self) -> None:
        if self._ears is not None:
            self._ears.wake()

    def _attended(self) -> None:
        if self._examiner is not None:
            self._examiner.is_watched = self._attendance.stays_at_checks
            if self._examiner.is_watched:
                self._examiner.need()
        self._wake()

    def _need_checks(self) -> None:
        with self._lock:
            self._happened += 1
        if self._examiner is not None:
            self._examiner.need()

    # The thread of the checks

    def _examine(self) -> Findings:
        self._examining, self._examining_at = self._happened, time.monotonic()
        return examine(Request(self._service, looks=self.look_closer))

    def _examined(self, findings: Findings) -> None:
        with self._looked_again:
            self._findings = findings
            self._examined_until, self._examined_at = self._examining, self._examining_at
            self._looked_again.notify_all()
        self._wake()

    # The thread that looks

    def _run(self) -> None:
        ears = self._ears
        if ears is None:
            return
        while not self._stopped:
            try:
                self._look_on(ears)
            except Exception as error:  # noqa: BLE001  the outermost edge of this thread
                self._error = error
                self._subscribers.tell(error)
                ears.pause(RETRY_SECONDS)
        ears.close()

    def _look_on(self, ears: Ears) -> None:
        look = self._look = None
        again, happened, pace = EVERYTHING_AGAIN, False, Pace()
        self._beats = Beats()
        while not self._stopped:
            if again:
                began = time.monotonic()
                found = self._looked(look, again)
                now = time.monotonic()
                pace = pace.looked(now) if happened else pace
                if isinstance(found, Look):
                    look = found
                    is_untold = untold(found, ears.deaf)
                    self._beats = self._beats.after(again.facilities, is_untold, began, now)
                    has_ended = not ears.listen_to(servers(found))
                    again = Again.of(Facility.DNSMASQ) if has_ended else NOTHING
            else:
                self._answer()
            self._deliver_newest()
            more, happened = self._awaited(ears, look, pace, unseen=again)
            again |= more

    def _looked(self, former: Look | None, again: Again) -> Look | Exception:
        """Look, and make a picture of it where something differs, or was not known before."""
        taken = datetime.now(UTC)
        self.looks += 1
        self._began = time.monotonic()
        try:
            look = self._followed(self._service.look(former, again))
        except Exception as error:  # noqa: BLE001  the outermost edge of this thread
            is_new = repr(error) != repr(self._error)
            with self._looked_again:
                self._error = error
                self._looked_again.notify_all()
            if is_new:
                self._subscribers.tell(error)
            return error
        finally:
            self._began = None
        was_blind, self._error = self._error is not None, None
        self._look = look
        authors = Authors() if self._ears is None else self._ears.authors()
        if look.changed or was_blind or authors or Facility.COUNTERS in again.facilities:
            self._latest = Picture(taken, look.survey, self._findings, look.changed, authors)
            self._subscribers.tell(self._latest)
        if look.changed - {Facility.COUNTERS}:
            self._need_checks()
        self._answer()
        return look

    def _answer(self) -> None:
        """Whoever waits for what was told until now has it in the latest picture."""
        with self._looked_again:
            self._answered = self._taken
            self._looked_again.notify_all()

    def _followed(self, look: Look) -> Look:
        """Do what follows from a look; return it with what that changed, and what failed."""
        followed = together(follow(look.survey) for follow in self._followers)
        if followed.again:
            found = self._service.look(look, followed.again)
            look = replace(found, changed=look.changed | found.changed)
        return with_failures(look, self._latest, followed)

    def _deliver_newest(self) -> None:
        """What the checks have found meanwhile; and to who has just subscribed, what there is."""
        latest = self._latest
        if latest is not None and self._findings != latest.findings:
            latest = replace(
                latest, findings=self._findings, changed=frozenset(), authors=Authors()
            )
            self._latest = latest
            self._subscribers.tell(latest)
        self._subscribers.welcome(each for each in (latest, self._error) if each is not None)

    def _awaited(
        self, ears: Ears, look: Look | None, pace: Pace, unseen: Again
    ) -> tuple[Again, bool]:
        """Wait until something is to be looked at, or delivered.

        Return what is to be looked at, and whether that is because something happened.
        """
        attended = self._attendance.interval
        if self._examiner is not None:
            self._examiner.is_watched = self._attendance.is_at_checks
        is_asked = self._is_asked
        ends = [self._beats.due(attended) - time.monotonic()]
        if unseen:
            ends.append(RETRY_SECONDS)
        moment = None if look is None else next_moment(look)
        if moment is not None:
            ends.append(moment - time.time())
        heard = ears.wait(0 if is_asked else max(0.0, min(ends)))
        if heard.facilities & FOR_CHECKS:
            self._need_checks()
        if heard:
            ears.pause(SETTLE_SECONDS)
            ears.pause(0.0 if self._is_asked else pace.pause(time.monotonic()))
            heard |= ears.wait(0)
        with self._lock:
            asked, self._asked, self._taken = self._asked, NOTHING, self._requests
        is_untold = untold(look, ears.deaf)
        due = self._beats.again(time.monotonic(), attended, is_untold)
        if moment is not None and moment <= time.time():
            due |= Again.of(Facility.LEASES)
        happened = of_pictures(heard, look)
        self.heard += bool(happened)
        return asked | due | happened, bool(happened)
