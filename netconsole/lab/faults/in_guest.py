"""Faults inside a guest, where no command of the host mends anything: its owner has to."""

import json
from collections.abc import Callable
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.backend.survey.status import Allocation, NetworkStatus
from netconsole.lab.clouds.cloud import GUESTS
from netconsole.lab.clouds.guests import INTERFACE
from netconsole.lab.faults import traffic
from netconsole.lab.faults.bridges import Commands, guest
from netconsole.lab.faults.fault import Fault, recall, remember, run_inside

_OWNED: Final = GUESTS[1].name
_OWN_MAC: Final = "52:54:00:0b:ad:01"
_NARROW: Final = 1300
"""Bytes of an MTU."""
_NOBODY_MAC: Final = "02:00:00:00:0b:ad"
_LINK_LOCAL: Final = "169.254.77.7/16"
_LINK_LOCAL_NEIGHBOUR: Final = "169.254.77.8"


def _network(service: Service, port: Allocation) -> NetworkStatus:
    found = next(each for each in service.status().networks if each.label == port.network)
    if not found.gateway:
        raise Conflict(f"{found.label} has no gateway")
    return found


def _guest_fault(
    fault_id: str,
    breaks: str,
    symptom: str,
    is_broken: Callable[[Service, Allocation], bool],
    commands: Callable[[Service, Allocation], tuple[Commands, Commands]],
) -> Fault:
    """Return a fault of commands inside the second guest; the second ones undo them."""

    def break_it(service: Service) -> None:
        port = guest(service, 1)
        forth, back = commands(service, port)
        remember(fault_id, {"back": json.dumps(back)})
        for command in forth:
            run_inside(port.instance, *command)

    def mend_it(service: Service) -> None:
        before = recall(fault_id)
        port = guest(service, 1)
        if before and is_broken(service, port):
            for command in json.loads(before["back"]):
                run_inside(port.instance, *command)

    def is_there(service: Service) -> bool:
        return is_broken(service, guest(service, 1))

    return Fault(fault_id, breaks, symptom, is_there, break_it, mend_it)


def _addresses(member: str) -> list[str]:
    """Return its IPv4 addresses with their prefix lengths."""
    (link,) = json.loads(run_inside(member, "ip", "-json", "address", "show", "dev", INTERFACE))
    found = (each for each in link["addr_info"] if each["family"] == "inet")
    return [f"{each['local']}/{each['prefixlen']}" for each in found]


def _has(address: str) -> Callable[[Service, Allocation], bool]:
    return lambda _, port: address in _addresses(port.instance)


def _is_otherwise(service: Service, port: Allocation) -> bool:
    """Whether it has not the address and mask of the store."""
    return _own(service, port) not in _addresses(port.instance)


def _own(service: Service, port: Allocation) -> str:
    length = _network(service, port).cidr.partition("/")[2]
    return f"{port.address}/{length}"


def _readdress(
    wanted: Callable[[Service, Allocation], str],
) -> Callable[[Service, Allocation], tuple[Commands, Commands]]:
    """Return what gives the guest another address or mask, with its own router."""

    def commands(service: Service, port: Allocation) -> tuple[Commands, Commands]:
        route = ("default", "via", str(_network(service, port).gateway), "dev", INTERFACE)

        def have(address: str) -> Commands:
            return (
                ("ip", "address", "flush", "dev", INTERFACE, "scope", "global"),
                ("ip", "address", "add", address, "broadcast", "+", "dev", INTERFACE),
                ("ip", "route", "replace", *route, "onlink"),
            )

        return have(wanted(service, port)), (
            *have(_own(service, port))[:-1],
            ("ip", "route", "replace", *route),
        )

    return commands


def _unused(service: Service, port: Allocation) -> str:
    """Return an address of the network that nobody has, with its mask."""
    before, _, length = _own(service, port).rpartition("/")
    return f"{before.rpartition('.')[0]}.211/{length}"


def _give_itself_one(service: Service, port: Allocation) -> tuple[Commands, Commands]:
    _, back = _readdress(_own)(service, port)
    forth = (
        ("ip", "address", "flush", "dev", INTERFACE, "scope", "global"),
        ("ip", "address", "add", _LINK_LOCAL, "dev", INTERFACE, "scope", "link"),
    )
    return forth, (("ip", "address", "delete", _LINK_LOCAL, "dev", INTERFACE), *back)


def _while_it_speaks(fault: Fault) -> Fault:
    """Let the guest go on looking for others meanwhile, as one with such an address does."""

    def break_it(service: Service) -> None:
        fault.break_it(service)
        looks_for = traffic.datagrams_to(_LINK_LOCAL_NEIGHBOUR, 1, 8)
        traffic.start(fault.id, guest(service, 1).instance, looks_for, 0.3)

    def mend_it(service: Service) -> None:
        traffic.stop(fault.id)
        fault.mend_it(service)

    return Fault(fault.id, fault.breaks, fault.symptom, fault.is_broken, break_it, mend_it)


