"""Guests that ask for their metadata, on a private host whose service answers."""

import json
import subprocess
from dataclasses import dataclass
from typing import Any

from private_host import PrivateHost, eventually

METADATA = "http://169.254.169.254"


@dataclass(frozen=True)
class Answered:
    """An answer as curl(1) got it."""

    status: int
    body: str
    headers: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    host: PrivateHost, guest: str | None, target: str, *more: str, at: str = METADATA
) -> Answered:
    """Ask as a guest, or on the host itself; status 0 where nobody answers."""
    inside = () if guest is None else ("ip", "netns", "exec", guest)
    command = ("curl", "-sS", "--path-as-is", "-m", "20", "-D", "/dev/stderr")
    done = host.run(*inside, *command, "-w", "\n%{http_code}", *more, f"{at}{target}", check=False)
    body, _, status = done.stdout.rpartition("\n")
    return Answered(int(status or 0), body, done.stderr)


def serve(host: PrivateHost, *more: str) -> subprocess.Popen[str]:
    """Start the service alone, and wait until it listens."""
    process = host.spawn("netconsole", *more, "metadata", "serve")

    def listens() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the service ended: {process.communicate()}")
        return ":8775" in host.run("ss", "-ltnH", "sport", "=", "8775").stdout

    eventually(listens)
    return process


def stop(host: PrivateHost, process: subprocess.Popen[str]) -> str:
    """End the service in order, and return what it said."""
    host.run("pkill", "-TERM", "-f", "netconsole metadata serve", check=False)
    _, said = process.communicate(timeout=30)
    return str(said)
