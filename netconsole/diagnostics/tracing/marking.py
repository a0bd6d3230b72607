"""The tables of nftables in which a packet is marked to be traced, for as long as they are there.

They are owned by the program that made them (nft(8), flags owner; Linux 5.12): when it ends, the
kernel takes them away, also where all of us are killed. They let everything pass.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, cast

from netconsole.backend.filtering.nf_messages import NfFamily, parse_rules
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.model.errors import Unavailable
from netconsole.backend.model.text import decoded, encoded
from netconsole.backend.model.trace_table import trace_table
from netconsole.backend.system.programs import ENVIRONMENT, PATH
from netconsole.diagnostics.tracing.traced_packet import NftMatch

FIRST: Final = -(2**31)
"""Their priority: before every other chain (nft(8), priorities)."""
LAST: Final = 2**31 - 2
"""After every other chain, so who comes by there was let in."""
HANDED: Final = "handed"
"""The chain by which is known that a packet was handed to this host itself."""
ROUTED: Final = frozenset({"routed", "routed_own"})
"""Those that have a packet as it is routed, of others and of this host: translated and marked."""
_LASTS: Final = {HANDED: "input", "routed": "prerouting", "routed_own": "output"}
_FAMILIES: Final[tuple[NfFamily, ...]] = ("bridge", "inet")
_HOOKS: Final = ("prerouting", "output")
_OF_ARP: Final = ("input", "output")
_LIMIT: Final = 3.0
_PAUSE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Marked:
    """What is to be traced."""

    matches: tuple[NftMatch, ...]
    """Of IPv4."""
    arp: tuple[NftMatch, ...] = ()
    """Of ARP, which tables of the family inet do not meet, and those of the family arp do."""
    limit: str = ""
    """How many at most, in the words of nft(8): of what others send there may be any number."""

    def of(self, family: NfFamily) -> tuple[str, ...]:
        """Return how rules begin that match what a family meets: one for all values alike."""
        met = {"inet": self.matches, "arp": self.arp}.get(family, (*self.matches, *self.arp))
        values: dict[str, dict[str, None]] = {}
        for looked_at, value in met:
            values.setdefault(looked_at, {})[value] = None
        return tuple(f"{each} {{ {', '.join(found)} }}" for each, found in values.items())


def script(table: str, marked: Marked, interfaces: Iterable[str]) -> tuple[str, ...]:
    """Return the commands of nft(8) which mark what matches. Pure.

    At ingress of these interfaces, where the guards are; and where packets enter a bridge, IPv4 and
    IPv6, or come from this host itself.
    """
    devices = ", ".join(f'"{name}"' for name in interfaces)
    places: list[tuple[NfFamily, str, str]] = [
        (family, hook, f"type filter hook {hook} priority {FIRST}")
        for family in _FAMILIES
        for hook in _HOOKS
    ]
    if marked.arp:
        own: list[tuple[NfFamily, str, str]] = [
            ("arp", hook, f"type filter hook {hook} priority {FIRST}") for hook in _OF_ARP
        ]
        places = [*own, *places]
    if devices:
        hook = f"type filter hook ingress devices = {{ {devices} }} priority {FIRST}"
        places.append(("netdev", "ingress", hook))
    families = dict.fromkeys(family for family, _, _ in places)
    made = (f"add table {family} {table} {{ flags owner; }}" for family in families)
    chains = (
        f"add chain {family} {table} {name} {{ {hook}; policy accept; }}"
        for family, name, hook in places
    )
    lasts = (
        f"add chain inet {table} {name} "
        f"{{ type filter hook {hook} priority {LAST}; policy accept; }}"
        for name, hook in _LASTS.items()
    )
    filled = (
        f"add rule {family} {table} {name} {match} {marked.limit}meta nftrace set 1"
        for family, name, _ in places
        for match in marked.of(family)
    )
    return (*made, *lasts, *chains, *filled)


@contextmanager
def marking(marked: Marked, interfaces: Sequence[str]) -> Iterator[None]:
    """Have packets that match traced, until this is left or the process is gone.

    Raises Unavailable where they cannot be.
    """
    program = shutil.which("nft", path=PATH)
    if program is None:
        raise Unavailable("nft is not installed (Debian package nftables): nothing can be traced")
    # A service may write to no directory, so what nft says is kept in memory.
    with (
        os.fdopen(os.memfd_create("said"), "w+b") as said,
        subprocess.Popen(
            [program, "--interactive"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=ENVIRONMENT,
            cwd="/",
        ) as process,
    ):
        table = trace_table(process.pid)
        last: NfFamily = "netdev" if interfaces else _FAMILIES[-1]
        try:
            commands = cast(BinaryIO, process.stdin)
            commands.write(encoded(f"{'; '.join(script(table, marked, interfaces))}\n"))
            commands.flush()
            if not _is_there(process, last, table, len(marked.of(last))):
                said.seek(0)
                because = " ".join(decoded(said.read()).split()) or "nft does not say why"
                raise Unavailable(f"this kernel traces nothing: {because}")
            yield
        finally:
            process.kill()


def _is_there(process: subprocess.Popen[bytes], family: NfFamily, table: str, rules: int) -> bool:
    """Wait for the last chain to be complete: its rules are made after all others."""
    until, chain = time.monotonic() + _LIMIT, "ingress" if family == "netdev" else _HOOKS[-1]
    with NfTables() as kernel:
        while time.monotonic() < until and process.poll() is None:
            if (family, table) in kernel.tables():
                found = kernel.raw_rules(family, table, chain)
                if len(parse_rules(found)) >= rules:
                    return True
            time.sleep(_PAUSE)
    return False
