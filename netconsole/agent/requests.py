"""Requests: what is asked at the agent's socket, read strictly."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from netconsole import __version__
from netconsole.agent.connections import DoorRequest
from netconsole.backend.changes import Change
from netconsole.backend.model.errors import InvalidValue, NetconsoleError
from netconsole.backend.steps import Plan
from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait
from netconsole.door import protocol
from netconsole.door.captured import AskedCapture
from netconsole.door.codec import (
    capture_of,
    change_of,
    document_of,
    inquiry_of,
    plan_of,
    trace_of,
    wait_of,
)
from netconsole.door.failures import Refused
from netconsole.door.inquiry import Inquiry
from netconsole.door.questions import HostQuestion, QuestionParameter

BODY_SECONDS = 20.0
NAMED_BYTES = 4096
NAMED_SECONDS = 10.0
"""So much is read to name a change in the audit log that is refused."""
LONGEST_TEXT = 1000
"""Letters of one argument in a URL."""

_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """A change that is asked for."""

    change: Change[object]
    agreed: Plan | None = None
    confirm: bool = False
    """Whether who asks can be asked back, where the change is on trial."""


@dataclass(frozen=True, slots=True)
class UndoRequest:
    """A cure that is to be taken back; the latest where none is named."""

    change_id: str | None = None
    agreed: Plan | None = None
    confirm: bool = False


def refuse_other_versions(request: DoorRequest) -> None:
    """Raise Refused for a client that would misunderstand, or be misunderstood."""
    told = request.headers.get(protocol.API_HEADER)
    if told is None or told == str(protocol.API):
        return
    other = request.headers.get(protocol.VERSION_HEADER, "of another version")
    raise Refused(
        f"this agent is netconsole {__version__} and speaks API {protocol.API}; netconsole "
        f"{other[:20]!r} speaks API {told[:9]!r}: install one version, and restart the agent"
    )


def truth_of(request: DoorRequest, name: str) -> bool:
    """Read an argument that is true or false; false without it. Raises InvalidValue."""
    told = request.query.get(name, "false")
    if told not in _TRUTH:
        raise InvalidValue(name, told, "must be true or false")
    return _TRUTH[told]


def counters_of(request: DoorRequest) -> float | None:
    """Read how often counters are to be read, in seconds. Raises InvalidValue."""
    told, seconds = request.query.get("counters"), protocol.COUNTERS_SECONDS
    if told is None:
        return None
    if not (told.isascii() and told.isdecimal() and len(told) < 9 and int(told) in seconds):
        raise InvalidValue("counters", told, f"must be {seconds.start} to {seconds.stop - 1}")
    return float(told)


def arguments_of(question: HostQuestion, request: DoorRequest) -> Mapping[str, object]:
    """Read the arguments of a question. Raises InvalidValue."""
    known = {each.name: each for each in question.parameters}
    found: dict[str, object] = {}
    for name, text in request.query.items():
        if name == "inner":
            continue
        if name not in known:
            raise InvalidValue("argument", name, f"is none of {question.name}")
        if name in found:
            raise InvalidValue("argument", name, "may be given once")
        found[name] = _argument(known[name], text)
    for each in question.parameters:
        if each.is_needed and each.name not in found:
            raise InvalidValue("argument", each.name, f"is needed for {question.name}")
    return found


def refuse_arguments(request: DoorRequest, *known: str) -> None:
    """Raise InvalidValue for what a URL says beyond its path."""
    for name in request.query:
        if name not in known:
            raise InvalidValue("argument", name, "is none that is known here")
    if len(request.query) > len(set(request.query)):
        raise InvalidValue("argument", next(iter(request.query)), "may be given once")


def _argument(parameter: QuestionParameter, text: str) -> object:
    name = parameter.name
    if parameter.is_number:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= 9):
            raise InvalidValue(name, text, "must be a whole number")
        return int(text)
    if len(text) > LONGEST_TEXT or not text.isprintable():
        raise InvalidValue(name, text, f"must be {LONGEST_TEXT} printable letters at most")
    if parameter.choices and text not in parameter.choices:
        raise InvalidValue(name, text, f"must be one of {', '.join(parameter.choices)}")
    return text


async def document(request: DoorRequest, *known: str) -> dict[str, object]:
    """Read the JSON object that a request carries. Raises InvalidValue."""
    refuse_arguments(request)
    if request.content_type != protocol.ONE_DOCUMENT:
        kind = request.headers.get("Content-Type", "")
        raise InvalidValue("Content-Type", kind, f"must be {protocol.ONE_DOCUMENT}")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise InvalidValue("request", "", f"did not come within {BODY_SECONDS:.0f} s") from None
    except web.HTTPRequestEntityTooLarge:
        raise InvalidValue("request", "", "is larger than any that is read here") from None
    except (ConnectionError, web.RequestPayloadError, HttpProcessingError):
        raise InvalidValue("request", "", "broke off, or is not as its headers say") from None
    told = await asyncio.to_thread(document_of, body)
    for name in told:
        if name not in known:
            raise InvalidValue("request", name, f"is none of {', '.join(known)}")
    return told


async def change_request(request: DoorRequest, *known: str) -> ChangeRequest:
    """Read a change that is asked for. Raises InvalidValue."""
    told = await document(request, "change", "arguments", *known)
    return await asyncio.to_thread(_change_request, told)


async def title_of(request: DoorRequest) -> str | None:
    """Return the title of a change that is asked for by who may not make it.

    None where it is not to be had in few bytes, soon: of who only looks no more is read.
    """
    if request.content_length is None or request.content_length > NAMED_BYTES:
        return None
    try:
        async with asyncio.timeout(NAMED_SECONDS):
            asked = await change_request(request, "agreed", "confirm")
        return await asyncio.to_thread(_title, asked.change)
    except (NetconsoleError, TimeoutError):
        return None


def _title(change: Change[object]) -> str:
    return change.title


def _change_request(told: Mapping[str, object]) -> ChangeRequest:
    change = change_of(told.get("change"), told.get("arguments", {}))
    return ChangeRequest(change, _agreed(told), _truth(told))


async def inquiry_request(request: DoorRequest) -> Inquiry:
    """Read which evidence is asked for. Raises InvalidValue."""
    told = await document(request, *(each.name for each in fields(Inquiry)))
    return await asyncio.to_thread(inquiry_of, told)


async def capture_request(request: DoorRequest) -> AskedCapture:
    """Read what is to be captured. Raises InvalidValue."""
    told = await document(request, "request", "packets")
    return await asyncio.to_thread(capture_of, told)


async def trace_request(request: DoorRequest) -> AskedTrace:
    """Read what is to be traced. Raises InvalidValue."""
    told = await document(request, *(each.name for each in fields(AskedTrace)))
    return await asyncio.to_thread(trace_of, told)


async def wait_request(request: DoorRequest) -> AskedWait:
    """Read which packets are waited for. Raises InvalidValue."""
    told = await document(request, *(each.name for each in fields(AskedWait)))
    return await asyncio.to_thread(wait_of, told)


async def end_request(request: DoorRequest) -> str:
    """Read which job is to end: its token. Raises InvalidValue."""
    told = await document(request, "token")
    token = told.get("token")
    if not isinstance(token, str):
        raise InvalidValue("token", token, "must be that of a job")
    return token


async def undo_request(request: DoorRequest, *known: str) -> UndoRequest:
    """Read what is to be taken back. Raises InvalidValue."""
    told = await document(request, "change_id", *known)
    change_id = told.get("change_id")
    if change_id is not None and not (isinstance(change_id, str) and change_id.isprintable()):
        raise InvalidValue("change_id", change_id, "must be that of a change of the history")
    return UndoRequest(change_id, await asyncio.to_thread(_agreed, told), _truth(told))


async def answer_request(request: DoorRequest) -> tuple[str, bool]:
    """Read an answer to a trial: its token, and whether the change stays. Raises InvalidValue."""
    told = await document(request, "token", "keep")
    token, keep = told.get("token"), told.get("keep")
    if not isinstance(token, str) or not isinstance(keep, bool):
        raise InvalidValue("request", sorted(told), "must be a token, and keep: true or false")
    return token, keep


def _agreed(told: Mapping[str, object]) -> Plan | None:
    agreed = told.get("agreed")
    return None if agreed is None else plan_of(agreed)


def _truth(told: Mapping[str, object]) -> bool:
    confirm = told.get("confirm", False)
    if not isinstance(confirm, bool):
        raise InvalidValue("confirm", confirm, "must be true or false")
    return confirm
