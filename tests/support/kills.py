"""Death by SIGKILL, or another signal, just before or just after a given step of a command."""

import signal

from private_host import PrivateHost

KILLED_AT = """
import os, signal, sys
from netconsole.backend.transaction import apply
from netconsole.cli.main import main

number, when = int(sys.argv[1]), sys.argv[2]
take, begun = apply.take, 0

def counted(run, maker):
    global begun
    here = number - begun
    begun += 1 if when == "before" else len(run)
    if here == 0 and when == "before":
        os.kill(os.getpid(), int(by))
    if 0 <= here < len(run) and when == "after":
        take(run[:here + 1], maker)
        os.kill(os.getpid(), int(by))
    take(run, maker)

apply.take = counted
by, sys.argv = sys.argv[3], ["netconsole", *sys.argv[4:]]
sys.exit(main())
"""
"""Steps that are one batch are counted one by one after each, and all at once before them."""


def killed(
    host: PrivateHost, number: int, when: str, *command: str, by: signal.Signals = signal.SIGKILL
) -> bool:
    """Run a command that dies at a step; false when it had fewer steps and went through."""
    script = ("python3", "-c", KILLED_AT, str(number), when, str(int(by)))
    done = host.run(*script, *command, check=False)
    if done.returncode == 0:
        return False
    assert done.returncode in (-by, 128 + by), done.stderr
    assert "Traceback" not in done.stderr
    return True
