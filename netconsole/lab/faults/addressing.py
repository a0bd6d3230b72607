"""Faults of addresses: two machines have one, the wrong interface answers, a router is wrong."""

import json
from collections.abc import Callable
from typing import Final, NamedTuple

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.lab.clouds.cloud import GUESTS, WITH_FLOATING
from netconsole.lab.clouds.guests import INTERFACE
from netconsole.lab.clouds.wires import PREFIX_LENGTH, PUBLIC, SECOND, UPLINKS, run_outside
from netconsole.lab.faults import traffic
from netconsole.lab.faults.bridges import bridge_of, guest
from netconsole.lab.faults.fault import Fault, run_inside, setting_fault
from netconsole.lab.sandbox.commands import run
from netconsole.lab.sandbox.members import OUTSIDE, pid_of

_INTRUDER: Final = GUESTS[1].name
_SWITCH: Final = "switch"
_ELSEWHERE: Final = "02:00:00:00:00:02"
"""Of a host that had the floating address before, and is no more."""
_USUAL_REACHABLE, _HOURS = 30_000, 4 * 3_600_000
"""Milliseconds for which a neighbour counts as reachable: Linux, and a router of the usual kind."""


class _Place(NamedTuple):
    """An interface of a member."""

    member: str
    interface: str


def _stolen(
    fault_id: str, breaks: str, symptom: str, place: _Place, address: Callable[[Service], str]
) -> Fault:
    """Return the fault that a member has an address of someone else.

    A guest that has is exempt from its guard: it would not get a word out.
    """
    is_guest = place.member != OUTSIDE

    def is_broken(service: Service) -> bool:
        told = run_inside(place.member, "ip", "-json", "address", "show", "dev", place.interface)
        (link,) = json.loads(told)
        wanted = address(service)
        return any(each.get("local") == wanted for each in link["addr_info"])

    def change(service: Service, verb: str) -> None:
        wanted = f"{address(service)}/32"
        run_inside(place.member, "ip", "address", verb, wanted, "dev", place.interface)

    def break_it(service: Service) -> None:
        if is_guest:
            traffic.as_anybody(service, place.member)
        change(service, "add")

    def mend_it(service: Service) -> None:
        if is_broken(service):
            change(service, "delete")
            if is_guest:
                traffic.as_itself(service, place.member)

    return Fault(fault_id, breaks, symptom, is_broken, break_it, mend_it)


def _gateway(service: Service) -> str:
    gateways = [each.gateway for each in service.status().networks if each.gateway]
    if not gateways:
        raise Conflict("no network has a gateway")
    return gateways[0]


def _victim(service: Service) -> str:
    for each in service.status().allocations:
        if each.instance == WITH_FLOATING.name:
            return each.address
    raise Conflict(f"{WITH_FLOATING.name} has no address")


def _floating(service: Service) -> str:
    for each in service.status().floating_ips:
        if each.address_present and each.interface == PUBLIC.interface:
            return each.address
    raise Conflict("no floating address is on the host; associate one first")


def _has_public_twice(service: Service) -> bool:
    (link,) = json.loads(run("ip", "-json", "address", "show", "dev", SECOND.interface))
    return any(each.get("local") == PUBLIC.host for each in link["addr_info"])


def _have_public_twice(service: Service) -> None:
    run("ip", "address", "add", f"{PUBLIC.host}/{PREFIX_LENGTH}", "dev", SECOND.interface)


def _have_public_once(service: Service) -> None:
    if _has_public_twice(service):
        run("ip", "address", "delete", f"{PUBLIC.host}/{PREFIX_LENGTH}", "dev", SECOND.interface)


def _is_one_wire(service: Service) -> bool:
    links = json.loads(run_inside(OUTSIDE, "ip", "-json", "link", "show", "type", "bridge"))
    return any(each.get("ifname") == _SWITCH for each in links)


def _plug_into_one_switch(service: Service) -> None:
    lines = [f"link add {_SWITCH} type bridge forward_delay 0", f"link set {_SWITCH} up"]
    for uplink in UPLINKS:
        address = f"{uplink.outside}/{PREFIX_LENGTH}"
        lines += [
            f"link set {uplink.interface} master {_SWITCH}",
            f"address delete {address} dev {uplink.interface}",
            f"address add {address} broadcast + dev {_SWITCH}",
        ]
    run_outside(pid_of(OUTSIDE), *lines)


