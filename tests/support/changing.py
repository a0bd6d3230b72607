"""Changes that leave a private host as it was: made, failed, not confirmed, killed, taken back."""

import json
from pathlib import Path

from cloud import CONFIGURATION
from private_host import PrivateHost

EVERY = 6
"""Of so many runs each has the moments that the others leave out."""
AMID_THE_MOVES = 16
"""A moment at which a creation and a deletion have moved an only address half way."""
ONCE = 10_000
"""More moments than any change has: as a distance, one kill of each."""

_PROGRAM = (Path(__file__).parent / "changed_host.py").read_text()


def use_interface(host: PrivateHost, name: str) -> None:
    """Let networks be on an interface."""
    configuration = f"{CONFIGURATION}flat_interface = {name}\ntrial_seconds = 1\n"
    host.write("/etc/netconsole/netconsole.conf", configuration)


def changed(host: PrivateHost, first: int = 0, *, every: int = 0, session: str = "") -> object:
    """Run every change; return what was not as before after one of them.

    With `every`, each is killed at the moment `first`, and again so many after it. `session` is
    the address at which an admin's SSH session comes in: then a trial is not confirmed, too, and
    all that fails without a kill is tried beside kills as well.
    """
    program = ("python3", "-c", _PROGRAM, str(first), str(every), session)
    return json.loads(host.run(*program, timeout=560).stdout)
