"""The path of a target's packets through the host: where to capture, and what. Pure."""

from dataclasses import dataclass

from netconsole.backend.errors import Unavailable
from netconsole.backend.status import NetworkStatus, Status
from netconsole.diagnostics.parts.links import Link, Links
from netconsole.diagnostics.target import Target

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
    found = target or Target("")
    network = _network(found, status)
    if found.floating_address and found.text == found.floating_address:
        points = (found.interface, found.port)
        return _checked(Path(points, _translated(found, network)), links)
    bridge = found.bridge or (network.bridge if network else "")
    if found.interface:
        link = links.get(found.interface)
        others = tuple(port.name for port in links.ports_of(found.interface))
        if link is not None and link.master:
            return _checked(Path((found.interface, link.master), DNS), links)
        return _checked(Path((found.interface, *others[:2]), DNS), links)
    port = found.port or next((each.device for each in status.allocations if each.device), "")
    uplinks = tuple(each.name for each in links.ports_of(bridge) if _is_uplink(each))
    return _checked(Path((*uplinks[:1], bridge, port), DNS), links)


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


def _is_uplink(link: Link) -> bool:
    """Whether a port leads to other hosts: a VLAN device, or an interface that is not ours."""
    return link.kind == "vlan" or not link.ours


def _checked(wanted: Path, links: Links) -> Path:
    present = tuple(dict.fromkeys(name for name in wanted.points if links.get(name)))
    if len(present) < 2:
        seen = present[0] if present else "none of its interfaces"
        raise Unavailable(f"there is nothing to compare: only {seen} is there")
    return Path(present, wanted.expression)
