"""Asks the kernel where it sends a packet on: its route, and whether the next there answers."""

import errno
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final, NotRequired, TypedDict, cast

from netconsole.backend.kernel.routes import LOCAL, RouteAnswer, RouteQuestion, route_of
from netconsole.backend.kernel.rtnetlink import Rtnetlink
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.phrases import command
from netconsole.backend.model.text import from_json
from netconsole.backend.system.programs import run
from netconsole.diagnostics.tracing.outcome import NextHop
from netconsole.diagnostics.tracing.traced_packet import NUMBERS, Ports

_REFUSALS: Final = {
    errno.EINVAL: "a route or rule of type blackhole takes it",
    errno.EHOSTUNREACH: "a route of type unreachable refuses it",
    errno.EACCES: "a route or rule of type prohibit forbids it",
    errno.EXDEV: "reverse path filtering refuses its source there (rp_filter)",
    errno.ENETUNREACH: "there is no route to it, or a rule of type unreachable",
}
"""What the kernel's errors mean of a route (ip-route(8), ip-sysctl of the kernel)."""
_SETTINGS: Final = Path("/proc/sys/net/ipv4")


class _Neighbour(TypedDict):
    state: NotRequired[list[str]]


def read_next_hop(
    source: str, destination: str, into: str, mark: int = 0, ports: Ports | None = None
) -> NextHop:
    """Return where a packet that came in by an interface goes, or one of this host's own.

    By `mark`, which is that of netfilter, and by protocol and ports rules of routing choose. It is
    looked up as if it had come in, the source check included.
    """
    asked = _question(source, destination, into, mark, ports)
    try:
        found = _route(asked)
    except OSError as error:
        if of_setting := _of_settings(error, source, destination, into):
            return of_setting
        plain = read_next_hop(source, destination, into, mark) if ports else None
        aside = f", asked with mark {mark:#x}, which rules gave it" if mark else ""
        why = _in_words(error)
        if plain is None or plain.refusal:
            return NextHop(refusal=f"{why}{aside}")
        by = f", asked with {ports}, which a rule chooses it by"
        remedy = f"`ip rule`, `{' '.join(_command(source, destination, into, mark))} {ports}`"
        return NextHop(refusal=f"{why}{by}{aside}", remedy=remedy)
    if found.type == LOCAL:
        return NextHop(is_here=True)
    interface = dict(socket.if_nameindex()).get(found.interface, "")
    address = found.gateway or destination
    state = _state(interface, address)
    return NextHop(interface, address, state, destination=destination)


def _question(
    source: str, destination: str, into: str, mark: int, ports: Ports | None
) -> RouteQuestion:
    index = {name: number for number, name in socket.if_nameindex()}.get(into, 0)
    if ports is None:
        return RouteQuestion(destination, source, index, mark)
    number = NUMBERS[ports.protocol]
    return RouteQuestion(
        *(destination, source, index, mark, number, ports.source, ports.destination)
    )


def _command(source: str, destination: str, into: str, mark: int) -> Iterator[str]:
    """Yield the words that ask the same (ip-route(8))."""
    yield from ("ip", "route", "get", destination)
    for name, value in (("from", source), ("iif", into), ("mark", str(mark) if mark else "")):
        if value:
            yield from (name, value)


def _in_words(error: OSError) -> str:
    said = error.strerror or str(error)
    return f"{_REFUSALS[error.errno]} ({said})" if error.errno in _REFUSALS else said


def _of_settings(error: OSError, source: str, destination: str, into: str) -> NextHop | None:
    """Return which setting or address it is that the kernel means; None where it is the route."""
    if not into or not source:
        return None
    if error.errno == errno.EHOSTUNREACH and _setting(f"conf/{into}/forwarding") == 0:
        why = f"forwarding is off at {into} (net.ipv4.conf.{into}.forwarding = 0)"
        if _setting("ip_forward") == 0:
            why = "forwarding is off on this host (net.ipv4.ip_forward = 0)"
        return NextHop(refusal=why, remedy=command("doctor", "--only", "ip_forward"))
    if error.errno in (errno.EINVAL, errno.EXDEV):
        return _of_source(IPv4Address(source), IPv4Address(destination), into)
    return None


def _of_source(source: IPv4Address, destination: IPv4Address, into: str) -> NextHop | None:
    """Return why the kernel refuses the source there; None where nothing says that it does."""
    if source.is_loopback or destination.is_loopback:
        return NextHop(refusal="what comes in may not have an address of 127.0.0.0/8")
    if is_own(str(source)):
        return NextHop(refusal=f"its source {source} is an address of this host itself")
    strict = max(_setting("conf/all/rp_filter"), _setting(f"conf/{into}/rp_filter")) == 1
    by = _leaves_by(str(source))
    if not strict or by in ("", into):
        return None
    why = f"rp_filter of {into} refuses its source {source}, to which the route leads by {by}"
    return NextHop(refusal=why, remedy=command("doctor", "--only", "rp_filter"))


def is_own(address: str) -> bool:
    """Whether this host itself takes what is for an address."""
    try:
        return _route(RouteQuestion(address)).type == LOCAL
    except OSError:
        return False


def _leaves_by(destination: str) -> str:
    """Return the interface by which this host sends to an address; empty where it does not."""
    try:
        index = _route(RouteQuestion(destination)).interface
    except OSError:
        return ""
    return dict(socket.if_nameindex()).get(index, "")


def _route(asked: RouteQuestion) -> RouteAnswer:
    with Rtnetlink() as kernel:
        return route_of(kernel, asked)


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
