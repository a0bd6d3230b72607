"""Messages in the journal's native protocol, and as journalctl(1) prints them."""

import json
import os
from datetime import UTC, datetime

from netconsole.backend.system.journald import (
    LONGEST,
    LogMessage,
    Priority,
    datagram,
    is_stderr,
    parsed,
)


def test_a_message_is_a_line_a_field() -> None:
    sent = datagram(LogMessage("created", Priority.NOTICE, {"NETCONSOLE_CHANGE": "c1"}))
    assert sent == (
        b"MESSAGE=created\nPRIORITY=5\nSYSLOG_IDENTIFIER=netconsole\nNETCONSOLE_CHANGE=c1\n"
    )


def test_what_has_a_line_break_is_told_by_its_length() -> None:
    sent = datagram(LogMessage("one\nMESSAGE=two"))
    assert sent.startswith(b"MESSAGE\n\x0f\0\0\0\0\0\0\0one\nMESSAGE=two\nPRIORITY=6\n")


def test_bytes_of_others_go_as_they_came_and_a_field_is_bounded() -> None:
    assert b"MESSAGE=\xff\n" in datagram(LogMessage("\udcff"))
    assert len(datagram(LogMessage("x" * 10**6))) < LONGEST + 100


def test_what_journalctl_prints_is_read() -> None:
    line = json.dumps(
        {
            "__REALTIME_TIMESTAMP": "1793354712000000",
            "MESSAGE": [255, 104, 105],
            "PRIORITY": "4",
            "NETCONSOLE_TITLE": ["first", "second"],
            "_PID": "1",
            "NETCONSOLE_OUTCOME": None,
        }
    )
    assert parsed(line) == LogMessage(
        "\udcffhi",
        Priority.WARNING,
        {"NETCONSOLE_TITLE": "first", "NETCONSOLE_OUTCOME": ""},
        datetime.fromtimestamp(1793354712, UTC),
    )
    assert parsed('{"PRIORITY": "99"}').priority is Priority.INFO


def test_stderr_is_the_journal_only_where_it_is_the_very_stream() -> None:
    status = os.fstat(2)
    assert is_stderr({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert not is_stderr({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"})
    assert not is_stderr({})
