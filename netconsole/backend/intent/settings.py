"""Which kernel settings the networks of a host want, and which return without them. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.hoststate import Observed, Wanted
from netconsole.backend.model.kernel_settings import (
    IP_FORWARD,
    IPV6_FORWARDING,
    SWITCHES,
    accept_ra,
    belongs_to,
    is_accept_ra,
)
from netconsole.backend.model.records import Network

HEEDED_BY_A_ROUTER = "2"
"""Of accept_ra: advertisements are heeded though the host forwards."""


def held(presence: Presence) -> dict[str, str]:
    """The switches that networks need here: forwarding, of IPv6 for those that have such."""
    wanted = {IP_FORWARD: "1"} if presence.served else {}
    if any(map(is_router_of_v6, presence.served)):
        wanted[IPV6_FORWARDING] = "1"
    return wanted


def is_router_of_v6(network: Network) -> bool:
    """Whether guests send their IPv6 by way of the host that serves the network."""
    return network.cidr_v6 is not None and network.gateway_v6 is not None


def sysctls(presence: Presence) -> dict[str, str]:
    """The settings that are wanted: what networks need, and what was before where none does."""
    former = presence.records.former_sysctls
    needed = held(presence)
    wanted: dict[str, str] = {}
    for switch in SWITCHES:
        of_switch = {key: value for key, value in former.items() if belongs_to(key, switch)}
        if switch in needed:
            heeded = (key for key in of_switch if is_accept_ra(key))
            wanted |= {**dict.fromkeys(heeded, HEEDED_BY_A_ROUTER), switch: needed[switch]}
        else:
            wanted |= of_switch
    return wanted


def sysctls_along(presence: Presence) -> dict[str, str]:
    """What a host that was a router before had beside it: switched on again, it has that again."""
    former = presence.records.former_sysctls
    return {
        key: value
        for switch, needed in held(presence).items()
        if former.get(switch) == needed
        for key, value in former.items()
        if key != switch and belongs_to(key, switch) and not is_accept_ra(key)
    }


def heeding(wanted: Wanted, observed: Observed, learners: Iterable[str]) -> Wanted:
    """Let interfaces that learnt of a router by advertisements do so further, as a router too.

    Not where only guests are: they are told of a router, they do not tell of one. An interface
    that becomes the port of a bridge hears nothing any more, its bridge does.
    """
    if wanted.sysctls.get(IPV6_FORWARDING) != "1":
        return wanted
    heeded = {
        accept_ra(_listener(interface, wanted)): HEEDED_BY_A_ROUTER
        for interface in learners
        if not _is_for_guests(_listener(interface, wanted), wanted, observed)
    }
    return replace(wanted, sysctls={**heeded, **wanted.sysctls}) if heeded else wanted


def _listener(interface: str, wanted: Wanted) -> str:
    link = wanted.links.get(interface)
    return interface if link is None or link.master is None else link.master


def _is_for_guests(interface: str, wanted: Wanted, observed: Observed) -> bool:
    link = wanted.links.get(interface)
    if link is None or not link.alias:
        return False
    if link.kind != "bridge":
        return True
    ports = {
        name
        for links in (observed.links, wanted.links)
        for name, port in links.items()
        if port.master == interface and port.kind != "tap"
    }
    return all(name in wanted.links and wanted.links[name].ours for name in ports)
