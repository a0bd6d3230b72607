"""What was heard and seen of a packet that is followed, as values."""

from dataclasses import dataclass, field

from netconsole.diagnostics.tracing.trace_messages import TraceMessage
from netconsole.diagnostics.tracing.traced_packet import Recognised


@dataclass(frozen=True, slots=True)
class TraceSighting:
    """The packet, or what came back, at an interface."""

    at: int
    """Nanoseconds since 1970, by the kernel."""
    interface: str
    leaves: bool
    """Whether it goes out there; it comes in otherwise."""
    what: Recognised


@dataclass(slots=True)
class Heard:
    """All of it, in the order of its coming."""

    messages: list[TraceMessage] = field(default_factory=list)
    sightings: list[TraceSighting] = field(default_factory=list)
