"""Does the host, as a router of IPv6, still hear of its own routers?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model import kernel_settings
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "accept_ra"
TITLE = "Router advertisements are heard though the host routes IPv6"
REMEDY = (
    "Only where the host is to find its IPv6 routers there. `public_interface` in the "
    "configuration does it for good, for the interface by which the host leaves."
)
SHARED = (
    "Guests' routers advertise there, among them those of other hosts, and would become this "
    "host's: name its own instead, `ip -6 route add default via ADDRESS dev {name}`."
)


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Look for interfaces that heard advertisements until IPv6 forwarding was switched on."""
    status, sysctls = snapshot.part(Backend).status, snapshot.part(Sysctls)
    if not status.host.ipv6_forwarding_wanted:
        because = "No network with IPv6 has this host as its router."
        return Finding(ID, TITLE, "not-applicable", because)
    deaf = [link for link in _own(snapshot) if _is_deaf(link.name, sysctls)]
    rows = tuple(
        Evidence(kernel_settings.accept_ra(link.name), "1", "2, where a router may advertise")
        for link in deaf
    )
    if not deaf:
        return Finding(ID, TITLE, "ok", "No interface stopped listening when forwarding began.")
    names = ", ".join(link.name for link in deaf)
    because = (
        f"IPv6 forwarding is on for guests, and accept_ra is 1 at {names}: a router that "
        "advertises itself there is not heard. The host needs another way to its IPv6 routes."
    )
    shared = [link.name for link in deaf if link.ours]
    if shared:
        remedy = SHARED.format(name=shared[0])
        return Finding(ID, TITLE, "info", because, rows, remedy=remedy, confidence="possible")
    settings = {kernel_settings.accept_ra(link.name): "2" for link in deaf}
    persist, permanence = snapshot.part(DropIns).make_permanent(settings)
    fix = Plan(tuple(SetSysctl(key, value, "1") for key, value in settings.items()))
    rows = (*rows, Evidence(AT_BOOT, permanence))
    return Finding(ID, TITLE, "info", because, rows, (), fix, persist, REMEDY, "possible")


def _own(snapshot: Snapshot) -> Iterator[KernelLink]:
    """The interfaces by which the host itself reaches others: with addresses, no bridge's ports.

    Of those that we made only that by which it leaves; the rest is the guests'.
    """
    host, routing = snapshot.part(Backend), snapshot.part(Routing)
    mended = {kernel_settings.interface_of(key) for key in _planned(host)}
    with_addresses = {each.interface for each in routing.addresses if each.scope == "global"}
    for link in snapshot.part(Links).links:
        is_own = not link.ours or link.name == host.status.host.public_interface
        if is_own and link.up and not link.master and link.name in with_addresses - mended:
            yield link


def _planned(host: Backend) -> Iterator[str]:
    """The settings that the plan writes, which the check `drift` names."""
    return (step.key for step in host.plan.steps if isinstance(step, SetSysctl))


def _is_deaf(name: str, sysctls: Sysctls) -> bool:
    conf = f"net/ipv6/conf/{name}"
    return sysctls.get(f"{conf}/accept_ra") == "1" and sysctls.get(f"{conf}/forwarding") == "1"


PAGE = Explanation(
    symptom="The host has no IPv6 default route, or loses it half an hour after a network with "
    "IPv6 was made; its IPv4 and the guests' networks are well.",
    cause="A network with IPv6 makes its host a router, and a router hears no advertisements of "
    "others unless accept_ra is 2. netconsole sets that where the options name the interface by "
    "which the host leaves, and where the host had learnt of a router before. Of other interfaces "
    "it cannot know.",
    evidence="accept_ra and forwarding of the interfaces that have an address and are in no "
    "bridge. 0 says that advertisements are not wanted, or that networkd or NetworkManager hears "
    "them itself.",
    look_alikes=(
        ("uplink", "nothing comes in by the interface at all."),
        ("drift", "the setting was changed since, and `netconsole apply` sets it again."),
        ("forward_filter", "the host has its route, and guests get no further."),
    ),
    cure="accept_ra = 2 at the interface. With the last network forwarding ends, and 2 means what "
    "1 did. Where guests share the wire, any of them could advertise itself: there the host is "
    "given a route by hand.",
    source="Linux Documentation/networking/ip-sysctl.rst, accept_ra; RFC 4861 section 6.2.8",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Sysctls, DropIns, Links, Routing}),
    0.5,
    judge,
    PAGE,
    wrong="Router advertisements are not heard, as the host routes IPv6",
)
