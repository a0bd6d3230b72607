"""Whose what a host carries is: this store's, or another's, which is never planned away. Pure.

A host is configured from one store at a time: the names of chains are nova's, and fixed. Which one
it was says the host's mark, written after every change of it and gone with a reboot, as all is that
the kernel holds. A mark may be missing on a host that an earlier version configured, or nova; then
what is there says it by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from netconsole.backend.filtering.rules import is_own_chain
from netconsole.backend.model.hoststate import HostState, Mark, Observed, Rule, Wanted
from netconsole.backend.model.phrases import count
from netconsole.backend.model.records import Records, StoreIdentity
from netconsole.backend.steps import Plan, RemoveLink, StartDnsmasq, StopDnsmasq
from netconsole.backend.wording import dhcp

_ADOPT = "`netconsole adopt` removes what this store does not ask for"
_FROM_A_STORE = f"use that store again, or {_ADOPT}"
_FROM_NOVA = f"`netconsole import nova --connection URL` takes nova's networks over, {_ADOPT}"


@dataclass(frozen=True, slots=True)
class Another:
    """What a host carries is not of this store."""

    because: str
    objects: tuple[str, ...]
    """What it is, in words: `link br100`, `dnsmasq of br100`, `chains nova-network-*`."""
    is_of_a_store: bool
    """Whether a store of netconsole's is known to have made it; else it may be nova's."""

    def __str__(self) -> str:
        way_out = _FROM_A_STORE if self.is_of_a_store else _FROM_NOVA
        return f"{self.because}; nothing is done here: {way_out}"


def why_not_of(mark: Mark, identity: StoreIdentity | None) -> str | None:
    """Say why a host's mark is not of this store, or of a later state of it; None where it is.

    `identity` is the store's, None where there is none.
    """
    if identity is None or identity.uuid != mark.store:
        return (
            f"this host was configured from another store, {mark.store} of {mark.database}, which "
            "was lost or replaced, or which the configuration does not name"
        )
    if identity.serial < mark.serial:
        return (
            f"this store, {mark.database}, is older than what this host was configured from: it is "
            f"at change {identity.serial} of {mark.serial}, a copy of before was put back"
        )
    return None


def another_by_mark(
    observed: Observed, mark: Mark, identity: StoreIdentity | None, networks_path: str
) -> Another | None:
    """Say why what a host carries is another store's; None where it is ours, or nothing is there.

    `identity` is the store's, None where there is none.
    """
    reason = why_not_of(mark, identity)
    if reason is None:
        return None
    carried = objects(observed, networks_path)
    return Another(reason, carried, is_of_a_store=True) if carried else None


def another_by_itself(
    observed: Observed, found: Records, wanted: Wanted, networks_path: str
) -> Another | None:
    """Ask the objects of a host without a mark: links say by their alias of what they are.

    `found` and `wanted` are the records and what they ask of the host, before any change. Where
    there are several hosts, what is not known may have been deleted on another of them: one link
    that is known says it for all.
    """
    carried = objects(observed, networks_path)
    uuids = {each.uuid for each in found.networks} | {each.uuid for each in found.ports}
    ours = [link for link in observed.links.values() if link.ours]
    unknown = [link for link in ours if link.alias.rpartition(":")[2] not in uuids]
    if len(unknown) < len(ours) and _has_several_hosts(found):
        return None
    for link in unknown:
        reason = f"link {link.name} is of {link.alias}, which this store does not know"
        return Another(reason, carried, is_of_a_store=True)
    bridges = {network.bridge for network in found.networks}
    for bridge in sorted(_bridges(observed, networks_path) - bridges):
        reason = f"dnsmasq of {bridge} or its files in {networks_path} are of no network here"
        return Another(reason, carried, is_of_a_store=False)
    rules = _own_rules(observed)
    if rules and rules.isdisjoint(_own_rules(wanted)):
        reason = "the chains nova-network-* hold the rules of networks that this store has not"
        return Another(reason, carried, is_of_a_store=False)
    return None


def _has_several_hosts(found: Records) -> bool:
    hosts = {each.host for each in found.networks} | {each.host for each in found.instances}
    return len(hosts - {None, ""}) > 1 or any(network.multi_host for network in found.networks)


def objects(observed: Observed, networks_path: str) -> tuple[str, ...]:
    """Return what a host carries that netconsole or nova made, in words."""
    return tuple(_objects(observed, networks_path))


def _objects(observed: Observed, networks_path: str) -> Iterator[str]:
    yield from (f"link {link.name}" for link in observed.links.values() if link.ours)
    yield from (f"dnsmasq of {bridge}" for bridge in sorted(_bridges(observed, networks_path)))
    if _own_rules(observed):
        yield "chains nova-network-*"


def _bridges(observed: Observed, networks_path: str) -> set[str]:
    """The bridges that a dnsmasq of ours serves, or has left files of."""
    paths = (*observed.files, *observed.dhcp_hosts, *observed.directories)
    of_files = (dhcp.bridge_of(networks_path, path) for path in paths)
    return {bridge for bridge in (*of_files, *(one.bridge for one in observed.dnsmasq)) if bridge}


def _own_rules(state: HostState) -> set[Rule]:
    own = (found for key, found in state.chains.items() if is_own_chain(key.chain))
    return {rule for found in own for rule in found}


def as_anothers(observed: Observed, found: Another) -> Observed:
    """Return what is seen of a host that is another's: it is shown, and nothing is planned."""
    return replace(
        observed,
        links={
            name: replace(link, alias=f"another's {link.alias}") if link.ours else link
            for name, link in observed.links.items()
        },
        dnsmasq=tuple(replace(server, bridge="") for server in observed.dnsmasq),
        unreadable={**observed.unreadable, "plan": str(found)},
    )


def removes_most(observed: Observed, wanted: Wanted, plan: Plan) -> str | None:
    """Say how much of what is ours a plan removes, where that is most of it; else None.

    Nobody deletes by bringing a host in line: the store or the configuration is not what it was.
    """
    started = {step.bridge for step in plan.steps if isinstance(step, StartDnsmasq)}
    gone = [
        *(f"link {step.name}" for step in plan.steps if isinstance(step, RemoveLink)),
        *(
            f"dnsmasq of {step.bridge}"
            for step in plan.steps
            if isinstance(step, StopDnsmasq) and step.bridge not in started
        ),
    ]
    present = sum(link.ours for link in observed.links.values())
    present += len({server.bridge for server in observed.dnsmasq if server.bridge})
    if _own_rules(observed):
        present += 1
        if not _own_rules(wanted) and any(plan.steps):
            gone.append("chains nova-network-*")
    if 2 * len(gone) <= present:
        return None
    named = ", ".join(gone[:3]) + (", ..." if len(gone) > 3 else "")
    return f"this would remove {len(gone)} of {count(present, 'thing')} of ours here ({named})"
