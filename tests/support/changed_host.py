"""Runs on a private host: changes it again and again, and tells what is otherwise afterwards.

One process that has netconsole loaded and forks for each run of it, as loading takes longer than
most changes. `python3 -c PROGRAM FIRST EVERY SESSION` prints one JSON object: for the first run
that left the host other than it was, the lines that differ. A run has moments: before each step,
before each command of a move, and at its end. It is killed at the moment FIRST, then at
FIRST + EVERY, and so on, until it goes through; with 0 for EVERY never. What takes it back is
killed once as well. Without kills a creation fails as well, in two ways; so it does with a SESSION
at one of the host's addresses, which makes it be tried on trial, too.
"""

import difflib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from netconsole.backend.host import belongings
from netconsole.backend.model.errors import StepFailed
from netconsole.backend.service import service
from netconsole.backend.steps import Argv, StartDnsmasq, Step
from netconsole.backend.system import programs
from netconsole.backend.transaction import apply as applying
from netconsole.cli.frame.context import Context
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


def without_own_advertisements(entries: list[Any]) -> list[Any]:
    """Leave out what a bridge may have learnt from the network's own dnsmasq.

    A bridge that stays has it until its time is over, as it has what others advertise.
    """
    for entry in entries:
        entry["addr_info"] = [
            each
            for each in entry.get("addr_info", ())
            if not each.get("mngtmpaddr") or not each["local"].startswith("fd00:7:")
        ]
    return [
        entry
        for entry in entries
        if not str(entry.get("dst")).startswith("fd00:7::") or entry["dst"] == "fd00:7::1"
    ]


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
        entries = without_own_advertisements(json.loads(told("ip", "-j", *command) or "[]"))
        lines = [f"{' '.join(command)} {json.dumps(normal(each))}" for each in entries]
        # Of what the kernel makes on several links that are alike the order says when they came.
        hashed = "neighbour" in command
        made = sorted(line for line in lines if hashed or '"protocol": "kernel"' in line)
        shown += made + [line for line in lines if line not in made]
    for command in (("-d", "link"), ("fdb", "show")):
        entries = json.loads(told("bridge", "-j", *command) or "[]")
        # Not what was learned, nor which multicasts the kernel listens to while a link is up.
        kept = [
            each
            for each in entries
            if each.get("state") != "" and not each.get("mac", "").startswith("33:33:")
        ]
        shown += sorted(f"bridge {' '.join(command)} {json.dumps(normal(each))}" for each in kept)
    for place in ("ipv4", "ipv6", "bridge"):
        shown += sorted(settings(f"/proc/sys/net/{place}"))
    return shown


def settings(place: str) -> Iterator[str]:
    """The kernel settings below a directory: some thousand."""
    for directory, _, names in os.walk(place):
        for name in names:
            if name == "tcp_fastopen_key":
                continue  # made when somebody asks for it first
            with suppress(OSError):
                yield f"{directory}/{name} {Path(directory, name).read_text().strip()}"


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
    """Run netconsole in a fork and return its status; 137 when it was killed."""
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


def killed_at(number: int) -> Callable[[], None]:
    """Take the steps, and the commands of a move, one by one, and die at a moment."""
    moments = iter(range(10_000))

    def moment() -> None:
        if next(moments) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return at_each(moment)


def at_each(moment: Callable[[], None]) -> Callable[[], None]:
    """Take the steps, and the commands of a move, one by one, with a call at each moment."""
    take, take_back = vars(applying)["take"], vars(applying)["take_back"]

    def commands(family: Argv, argvs: tuple[Argv, ...]) -> None:
        for each in argvs:
            moment()
            programs.run(each)

    def steps(run: tuple[Step, ...], maker: int) -> None:
        for each in run:
            moment()
            take((each,), maker)
        moment()

    def steps_back(
        run: tuple[Step, ...], given_away: Collection[str], maker: int
    ) -> tuple[str, ...]:
        moment()
        return cast(tuple[str, ...], take_back(run, given_away, maker))

    def patch() -> None:
        belongings._batch = commands
        vars(applying).update(take=steps, take_back=steps_back)

    return patch


