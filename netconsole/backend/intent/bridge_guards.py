"""What a host is to hold whose kernel takes no guards of nftables, but those of ebtables. Pure."""

from dataclasses import replace

from netconsole.backend.model.guards import BY_EBTABLES
from netconsole.backend.model.hoststate import Wanted, WantedLink
from netconsole.backend.wording.bridge_guards import (
    CANNOT_STOP,
    LINK_LOCAL_FORWARDED,
    guard_chains,
    with_guards,
)


def by_ebtables(wanted: Wanted, reason: str) -> Wanted:
    """Put the guards into the words of ebtables, and tell why, and what these cannot stop."""
    guarding = guard_chains(wanted.guards.values(), wanted.guest_ethertypes)
    told = f"{reason}; ebtables guards the ports, and cannot stop {'; '.join(CANNOT_STOP)}"
    return replace(
        wanted,
        guard_table=frozenset(),
        chains=with_guards(wanted.chains, guarding),
        links={name: _handing_on(link, wanted) for name, link in wanted.links.items()},
        unsupported={**wanted.unsupported, BY_EBTABLES: told},
    )


def _handing_on(link: WantedLink, wanted: Wanted) -> WantedLink:
    """A port that hands every frame on to where its guard is, if it has one."""
    if link.kind not in ("tap", "veth"):
        return link
    return replace(link, group_fwd_mask=LINK_LOCAL_FORWARDED if link.name in wanted.guards else 0)
