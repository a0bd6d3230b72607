"""How the networks of this host are wired: bridges, guests' ports, uplinks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from netconsole.backend.survey.status import Allocation, NetworkStatus
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import KernelLink, Links


@dataclass(frozen=True, slots=True)
class Wiring:
    """The links of the host as its networks and instances use them."""

    links: Links
    networks: tuple[NetworkStatus, ...]
    guests: Mapping[str, Allocation]
    """By the interface that carries the instance's port."""
    public_interface: str

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Put together what the store and the kernel say."""
        status = snapshot.part(Backend).status
        guests = {each.device: each for each in status.allocations if each.device}
        links = snapshot.part(Links)
        return cls(links, status.networks, guests, status.host.public_interface)

    @property
    def bridges(self) -> tuple[KernelLink, ...]:
        """Return the bridges of the networks, as far as they are there."""
        names = dict.fromkeys(each.bridge for each in self.networks)
        found = (self.links.get(name) for name in names)
        return tuple(link for link in found if link is not None and link.kind == "bridge")

    @property
    def ports(self) -> tuple[KernelLink, ...]:
        """Return every port of these bridges."""
        names = {bridge.name for bridge in self.bridges}
        return tuple(link for link in self.links.links if link.master in names)

    @property
    def uplinks(self) -> tuple[KernelLink, ...]:
        """Return the ports that lead to other hosts: no guest's, and nothing that a guest uses."""
        return tuple(
            link
            for link in self.ports
            if link.name not in self.guests
            and link.kind not in ("tun", "macvtap", "ipvtap")
            and not link.alias.startswith("netconsole:port:")
        )

    @property
    def hops(self) -> tuple[KernelLink, ...]:
        """Return every interface that carries guests' frames."""
        ports = self.ports
        names = {self.public_interface, *(port.parent for port in ports)} - {""}
        names |= {each.name for each in (*self.bridges, *ports)}
        return tuple(link for link in self.links.links if link.name in names)

    def whose(self, port: str) -> str:
        """Say what is behind a port, as in `veth1 (web1)`."""
        guest = self.guests.get(port)
        return f"{port} ({guest.instance})" if guest else port