def failing_server() -> None:
    """Let no dnsmasq start, which comes when all is in its place."""
    take = vars(applying)["take"]

    def failing(run: tuple[Step, ...], maker: int) -> None:
        if isinstance(run[0], StartDnsmasq):
            raise StepFailed("no more")
        take(run, maker)

    vars(applying)["take"] = failing


def not_confirmed(session: str) -> None:
    """A session comes in at an address, and nobody answers the question."""
    os.environ["SSH_CONNECTION"] = f"203.0.113.1 50000 {session} 22"
    silence = property(lambda context: lambda seconds: False)
    type.__setattr__(Context, "confirm", silence)


def runs(first: int, every: int, session: str) -> Iterator[tuple[str, bool]]:
    """Take each change, and return its name and whether it went as it should."""
    if session:
        unconfirmed = run(*CREATE, before=lambda: not_confirmed(session))
        yield "trial not confirmed", unconfirmed == 1
    if session or not every:
        yield "failed create", run(*CREATE, before=failing_server) == 1
        yield "create not verified", run(*CREATE, before=failing_verification) == 1
    for number in kills(CREATE, first, every):
        yield f"create killed at {number}", recovered(number)
    during = settled()
    if left := left_on("eth0"):
        yield f"the port leads to {left}", False
    yield from taken_back_deletions(during)
    for number in kills(DELETE, first, every):
        if not recovered(number) or (left := differing(during)):
            yield f"delete killed at {number}: {left}", False
    yield "create, delete", True


def left_on(port: str) -> list[str]:
    """Return where routes of an interface lead, if a bridge has it: to its own link alone."""
    if not Path(f"/sys/class/net/{port}/master").exists():
        return []
    routes = (
        json.loads(told("ip", "-j", family, "route", "show", "table", "all", "dev", port) or "[]")
        for family in ("-4", "-6")
    )
    places = (str(each["dst"]) for several in routes for each in several)
    return [each for each in places if not each.startswith(("fe80:", "ff00:"))]


def taken_back_deletions(during: list[str]) -> Iterator[tuple[str, bool]]:
    """Let a deletion fail at its end, which is taken back."""
    status = run(*DELETE, before=failing_verification)
    if status != 1 or (left := differing(during)):
        yield f"failed delete: {status} {left}", False


def failing_verification() -> None:
    """Let the host not be found as it should be."""

    def failing(*_: object) -> None:
        raise StepFailed("no more")

    vars(service)["verify"] = failing


def kills(change: tuple[str, ...], first: int, every: int) -> Iterator[int]:
    """Kill a change at each so-manieth moment, until it goes through."""
    number = first
    while (status := run(*change, before=killed_at(number) if every else nothing)) != 0:
        assert status == 128 + signal.SIGKILL, Path("/run/said").read_text()
        yield number
        number += every


def nothing() -> None:
    """Leave all as it is."""


def recovered(number: int) -> bool:
    """Take back a change that was killed, at the second attempt if the first is killed as well."""
    status = run("apply", before=killed_at(number % 5 + number // 5 % 3))
    return status == 0 or (status == 128 + signal.SIGKILL and run("apply") == 0)


def differing(before: list[str]) -> list[str]:
    """Return what is otherwise, and stays so: some routes of IPv6 the kernel makes a moment later
    than it shows the addresses that they belong to.
    """
    deadline = time.monotonic() + 10
    while left := list(difflib.unified_diff(before, settled(), lineterm="", n=0)):
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return left


def tell(first: int, every: int, session: str) -> None:
    """Print what each run left that was not so before."""
    run("apply")
    before = settled()
    wrong: dict[str, list[str]] = {}
    for name, went in runs(first, every, session):
        changes = differing(before)
        if changes or not went:
            wrong[name] = [*changes, Path("/run/said").read_text()]
            break
    print(json.dumps(wrong))


if __name__ == "__main__":
    tell(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
