"""Examining: looking at the host itself for who asks: evidence with probes, packets, traces."""

import threading
from functools import partial

from netconsole.agent.jobs import Tell, Work
from netconsole.agent.roles import Peer
from netconsole.backend.system.who import other_process
from netconsole.capture.comparison import Comparison
from netconsole.diagnostics.collecting import collect
from netconsole.diagnostics.parts.journey import journey_record, waited_record
from netconsole.diagnostics.probes.live_capture import compare
from netconsole.diagnostics.saved import to_text
from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait
from netconsole.door.captured import AskedCapture, Lines
from netconsole.door.inquiry import Inquiry
from netconsole.door.local import LocalDoor


def collecting(door: LocalDoor, inquiry: Inquiry) -> Work:
    """Return the job of collecting evidence; what comes of it is as it is saved in files."""

    def work(tell: Tell, cancelled: threading.Event) -> str:
        asked = inquiry.request(lambda line: tell({"progress": line}), cancelled)
        return to_text(collect(door.asking(asked), inquiry.wanted))

    return work


def capturing(asked: AskedCapture, peer: Peer) -> Work:
    """Return the job of a capture, which spares the SSH session of who asks."""

    def work(tell: Tell, cancelled: threading.Event) -> Comparison:
        return compare(
            asked.request,
            cancel=cancelled,
            progress=lambda progress: tell({"progress": progress}),
            sinks=(Lines(tell),) if asked.packets else (),
            session=lambda: other_process(peer.uid, peer.process).session,
        )

    return work


def tracing(door: LocalDoor, asked: AskedTrace) -> Work:
    """Return the job of a trace. Raises InvalidValue."""
    asked.request()  # what is wrong with it is said before the job begins

    def work(tell: Tell, cancelled: threading.Event) -> dict[str, object]:
        return journey_record(door.trace(asked, cancel=cancelled))

    return work


def waiting(door: LocalDoor, asked: AskedWait) -> Work:
    """Return the job of waiting for real packets, which tells when it has begun.

    Raises InvalidValue.
    """
    asked.request()

    def work(tell: Tell, cancelled: threading.Event) -> dict[str, object]:
        began = partial(tell, {"waiting": asked.seconds})
        return waited_record(door.wait(asked, cancel=cancelled, began=began))

    return work