def _change_mac(service: Service, port: Allocation) -> tuple[Commands, Commands]:
    link = ("ip", "link", "set", "dev", INTERFACE, "address")
    return [(*link, _OWN_MAC)], [(*link, port.mac)]


def _has_other_mac(_: Service, port: Allocation) -> bool:
    (link,) = json.loads(run_inside(port.instance, "ip", "-json", "link", "show", "dev", INTERFACE))
    return bool(link["address"] == _OWN_MAC)


def _lead_elsewhere(service: Service, port: Allocation) -> tuple[Commands, Commands]:
    route = ("ip", "route", "replace", "default", "via")
    nobody = _unused(service, port).partition("/")[0]
    gateway = str(_network(service, port).gateway)
    return [(*route, nobody)], [(*route, gateway)]


def _is_led_elsewhere(service: Service, port: Allocation) -> bool:
    routes = json.loads(run_inside(port.instance, "ip", "-json", "route", "show", "default"))
    return any(each.get("gateway") != _network(service, port).gateway for each in routes)


def _is_narrow(_: Service, port: Allocation) -> bool:
    (link,) = json.loads(run_inside(port.instance, "ip", "-json", "link", "show", "dev", INTERFACE))
    return bool(link["mtu"] == _NARROW)


def _narrow(_: Service, port: Allocation) -> tuple[Commands, Commands]:
    (link,) = json.loads(run_inside(port.instance, "ip", "-json", "link", "show", "dev", INTERFACE))
    change = ("ip", "link", "set", "dev", INTERFACE, "mtu")
    return [(*change, str(_NARROW))], [(*change, str(link["mtu"]))]


def _mistake_router(service: Service, port: Allocation) -> tuple[Commands, Commands]:
    entry = (str(_network(service, port).gateway), "dev", INTERFACE)
    forth = ("ip", "neighbour", "replace", *entry, "lladdr", _NOBODY_MAC, "nud", "permanent")
    return [forth], [("ip", "neighbour", "delete", *entry)]


def _mistakes_router(service: Service, port: Allocation) -> bool:
    told = run_inside(port.instance, "ip", "-json", "neighbour", "show", "dev", INTERFACE)
    return any(each.get("lladdr") == _NOBODY_MAC for each in json.loads(told or "[]"))


_FILTER: Final = ("ip", "hardened")


def _shut_out(service: Service, port: Allocation) -> tuple[Commands, Commands]:
    gateway = str(_network(service, port).gateway)
    chain = ("nft", "add", "chain", *_FILTER, "input", "{ type filter hook input priority 0; }")
    rule = ("nft", "add", "rule", *_FILTER, "input", "ip", "saddr", gateway, "drop")
    return [("nft", "add", "table", *_FILTER), chain, rule], [("nft", "delete", "table", *_FILTER)]


def _shuts_out(_: Service, port: Allocation) -> bool:
    return " ".join(_FILTER) in run_inside(port.instance, "nft", "list", "tables")


FAULTS: Final = (
    _guest_fault(
        "guest_address",
        f"The owner of {_OWNED} gave it a static address that nobody assigned.",
        f"Nobody reaches {_OWNED}; its owner says that the network is set up.",
        _is_otherwise,
        _readdress(_unused),
    ),
    _while_it_speaks(
        _guest_fault(
            "guest_no_lease",
            f"{_OWNED} gave up on DHCP and gave itself an address of 169.254.0.0/16.",
            f"Nobody reaches {_OWNED}, and it reaches nobody.",
            _has(_LINK_LOCAL),
            _give_itself_one,
        )
    ),
    _guest_fault(
        "guest_mac",
        f"{_OWNED} uses a hardware address of its own, written down in a copied image.",
        f"{_OWNED} reaches nobody and gets no address anew.",
        _has_other_mac,
        _change_mac,
    ),
    _guest_fault(
        "guest_mask",
        f"{_OWNED} has the mask /29.",
        f"{_OWNED} reaches the world, and not all instances of its own network.",
        _is_otherwise,
        _readdress(lambda _, port: f"{port.address}/29"),
    ),
    _guest_fault(
        "guest_router",
        f"The default route of {_OWNED} leads by an address that nobody has.",
        f"{_OWNED} reaches its neighbours and nothing beyond.",
        _is_led_elsewhere,
        _lead_elsewhere,
    ),
    _guest_fault(
        "guest_router_mac",
        f"{_OWNED} has a static neighbour entry for its router, of a host that is no more.",
        f"{_OWNED} reaches its neighbours and nothing beyond.",
        _mistakes_router,
        _mistake_router,
    ),
    _guest_fault(
        "guest_filter",
        f"A packet filter inside {_OWNED} drops whatever its gateway sends.",
        f"{_OWNED} resolves no names and renews no lease; its neighbours reach it.",
        _shuts_out,
        _shut_out,
    ),
    _guest_fault(
        "guest_mtu",
        f"The interface of {_OWNED} takes {_NARROW} bytes only, for a tunnel that is no more.",
        f"Ping answers and SSH connects to {_OWNED}, and file transfers to it hang.",
        _is_narrow,
        _narrow,
    ),
)
