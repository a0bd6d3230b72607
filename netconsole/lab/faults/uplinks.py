"""Faults of the interface that leads to the world outside."""

from typing import Final

from netconsole.backend.service.service import Service
from netconsole.lab.clouds.wires import DEFAULT_ROUTE, PUBLIC, run_outside
from netconsole.lab.faults.fault import Fault, command_fault, run_inside
from netconsole.lab.sandbox.commands import run
from netconsole.lab.sandbox.members import OUTSIDE, pid_of

_NARROW, _USUAL = 1420, 1500
"""Bytes: what a tunnel leaves, and Ethernet's."""
_LINK: Final = ("ip", "link", "set", "dev", PUBLIC.interface)


def _flags() -> list[str]:
    """As ip(8) shows them, between angle brackets."""
    shown = run("ip", "link", "show", "dev", PUBLIC.interface)
    return shown.partition("<")[2].partition(">")[0].split(",")


def _pull(_service: Service) -> None:
    run_outside(pid_of(OUTSIDE), f"link set {PUBLIC.interface} down")


def _plug_in(_service: Service) -> None:
    run_outside(pid_of(OUTSIDE), f"link set {PUBLIC.interface} up")


def _is_narrow_beyond(_service: Service) -> bool:
    shown = run_inside(OUTSIDE, "ip", "link", "show", "dev", PUBLIC.interface)
    return f" mtu {_NARROW} " in shown


def _narrow_beyond(_service: Service) -> None:
    run_outside(pid_of(OUTSIDE), f"link set {PUBLIC.interface} mtu {_NARROW}")


def _widen_beyond(service: Service) -> None:
    if _is_narrow_beyond(service):
        run_outside(pid_of(OUTSIDE), f"link set {PUBLIC.interface} mtu {_USUAL}")


FAULTS: Final = (
    command_fault(
        "uplink_down",
        f"{PUBLIC.interface} was set down.",
        "Every floating address is dead and no instance reaches the world; inside, all is well.",
        lambda service: "UP" not in _flags(),
        ((*_LINK, "down"),),
        ((*_LINK, "up"), ("ip", "route", "replace", *DEFAULT_ROUTE)),
    ),
    Fault(
        "cable_pulled",
        f"Nobody is at the other end of {PUBLIC.interface}.",
        "As with uplink_down; the interface is up all the same.",
        lambda service: "NO-CARRIER" in _flags(),
        _pull,
        _plug_in,
    ),
    Fault(
        "mtu_beyond",
        f"What {PUBLIC.interface} leads to carries {_NARROW} bytes only, and says nothing.",
        "Ping answers and connections open from everywhere, and large transfers hang.",
        _is_narrow_beyond,
        _narrow_beyond,
        _widen_beyond,
    ),
)
