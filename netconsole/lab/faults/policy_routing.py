"""Faults of rules and tables of routing, of which the host itself notices little."""

import json
from typing import Final

from netconsole.backend.service.service import Service
from netconsole.lab.clouds.kinds import BRIDGE
from netconsole.lab.clouds.wires import DEFAULT_ROUTE, PUBLIC
from netconsole.lab.faults.fault import Fault, command_fault
from netconsole.lab.sandbox.commands import run

_TABLE, _PRIORITY = "61", "610"
_TUNNEL, _FAR_END = "vpn0", "vpn1"
_ENTRY: Final = (PUBLIC.outside, "dev", PUBLIC.interface)
_BEFORE: Final = "02:00:00:00:00:77"
_NOBODY: Final = "203.0.113.77"
"""On the wire of the public interface, and of no machine there."""


def _rules() -> list[str]:
    return run("ip", "rule", "show", "priority", _PRIORITY).splitlines()


def _rule_fault(
    fault_id: str, breaks: str, symptom: str, selector: tuple[str, ...], route: tuple[str, ...]
) -> Fault:
    """Return the fault that a rule leads what it selects to a table with that default route."""
    rule = ("priority", _PRIORITY, *selector, "lookup", _TABLE)
    text = " ".join(selector)

    def is_broken(service: Service) -> bool:
        return any(text in line for line in _rules())

    return command_fault(
        fault_id,
        breaks,
        symptom,
        is_broken,
        (("ip", "route", "add", *route, "table", _TABLE), ("ip", "rule", "add", *rule)),
        (("ip", "rule", "delete", *rule), ("ip", "route", "delete", *route, "table", _TABLE)),
    )


def _mark_fault(fault_id: str, breaks: str, symptom: str, mark: str, marked: str) -> Fault:
    """Return the fault that a rule of the table mangle marks what a rule of routing prohibits."""
    marking = (*marked.split(), "-j", "MARK", "--set-mark", mark)
    rule = ("priority", _PRIORITY, "fwmark", mark, "prohibit")
    return command_fault(
        fault_id,
        breaks,
        symptom,
        lambda service: any(f"fwmark {mark}" in line for line in _rules()),
        (("iptables", "-w", "-t", "mangle", "-A", *marking), ("ip", "rule", "add", *rule)),
        (("ip", "rule", "delete", *rule), ("iptables", "-w", "-t", "mangle", "-D", *marking)),
    )


def _has_tunnel(service: Service) -> bool:
    return any(each.get("ifname") == _TUNNEL for each in json.loads(run("ip", "-json", "link")))


def _tunnel_fault(fault_id: str, breaks: str, symptom: str, *destinations: str) -> Fault:
    """Return the fault that routes lead into an interface which leads nowhere."""

    def is_broken(service: Service) -> bool:
        if not _has_tunnel(service):
            return False
        routes = json.loads(run("ip", "-json", "route", "show", "dev", _TUNNEL))
        return {each["dst"] for each in routes} >= set(destinations)

    return command_fault(
        fault_id,
        breaks,
        symptom,
        is_broken,
        (
            ("ip", "link", "add", _TUNNEL, "type", "veth", "peer", "name", _FAR_END),
            *(
                ("ip", "link", "set", "dev", each, *words)
                for words in (("addrgenmode", "none"), ("up",))
                for each in (_TUNNEL, _FAR_END)
            ),
            *(("ip", "route", "add", each, "dev", _TUNNEL) for each in destinations),
        ),
        (("ip", "link", "delete", _TUNNEL),),
    )


def _router() -> str:
    (route,) = json.loads(run("ip", "-json", "route", "show", "default") or "[{}]")[:1]
    return str(route.get("gateway", ""))


def _is_router_gone(service: Service) -> bool:
    return _router() == _NOBODY


def _lead_to_nobody(service: Service) -> None:
    run("ip", "route", "replace", "default", "via", _NOBODY, "dev", PUBLIC.interface)
    # As when somebody sends something there: the kernel asks who that is.
    run("ip", "neighbour", "replace", _NOBODY, "dev", PUBLIC.interface, "use")


def _lead_to_the_router(service: Service) -> None:
    if _is_router_gone(service):
        run("ip", "route", "replace", *DEFAULT_ROUTE)
        run("ip", "neighbour", "flush", "to", _NOBODY, "dev", PUBLIC.interface)


def _is_entered(service: Service) -> bool:
    told = run("ip", "-json", "neighbour", "show", "nud", "permanent", "dev", PUBLIC.interface)
    return any(each.get("lladdr") == _BEFORE for each in json.loads(told or "[]"))


FAULTS: Final = (
    _rule_fault(
        "rule_to_dead_table",
        "A rule leads what instances send to a table whose default route is unreachable.",
        "No instance reaches the world, which the host itself does.",
        ("iif", BRIDGE),
        ("unreachable", "default"),
    ),
    _rule_fault(
        "rule_on_the_way_back",
        f"A rule leads what comes in by {PUBLIC.interface} to a table that throws it away.",
        "Requests of instances leave, and no answer gets further than this host.",
        ("iif", PUBLIC.interface),
        ("blackhole", "10.0.0.0/8"),
    ),
    _mark_fault(
        "rule_of_a_mark",
        "The packet filter marks what instances send, and a rule prohibits such packets.",
        "No instance reaches the world, which the host itself does.",
        "0x61",
        f"PREROUTING -i {BRIDGE}",
    ),
    _mark_fault(
        "questions_marked",
        "The packet filter marks what the host asks name servers, and a rule prohibits that.",
        "Instances resolve each other's names, and no others; everything else works.",
        "0x62",
        f"OUTPUT -o {PUBLIC.interface} -p udp --dport 53",
    ),
    _tunnel_fault(
        "default_in_halves",
        "Two halves of a default route lead into a tunnel, as a VPN makes them.",
        "No instance reaches the world; what it sends leaves under its own address.",
        "0.0.0.0/1",
        "128.0.0.0/1",
    ),
    _tunnel_fault(
        "route_more_specific",
        "A route to half of the network leads into a tunnel.",
        "The host cannot reach instances, which reach each other.",
        "10.0.0.0/25",
    ),
    command_fault(
        "router_entered_wrong",
        "The router's MAC address was entered by hand, and is that of the one before.",
        "Neither the host nor an instance reaches anything beyond the wire.",
        _is_entered,
        (("ip", "neighbour", "replace", *_ENTRY, "lladdr", _BEFORE, "nud", "permanent"),),
        (("ip", "neighbour", "delete", *_ENTRY),),
    ),
    Fault(
        "router_gone",
        f"The default route leads to {_NOBODY}, which is nobody.",
        "Neither the host nor an instance reaches anything beyond the wire.",
        _is_router_gone,
        _lead_to_nobody,
        _lead_to_the_router,
    ),
)
