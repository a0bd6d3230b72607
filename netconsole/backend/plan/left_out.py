"""Left out: both states without what cannot be had as the host is, and what stands on it. Pure.

Left out on one side alone, what is there would be planned away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from netconsole.backend.model import kernel_settings
from netconsole.backend.model.hoststate import (
    Address,
    ChainKey,
    HostState,
    Observed,
    Place,
    Rule,
    Wanted,
    WantedLink,
)
from netconsole.backend.model.obstacle import Obstacle
from netconsole.backend.plan.leads import without_chains
from netconsole.backend.plan.obstacles import standing_on
from netconsole.backend.wording import dhcp

State = TypeVar("State", bound=HostState)
Item = TypeVar("Item")


def without(
    observed: Observed, wanted: Wanted, found: tuple[Obstacle, ...]
) -> tuple[Observed, Wanted]:
    """Return both states without what cannot be had, and what stands on it: it stays as it is."""
    if not found:
        return observed, wanted
    lacking = frozenset(each.link for each in found if each.link and not each.address)
    links = lacking | standing_on(lacking, wanted)
    places = frozenset((each.link, each.address) for each in found if each.address)
    kept = frozenset(each.chain for each in found if each.chain is not None)
    if any(each.directory for each in found):
        observed, wanted = _without_dnsmasq(observed, wanted)
    unserved = frozenset(each.bridge for each in found if each.bridge)
    left = _Left(links, places, unserved, wanted.networks_path)
    return (
        replace(
            left.part(observed),
            unreadable=left.of_others(observed.unreadable),
            links=left.of_links(observed.links),
            chains=without_chains(observed.chains, kept, wanted.chains),
            other_chains=without_chains(observed.other_chains, kept, {}),
        ),
        replace(
            left.part(wanted),
            links={
                name: left.without_mac_of(link, observed)
                for name, link in left.of_links(wanted.links).items()
            },
            released=left.placed(wanted.released),
            chains=_closed(wanted, _taken(observed, lacking)),
        ),
    )


def _without_dnsmasq(observed: Observed, wanted: Wanted) -> tuple[Observed, Wanted]:
    """Both states without dnsmasq, its files and the directory of these."""
    path = wanted.networks_path
    unreadable = {part: why for part, why in observed.unreadable.items() if part != path}
    left = replace(_unserved(observed), networks_unfit="", unreadable=unreadable)
    return left, _unserved(wanted)


def _unserved(state: State) -> State:
    return replace(state, dnsmasq=(), dhcp_hosts={}, files={}, directories=frozenset(), leases={})


def _taken(observed: Observed, names: frozenset[str]) -> frozenset[str]:
    """Those names that a link has which is no bridge."""
    here = observed.links
    return frozenset(name for name in names if name in here and here[name].kind != "bridge")


def _closed(wanted: Wanted, taken: frozenset[str]) -> Mapping[ChainKey, tuple[Rule, ...]]:
    """The rules without those that let something pass at a bridge whose name another link has."""
    named = frozenset(name for name in taken if wanted.links[name].kind == "bridge")
    if not named:
        return wanted.chains
    return {
        key: tuple(rule for rule in found if named.isdisjoint(rule.interfaces))
        for key, found in wanted.chains.items()
    }


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left as it is."""

    links: frozenset[str]
    places: frozenset[Place]
    unserved: frozenset[str]
    """The bridges whose dnsmasq is."""
    networks_path: str

    def part(self, state: State) -> State:
        """Return what both states have, without it."""
        return replace(
            state,
            sysctls={
                key: value
                for key, value in state.sysctls.items()
                if kernel_settings.interface_of(key) not in self.links
            },
            addresses=tuple(
                each
                for each in state.addresses
                if each.interface not in self.links and each[:2] not in self.places
            ),
            dnsmasq=tuple(each for each in state.dnsmasq if self._is_served(each.bridge)),
            dhcp_hosts=self.of_others(state.dhcp_hosts),
            files=self.of_others(state.files),
            leases={at: told for at, told in state.leases.items() if at not in self.unserved},
            directories=frozenset(filter(self._is_of_others, state.directories)),
            guards=self.of_links(state.guards),
            guard_table=frozenset(
                each for each in state.guard_table if each.device not in self.links
            ),
        )

    def of_links(self, found: Mapping[str, Item]) -> dict[str, Item]:
        return {name: item for name, item in found.items() if name not in self.links}

    def placed(self, found: frozenset[Address]) -> frozenset[Address]:
        return frozenset(each for each in found if each.interface not in self.links)

    def without_mac_of(self, link: WantedLink, observed: Observed) -> WantedLink:
        """Return the link with the MAC address that it has of an interface which is left out."""
        if link.mac_of not in self.links:
            return link
        found = observed.links.get(link.name)
        return replace(link, mac=found.mac if found else link.mac, mac_of=None)

    def of_others(self, found: Mapping[str, Item]) -> dict[str, Item]:
        """Return what belongs to files, by their paths."""
        return {path: item for path, item in found.items() if self._is_of_others(path)}

    def _is_of_others(self, path: str) -> bool:
        return self._is_served(dhcp.bridge_of(self.networks_path, path))

    def _is_served(self, bridge: str | None) -> bool:
        return bridge not in self.links and bridge not in self.unserved


def asks_otherwise(bridge: str, wanted: Wanted, before: Wanted) -> bool:
    """Whether what dnsmasq is to have for a bridge is not what it was to have before."""
    return _of_bridge(bridge, wanted) != _of_bridge(bridge, before)


def _of_bridge(bridge: str, wanted: Wanted) -> object:
    def is_its(path: str) -> bool:
        return dhcp.bridge_of(wanted.networks_path, path) == bridge

    return (
        [each for each in wanted.dnsmasq if each.bridge == bridge],
        {path: file for path, file in wanted.files.items() if is_its(path)},
        {path: file for path, file in wanted.dhcp_hosts.items() if is_its(path)},
    )