def _plug_apart(service: Service) -> None:
    if not _is_one_wire(service):
        return
    lines = [f"link delete {_SWITCH}"]
    for uplink in UPLINKS:
        address = f"{uplink.outside}/{PREFIX_LENGTH}"
        lines.append(f"address add {address} broadcast + dev {uplink.interface}")
    run_outside(pid_of(OUTSIDE), *lines)
    for uplink in UPLINKS:  # whoever was seen on the other wire is not there any more
        run("ip", "neighbour", "flush", "dev", uplink.interface)


def _is_stale_upstream(service: Service) -> bool:
    told = run_inside(OUTSIDE, "ip", "-json", "neighbour", "show", "to", _floating(service))
    return any(each.get("lladdr") == _ELSEWHERE for each in json.loads(told or "[]"))


def _grow_stale_upstream(service: Service) -> None:
    run_outside(
        pid_of(OUTSIDE),
        f"ntable change name arp_cache dev {PUBLIC.interface} base_reachable {_HOURS}",
        f"neighbour replace {_floating(service)} lladdr {_ELSEWHERE} "
        f"nud reachable dev {PUBLIC.interface}",
    )


def _forget_upstream(service: Service) -> None:
    run_outside(
        pid_of(OUTSIDE),
        f"ntable change name arp_cache dev {PUBLIC.interface} base_reachable {_USUAL_REACHABLE}",
        f"neighbour flush dev {PUBLIC.interface}",
    )


def _entered_by_hand(service: Service) -> tuple[str, str]:
    """Return the address of the first guest, and the bridge on which it is."""
    victim = guest(service, 0)
    return victim.address, bridge_of(service, victim)


def _is_entered(service: Service) -> bool:
    address, bridge = _entered_by_hand(service)
    told = run("ip", "-json", "neighbour", "show", "to", address, "dev", bridge)
    return any("PERMANENT" in each.get("state", ()) for each in json.loads(told or "[]"))


def _enter_by_hand(service: Service) -> None:
    address, bridge = _entered_by_hand(service)
    entry = (address, "dev", bridge, "lladdr", _ELSEWHERE, "nud", "permanent")
    run("ip", "neighbour", "replace", *entry)


def _forget_entry(service: Service) -> None:
    if _is_entered(service):
        address, bridge = _entered_by_hand(service)
        run("ip", "neighbour", "delete", address, "dev", bridge)


FAULTS: Final = (
    _stolen(
        "gateway_twice",
        f"{_INTRUDER} has the address of the gateway as well.",
        "Instances reach the world now and then, and their gateway changes its hardware address.",
        _Place(_INTRUDER, INTERFACE),
        _gateway,
    ),
    _stolen(
        "address_conflict",
        f"{_INTRUDER} has the address of {WITH_FLOATING.name} as well.",
        f"{WITH_FLOATING.name} answers now and then, and its page says {_INTRUDER}.",
        _Place(_INTRUDER, INTERFACE),
        _victim,
    ),
    Fault(
        "duplicate_address",
        "The address of eth0 is on eth1 as well.",
        "Neighbours of eth0 are looked for on eth1 as well, where nobody knows them.",
        _has_public_twice,
        _have_public_twice,
        _have_public_once,
    ),
    _stolen(
        "duplicate_elsewhere",
        "A machine on the wire of eth1 has the address of eth1.",
        "Neighbours on that wire reach the host now and then.",
        _Place(OUTSIDE, SECOND.interface),
        lambda service: SECOND.host,
    ),
    Fault(
        "arp_flux",
        "eth0 and eth1 are plugged into the same switch.",
        "The router sees the hardware address of the host's addresses change.",
        _is_one_wire,
        _plug_into_one_switch,
        _plug_apart,
    ),
    setting_fault(
        "proxy_arp",
        "The host answers ARP on eth0 for all that it routes elsewhere.",
        "Machines on the wire of eth0 find this host where they look for others.",
        {f"net/ipv4/conf/{PUBLIC.interface}/proxy_arp": "1"},
    ),
    Fault(
        "upstream_arp",
        "The router upstream still knows the host that had the floating address before.",
        "From outside the floating address is unreachable, though everything here is in order.",
        _is_stale_upstream,
        _grow_stale_upstream,
        _forget_upstream,
    ),
    Fault(
        "neighbour_by_hand",
        "Somebody entered another hardware address for the first instance on its bridge.",
        "Its neighbours reach the instance, and neither this host nor anybody beyond does.",
        _is_entered,
        _enter_by_hand,
        _forget_entry,
    ),
)
