"""Runs on a private host: changes it again and again, and tells what is otherwise afterwards.

One process that loads netconsole once and forks for each run of it, as loading takes longer than
most changes. `python changed_host.py EVERY` prints one JSON object: for each run that left the host
other than it was, the lines that differ. EVERY says at which commands of a move it is killed: at
each third one, or with 0 never.
"""

import difflib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from netconsole.backend import apply as applying
from netconsole.backend import programs
from netconsole.backend.errors import StepFailed
from netconsole.backend.host import belongings
from netconsole.backend.service import Service
from netconsole.backend.steps import Argv, MoveAddresses, Step
from netconsole.cli.main import main

CREATE = (
    *("network", "create", "vmnet", "--fixed-range-v4", "10.0.0.0/24", "--bridge", "br100"),
    *("--fixed-range-v6", "fd00:7::/64"),
)
DELETE = ("network", "delete", "vmnet")
RUNNING_DOWN = frozenset({"valid_life_time", "preferred_life_time", "expires"})
OF_THE_MOMENT = frozenset({"ifindex", "link_index", "stats", "stats64", "cacheinfo"})


def told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def normal(value: Any) -> Any:
    """Leave out what is of the moment; of a lifetime it counts whether it is for ever."""
    if isinstance(value, dict):
        return {
            key: each == 0xFFFFFFFF if key in RUNNING_DOWN else normal(each)
            for key, each in value.items()
            if key not in OF_THE_MOMENT and "timer" not in key
        }
    return [normal(each) for each in value] if isinstance(value, list) else value


def state() -> list[str]:
    """Everything about the host's network, a line each."""
    shown: list[str] = []
    for command in (
        ("-d", "address"),
        ("-4", "-d", "route", "show", "table", "all"),
        ("-6", "-d", "route", "show", "table", "all"),
        ("-d", "rule"),
        ("-6", "-d", "rule"),
        ("neighbour", "show", "nud", "permanent"),
        ("neighbour", "show", "proxy"),
        ("-6", "neighbour", "show", "proxy"),
    ):
        entries = json.loads(told("ip", "-j", *command) or "[]")
        shown += [f"{' '.join(command)} {json.dumps(normal(each))}" for each in entries]
    for command in (("-d", "link"), ("fdb", "show")):
        entries = json.loads(told("bridge", "-j", *command) or "[]")
        kept = [each for each in entries if each.get("state") != ""]  # not what was learned
        shown += sorted(f"bridge {' '.join(command)} {json.dumps(normal(each))}" for each in kept)
    for place in ("ipv4", "ipv6", "bridge"):
        for path in sorted(Path("/proc/sys/net", place).rglob("*")):
            if path.name == "tcp_fastopen_key":
                continue  # made when somebody asks for it first
            try:
                shown.append(f"{path} {path.read_text().strip()}")
            except OSError:
                continue
    return shown


def settled() -> list[str]:
    """The state once each link has the link-local address that the kernel makes it."""
    deadline = time.monotonic() + 60
    while not has_settled() and time.monotonic() < deadline:
        time.sleep(0.1)
    return state()


def has_settled() -> bool:
    links = json.loads(told("ip", "-j", "address"))
    held = [(link["flags"], link.get("addr_info", ())) for link in links]
    return all(
        any(each["scope"] == "link" and each["family"] == "inet6" for each in addresses)
        and not any("tentative" in each for each in addresses)
        for flags, addresses in held
        if "LOWER_UP" in flags and "LOOPBACK" not in flags
    )


def run(*arguments: str, before: Callable[[], None] = lambda: None) -> int:
    """Run netconsole in a fork and answer its status; 137 when it was killed."""
    child = os.fork()
    if child == 0:
        silent = os.open("/run/said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        status = 99
        try:
            before()
            sys.argv = ["netconsole", *arguments]
            status = main()
        finally:
            sys.stdout.flush()
            os._exit(status)
    _, how = os.waitpid(child, 0)
    return 128 + os.WTERMSIG(how) if os.WIFSIGNALED(how) else os.WEXITSTATUS(how)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def killed_in_a_move(number: int) -> Callable[[], None]:
    """Take the commands of a move one by one, and die before one of them."""
    taken = iter(range(1000))

    def one_by_one(family: Argv, argvs: tuple[Argv, ...]) -> None:
        for each in argvs:
            if next(taken) == number:
                die()
            programs.run(each)

    def patch() -> None:
        belongings._batch = one_by_one

    return patch


def failing_after_a_move() -> None:
    """Let the step fail that comes after the move, which is then taken back."""
    take = vars(applying)["take"]
    moves: list[Step] = []

    def failing(run: tuple[Step, ...], maker: int) -> None:
        if moves:
            vars(applying)["take"] = take
            raise StepFailed("no more")
        take(run, maker)
        moves.extend(step for step in run if isinstance(step, MoveAddresses))

    vars(applying)["take"] = failing


def not_confirmed() -> None:
    """A session comes in on the interface, and nobody answers the question."""
    os.environ["SSH_CONNECTION"] = "203.0.113.1 50000 203.0.113.2 22"
    silence = property(lambda service: lambda seconds: False, lambda service, value: None)
    type.__setattr__(Service, "confirm", silence)


def runs(every: int) -> Iterator[tuple[str, bool]]:
    """Take each change, and answer its name and whether it went as it should."""
    yield "failed create", run(*CREATE, before=failing_after_a_move) == 1
    yield "trial not confirmed", run(*CREATE, before=not_confirmed) == 1
    for number in kills(CREATE, every):
        yield f"create killed at {number}", run("apply") == 0
    if not every:
        run(*CREATE)
    assert "203.0.113.2/" in told("ip", "address", "show", "br100")
    during = settled()
    for number in kills(DELETE, every):
        if run("apply") != 0 or (left := difference(during, settled())):
            yield f"delete killed at {number}: {left}", False
    yield "create, delete", bool(every) or run(*DELETE) == 0


def kills(change: tuple[str, ...], every: int) -> Iterator[int]:
    """Kill a change at each so-manieth command of its move, until it goes through."""
    number = 0
    while every and (status := run(*change, before=killed_in_a_move(number))) != 0:
        assert status == 128 + signal.SIGKILL, Path("/run/said").read_text()
        yield number
        number += every


def difference(before: list[str], after: list[str]) -> list[str]:
    return list(difflib.unified_diff(before, after, lineterm="", n=0))


def tell(every: int) -> None:
    """Print what each run left that was not so before."""
    run("apply")
    before = settled()
    wrong: dict[str, list[str]] = {}
    for name, went in runs(every):
        changes = difference(before, settled())
        if changes or not went:
            wrong[name] = [*changes, Path("/run/said").read_text()]
            break
    print(json.dumps(wrong))


if __name__ == "__main__":
    tell(int(sys.argv[1]))
