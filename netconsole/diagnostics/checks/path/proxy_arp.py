"""A10: does the host answer ARP for addresses of others?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls, conf_key
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating, of_networks
from netconsole.diagnostics.reasoning.route_lookup import network_of

ID: Final = "proxy_arp"
TITLE = "The host answers ARP for no addresses of others"
SETTINGS = ("proxy_arp", "proxy_arp_pvlan")
SHOWN = 4
NEEDED: Final = (
    "It is on for a reason, it seems: {routes} lies within the wire's own subnet and is reached by "
    "this setting alone. Before it is switched off, name those addresses: `ip neighbour add proxy "
    "ADDRESS dev INTERFACE`."
)
REMEDY = (
    "Where the host is meant to answer for a routed subnet, name the addresses instead: `ip "
    "neighbour add proxy ADDRESS dev INTERFACE` works without this setting."
)


def judge(snapshot: Snapshot) -> Finding:
    """Read the settings of the interfaces that carry networks and floating addresses."""
    status = snapshot.part(Backend).status
    names = [
        *(each.bridge for each in status.networks),
        *(each.interface for each in status.floating_ips if each.fixed_address),
        *((status.host.public_interface,) if status.networks else ()),
    ]
    interfaces = [name for name in dict.fromkeys(names) if name]
    if not interfaces:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    proxies = _proxies(snapshot)
    on = [(name, key) for name in interfaces for key in _switched_on(snapshot, name)]
    if not on:
        rows = tuple(_rows(snapshot, interfaces))
        because = f"proxy_arp is off at {', '.join(interfaces[:SHOWN])}" + (
            f"; {len(proxies)} addresses are answered for by name." if proxies else "."
        )
        return Finding(ID, TITLE, "info" if proxies else "ok", because, (*rows, *proxies))
    keys = list(dict.fromkeys(key for _, key in on))
    settings = dict.fromkeys(keys, "0")
    sysctls, drop_ins = snapshot.part(Sysctls), snapshot.part(DropIns)
    fix: Plan | None = Plan(tuple(SetSysctl(name_of(key), "0", sysctls.get(key)) for key in keys))
    persist, permanence = drop_ins.make_permanent(settings)
    remedy = REMEDY
    if behind := list(_behind(snapshot, [name for name, _ in on])):
        # Whoever is there has no other way: a host that lends its wire's addresses to guests.
        fix, persist, remedy = None, None, NEEDED.format(routes=", ".join(behind[:SHOWN]))
    rows = (*_rows(snapshot, interfaces), *proxies, Evidence(AT_BOOT, permanence))
    out = (
        "address_conflict, duplicate_address: it is this host that answers, by its setting",
        "arp_flux: the addresses are not its own",
    )
    return Finding(
        ID, TITLE, "warn", _because(snapshot, on), rows, out, fix, persist, remedy, "likely"
    )


def _switched_on(snapshot: Snapshot, interface: str) -> Iterator[str]:
    """Return the keys that switch it on there; `all` switches proxy_arp on everywhere."""
    sysctls = snapshot.part(Sysctls)
    for name, setting in (("all", "proxy_arp"), *((interface, each) for each in SETTINGS)):
        key = conf_key(name, setting)
        if sysctls.number(key):
            yield key


def _behind(snapshot: Snapshot, interfaces: list[str]) -> Iterator[str]:
    """Return the routes to addresses of a wire that lead elsewhere, which it may be on for."""
    routing = snapshot.part(Routing)
    for interface in dict.fromkeys(interfaces):
        wires = [each.subnet for each in routing.on(interface) if each.prefix_length < 31]
        for route in routing.routes:
            if route.kind != "unicast" or route.interface in (interface, "lo", ""):
                continue
            reach = network_of(route.destination)
            if any(reach.prefixlen > wire.prefixlen and reach.subnet_of(wire) for wire in wires):
                yield f"{route.destination} dev {route.interface}"


def _because(snapshot: Snapshot, on: list[tuple[str, str]]) -> str:
    interface, key = on[0]
    if key.endswith("pvlan"):
        return (
            f"{name_of(key)} is on: the host answers every ARP request on {interface} for an "
            "address of that same wire, instances' among them, as well as its owner does. Whoever "
            "believes it sends to the host what the owner should get."
        )
    covered = [
        route.destination
        for route in snapshot.part(Routing).routes
        if route.kind == "unicast" and route.interface not in (interface, "lo", "")
    ]
    listed = ", ".join(covered[:SHOWN]) or "what it has a route to elsewhere"
    return (
        f"{name_of(key)} is on: the host answers every ARP request on {interface} for an address "
        f"that it routes by another interface ({listed}). A machine on that wire with such an "
        "address loses its traffic to this host."
    )


def _proxies(snapshot: Snapshot) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"answered for on {each.interface}", each.address, note="ip neighbour add proxy")
        for each in snapshot.part(Routing).neighbours
        if each.proxy
    )


def _rows(snapshot: Snapshot, interfaces: list[str]) -> Iterator[Evidence]:
    sysctls, drop_ins = snapshot.part(Sysctls), snapshot.part(DropIns)
    keys = [conf_key("all", "proxy_arp")]
    keys += [conf_key(name, setting) for name in interfaces for setting in SETTINGS]
    for key in keys:
        if value := sysctls.get(key):
            yield Evidence(name_of(key), value, "0", drop_ins.says_who(key, value))


PAGE = Explanation(
    symptom="Machines on the wire send to this host what is for another one, which then gets "
    "nothing; ARP caches show one hardware address, this host's, for many addresses.",
    cause="With proxy_arp the host answers ARP for every address that it would route out of "
    "another interface, while forwarding is on; with proxy_arp_pvlan also for those of the same "
    "interface. It knows nothing of machines that really have the address.",
    evidence="Both settings of the bridges and of the interfaces of floating addresses. proxy_arp "
    "is in force when `all` or the interface has it, so that 0 on the interface alone changes "
    "nothing. The routes say for what it answers. Addresses that are proxied by name are listed "
    "and left alone.",
    look_alikes=(
        ("arp_flux", "the host answers for its own addresses, but on the wrong interface."),
        ("address_conflict", "another machine answers."),
        ("routes", "ARP is answered by the right machine, and the packets go astray afterwards."),
    ),
    cure="0 where it is 1, `all` included. Whoever was reached only by it is cut off when "
    "neighbours ask again: proxy those addresses by name instead. For good: a drop-in in "
    "/etc/sysctl.d.",
    source="Linux Documentation/networking/ip-sysctl.rst, proxy_arp, proxy_arp_pvlan; RFC 1027, "
    "RFC 3069",
)

CHECK = Check(
    ID,
    ("A10",),
    TITLE,
    frozenset({Backend, Routing, Sysctls, DropIns}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_networks, of_floating),
    wrong="The host answers ARP for addresses of others",
)
