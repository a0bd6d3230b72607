"""The files of the agent's service, as texts."""

import shlex
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from netconsole.agent.installation import (
    UNIT_PATH,
    ServiceFile,
    service_files,
    tmpfiles_text,
    unit_text,
    written_directories,
)
from netconsole.agent.systemd import parsed_state
from netconsole.backend.configuration.options import Options

OPTIONS = Options(host="here")
PROGRAM = "/opt/netconsole/bin/netconsole"


def value(text: str, name: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name}=")]
    return line.partition("=")[2]


def test_the_unit_runs_this_program_with_its_files() -> None:
    text = unit_text(PROGRAM, ("--config-file", "/srv/my nova.conf"), OPTIONS)
    assert value(text, "ExecStart") == f'{PROGRAM} --config-file "/srv/my nova.conf" agent'
    assert "@" not in text.replace("SystemCallFilter=@system-service @module", "")


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/a/100%/nova.conf", '"/a/100%%/nova.conf"'),
        ("/a/$HOME/nova.conf", '"/a/$$HOME/nova.conf"'),
        ('/a/"b"\\/nova.conf', r'"/a/\"b\"\\/nova.conf"'),
        ("/a/é/nova.conf", '"/a/é/nova.conf"'),
    ],
)
def test_what_systemd_would_read_otherwise_is_quoted(path: str, written: str) -> None:
    command = value(unit_text(PROGRAM, ("--config-file", path), OPTIONS), "ExecStart")
    assert command == f"{PROGRAM} --config-file {written} agent"


def test_the_agent_may_write_where_its_options_say() -> None:
    assert written_directories(OPTIONS) == ("/var/lib/netconsole",)
    elsewhere = replace(
        OPTIONS,
        state_path="/srv/state",
        networks_path="/srv/networks",
        agent_socket="/srv/state/agent.sock",
        connection="sqlite:////srv/base/one.sqlite",
    )
    assert written_directories(elsewhere) == ("/srv/state", "/srv/networks", "/srv/base")
    assert "ReadWritePaths=/run /srv/state /srv/networks /srv/base\n" in unit_text(
        PROGRAM, (), elsewhere
    )
    assert "d /srv/networks 0755 root root -\n" in tmpfiles_text(elsewhere)
    server = replace(OPTIONS, connection="postgresql://db/netconsole")
    assert written_directories(server) == written_directories(OPTIONS)


def test_how_a_file_stands_is_told_by_its_first_line() -> None:
    file = ServiceFile("/etc/x.conf", "one\ntwo\n")
    earlier = ServiceFile("/etc/x.conf", "one\n")
    assert file.standing(None) == "absent"
    assert file.standing(file.content) == "installed"
    assert file.standing(earlier.content) == "older"
    assert file.standing(f"{file.content}three\n") == "changed"
    assert file.standing(file.content.partition("\n")[2]) == "changed"
    assert file.standing("") == "changed"


def test_guests_start_after_the_agent() -> None:
    unit = service_files(PROGRAM, (), OPTIONS)[-1]
    assert unit.path == UNIT_PATH
    before = [line for line in unit.text.splitlines() if line.startswith("Before=")]
    named = {name for line in before for name in shlex.split(line.removeprefix("Before="))}
    assert {"libvirtd.service", "virtqemud.service", "libvirt-guests.service"} <= named


def test_a_reload_sends_one_signal() -> None:
    assert unit_text(PROGRAM, (), OPTIONS).count("\nExecReload=") == 1


def test_what_systemctl_says_of_the_service() -> None:
    running = parsed_state(
        "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=running\n"
        "MainPID=42\nActiveEnterTimestamp=@1793354712\n"
    )
    assert (running.enabled, running.active, running.pid) == ("enabled", "active (running)", 42)
    assert running.since == datetime.fromtimestamp(1793354712, UTC)
    absent = parsed_state("UnitFileState=\nActiveState=inactive\nSubState=dead\nMainPID=0\n")
    assert (absent.pid, absent.since) == (None, None)
