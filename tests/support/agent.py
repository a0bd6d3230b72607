"""The agent of a private host or a lab, and requests at its socket as any program makes them."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from private_host import PrivateHost, eventually
from running_lab import RunningLab

SOCKET = "/run/netconsole/agent.sock"

USERS = {
    "looker": ("netconsole", 4001),
    "changer": ("netconsole-admin", 4002),
    "stranger": ("", 4003),
}
"""By name: their group, and their uid."""


def add_users(host: PrivateHost) -> None:
    """Make the groups, and a user of each and of none."""
    for name, uid in (("netconsole", 4100), ("netconsole-admin", 4101)):
        host.run("groupadd", "--gid", str(uid), name)
    for name, (group, uid) in USERS.items():
        groups = ("--groups", group) if group else ()
        host.run("useradd", "--uid", str(uid), "--no-create-home", *groups, name)


_AS_USER = """
import os, pwd, sys
from netconsole.cli.entry import main

user = pwd.getpwnam(sys.argv[1])
os.initgroups(user.pw_name, user.pw_gid)
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
sys.argv = ["netconsole", *sys.argv[2:]]
sys.exit(main())
"""


def by(host: PrivateHost, user: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run netconsole as a user of the host, whatever its exit status."""
    return host.run("python3", "-c", _AS_USER, user, *command, check=False)


def start_agent(host: PrivateHost | RunningLab) -> subprocess.Popen[str]:
    """Start the agent and wait until it answers."""
    process = host.spawn("netconsole", "agent")

    def answers() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the agent ended: {process.communicate()}")
        return curl(host, "/v1/agent")[0] == 200

    eventually(answers)
    return process


def agent_pid(host: PrivateHost | RunningLab) -> int:
    """Return the agent's process, as the host numbers it."""
    return int(host.run("pgrep", "-f", "netconsole agent").stdout.split()[0])


def agent_kilobytes(host: PrivateHost) -> int:
    """Return how much of the memory is the agent's."""
    lines = host.read(f"/proc/{agent_pid(host)}/status").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS")))


def open_files(host: PrivateHost) -> list[str]:
    """Return what the agent has open."""
    opened = f"readlink /proc/{agent_pid(host)}/fd/*"
    return host.run("sh", "-c", opened, check=False).stdout.splitlines()  # some are closed by now


def open_at_rest(host: PrivateHost) -> int:
    """Return how many files the agent has open once it records, and watches each dnsmasq."""

    def opened() -> list[str]:
        names = open_files(host)
        is_at_rest = any("/record/" in name for name in names) and any(
            name.endswith("[pidfd]") for name in names
        )
        return names if is_at_rest else []

    return len(eventually(opened))


@contextmanager
def running_agent(host: PrivateHost) -> Iterator[Callable[[], str]]:
    """An agent on a host; called, what is given tells what it has said so far."""
    running = host.spawn("netconsole", "agent")
    said: list[str] = []

    def listen() -> None:
        assert running.stderr is not None
        for line in running.stderr:
            said.append(line)

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        eventually(lambda: "ready, at" in "".join(said))
        yield lambda: "".join(said)
    finally:
        host.run("pkill", "-TERM", "-f", "netconsole agent", check=False)
        running.wait(timeout=30)
        listening.join(timeout=30)


def curl(
    host: PrivateHost | RunningLab, path: str, body: object = None, *more: str, user: str = ""
) -> tuple[int, Any]:
    """Ask as a user, root if none is named; the answer is its status, and its JSON."""
    become = ("setpriv", "--reuid", user, "--regid", user, "--init-groups") if user else ()
    data = () if body is None else ("--json", json.dumps(body))
    command = ("curl", "-sS", "--unix-socket", SOCKET, "-w", "\n%{http_code}", *data, *more)
    done = host.run(*become, *command, f"http://agent{path}", check=False)
    text, _, status = done.stdout.rpartition("\n")
    if not status.strip().isdigit() or status == "000":
        return 0, done.stderr
    return int(status), json.loads(text) if text.strip() else None
