"""What instances have asked the metadata service, and how they were answered; who is silent first.

The one pane that no status holds: it is asked for while somebody looks at it.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from netconsole.backend.model.guest_requests import GuestRequest, GuestRequests
from netconsole.backend.model.phrases import count
from netconsole.screens.rows.marks import STYLES, Glyphs, Tone, mark, tone
from netconsole.screens.rows.pane import Column, Entry, Row, command, heading

TITLE: Final = "Metadata: what instances have asked for"
EMPTY: Final = "No instance is on this host."
COLUMNS: Final = (
    Column("instance", 14),
    Column("status", 8, state=True),
    Column("requests", 8, "number"),
    Column("refused", 7, "number", shown_from=64),
    Column("age", 3),
    Column("ms", 6, "number", shown_from=72),
    Column("last request", 16, grows=True),
)

_SILENT: Final = "silent"
_AGES: Final = (("d", 86_400), ("h", 3600), ("m", 60))


def rows(found: Iterable[GuestRequests], now: datetime, glyphs: Glyphs) -> tuple[Row, ...]:
    """Return one row an instance, by name; those that have a lease and have asked for nothing
    first."""
    return tuple(
        _row(each, now, glyphs)
        for each in sorted(found, key=lambda each: (not each.is_silent, each.instance))
    )


def _row(each: GuestRequests, now: datetime, glyphs: Glyphs) -> Row:
    last = each.last
    if last is None:
        shown = mark(_SILENT, glyphs) if each.is_silent else "-"
        return Row(
            key=each.instance,
            cells=(each.instance, shown, "0", "0", "-", "-", _of_none(each)),
            tone=tone(_SILENT) if each.is_silent else "quiet",
            attention=each.is_silent,
        )
    return Row(
        key=each.instance,
        cells=(
            each.instance,
            str(last.status),
            str(each.requests),
            str(each.refused),
            age(now - last.at),
            _milliseconds(last),
            f"{last.method} {last.path}",
        ),
        tone=_tone_of(last),
        attention=last.status >= 500,
    )


def _of_none(each: GuestRequests) -> str:
    return "none since its lease" if each.is_silent else "none, has no lease"


def _tone_of(request: GuestRequest) -> Tone:
    """That there is nothing at a path is no fault: clients try which there are."""
    return "bad" if request.status >= 500 else "good" if request.status < 400 else "plain"


def _milliseconds(request: GuestRequest) -> str:
    return f"{request.seconds * 1000:.1f}"


def age(passed: timedelta) -> str:
    """Return how long ago something was, in its largest unit: `7s`, `3m`, `2h`, `5d`."""
    seconds = max(int(passed.total_seconds()), 0)
    for unit, length in _AGES:
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def describe(found: Iterable[GuestRequests], instance: str) -> tuple[Entry, ...]:
    """Return everything about what one instance has asked, the newest first; empty when it is
    gone."""
    each = next((one for one in found if one.instance == instance), None)
    if each is None:
        return ()
    named = Entry(each.instance, label="instance")
    if each.last is None:
        return (named, Entry(_of_none(each), label="requests"), *_of_silence(each))
    return (
        named,
        Entry(
            f"{each.requests}, of which {each.refused} refused (status 400-599)", label="requests"
        ),
        Entry(),
        heading(f"Its last {count(len(each.recent), 'request')}, the newest first"),
        *map(_told, reversed(each.recent)),
    )


def _told(request: GuestRequest) -> Entry:
    when = f"{request.at.astimezone():%Y-%m-%d %H:%M:%S}"
    said = f"{when}  {request.status}  {_milliseconds(request)} ms  {request.method} {request.path}"
    return Entry(said, STYLES[_tone_of(request)], hanging=4)


def _of_silence(each: GuestRequests) -> tuple[Entry, ...]:
    if not each.is_silent:
        return ()
    return (
        Entry("It is counted from when the agent began to serve metadata.", label=" "),
        Entry(),
        heading("To find out whether its requests arrive"),
        command("netconsole playbook run no-metadata"),
    )


def remark(found: Iterable[GuestRequests]) -> str:
    """Return what an admin should know of them all, in a line; empty where there is nothing."""
    silent = sum(each.is_silent for each in found)
    if not silent:
        return ""
    has = "has a lease and has" if silent == 1 else "have a lease and have"
    return f"{count(silent, 'instance')} {has} asked for nothing since the agent began"
