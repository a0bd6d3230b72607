"""Death by SIGKILL just before or just after a given step of a command."""

import signal

from private_host import PrivateHost

KILLED_AT = """
import os, signal, sys
from netconsole.backend import apply
from netconsole.cli.main import main

number, when = int(sys.argv[1]), sys.argv[2]
perform, steps = apply.perform, iter(range(1000))

def counted(step):
    here = next(steps) == number
    if here and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    perform(step)
    if here:
        os.kill(os.getpid(), signal.SIGKILL)

apply.perform = counted
sys.argv = ["netconsole", *sys.argv[3:]]
main()
"""


def killed(host: PrivateHost, number: int, when: str, *command: str) -> bool:
    """Run a command that dies at a step; false when it had fewer steps and went through."""
    done = host.run("python3", "-c", KILLED_AT, str(number), when, *command, check=False)
    if done.returncode == 0:
        return False
    assert done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL), done.stderr
    return True
