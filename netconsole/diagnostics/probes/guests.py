"""Asks instances whether they are there, all at the same time: ARP, then an echo request."""

from concurrent.futures import ThreadPoolExecutor

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import from_json
from netconsole.backend.survey.status import Allocation
from netconsole.backend.system.programs import run
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import GuestAnswer, GuestAnswers
from netconsole.diagnostics.parts.routing import Routing

MOST_GUESTS = 64
AT_ONCE = 32
"""So that all of them take two seconds where none answers."""
LIMIT = 5.0


def ask_guests(snapshot: Snapshot) -> GuestAnswers:
    """Ping the fixed address of the target, or of every instance that has one.

    Only on networks on which this host has an address: it could not ask on others.
    """
    host, routing, target = snapshot.get(Backend), snapshot.get(Routing), snapshot.target
    bridges = {each.label: each.bridge for each in (host.status.networks if host else ())}
    chosen = [
        each
        for each in (host.status.allocations if host else ())
        if each.allocated and routing is not None and routing.on(bridges.get(each.network, ""))
    ]
    if target is not None:
        chosen = [
            each
            for each in chosen
            if each.instance == target.instance
            or (not target.instance and each.network == target.network)
        ]
    asked = chosen[:MOST_GUESTS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda each: _ask(each, bridges.get(each.network, "")), asked)
        return GuestAnswers(tuple(answers), len(chosen) - len(asked))


def _ask(guest: Allocation, bridge: str) -> GuestAnswer:
    argv = ["ping", "-n", "-q", "-c", "1", "-W", "1", guest.address]
    try:
        echoed = " 1 received" in run(argv, timeout=LIMIT, good=(0, 1))
    except NetconsoleError:
        echoed = False  # no route, as where the gateway's address is missing
    seen = _known_mac(guest.address, bridge)
    return GuestAnswer(guest.instance, guest.address, guest.mac, guest.device, seen, echoed)


def _known_mac(address: str, bridge: str) -> str:
    """What the kernel learnt by asking; nothing where the entry is stale, failed or missing."""
    try:
        told = run(["ip", "-json", "neighbour", "show", "to", address, "dev", bridge])
    except NetconsoleError:
        return ""
    for entry in from_json(told or "[]"):
        if not {"FAILED", "INCOMPLETE", "NONE"} & set(entry.get("state", ())):
            return str(entry.get("lladdr", ""))
    return ""
