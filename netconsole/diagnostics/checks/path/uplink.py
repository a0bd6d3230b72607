"""Are the interfaces that lead off this host there and up, and is somebody at their other end?"""

from collections.abc import Iterator, Mapping
from typing import Final

from netconsole.backend.model.phrases import count
from netconsole.backend.steps import Plan, SetLink
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.routing import InterfaceAddress, Routing
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_idle_floating, of_networks
from netconsole.diagnostics.reasoning.unplanned import by_plan
from netconsole.diagnostics.reasoning.wiring import Wiring

ID: Final = "uplink"
TITLE = "Interfaces that lead off the host are up"
LOOK_BELOW = (
    "Look at the cable and at the port of the switch; of a virtual machine, at its network on the "
    "host below. `ip -details link show` and ethtool(8) say what the interface sees of it."
)
ROUTES_TOO = (
    "Routes went when the interface was set down, and do not come back with it: where the default "
    "route was among them, let what configures the interface set it up again (ifup, networkctl, "
    "nmcli)."
)


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look at what floating addresses, masquerading and the networks' bridges lead to."""
    host, wiring = snapshot.part(Backend), Wiring.of(snapshot)
    users = _users(host, wiring)
    if not users:
        return Finding(ID, TITLE, "not-applicable", "No network leads off this host.")
    mended = {step.name for step in host.plan.steps if isinstance(step, SetLink)}
    links = {name: wiring.links.get(name) for name in users}
    rows = tuple(_row(name, links[name], user) for name, user in users.items())
    for name, link in links.items():
        if link is None:
            because = f"There is no interface {name}: {_lost(users[name])}"
            remedy = (
                "Name the interface that is meant in public_interface, then `netconsole apply`."
            )
            return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)
    down = [link for link in links.values() if link and not link.up and link.name not in mended]
    if down:
        first = down[0]
        because = f"{first.name} is set down: {_lost(users[first.name])}"
        fix = Plan(tuple(SetLink(link.name, "up", "1", "0") for link in down))
        return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=ROUTES_TOO)
    silent = [link for link in links.values() if link and link.up and not link.carrier]
    if silent:
        first = silent[0]
        because = f"{first.name} is up and has no carrier: {_lost(users[first.name])}"
        return Finding(ID, TITLE, "fail", because, rows, remedy=LOOK_BELOW)
    if flapping := _flapping(links, snapshot.get(Counters)):
        name, times = flapping
        because = (
            f"{name} loses its carrier and finds it again ({count(times, 'change')} while it was "
            f"looked at): each time {_lost(users[name])}"
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=LOOK_BELOW)
    if deaf := _deafened(snapshot, links):
        return _behind_xdp(*deaf, rows)
    if port := _addressed_port(snapshot):
        return _on_a_port(snapshot, *port, rows)
    if lost_address(snapshot):
        return _without_address(snapshot, rows)
    return Finding(ID, TITLE, "ok", f"Up, with a carrier: {', '.join(links)}.", rows)


def _flapping(
    links: Mapping[str, KernelLink | None], counters: Counters | None
) -> tuple[str, int] | None:
    """Return an interface whose carrier comes and goes, and how often it changed meanwhile."""
    if counters is None:
        return None
    changes = ((name, counters.rise(f"{name}.carrier_changes")) for name in links)
    return next(((name, times) for name, times in changes if times > 0), None)


def _deafened(
    snapshot: Snapshot, links: Mapping[str, KernelLink | None]
) -> tuple[KernelLink, str] | None:
    """Return an interface with a program of XDP by which a router was asked for, and the router,
    where nobody has answered."""
    answers, routing = snapshot.get(ArpAnswers), snapshot.get(Routing)
    if answers is None or routing is None:
        return None
    for link in links.values():
        if link is None or not link.has_xdp:
            continue
        for router in (each.gateway for each in routing.routes if each.interface == link.name):
            if router and answers.on(link.name, router) == ():
                return link, router
    return None


def _behind_xdp(link: KernelLink, router: str, rows: tuple[Evidence, ...]) -> Finding:
    """Who attached it knows what it drops."""
    because = (
        f"A program of XDP is attached to {link.name}, which is given each frame before this host "
        f"sees it, and no answer comes in there from the router {router}, not to ARP either: it "
        "drops what arrives."
    )
    rows = (*rows, Evidence(f"program of XDP at {link.name}", "attached", "none"))
    remedy = (
        f"`ip -details link show dev {link.name}` has its number, and `bpftool prog show` its "
        "name: end or mend who attached it (a firewall, a guard against floods). Where nobody is "
        f"left that needs it: `ip link set dev {link.name} xdp off`."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy, confidence="likely")


def _addressed_port(snapshot: Snapshot) -> tuple[KernelLink, InterfaceAddress] | None:
    """Return a port of the interface that packets leave by, which has the host's own address."""
    status, routing = snapshot.part(Backend).status, snapshot.get(Routing)
    floating = {each.address for each in status.floating_ips}
    for link in snapshot.part(Links).ports_of(status.host.public_interface):
        for address in routing.on(link.name) if routing else ():
            if address.address not in floating:
                return link, address
    return None


