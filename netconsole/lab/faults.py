"""The faults to practise on. Each is broken by what an admin, or bad luck, would really do.

Whether one is broken now is read from the kernel and the store, not remembered.
"""

import json
import os
import shlex
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from netconsole.backend.errors import Conflict, NotFound
from netconsole.backend.service import Service
from netconsole.backend.steps import AddAddress, ChangeRules, StartDnsmasq, Step
from netconsole.lab.commands import run
from netconsole.lab.ground import HOME
from netconsole.lab.members import OUTSIDE, pid_of
from netconsole.lab.wires import PUBLIC, SECOND, run_outside

_DISPLACED: Final = HOME / "rp_filter-before"
"""The settings as they were before the fault changed them."""

_FLUSHED: Final = "nova-network-PREROUTING"
_STRICT, _LOOSE = 1, 2
_FILTERS: Final = tuple(
    Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter") for name in ("all", PUBLIC.interface)
)
_DETOUR: Final = (f"{PUBLIC.outside}/32", "via", SECOND.outside, "dev", SECOND.interface)
_MASQUERADE: Final = ("POSTROUTING", "-o", SECOND.interface, "-j", "MASQUERADE")
"""Instances' own packets take the detour as well, and would be strangers outside without it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what it breaks, what a user notices, and how it comes and goes."""

    id: str
    breaks: str
    symptom: str
    is_broken: Callable[[Service], bool]
    break_it: Callable[[Service], None]
    """Raises Conflict where there is nothing to break. Called only where it is not broken."""
    mend_it: Callable[[Service], None]
    """Leaves everything as it was before; does nothing where nothing is broken."""

    def break_once(self, service: Service) -> None:
        """Break it, unless it is broken; raises Conflict where there is nothing to break."""
        if not self.is_broken(service):
            self.break_it(service)


def fault(fault_id: str) -> Fault:
    """Answer a fault by its id; raises NotFound, naming those there are."""
    for known in FAULTS:
        if known.id == fault_id:
            return known
    raise NotFound(f"no fault {fault_id!r}; there are {', '.join(known.id for known in FAULTS)}")


# Faults that the plan sees: mending takes those steps of it, and no others.


def _is_nat_rule(step: Step) -> bool:
    return (
        isinstance(step, ChangeRules)
        and step.table == "nat"
        and any(_FLUSHED in line for line in step.lines)
    )


def _is_server(step: Step) -> bool:
    return isinstance(step, StartDnsmasq)


def _is_public_address(step: Step) -> bool:
    return isinstance(step, AddAddress) and step.interface == PUBLIC.interface


def _planned(concerns: Callable[[Step], bool]) -> Callable[[Service], bool]:
    def is_broken(service: Service) -> bool:
        return any(concerns(step) for step in service.plan().steps)

    return is_broken


def _follow_plan(concerns: Callable[[Step], bool]) -> Callable[[Service], None]:
    def mend_it(service: Service) -> None:
        for step in service.plan().steps:
            if concerns(step):
                for command in step.commands:
                    run(*shlex.split(command))

    return mend_it


def _flush_nat(service: Service) -> None:
    if f":{_FLUSHED} " not in run("iptables-save", "-t", "nat"):
        raise Conflict(f"there is no chain {_FLUSHED}: this network manager translates nothing")
    run("iptables", "-w", "-t", "nat", "-F", _FLUSHED)


def _kill_dnsmasq(service: Service) -> None:
    servers = [server for server in service.status().dnsmasq if server.state == "running"]
    if not servers:
        raise Conflict("no dnsmasq of a network is running")
    for pid in (pid for server in servers for pid in server.pids):
        os.kill(pid, signal.SIGKILL)


def _remove_floating_addresses(service: Service) -> None:
    present = [found for found in service.status().floating_ips if found.address_present]
    if not present:
        raise Conflict("no floating address is on the host; associate one first")
    for found in present:
        run("ip", "address", "delete", f"{found.address}/32", "dev", PUBLIC.interface)
    # Whoever still knew the hardware address would notice nothing until forgetting it.
    run_outside(pid_of(OUTSIDE), *(f"neighbour flush to {found.address}" for found in present))


# rp_filter: the way back to `outside` leaves by the second uplink, and the filter is strict.


def _reverse_path_bites(service: Service) -> bool:
    effective = max(int(path.read_text()) for path in _FILTERS)
    return effective == _STRICT and _way_back() == SECOND.interface


def _divert_way_back(service: Service) -> None:
    if not _DISPLACED.exists():
        former = {str(path): path.read_text().strip() for path in _FILTERS}
        _DISPLACED.write_text(json.dumps(former))
    if _way_back() != SECOND.interface:
        run("ip", "route", "replace", *_DETOUR)
        run("iptables", "-w", "-t", "nat", "-A", *_MASQUERADE)
    everywhere, public = _FILTERS
    if int(everywhere.read_text()) == _LOOSE:
        everywhere.write_text("0")
    public.write_text(str(_STRICT))
    _pin_neighbours()


def _restore_way_back(service: Service) -> None:
    if not _DISPLACED.exists():
        return
    for path, value in json.loads(_DISPLACED.read_text()).items():
        Path(path).write_text(value)
    if _way_back() == SECOND.interface:
        run("ip", "route", "delete", *_DETOUR)
        run("iptables", "-w", "-t", "nat", "-D", *_MASQUERADE)
    run_outside(pid_of(OUTSIDE), f"neighbour flush dev {PUBLIC.interface} nud permanent")
    _DISPLACED.unlink()


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
    Fault(
        "nat-flushed",
        "Someone has emptied the NAT chain nova-network-PREROUTING.",
        "A floating address leads to the host instead of its instance: ping answers, HTTP "
        "is refused.",
        _planned(_is_nat_rule),
        _flush_nat,
        _follow_plan(_is_nat_rule),
    ),
    Fault(
        "dnsmasq-killed",
        "The dnsmasq of the network was killed.",
        "Instances resolve no names; one that boots or renews its lease gets no address.",
        _planned(_is_server),
        _kill_dnsmasq,
        _follow_plan(_is_server),
    ),
    Fault(
        "floating-address-missing",
        "The floating addresses were taken off the public interface.",
        "From outside a floating address is unreachable: nobody answers ARP for it.",
        _planned(_is_public_address),
        _remove_floating_addresses,
        _follow_plan(_is_public_address),
    ),
)
"""Every fault, in the order in which they are listed."""
