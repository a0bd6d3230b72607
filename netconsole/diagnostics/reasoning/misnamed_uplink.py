"""Whether public_interface names an interface by which nothing leads into the world. Pure."""

from dataclasses import dataclass

from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.route_lookup import EVERYWHERE, default_route, network_of


@dataclass(frozen=True, slots=True)
class MisnamedUplink:
    """The interface that is named, and the one that by all signs is meant."""

    named: str
    meant: str
    my_ip: str
    holds_floating: bool
    """Whether a floating address in use is still where it was before another was named."""

    @property
    def said(self) -> str:
        """Say what shows it."""
        return (
            f"public_interface names {self.named}, by which no route leads into the world; the "
            f"default route and my_ip {self.my_ip} are at {self.meant}."
        )

    @property
    def remedy(self) -> str:
        """Say what to correct, and that the plan makes it worse."""
        return (
            f"Name {self.meant} in public_interface, then `netconsole apply`. As it is, that would "
            f"lead guests to {self.named}. Where {self.named} is meant, give it a default route of "
            "its own first."
        )


def misnamed_uplink(snapshot: Snapshot) -> MisnamedUplink | None:
    """Return the interface that is meant; None where the one that is named leads anywhere, or
    where nothing shows another."""
    status, routing = snapshot.part(Backend).status, snapshot.get(Routing)
    named, my_ip = status.host.public_interface, status.host.my_ip
    default = default_route(routing) if routing is not None else None
    if routing is None or default is None or my_ip is None:
        return None
    leading = {
        each.interface
        for each in routing.routes
        if each.gateway and network_of(each.destination) == EVERYWHERE
    }
    meant = default.interface
    own = {each.address for each in routing.on(meant)}
    if named in leading or my_ip not in own:
        return None
    holds = any(each.carried and each.address in own for each in status.floating_ips)
    return MisnamedUplink(named, meant, my_ip, holds)
