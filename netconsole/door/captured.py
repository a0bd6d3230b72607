"""Captured: a capture as the agent tells it line by line, and what who asked makes of the lines."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from netconsole.backend.model.text import decoded
from netconsole.capture.packet import Sight
from netconsole.capture.sink import Sink
from netconsole.capture.topology import Point
from netconsole.diagnostics.probes.live_capture import CaptureRequest

_PACKETS: Final = 500
"""In one line."""


@dataclass(frozen=True, slots=True)
class AskedCapture:
    """What is sent to the agent."""

    request: CaptureRequest
    packets: bool
    """Whether the packets themselves are wanted."""


class Lines:
    """A sink that tells what it takes, in lines of JSON."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell

    def start(self, points: tuple[Point, ...], snaplen: int, begin: int) -> None:
        told = [[each.name, each.mac.hex(), each.master, each.lower, each.tag] for each in points]
        self._tell({"start": [told, snaplen, begin]})

    def add(self, sights: Sequence[Sight], until: int) -> None:
        for some in range(0, len(sights), _PACKETS):
            told = [_told(each) for each in sights[some : some + _PACKETS]]
            self._tell({"packets": told, "until": until})

    def finish(self, packets: Sequence[int], dropped: Sequence[int], begin: int, end: int) -> None:
        self._tell({"finish": [list(packets), list(dropped), begin, end]})


def hand_on(line: Mapping[str, Any], sinks: Sequence[Sink]) -> None:
    """Give the sinks what a line of `Lines` tells."""
    for sink in sinks:
        match line:
            case {"start": [points, snaplen, begin]}:
                sink.start(tuple(map(_point, points)), snaplen, begin)
            case {"packets": packets, "until": until}:
                sink.add([_sight(*each) for each in packets], until)
            case {"finish": [packets, dropped, begin, end]}:
                sink.finish(packets, dropped, begin, end)


def _told(sight: Sight) -> list[object]:
    index, (time, frame, length, flags) = sight
    return [index, time, decoded(base64.b64encode(frame)), length, flags]


def _sight(index: int, time: int, frame: str, length: int, flags: int) -> Sight:
    return index, (time, base64.b64decode(frame), length, flags)


def _point(told: Sequence[Any]) -> Point:
    name, mac, master, lower, tag = told
    return Point(name, bytes.fromhex(mac), master, lower, tag)
