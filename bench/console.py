"""Claim: with 10,000 rules on the host a key is on the screen before anybody notices, in 100 ms.

Prints how long it takes from a key to the painted screen in the console, and in less(1), which
looks at nothing meanwhile, on what iptables-save prints of the same rules, and their ratio.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from enclosed import inside

from netconsole.backend.configuration.options import Options

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from pseudo_terminal import Terminal

RULES = 10_000
KEYS = 200
COLUMNS, LINES = 120, 40


def fill() -> str:
    """Make the rules; return what iptables-save prints of them."""
    addresses = (f"198.51.{number // 250}.{number % 250}" for number in range(RULES))
    rules = "".join(f"-A MANY -d {address}/32 -j ACCEPT\n" for address in addresses)
    text = f"*nat\n:MANY - [0:0]\n{rules}COMMIT\n"
    subprocess.run(["iptables-restore", "--noflush"], input=text, text=True, check=True, timeout=60)
    saved = subprocess.run(
        ["iptables-save", "-t", "nat"], capture_output=True, text=True, check=True, timeout=60
    )
    return saved.stdout


def median_seconds(terminal: Terminal, key: str, shown: Callable[[int], str]) -> float:
    """Return the median time from a key until what it brings is on the screen."""
    times = []
    for number in range(KEYS):
        began = time.perf_counter()
        terminal.press(key)
        terminal.wait_for(shown(number))
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def in_console(options: Options) -> float:
    """Move the cursor up from the last row."""
    configuration = Path(options.state_path, "netconsole.conf")
    configuration.write_text(f"[DEFAULT]\nstate_path={options.state_path}\n")
    command = (str(Path(sys.executable).parent / "netconsole"), "--config-file", str(configuration))
    with Terminal(command, COLUMNS, LINES) as terminal:
        terminal.press("5")
        terminal.wait_for(f"/{RULES}")
        terminal.press("end")
        terminal.wait_for(f"{RULES}/{RULES}")
        return median_seconds(terminal, "up", lambda number: f"{RULES - 1 - number}/{RULES}")


def in_pager(options: Options, saved: str) -> float:
    """Scroll up line by line from the last one."""
    file = Path(options.state_path, "rules")
    file.write_text(saved)
    lines = saved.splitlines()
    with Terminal(("less", str(file)), COLUMNS, LINES) as terminal:
        terminal.press("G")
        terminal.wait_for(lines[-1])
        first = len(lines) - (LINES - 1)
        return median_seconds(terminal, "k", lambda number: lines[first - 1 - number])


def main(options: Options) -> None:
    saved = fill()
    console, pager = in_console(options), in_pager(options, saved)
    print(f"{RULES:,} rules: a key is followed within {console * 1000:.1f} ms, ", end="")
    print(f"{0.1 / console:.1f} times faster than the 100 ms claimed; ", end="")
    print(f"by less within {pager * 1000:.1f} ms, {console / pager:.1f} times faster")


if __name__ == "__main__":
    inside(main)
