"""A process on a private host that makes one change after the other, and says what it asked for.

What a program asks is told by Python itself (PEP 578), what the store is asked by SQLAlchemy.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from private_host import PrivateHost

MODULES = ("floating", "instances", "networks")
"""Where the changes are that it knows by name."""


@dataclass(frozen=True)
class Told:
    """What one change asked for, and what it did."""

    programs: list[str]
    """The programs that were started, with their arguments."""
    files: list[str]
    """The files that were opened, and the directories that were listed."""
    queries: list[str]
    commands: list[str]
    result: str

    @property
    def is_whole(self) -> bool:
        """Whether it was about the whole host: every port of the store was read."""
        return any("FROM ports ORDER BY" in query for query in self.queries)

    @property
    def looks_everywhere(self) -> bool:
        """Whether all links were looked at, or all addresses, guards or rules."""
        everything = (
            "ip -json -details link show",
            "ip -json address show",
            "nft --numeric-protocol list table netdev netconsole",
            "iptables-save",
        )
        return any(program.startswith(everything) for program in self.programs)


class CountedSession:
    """The process. It knows of the host what its last change saw."""

    def __init__(self, host: PrivateHost) -> None:
        self._process: subprocess.Popen[str] = host.spawn(sys.executable, str(Path(__file__)))

    def change(self, kind: str, /, **fields: object) -> Told:
        """Make a change of that kind; one that is refused fails."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps([kind, fields])}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(self._process.communicate(timeout=60)[1])
        return Told(**json.loads(line))


def serve() -> None:
    """Make each change that standard input names, and tell of it."""
    from importlib import import_module

    from sqlalchemy import Engine, event

    from netconsole.backend.configuration.loading import load
    from netconsole.backend.service.service import Service

    programs: list[str] = []
    files: list[str] = []
    queries: list[str] = []

    def noted(what: str, details: tuple[object, ...]) -> None:
        if what == "subprocess.Popen":
            words = details[1]
            assert isinstance(words, list)
            programs.append(" ".join(word.decode() for word in words))
        elif what in ("open", "os.scandir", "os.listdir", "glob.glob"):
            files.append(str(details[0]))

    def asked(*details: object) -> None:
        queries.append(" ".join(str(details[2]).split()))

    sys.addaudithook(noted)
    event.listen(Engine, "before_cursor_execute", asked)
    changes = [import_module(f"netconsole.backend.changes.{name}") for name in MODULES]
    kinds = {name: kind for module in changes for name, kind in vars(module).items()}
    service = Service(load())
    for line in sys.stdin:
        kind, fields = json.loads(line)
        change = kinds[kind](
            **{key: tuple(each) if isinstance(each, list) else each for key, each in fields.items()}
        )
        for told in (programs, files, queries):
            told.clear()
        done = service.do(change)
        seen = (list(programs), list(files), list(queries), list(done.plan.commands))
        keys = ("programs", "files", "queries", "commands")
        told_of = dict(zip(keys, seen, strict=True))
        print(json.dumps(told_of | {"result": str(done.result)}), flush=True)


if __name__ == "__main__":
    serve()
