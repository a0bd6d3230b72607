"""Asks guests by ARP at their own ports, where a packet was handed over: who is there at all.

The question is written out of the port itself, and the answer is seen as it comes in, before
guards, bridge and rules.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from netconsole.diagnostics.probes.guest_conduct import answering
from netconsole.diagnostics.probes.guest_frames import arp_request
from netconsole.diagnostics.probes.port_wires import PortWires
from netconsole.diagnostics.tracing.outcome import PortAnswer

_TIMES: Final = 2
_PATIENCE: Final = 0.3
"""Seconds in which answers are awaited each time."""
_NOBODY: Final = "0.0.0.0"  # noqa: S104  the sender of an ARP probe, RFC 5227 section 1.1


@dataclass(frozen=True, slots=True)
class PortQuestion:
    """Who has an address, asked of who is at a port."""

    port: str
    address: str
    asker_mac: str

    @property
    def frame(self) -> bytes:
        """Return it, from nobody: who hears it learns nothing from it."""
        mac = bytes.fromhex(self.asker_mac.replace(":", ""))
        return arp_request(mac, _NOBODY, self.address)


def ask_at_ports(
    questions: Iterable[PortQuestion],
) -> dict[tuple[str, str] | None, PortAnswer]:
    """Return by port and address what was said there; nothing where nobody may ask."""
    asked = tuple(questions)
    if not asked:
        return {}
    with suppress(OSError), PortWires(each.port for each in asked) as wires:

        def macs(each: PortQuestion) -> tuple[str, ...]:
            return answering(wires.frames.get(each.port, ()), each.address)

        for _ in range(_TIMES):
            for each in asked:
                if not macs(each):
                    wires.send(each.port, [each.frame])
            wires.watch(_PATIENCE, lambda: all(map(macs, asked)))
        return {
            (each.port, each.address): PortAnswer(each.port, each.address, macs(each))
            for each in asked
            if each.port in wires.frames
        }
    return {}
