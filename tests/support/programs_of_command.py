"""Runs on a host: counts the programs that one command of netconsole starts, by their words.

The command is in the arguments. What it prints is not shown; its exit status and the programs are,
as JSON.
"""

import contextlib
import io
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence

from netconsole.cli.main import main


def count() -> None:
    counted: Counter[str] = Counter()

    def heard(event: str, arguments: Sequence[object]) -> None:
        if event == "subprocess.Popen" and isinstance(words := arguments[1], list | tuple):
            counted[" ".join(os.fsdecode(each) for each in words)] += 1

    sys.addaudithook(heard)
    with contextlib.redirect_stdout(io.StringIO()):
        status = main()
    print(json.dumps({"status": status, "programs": counted}))


count()
