"""Asks the kernel where it sends a packet on: its route, and whether the next there answers."""

from typing import Final, NotRequired, TypedDict, cast

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import ProgramFailed, run
from netconsole.diagnostics.tracing.ending import NextHop

REFUSALS: Final = {
    "Invalid argument": "a route of type blackhole takes it, or its source is none that can be, or "
    "one that rp_filter refuses there",
    "No route to host": "the route to it is unreachable, or forwarding is off where it came in",
    "Permission denied": "a route or rule of type prohibit forbids it",
    "Invalid cross-device link": "reverse path filtering refuses its source there (rp_filter)",
    "Network is unreachable": "there is no route to it",
}
"""What the kernel's errors mean of a route (ip-route(8), ip-sysctl of the kernel)."""


class _Route(TypedDict):
    type: NotRequired[str]
    dev: NotRequired[str]
    gateway: NotRequired[str]


class _Neighbour(TypedDict):
    state: NotRequired[list[str]]


def read_next_hop(source: str, destination: str, into: str, mark: int = 0) -> NextHop:
    """Return where a packet that came in by an interface goes, or one of this host's own.

    `mark` is that of netfilter, by which rules of routing choose.

    `ip route get` makes the kernel look it up as if it had come in, the source check included.
    """
    words = ("from", source, "iif", into) if into else ("from", source) if source else ()
    marked = ("mark", str(mark)) if mark else ()
    aside = f", asked with mark {mark:#x}, which rules gave it" if mark else ""
    try:
        told = run(["ip", "-json", "route", "get", destination, *words, *marked])
    except ProgramFailed as refusal:
        said = refusal.said.removeprefix("RTNETLINK answers: ")
        why = f"{REFUSALS[said]} ({said})" if said in REFUSALS else str(refusal)
        return NextHop(refusal=f"{why}{aside}")
    except NetconsoleError as error:
        return NextHop(refusal=str(error))
    routes = cast(list[_Route], from_json(told or "[]"))
    if not routes or "dev" not in routes[0]:
        return NextHop(refusal=routes[0].get("type", "") if routes else "no route")
    if routes[0].get("type") == "local":
        return NextHop(is_here=True)
    interface = routes[0]["dev"]
    address = routes[0].get("gateway", destination)
    return NextHop(interface, address, _state(interface, address))


def _state(interface: str, address: str) -> str:
    try:
        told = run(["ip", "-json", "neighbour", "show", "to", address, "dev", interface])
    except NetconsoleError:
        return ""
    for each in cast(list[_Neighbour], from_json(told or "[]")):
        return " ".join(each.get("state", ()))
    return ""
