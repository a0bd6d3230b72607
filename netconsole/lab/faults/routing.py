"""Faults of the way that packets take: routes, sizes, and the source they leave with."""

import json
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.backend.survey.status import Allocation
from netconsole.lab.clouds.wires import PUBLIC, SECOND
from netconsole.lab.faults.fault import Fault, recall, remember, run_inside, setting_fault
from netconsole.lab.sandbox.commands import run
from netconsole.lab.sandbox.members import OUTSIDE

_NARROW: Final = 1400
_DETOUR: Final = (f"{PUBLIC.outside}/32", "via", SECOND.outside, "dev", SECOND.interface)
_MASQUERADE: Final = f"-o {PUBLIC.interface} -j MASQUERADE"
_OURS: Final = "-j nova-postrouting-bottom"


def _first(service: Service) -> Allocation:
    for each in service.status().allocations:
        if each.device_state == "up":
            return each
    raise Conflict("there is no instance")


def _blackhole(service: Service) -> tuple[str, str]:
    return ("blackhole", f"{_first(service).address}/32")


def _is_swallowed(service: Service) -> bool:
    kind, destination = _blackhole(service)
    return bool(run("ip", "route", "show", "type", kind, "to", "exact", destination).strip())


def _swallow(service: Service) -> None:
    run("ip", "route", "add", *_blackhole(service))


def _unswallow(service: Service) -> None:
    if _is_swallowed(service):
        run("ip", "route", "delete", *_blackhole(service))


def _is_diverted(service: Service) -> bool:
    return _leads_astray() and run_inside(OUTSIDE, "sysctl", "-n", _filter_key()).strip() == "1"


def _divert_replies(service: Service) -> None:
    run("ip", "route", "replace", *_DETOUR)
    run_inside(OUTSIDE, "sysctl", "-q", "-w", f"{_filter_key()}=1")


def _lead_back(service: Service) -> None:
    if _is_diverted(service):
        run("ip", "route", "delete", *_DETOUR)
    run_inside(OUTSIDE, "sysctl", "-q", "-w", f"{_filter_key()}=0")


def _leads_astray() -> bool:
    (route,) = json.loads(run("ip", "-json", "route", "get", PUBLIC.outside))
    return bool(route["dev"] == SECOND.interface)


def _filter_key() -> str:
    """Of the router that eth1 leads to: it refuses sources that do not belong there (BCP 38)."""
    return f"net.ipv4.conf.{SECOND.interface}.rp_filter"


def _mtu(link: str) -> str:
    (found,) = json.loads(run("ip", "-json", "link", "show", "dev", link))
    return str(found["mtu"])


def _is_narrow(service: Service) -> bool:
    return _mtu(_first(service).device) == str(_NARROW)


def _narrow(service: Service) -> None:
    port = _first(service).device
    bridges = [each.bridge for each in service.status().networks]
    remember("mtu", {name: _mtu(name) for name in (port, *bridges)})
    run("ip", "link", "set", "dev", port, "mtu", str(_NARROW))


def _widen(service: Service) -> None:
    for name, mtu in recall("mtu").items():
        run("ip", "link", "set", "dev", name, "mtu", mtu)


def _postrouting() -> list[str]:
    told = run("iptables", "-w", "-t", "nat", "-S", "POSTROUTING").splitlines()
    return [line.removeprefix("-A POSTROUTING ") for line in told if line.startswith("-A ")]


def _is_masqueraded(service: Service) -> bool:
    rules = _postrouting()
    if _MASQUERADE not in rules or _OURS not in rules:
        return False
    return rules.index(_MASQUERADE) < rules.index(_OURS)


def _masquerade(service: Service) -> None:
    if _OURS not in _postrouting():
        raise Conflict("this network manager translates nothing")
    run("iptables", "-w", "-t", "nat", "-I", "POSTROUTING", *_MASQUERADE.split())


def _unmasquerade(service: Service) -> None:
    if _MASQUERADE in _postrouting():
        run("iptables", "-w", "-t", "nat", "-D", "POSTROUTING", *_MASQUERADE.split())


FAULTS: Final = (
    setting_fault(
        "floating_hairpin",
        "Bridged frames pass iptables by.",
        "web2 does not reach web1 by its floating address; from outside it works.",
        {"net/bridge/bridge-nf-call-iptables": "0"},
    ),
    setting_fault(
        "ip_forward",
        "Forwarding was switched off, as another program's sysctl.d file does.",
        "Instances reach the host and each other, and nothing beyond; floating addresses are dead.",
        {"net/ipv4/ip_forward": "0"},
    ),
    Fault(
        "mtu",
        f"The port of an instance carries {_NARROW} bytes only.",
        "Ping to the instance answers, and large transfers hang.",
        _is_narrow,
        _narrow,
        _widen,
    ),
    Fault(
        "routes",
        "A blackhole route swallows what is for an instance.",
        "The host cannot reach the instance, whose neighbours can.",
        _is_swallowed,
        _swallow,
        _unswallow,
    ),
    Fault(
        "asymmetric_route",
        "Replies to 203.0.113.1 leave by eth1, where the router refuses their source.",
        "Nothing from outside gets an answer, though the instance sees and answers every request.",
        _is_diverted,
        _divert_replies,
        _lead_back,
    ),
    Fault(
        "egress_source",
        "Someone masquerades all that leaves by eth0, before any other rule.",
        "An instance with a floating address is seen outside under the address of the host.",
        _is_masqueraded,
        _masquerade,
        _unmasquerade,
    ),
)
