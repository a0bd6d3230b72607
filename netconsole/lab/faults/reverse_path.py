"""rp_filter: the way back to `outside` leaves by the second uplink, and the filter is strict."""

import json
from pathlib import Path
from typing import Final

from netconsole.backend.service.service import Service
from netconsole.lab.clouds.wires import PUBLIC, SECOND, run_outside
from netconsole.lab.faults.fault import Fault, recall, remember
from netconsole.lab.sandbox.commands import run
from netconsole.lab.sandbox.members import OUTSIDE, pid_of

ID: Final = "rp_filter"
_STRICT, _LOOSE = 1, 2
_FILTERS: Final = tuple(
    Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter") for name in ("all", PUBLIC.interface)
)
_DETOUR: Final = (f"{PUBLIC.outside}/32", "via", SECOND.outside, "dev", SECOND.interface)
_MASQUERADE: Final = ("POSTROUTING", "-o", SECOND.interface, "-j", "MASQUERADE")
"""Instances' own packets take the detour as well, and would be strangers outside without it."""


def _reverse_path_bites(service: Service) -> bool:
    effective = max(int(path.read_text()) for path in _FILTERS)
    return effective == _STRICT and _way_back() == SECOND.interface


def _divert_way_back(service: Service) -> None:
    remember(ID, {str(path): path.read_text().strip() for path in _FILTERS})
    if _way_back() != SECOND.interface:
        run("ip", "route", "replace", *_DETOUR)
        run("iptables", "-w", "-t", "nat", "-A", *_MASQUERADE)
    everywhere, public = _FILTERS
    if int(everywhere.read_text()) == _LOOSE:
        everywhere.write_text("0")
    public.write_text(str(_STRICT))
    _pin_neighbours()


def _restore_way_back(service: Service) -> None:
    before = recall(ID)
    if not before:
        return
    for path, value in before.items():
        Path(path).write_text(value)
    if _way_back() == SECOND.interface:
        run("ip", "route", "delete", *_DETOUR)
        run("iptables", "-w", "-t", "nat", "-D", *_MASQUERADE)
    run_outside(pid_of(OUTSIDE), f"neighbour flush dev {PUBLIC.interface} nud permanent")


def _pin_neighbours() -> None:
    """Let packets get as far as the filter: a strict one leaves ARP unanswered as well."""
    (link,) = json.loads(run("ip", "-json", "-4", "address", "show", "dev", PUBLIC.interface))
    (hardware,) = json.loads(run("ip", "-json", "link", "show", "dev", PUBLIC.interface))
    run_outside(
        pid_of(OUTSIDE),
        *(
            f"neighbour replace {address['local']} lladdr {hardware['address']} "
            f"nud permanent dev {PUBLIC.interface}"
            for address in link["addr_info"]
        ),
    )


def _way_back() -> str:
    (route,) = json.loads(run("ip", "-json", "route", "get", PUBLIC.outside))
    return str(route["dev"])


FAULTS: Final = (
    Fault(
        "rp_filter",
        "The reverse path filter of eth0 is strict, and replies to 203.0.113.1 leave by eth1.",
        "Nothing from outside gets an answer, yet tcpdump on eth0 sees every packet arrive.",
        _reverse_path_bites,
        _divert_way_back,
        _restore_way_back,
    ),
)
