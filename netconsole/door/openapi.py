"""OpenAPI: the document of what an agent answers, made of the questions and the changes."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from netconsole import __version__
from netconsole.backend.plan.agreement import Preview
from netconsole.backend.service.outcome import Outcome
from netconsole.backend.steps import Plan
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait
from netconsole.door import protocol
from netconsole.door.captured import AskedCapture
from netconsole.door.codec import change_types
from netconsole.door.failures import KINDS
from netconsole.door.inquiry import Inquiry
from netconsole.door.questions import QUESTIONS, HostQuestion, QuestionParameter
from netconsole.door.remote import Greeting
from netconsole.door.schemas import Schema, Schemas

_STATUSES: Mapping[str, str] = {
    "400": "What was sent breaks a rule.",
    "403": "Who asks may not do this.",
    "404": "There is no such thing.",
    "409": "The present state forbids it, or the host refused a step: nothing stays of it.",
    "429": "Too many connections of one user.",
    "503": "Something that this needs is not to be had.",
}
_INNER = {
    "name": "inner",
    "in": "query",
    "description": "Also what is between parts of netconsole, and promised to nobody.",
    "schema": {"type": "boolean", "default": False},
}

_DIFFERENCES = {
    "name": "differences",
    "in": "query",
    "description": "Only what is not as in the line before; what is in the lines is promised to "
    "nobody.",
    "schema": {"type": "boolean", "default": False},
}
_COUNTERS = {
    "name": "counters",
    "in": "query",
    "description": "Have counters read every so many seconds, and a line after each reading.",
    "schema": {
        "type": "integer",
        "minimum": protocol.COUNTERS_SECONDS.start,
        "maximum": protocol.COUNTERS_SECONDS.stop - 1,
    },
}


@cache
def document() -> Schema:
    """Return the document (OpenAPI 3.1)."""
    answered, sent = Schemas(strict=False), Schemas(strict=True)
    paths: dict[str, Schema] = {
        question.path: {"get": _asked(question, answered)} for question in QUESTIONS.values()
    }
    paths[protocol.GREETING] = {
        "get": _got("agent", "Who answers, and who asks.", Greeting, answered)
    }
    paths[protocol.OPENAPI] = {
        "get": _got("openapi", "This document.", dict[str, object], answered)
    }
    paths[protocol.WATCH] = {"get": _watched(answered)}
    plan = sent.of(Plan)
    agreed = {"anyOf": [plan, {"type": "null"}], "default": None}
    confirm = {"type": "boolean", "default": False}
    change_id = {"type": ["string", "null"], "default": None}
    change = _changes(sent)
    manner = {"agreed": agreed, "confirm": confirm}
    for path, about, body, kind, says in (
        (protocol.PREVIEW, change, {}, Preview, "The steps that a change would take."),
        (protocol.DO, change, manner, Outcome[object], _DO),
        (protocol.PREVIEW_UNDO, None, {"change_id": change_id}, Preview, "As `undo` would."),
        (protocol.UNDO, None, {"change_id": change_id, **manner}, Outcome[object], _UNDO),
        (protocol.CONFIRM, None, _CONFIRMED, dict[str, bool], _CONFIRM),
    ):
        paths[path] = {"post": _posted(path, says, _body(about, body), kind, answered)}
    paths[protocol.EVIDENCE] = {"post": _job(_EVIDENCE, "evidence", sent.of(Inquiry))}
    paths[protocol.CAPTURE] = {"post": _job(_CAPTURE, "capture", sent.of(AskedCapture))}
    paths[protocol.TRACE] = {"post": _job(_TRACE, "trace", sent.of(AskedTrace))}
    paths[protocol.WAIT] = {"post": _job(_WAIT, "wait", sent.of(AskedWait))}
    ended = _posted(protocol.END, _END, _body(None, _TOKEN), dict[str, bool], answered)
    paths[protocol.END] = {"post": ended}
    return {
        "openapi": "3.1.0",
        "info": {"title": "netconsole agent", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "http://agent"}],
        "paths": paths,
        "components": {"schemas": {**answered.named, **sent.named, "Error": _error()}},
    }


_ABOUT = (
    "Who may do what is decided by who connects (SO_PEERCRED): root and the group "
    "netconsole-admin change, the group netconsole looks."
)
_DO = (
    "Make a change: the store and the host, both or neither. `agreed` is a plan that was shown: "
    "where another would be carried out by now, nothing is. Changes that may cut off the SSH "
    "session of who asks are refused, unless `confirm` says that they can be asked back: then the "
    "answer is lines of JSON, first {confirm: {token, seconds}}, which POST /v1/confirm answers in "
    "time, then {outcome} or {error}."
)
_WATCH = "A line for each new sight of the host; who reads slowly gets the newest."
_EVIDENCE = (
    "Collect evidence, and send packets for it where `probe` says so. The answer is lines of JSON: "
    "{progress} while a probe watches traffic, {} as a sign of life, then {done}, which is what "
    "`netconsole doctor --save FILE` writes, or {error}. Who hangs up has it ended."
)
_CAPTURE = (
    "Capture packets and compare what passes. The answer is lines of JSON: {job}, a token; "
    "{progress} about once a second; the packets, where they are wanted; {} as a sign of life; "
    "then {done}, or {error}. It ends in time, when its token is sent to POST /v1/end, and when "
    "who asked hangs up."
)
_TRACE = (
    "Send a packet, three times at most, and say what it met there and back. The answer is lines "
    "of JSON: {job}, a token; {} as a sign of life; then {done}, which is what the command `trace` "
    "prints as JSON, or {error}. It takes a few seconds, and nothing stays of what it takes."
)
_WAIT = (
    "Send nothing, and follow the first few real packets of a kind. The answer is lines of JSON: "
    "{job}, a token; {waiting}, the seconds, once they are followed; {} as a sign of life; then "
    "{done}, with the journeys as the command `trace --wait` prints them as JSON, or {error}. It "
    "ends as a capture does."
)
_END = "End a capture, a trace or an examination now; its own answer says what came of it."
_TOKEN: Schema = {"token": {"type": "string"}}
_UNDO = "Take back a playbook's cure: the one named, or the latest. The rest is as of `do`."
_CONFIRM = "Say whether a change that waits for it stays; without a yes it is taken back."
_CONFIRMED: Schema = {"token": {"type": "string"}, "keep": {"type": "boolean"}}


def _asked(question: HostQuestion, answered: Schemas) -> Schema:
    parameters = [_parameter(each) for each in question.parameters]
    found = _got(question.name, question.says, question.answer_type, answered)
    return {**found, "parameters": [*parameters, _INNER]}


def _got(name: str, says: str, kind: object, answered: Schemas) -> Schema:
    return {
        "operationId": name,
        "description": says,
        "responses": _responses(answered.of(kind), protocol.ONE_DOCUMENT),
    }


def _watched(answered: Schemas) -> Schema:
    parts = {
        "taken": answered.of(datetime),
        "status": answered.of(Status),
        "findings": answered.of(tuple[Finding, ...] | None),
    }
    whole = {"type": "object", "properties": parts, "required": list(parts)}
    line = {"anyOf": [whole, {"type": "object"}]}
    return {
        "operationId": "watch",
        "description": _WATCH,
        "parameters": [_DIFFERENCES, _COUNTERS],
        "responses": _responses(line, protocol.LINES),
    }


def _job(says: str, name: str, body: Schema) -> Schema:
    line: Schema = {"type": "object"}
    media = {protocol.ONE_DOCUMENT: {"schema": body}}
    return {
        "operationId": name,
        "description": says,
        "requestBody": {"required": True, "content": media},
        "responses": _responses(line, protocol.LINES),
    }


def _parameter(each: QuestionParameter) -> Schema:
    schema: Schema = {"type": "integer" if each.is_number else "string"}
    if each.choices:
        schema = {"enum": list(each.choices)}
    return {"name": each.name, "in": "query", "required": each.is_needed, "schema": schema}


def _posted(path: str, says: str, body: Schema, kind: object, answered: Schemas) -> Schema:
    media = {protocol.ONE_DOCUMENT: {"schema": body}}
    found = _got(path.rpartition("/")[2], says, kind, answered)
    return {**found, "requestBody": {"required": True, "content": media}}


def _responses(schema: Schema, media: str) -> Schema:
    said = {"$ref": "#/components/schemas/Error"}
    refused = {protocol.ONE_DOCUMENT: {"schema": said}}
    return {
        "200": {"description": "The answer.", "content": {media: {"schema": schema}}},
        **{status: {"description": says, "content": refused} for status, says in _STATUSES.items()},
    }


def _changes(sent: Schemas) -> Schema:
    """One of the changes, by its name."""
    return {
        "oneOf": [
            {
                "properties": {"change": {"const": name}, "arguments": sent.of(kind)},
                "required": ["change", "arguments"],
            }
            for name, kind in change_types().items()
        ]
    }


def _body(about: Schema | None, more: Mapping[str, Any]) -> Schema:
    body: Schema = {"type": "object", "properties": dict(more), "additionalProperties": False}
    if "token" in more:
        body["required"] = list(more)
    if about is not None:
        named = {"change": {"type": "string"}, "arguments": {"type": "object"}}
        body["properties"] = {**named, **more}
        body["required"] = ["change", "arguments"]
        body = {**body, **about}
    return body


def _error() -> Schema:
    told = {
        "kind": {"enum": sorted(KINDS)},
        "message": {"type": "string"},
        "exit_status": {"type": "integer"},
    }
    inner = {"type": "object", "properties": told, "required": list(told)}
    return {"type": "object", "properties": {"error": inner}, "required": ["error"]}
