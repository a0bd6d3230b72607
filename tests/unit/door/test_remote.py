"""The remote door where its other end is not as it should be."""

import socket
from pathlib import Path

import pytest

from netconsole.door import connection
from netconsole.door.channel import LocalChannel
from netconsole.door.connection import AgentGone
from netconsole.door.remote import RemoteDoor


def test_an_agent_that_hangs_is_not_said_to_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(LocalChannel, "patience_seconds", 0.05)
    path = str(tmp_path / "agent.sock")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        with pytest.raises(AgentGone, match="the agent hangs: `systemctl restart") as raised:
            RemoteDoor(LocalChannel(path)).networks()
    assert "ended" not in str(raised.value)
