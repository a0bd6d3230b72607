"""Protocol: what both ends of a door's socket say besides what they ask and answer."""

from typing import Final

API = 1
"""Counted up when an older end would misunderstand a newer one."""

API_HEADER = "Netconsole-API"
VERSION_HEADER = "Netconsole-Version"

ONE_DOCUMENT = "application/json"
LINES = "application/x-ndjson"
"""One JSON document a line, each as soon as it is known."""

NOTHING = "/v1"
"""Where nothing is: the agent says so at once, whatever it is busy with."""
GREETING = "/v1/agent"
WATCH = "/v1/watch"
OPENAPI = "/v1/openapi.json"
PREVIEW, DO = "/v1/preview", "/v1/do"
PREVIEW_UNDO, UNDO = "/v1/preview_undo", "/v1/undo"
CONFIRM = "/v1/confirm"
EVIDENCE, CAPTURE, TRACE, WAIT = "/v1/evidence", "/v1/capture", "/v1/trace", "/v1/wait"
END = "/v1/end"

BEAT_SECONDS = 2.0
"""Of a watch with differences, and of a job: so often the agent says at least that it is alive."""
COUNTERS_SECONDS = range(1, 3601)
"""How often who watches may have counters read."""

DIALLED: Final = b"netconsole agent dial: connected\n"
"""What the far end of a dialled connection says before it takes anything from the near one."""
HEARD: Final = b"\0"
"""What the near end says to it: before a request, that it is going to, and each time that something
of the answer has come."""
HEARD_SECONDS: Final = 20.0
"""After so long without that the near end, or the link to it, is dead."""
