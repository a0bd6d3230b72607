"""Asks the kernel where it sends a packet on: its route, and whether the next there answers."""

from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, NotRequired, TypedDict, cast

from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.phrases import command
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import ProgramFailed, run
from netconsole.diagnostics.tracing.outcome import NextHop

_REFUSALS: Final = {
    "Invalid argument": "a route of type blackhole takes it",
    "No route to host": "its route is one of type unreachable",
    "Permission denied": "a route or rule of type prohibit forbids it",
    "Invalid cross-device link": "reverse path filtering refuses its source there (rp_filter)",
    "Network is unreachable": "there is no route to it, or a rule of type unreachable",
}
"""What the kernel's errors mean of a route (ip-route(8), ip-sysctl of the kernel)."""
_SETTINGS: Final = Path("/proc/sys/net/ipv4")


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
        if found := _of_settings(said, source, destination, into):
            return found
        why = f"{_REFUSALS[said]} ({said})" if said in _REFUSALS else str(refusal)
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
    state = _state(interface, address)
    return NextHop(interface, address, state, destination=destination)


def _of_settings(said: str, source: str, destination: str, into: str) -> NextHop | None:
    """Return which setting or address it is that the kernel means; None where it is the route."""
    if not into or not source:
        return None
    if said == "No route to host" and _setting(f"conf/{into}/forwarding") == 0:
        why = f"forwarding is off at {into} (net.ipv4.conf.{into}.forwarding = 0)"
        if _setting("ip_forward") == 0:
            why = "forwarding is off on this host (net.ipv4.ip_forward = 0)"
        return NextHop(refusal=why, remedy=command("doctor", "--only", "ip_forward"))
    if said in ("Invalid argument", "Invalid cross-device link"):
        return _of_source(IPv4Address(source), IPv4Address(destination), into)
    return None


def _of_source(source: IPv4Address, destination: IPv4Address, into: str) -> NextHop | None:
    """Return why the kernel refuses the source there; None where nothing says that it does."""
    if source.is_loopback or destination.is_loopback:
        return NextHop(refusal="what comes in may not have an address of 127.0.0.0/8")
    if is_own(str(source)):
        return NextHop(refusal=f"its source {source} is an address of this host itself")
    strict = max(_setting("conf/all/rp_filter"), _setting(f"conf/{into}/rp_filter")) == 1
    by = _route(str(source)).get("dev", "")
    if not strict or by in ("", into):
        return None
    why = f"rp_filter of {into} refuses its source {source}, to which the route leads by {by}"
    return NextHop(refusal=why, remedy=command("doctor", "--only", "rp_filter"))


def is_own(address: str) -> bool:
    """Whether this host itself takes what is for an address."""
    return _route(address).get("type") == "local"


def _route(destination: str) -> _Route:
    try:
        routes = cast(list[_Route], from_json(run(["ip", "-json", "route", "get", destination])))
    except NetconsoleError:
        return {}
    return routes[0] if routes else {}


def _setting(name: str) -> int:
    """The value of a setting of IPv4; -1 where it cannot be read."""
    try:
        return int((_SETTINGS / name).read_text())
    except (OSError, ValueError):
        return -1


def _state(interface: str, address: str) -> str:
    try:
        told = run(["ip", "-json", "neighbour", "show", "to", address, "dev", interface])
    except NetconsoleError:
        return ""
    for each in cast(list[_Neighbour], from_json(told or "[]")):
        return " ".join(each.get("state", ()))
    return ""
