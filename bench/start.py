"""Claim: `netconsole --help` does not wait for the console to be imported.

Prints how many times longer a Python that imports Textual takes to start than `--help` does.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from enclosed import reader

ROUNDS = 15


def median_seconds(command: list[str]) -> float:
    """Return the median wall time of a command, after one run to warm the caches."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def main() -> None:
    help_time = median_seconds([str(Path(sys.executable).parent / "netconsole"), "--help"])
    textual_time = median_seconds([sys.executable, "-c", "import textual.app"])
    ratio = textual_time / help_time
    print(f"netconsole --help {help_time * 1000:.0f} ms, {ratio:.1f} times faster than")
    print(f"importing textual.app, {textual_time * 1000:.0f} ms")


if __name__ == "__main__":
    reader().parse_args()
    main()
