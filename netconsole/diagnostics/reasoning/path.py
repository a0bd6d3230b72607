"""The path of a target's packets through the host: where to capture, and what. Pure."""

from dataclasses import dataclass

from netconsole.backend.model.errors import NotFound, Unavailable
from netconsole.backend.survey.status import NetworkStatus, Status
from netconsole.diagnostics.model.target import Target, resolve
from netconsole.diagnostics.parts.links import KernelLink, Links

DNS = "port 53"
"""What the guide looks at: every guest asks names, small packets with an answer each."""


@dataclass(frozen=True, slots=True)
class Path:
    """Interfaces in the order in which a packet comes by them, and the packets to look at."""

    points: tuple[str, ...]
    expression: str


def path(target: Target | None, status: Status, links: Links) -> Path:
    """Choose the points and the traffic of a target; raises Unavailable where there is one point.

    A floating address: the public interface and the instance's port, on both sides of NAT. An
    instance or network: the interface that leads to other hosts, the bridge, and the port. An
    interface: itself and the bridge that it is a port of, or its ports.
    """
    found = _present(target or Target(""), status, links)
    if len(found.points) < 2:
        seen = found.points[0] if found.points else "none of its interfaces"
        raise Unavailable(f"there is nothing to compare: only {seen} is there")
    return found


def suggested(text: str, status: Status, links: Links) -> Path:
    """Choose as `path` does, for someone who can choose otherwise: there may be one point, or none.

    A text that means nothing here is no target.
    """
    try:
        target = resolve(text, status, frozenset(link.name for link in links.links))
    except NotFound:
        target = Target("")
    return _present(target, status, links)


def along(links: Links) -> tuple[KernelLink, ...]:
    """Return every interface in the order in which packets come by on their way to an instance:
    those that lead to other hosts, then each bridge between its uplinks and its other ports."""
    bridges = {bridge.name: links.ports_of(bridge.name) for bridge in links.bridges}
    inside = {port.name for ports in bridges.values() for port in ports}.union(bridges)
    others = [link for link in links.links if link.name not in inside]
    ordered = sorted(others, key=lambda link: link.name == "lo")
    for bridge in links.bridges:
        ports = sorted(bridges[bridge.name], key=_is_uplink, reverse=True)
        ordered += [link for link in ports if _is_uplink(link)]
        ordered += [bridge, *(link for link in ports if not _is_uplink(link))]
    return tuple(dict.fromkeys(ordered))


def _present(target: Target, status: Status, links: Links) -> Path:
    """The points that are there."""
    wanted = _wanted(target, status, links)
    there = tuple(dict.fromkeys(name for name in wanted.points if links.get(name)))
    return Path(there, wanted.expression)


def _wanted(found: Target, status: Status, links: Links) -> Path:
    network = _network(found, status)
    if found.fixed_address and found.text == found.floating_address:
        return Path((found.interface, found.port), _translated(found, network))
    bridge = found.bridge or (network.bridge if network else "")
    if found.interface:
        link = links.get(found.interface)
        others = tuple(port.name for port in links.ports_of(found.interface))
        if link is not None and link.master:
            return Path((found.interface, link.master), DNS)
        return Path((found.interface, *others[:2]), DNS)
    port = found.port or next((each.device for each in status.allocations if each.device), "")
    uplinks = tuple(each.name for each in links.ports_of(bridge) if _is_uplink(each))
    return Path((*uplinks[:1], bridge, port), DNS)


def _network(target: Target, status: Status) -> NetworkStatus | None:
    wanted = [each for each in status.networks if target.network in ("", each.label)]
    return wanted[0] if wanted else None


def _translated(target: Target, network: NetworkStatus | None) -> str:
    """Packets that NAT translates: not those that stay on the instance's own network."""
    fixed = f"host {target.fixed_address}"
    if network is not None:
        inside = f"src net {network.cidr} and dst net {network.cidr}"
        fixed += f" and not ({inside}) and not broadcast"
    return f"ip and (host {target.floating_address} or ({fixed}))"


def _is_uplink(link: KernelLink) -> bool:
    """Whether a port leads to other hosts: a VLAN device, or an interface that is not ours."""
    return link.kind == "vlan" or not link.ours
