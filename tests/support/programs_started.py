"""Runs on a private host: counts what a run of all checks starts to read the host.

It prints JSON: of a run by itself (`alone`), and of one asked of a watch (`watched`), how often
each program was started, by its command line. By the watch as well, the links and networks that it
saw after one of each had come right before.
"""

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence

from netconsole.backend.configuration.loading import load
from netconsole.backend.service.service import Service
from netconsole.diagnostics.doctor import look, quick
from netconsole.diagnostics.model.request import Request
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.door.local import LocalDoor
from netconsole.watch.watch import Watch

SECONDS = 30.0


class Started:
    """Hears of each program that this process starts (sys.addaudithook)."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        sys.addaudithook(self._heard)

    def _heard(self, event: str, arguments: Sequence[object]) -> None:
        if event == "subprocess.Popen" and isinstance(words := arguments[1], list):
            self.counted[" ".join(os.fsdecode(each) for each in words)] += 1

    def by(self, run: Callable[[], Snapshot]) -> tuple[Snapshot, dict[str, int]]:
        self.counted.clear()
        found = run()
        return found, dict(self.counted)


def main() -> None:
    started = Started()
    service = Service(load())
    _, alone = started.by(lambda: look(Request(service), quick()))
    watch = Watch(service, examine_seconds=None)
    seen = threading.Event()
    watch.subscribe(lambda _: seen.set())
    watch.start()
    if not seen.wait(SECONDS):
        sys.exit("the watch sees nothing")
    door = LocalDoor(service, watch)
    subprocess.run(["ip", "link", "add", "late0", "type", "bridge"], check=True)
    subprocess.run(["netconsole", "network", "create", *sys.argv[1:]], check=True)
    snapshot, _ = started.by(lambda: look(door.asking(Request()), quick()))
    _, watched = started.by(lambda: look(door.asking(Request()), quick()))
    watch.stop()
    told = {
        "alone": alone,
        "watched": watched,
        "links": [each.name for each in snapshot.part(Links).links],
        "networks": [each.label for each in snapshot.part(Backend).status.networks],
    }
    print(json.dumps(told))


main()
