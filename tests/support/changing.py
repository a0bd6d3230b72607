"""Changes that leave a private host as it was: made, failed, not confirmed, killed, taken back."""

import json
from pathlib import Path

from cloud import CONFIGURATION
from private_host import PrivateHost

EVERY = 6
"""Of so many runs each has the moments that the others leave out."""

_PROGRAM = (Path(__file__).parent / "changed_host.py").read_text()


def use_interface(host: PrivateHost, name: str) -> None:
    """Let networks be on an interface."""
    configuration = f"{CONFIGURATION}flat_interface = {name}\ntrial_seconds = 1\n"
    host.write("/etc/netconsole/netconsole.conf", configuration)


def changed(host: PrivateHost, first: int | None = None, session: str = "") -> object:
    """Run every change; return what was not as before after one of them.

    With `first`, each is killed at that moment and at every sixth after it. `session` is the
    address at which an admin's SSH session comes in.
    """
    host.write("/run/changed_host.py", _PROGRAM)
    moments = ("0", "0") if first is None else (str(first), str(EVERY))
    program = ("python3", "/run/changed_host.py", *moments, session)
    return json.loads(host.run(*program, timeout=560).stdout)
