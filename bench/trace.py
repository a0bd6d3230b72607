"""Claims: a host loses no packet by being traced, and a trace takes less than a second.

An instance of a lab sends datagrams at an even pace to the world outside, by the very rules that
the traced packets meet. Once nothing else happens, once traces go the same way one after the other.
The ratio is that of the datagrams that arrive. Beside it stands how long a trace takes alone.
"""

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from enclosed import reader
from enclosed.labs import INSIDE, NETCONSOLE, lines_of_lab

SENDER, OUTSIDE = "web1", "outside"
ADDRESS, PORT = "203.0.113.1", 5001
EACH_SECOND = 5_000
SECONDS = 6.0
ROUNDS = 3
CLAIMED = 0.98
CLAIMED_SECONDS = 1.0
SHARE = 50
"""Datagrams sent at once: sleeping is not exact enough for one alone."""


def receive() -> None:
    """Count datagrams until half a second passes without one, and print the number."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        own.bind((ADDRESS, PORT))
        own.settimeout(30.0)
        print("ready", flush=True)
        got = 0
        while True:
            try:
                own.recv(64)
            except TimeoutError:
                break
            got += 1
            own.settimeout(1.0)
        print(got)


def send() -> None:
    """Send at an even pace, and print how many."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.connect((ADDRESS, PORT))
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < SECONDS:
            while sent < passed * EACH_SECOND:
                for _ in range(SHARE):
                    own.send(bytes(64))
                sent += SHARE
            time.sleep(0.001)
    print(sent)


def inside(words: Sequence[str]) -> None:
    """On the host of a lab, or in an instance of it."""
    if words:
        {"receive": receive, "send": send}[words[0]]()
        return
    for _ in range(ROUNDS):
        seconds = _trace()
        quiet, _ = _flow(traced=False)
        beside, traces = _flow(traced=True)
        told = {"seconds": seconds, "quiet": quiet, "beside": beside, "traces": traces}
        print(json.dumps(told), flush=True)


def _flow(*, traced: bool) -> tuple[float, int]:
    """Return which share of the datagrams arrived, and how many traces ended beside them."""
    with _started(OUTSIDE, "receive") as taker:
        assert taker.stdout
        taker.stdout.readline()
        with _started(SENDER, "send") as sender:
            traces = 0
            while traced and sender.poll() is None:
                _trace()
                traces += 1
            sent = int(sender.communicate()[0])
        return int(taker.stdout.read()) / sent, traces


def _trace() -> float:
    began = time.perf_counter()
    aim = ("--from", SENDER, "--to", ADDRESS)
    subprocess.run([NETCONSOLE, "trace", *aim], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _started(member: str, verb: str) -> "subprocess.Popen[str]":
    words = (NETCONSOLE, "lab", "exec", member, sys.executable, sys.argv[0], INSIDE, verb)
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def main() -> None:
    rounds = [json.loads(line) for line in lines_of_lab()]
    quiet = statistics.median(each["quiet"] for each in rounds)
    beside = statistics.median(each["beside"] for each in rounds)
    seconds = statistics.median(each["seconds"] for each in rounds)
    traces = sum(each["traces"] for each in rounds)
    print(
        f"{beside / quiet:.4f} of {EACH_SECOND:,} datagrams a second arrive beside {traces} traces"
        f", {quiet:.4f} without; a trace alone takes {seconds:.2f} s"
    )
    if beside / quiet < CLAIMED or seconds > CLAIMED_SECONDS:
        sys.exit(f"claimed: {CLAIMED}, and {CLAIMED_SECONDS} s")


if __name__ == "__main__":
    given = sys.argv[1:]
    if given[:1] == [INSIDE]:
        inside(given[1:])
    else:
        reader().parse_args()
        main()