def _on_a_port(
    snapshot: Snapshot, link: KernelLink, address: InterfaceAddress, rows: tuple[Evidence, ...]
) -> Finding:
    """Whoever asks for it asks the bridge, which does not have it."""
    where = f"{address.address}/{address.prefix_length}"
    because = (
        f"{link.name} is a port of {link.master}, and {where} is still on {link.name}, where it is "
        f"dead: what comes in by a port goes to {link.master}. Neither the host nor what guests "
        "send under that address gets an answer."
    )
    rows = (*rows, Evidence(where, f"on {link.name}", f"on {link.master}", "a port"))
    routes = snapshot.part(Routing).routes
    default = next((each for each in routes if each.destination == "default"), None)
    added = f"`ip address add {where} brd + dev {link.master}`"
    moved = f"`ip address delete {where} dev {link.name}`, {added}"
    if default is not None and default.interface == link.name and default.gateway:
        moved += f", `ip route replace default via {default.gateway} dev {link.master}`"
    remedy = (
        f"Move it, in what configures the interfaces too: {moved}; or take {link.name} out of "
        f"{link.master} again: `ip link set dev {link.name} nomaster`. Not from afar: a session by "
        "that address ends."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


def lost_address(snapshot: Snapshot) -> bool:
    """Whether my_ip is on no interface, and none of the host's own is left on the public one."""
    status, routing = snapshot.part(Backend).status, snapshot.get(Routing)
    floating = {each.address for each in status.floating_ips}
    return (
        status.host.my_ip_is_lost
        and routing is not None
        and all(each.address in floating for each in routing.on(status.host.public_interface))
    )


def _without_address(snapshot: Snapshot, rows: tuple[Evidence, ...]) -> Finding:
    host = snapshot.part(Backend).status.host
    name, routes = host.public_interface, snapshot.part(Routing).routes
    default = any(each.destination == "default" and each.table == "main" for each in routes)
    because = (
        f"{name} has lost its own address: {host.my_ip} (my_ip) is on no interface, and only "
        f"floating ones, if any, are left on {name}. "
        + ("" if default else "The default route went with it. ")
        + "What guests without a floating address send leaves under it, and the answers come to "
        "nobody."
    )
    rows = (*rows, Evidence(f"{host.my_ip} on {name}", "missing", "present", "my_ip"))
    rows = (*rows, Evidence("default route", "present" if default else "missing", "present"))
    remedy = (
        "Let what configures the interface set it up again (ifup, networkctl, nmcli, or its DHCP "
        f"client, whose lease may be over): `ip -brief address show {name}` and `ip route` show "
        "whether address and default route are back. Where the host was renumbered, change my_ip."
    )
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy)


def _users(host: Backend, wiring: Wiring) -> Mapping[str, str]:
    """Return what each interface is used by, without the trunks, which the check `vlan` names."""
    trunks = {link.parent for link in wiring.uplinks}
    users: dict[str, str] = {}
    for name, user in _used(host, wiring):
        if name not in trunks:
            users.setdefault(name, user)
    return users


def _used(host: Backend, wiring: Wiring) -> Iterator[tuple[str, str]]:
    for floating in host.status.floating_ips:
        if floating.carried and floating.interface:
            yield floating.interface, floating.address
    if host.status.networks and host.status.host.forwarding_wanted:
        yield host.status.host.public_interface, "what guests send to the world"
    for link in wiring.uplinks:
        # A veth may be a container that somebody has switched off.
        if not (link.parent or link.ours or link.kind == "veth"):
            yield link.name, link.master


def _lost(user: str) -> str:
    return f"{user} is cut off from every other machine."


def _row(name: str, link: KernelLink | None, user: str) -> Evidence:
    if link is None:
        state = "missing"
    elif not link.up:
        state = "down"
    else:
        state = "up" if link.carrier else "no carrier"
    return Evidence(f"interface {name}", state, "up", f"for {user}")


PAGE = Explanation(
    symptom="Every floating address is dead and no guest reaches the world, or guests on one "
    "bridge do not reach those on other hosts. Inside the host everything works.",
    cause="The interface towards the outside was set down, lost its cable, or has another name "
    "than the configuration says. Addresses and rules are all in their place: an address stays on "
    "an interface that is down, and nothing arrives there.",
    evidence="State and carrier of the interfaces that floating addresses are on, of "
    "public_interface, and of the ports through which bridges lead to other hosts. A carrier is "
    "what the kernel calls LOWER_UP: somebody is at the other end. Whether the host's own address, "
    "my_ip, is still on it. With --probe, whether a router answers ARP behind an interface "
    "with a program of XDP, which may drop frames before anybody sees them.",
    look_alikes=(
        ("floating_address", "the interface is up, and the address is not on it."),
        ("routes", "the interface is up, and there is no way through it."),
        ("bridge", "it is the bridge or the guest's own port that is down."),
        ("vlan", "it is the interface that carries the tagged frames of a network."),
        ("rp_filter", "packets arrive, and are dropped for the way of their reply."),
    ),
    cure="`ip link set dev INTERFACE up`, where it was set down. That is not kept over a reboot: "
    "what configures the interface has to do it. Without a carrier there is nothing to do on this "
    "host.",
    source="ip-link(8); RFC 2863 section 3.1.14; Linux Documentation/networking/operstates.rst",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Links}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Routing, ArpAnswers, Counters}),
    narrow=narrowed(of_networks, of_idle_floating),
    reach=Reach.HOST,
    wrong="An interface that leads off the host does not work",
)
