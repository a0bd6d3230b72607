"""The watch: what happens on a host by anyone's doing is in the next picture."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cloud import boot, create_network, netconsole
from private_host import PrivateHost, eventually

PROGRAM = (Path(__file__).parents[1] / "support" / "watched_pictures.py").read_text()


class Watching:
    """A watch on a private host."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: str) -> Any:
        """Ask the process that watches; see its program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            _, complaint = self._process.communicate(timeout=60)
            raise AssertionError(complaint)
        return json.loads(answer)

    @property
    def picture(self) -> Any:
        return self.ask("latest")["picture"]


@contextmanager
def watching(host: PrivateHost, *arguments: str) -> Iterator[Watching]:
    """Watch a host until the first picture is there, and then for as long as this lasts."""
    process = host.spawn("python3", "-c", PROGRAM, *arguments)
    try:
        watch = Watching(process)
        eventually(lambda: watch.picture)
        yield watch
    finally:
        process.communicate("quit\n", timeout=60)


def test_what_is_broken_by_hand_is_in_the_picture(host: PrivateHost) -> None:
    create_network(host)
    boot(host, "web1")
    with watching(host) as watch:
        assert watch.picture["links"]["br100"]
        host.run("ip", "link", "set", "br100", "down")
        eventually(lambda: not watch.picture["links"]["br100"])
        assert "ip link set dev br100 up" in watch.picture["commands"]
        host.run("ip", "link", "set", "br100", "up")
        eventually(lambda: watch.picture["links"]["br100"])
        netconsole(host, "apply")
        eventually(lambda: not watch.picture["commands"])
