"""Runs ping(8) and counts."""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.system.programs import run
from netconsole.diagnostics.parts.pings import Ping

LIMIT = 10.0
"""Seconds; ping itself ends about a second after its last request."""
HEADERS = 28
"""Bytes of an IP header and an ICMP header, which ping(8) does not count."""
AT_ONCE = 32


def ping(wanted: Ping, count: int = 2) -> Ping:
    """Send echo requests as the given ones say, and return them with what came of them."""
    device = ("-I", wanted.interface) if wanted.interface else ()
    source = ("-I", wanted.source) if wanted.source else ()
    size = ("-M", "do", "-s", str(wanted.size - HEADERS)) if wanted.size else ()
    argv = ["ping", "-n", "-q", *source, *device, *size, "-c", str(count), "-i", "0.2", "-W", "1"]
    try:
        told = run([*argv, wanted.target], timeout=LIMIT, good=(0, 1))  # 1: nothing answered
    except NetconsoleError as error:
        return replace(wanted, problem=str(error))
    counts = re.search(r"(\d+) packets transmitted, (\d+) received", told)
    if counts is None:
        return replace(wanted, problem=" ".join(told.split()))
    return replace(wanted, sent=int(counts[1]), replies=int(counts[2]))


def ping_all(wanted: Iterable[Ping], count: int = 2) -> tuple[Ping, ...]:
    """Send them all at the same time; return them in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(lambda each: ping(each, count), wanted))
