"""What the agent tells the service manager, read at a socket of the test's own."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from netconsole.agent.notify import Notifier, notifying, watchdog_seconds


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


def told(manager: socket.socket) -> list[str]:
    return manager.recv(4096).decode().splitlines()


def environment(manager: socket.socket, seconds: float = 0.0) -> dict[str, str]:
    found = {"NOTIFY_SOCKET": str(manager.getsockname()), "WATCHDOG_PID": str(os.getpid())}
    return found | ({"WATCHDOG_USEC": str(int(seconds * 1_000_000))} if seconds else {})


def test_from_start_to_end(manager: socket.socket) -> None:
    async def live() -> None:
        async with notifying(lambda: True, environment(manager)) as notifier:
            notifier.ready("as the store\nsays")
            notifier.reloading()

    asyncio.run(live())
    assert told(manager) == ["READY=1", "STATUS=as the store says"]
    reloading, stamp = told(manager)
    assert reloading == "RELOADING=1"
    assert stamp.startswith("MONOTONIC_USEC=")
    assert told(manager) == ["STOPPING=1"]


def test_it_says_that_it_lives_only_while_it_does(manager: socket.socket) -> None:
    asked: list[bool] = []

    async def live() -> None:
        def is_alive() -> bool:
            asked.append(len(asked) < 3)
            return asked[-1]

        async with notifying(is_alive, environment(manager, seconds=0.02)):
            while len(asked) < 6:
                await asyncio.sleep(0.01)

    asyncio.run(live())
    assert [told(manager) for _ in range(4)] == [["WATCHDOG=1"]] * 3 + [["STOPPING=1"]]


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    watched = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}
    assert watchdog_seconds(watched) == 30.0
    assert watchdog_seconds({**watched, "WATCHDOG_PID": "1"}) == 0.0
    assert watchdog_seconds({"WATCHDOG_USEC": "soon"}) == 0.0
    assert watchdog_seconds({}) == 0.0


def test_nobody_need_listen(tmp_path: Path) -> None:
    Notifier("").ready()
    Notifier(str(tmp_path / "gone")).ready()


def test_a_manager_may_listen_at_an_abstract_address() -> None:
    name = f"netconsole-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        Notifier(f"@{name}").stopping()
        assert told(listening) == ["STOPPING=1"]
