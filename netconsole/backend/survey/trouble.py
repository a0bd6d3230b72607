"""Trouble: what of a status an admin should look at, one a kind, what cuts off most first. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from netconsole.backend.model.phrases import command, count, some
from netconsole.backend.survey.status import (
    Allocation,
    DnsmasqStatus,
    HostStatus,
    NetworkStatus,
    Status,
)


class Reach(IntEnum):
    """Whom a trouble cuts off; the order in which troubles are told."""

    UNREAD = 0
    """Nobody knows: a part of the host could not be read."""
    HOST = 1
    NETWORK = 2
    INSTANCE = 3
    NOBODY = 4


@dataclass(frozen=True, slots=True)
class Trouble:
    """One kind of trouble, with all that has it."""

    reach: Reach
    sentence: str
    certain: bool = True
    """Whether something is wrong; if not, something is not known or only waits."""


def in_order(troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    """Return them in order: what cuts off most first, what is certain before what is not."""
    return tuple(sorted(troubles, key=lambda each: (each.reach, not each.certain)))


def troubles(status: Status) -> tuple[Trouble, ...]:
    """Return what is wrong or not known, and is not already a step of the drift."""
    host = (*_of_host(status.host), *_of_filtering(status.host), *_of_ways_out(status))
    rest = (*_of_networks(status), *_of_instances(status), *_of_groups(status))
    return in_order((*host, *rest))


def _of_host(host: HostStatus) -> Iterator[Trouble]:
    for part, why in host.unreadable.items():
        is_another = part == "plan" and host.another is not None
        yield Trouble(
            Reach.UNREAD, f"another's: {why}" if is_another else f"cannot read {part}: {why}"
        )
    for unfinished in host.unfinished:
        yield Trouble(Reach.HOST, unfinished)
    for obstacle in host.obstacles:
        yield Trouble(Reach.NETWORK, obstacle)
    if said := metadata_trouble(host):
        yield Trouble(Reach.NETWORK, said)
    if host.configuration_kept:
        said = f"the agent goes by its former configuration: {host.configuration_kept}"
        yield Trouble(Reach.HOST, f"{said} (correct it, then systemctl reload netconsole-agent)")
    for part, why in host.unsupported.items():
        yield Trouble(Reach.INSTANCE, f"this kernel has no {part}: {why}")


def _of_filtering(host: HostStatus) -> Iterator[Trouble]:
    """Yield what keeps nobody in or out, though it should."""
    if host.unguarded:
        has, send = ("has", "it sends") if len(host.unguarded) == 1 else ("have", "they send")
        said = f"{some(host.unguarded)} {has} no guard: what {send} may be in any other's name"
        yield Trouble(Reach.NOBODY, f"{said} (netconsole instance guard)", certain=False)
    if host.guards_off:
        since = f" {host.guards_off_source.since}" if host.guards_off_source else ""
        said = f"the option guard takes the guards off every port{since}: what any instance sends"
        hint = "(netconsole doctor --only guards)"
        yield Trouble(Reach.NOBODY, f"{said} may be in any other's name {hint}")
    if host.groups_off:
        since = f" {host.groups_off_source.since}" if host.groups_off_source else ""
        said = f"firewall_driver switches the security groups off{since}: nothing is filtered"
        yield Trouble(Reach.NOBODY, f"{said} (netconsole doctor --only firewall_off)")
    for each in host.bypassed[:1]:
        more = f"; {count(len(host.bypassed) - 1, 'rule')} more" if host.bypassed[1:] else ""
        what = "everything" if each.whole else "some packets"
        said = f"{each.place} lets {what} in to instances before their groups are asked"
        hint = "(netconsole doctor --only groups_bypassed)"
        yield Trouble(Reach.NOBODY, f"{said}: `{each.rule}`{more} {hint}", certain=each.whole)
    for each in host.guards_bypassed[:1]:
        more = count(len(host.guards_bypassed) - 1, "rule") if host.guards_bypassed[1:] else ""
        said = f"{each.place} takes {'all' if each.whole else 'some'} frames before the guards do"
        hint = "(netconsole doctor --only guards)"
        rest = f"; {more} more" if more else ""
        yield Trouble(Reach.NOBODY, f"{said}: `{each.rule}`{rest} {hint}", certain=each.whole)


def _of_ways_out(status: Status) -> Iterator[Trouble]:
    """Yield what keeps guests from the world, and its answers from them."""
    host = status.host
    if program := host.missing_program:
        kind = program.removesuffix("-restore")
        said = f"rules of ours are left in tables of {kind}, and packets pass them as well"
        yield Trouble(Reach.HOST, f"{said}: install {kind} (Debian: iptables), then apply")
    if host.my_ip is None and host.forwarding_wanted and status.networks:
        said = "my_ip is not known, there is no default route: what instances send out has their"
        yield Trouble(Reach.HOST, f"{said} own addresses as its source (set my_ip)", certain=False)
    if host.my_ip_is_lost:
        said = f"my_ip {host.my_ip} is on no interface: what is sent in its name is not answered"
        yield Trouble(Reach.HOST, f"{said} (netconsole config show)")
    if host.forwarding_wanted and status.networks and not host.ip_forward:
        said = "IP forwarding is off: instances reach nothing beyond their network"
        yield Trouble(Reach.HOST, said)


def metadata_trouble(host: HostStatus) -> str:
    """Say why nobody answers instances that ask for metadata; nothing where somebody does."""
    if host.metadata_failed:
        return f"the agent serves no metadata: {host.metadata_failed}"
    if not host.metadata_unserved:
        return ""
    led = f"instances are led to {host.metadata_unserved}, where nobody listens"
    hint = f"(start the agent, or {command('metadata', 'serve')})"
    return f"no metadata service runs: {led} {hint}"


def _of_networks(status: Status) -> Iterator[Trouble]:
    for state in ("missing", "down"):
        bridges = [each for each in status.networks if each.bridge_state == state]
        if bridges:
            yield Trouble(Reach.NETWORK, _bridges(bridges, state))
    states = dict.fromkeys(each.state for each in status.dnsmasq)
    for state in (each for each in states if each not in ("running", "foreign", "unknown")):
        servers = [each for each in status.dnsmasq if each.state == state]
        yield Trouble(Reach.NETWORK, _servers(servers, state))


def _bridges(bridges: list[NetworkStatus], state: str) -> str:
    if len(bridges) == 1:
        return f"bridge {bridges[0].bridge} of {bridges[0].label} is {state}"
    named = some([f"{each.bridge} of {each.label}" for each in bridges])
    return f"{count(len(bridges), 'bridge')} are {state}: {named}"


def _servers(servers: list[DnsmasqStatus], state: str) -> str:
    if len(servers) > 1:
        return f"dnsmasq of {len(servers)} networks is {state}: {some(list(map(_place, servers)))}"
    (server,) = servers
    why = f" ({server.stopped})" if server.stopped else ""
    return f"dnsmasq of {_place(server)} is {state}{why}"


def _place(server: DnsmasqStatus) -> str:
    return server.network or server.bridge


def lease_word(allocation: Allocation) -> str:
    """Return where an address is in its life, in a word or two.

    `leased` only where somebody is at the port: a lease outlives its guest. `not here` where
    another host would know.
    """
    if not allocation.allocated:
        return "releasing"
    if allocation.device_state == "not here":
        return "not here"
    if not allocation.leased:
        return "no lease" if allocation.device_state == "up" else "waiting"
    there = ("up", "unplugged", "blocked")
    return "leased" if allocation.device_state in there else "held"


def is_dead(allocation: Allocation) -> bool:
    """Whether the host's end of a port is broken, or a guest that has a lease is gone from it."""
    if allocation.device_state in ("down", "missing", "unplugged", "blocked"):
        return True
    return (
        allocation.device_state in ("no carrier", "no guest") and lease_word(allocation) == "held"
    )


def _of_instances(status: Status) -> Iterator[Trouble]:
    for state, said in (
        ("missing", "missing"),
        ("unplugged", "not on the bridge of its network: nobody else is reached from it"),
        ("down", "down"),
        ("blocked", "blocked: its bridge lets no frame through there"),
        ("no carrier", "without carrier: nobody is at the other end"),
        ("no guest", "without a guest: its other end lies on this host, and nobody uses it"),
    ):
        ports = [each for each in status.allocations if each.device_state == state]
        dead = [each for each in ports if is_dead(each)]
        if len(dead) == 1:
            sentence = f"port {dead[0].device} of {dead[0].instance} is {said}"
            yield Trouble(Reach.INSTANCE, sentence)
        elif dead:
            sentence = f"{count(len(dead), 'port')} are {said}: {some(_names(dead))}"
            yield Trouble(Reach.INSTANCE, sentence)
    yield from _without_lease(status)


def _without_lease(status: Status) -> Iterator[Trouble]:
    words = {"no lease": list[Allocation](), "waiting": list[Allocation]()}
    injected = {each.label for each in status.networks if not each.has_dhcp}
    for each in status.allocations:
        if each.network in injected:
            continue
        if not is_dead(each) and (word := lease_word(each)) in words:
            words[word].append(each)
    up, waiting = words["no lease"], words["waiting"]
    if len(up) == 1:
        sentence = f"{up[0].instance} has not taken up {up[0].address} by DHCP"
        yield Trouble(Reach.INSTANCE, sentence)
    elif up:
        sentence = f"{count(len(up), 'address')} not taken up by DHCP: {some(_names(up))}"
        yield Trouble(Reach.INSTANCE, sentence)
    if waiting:
        which = count(len(waiting), "address")
        verb = "waits" if len(waiting) == 1 else "wait"
        sentence = f"{which} {verb} for a guest that has not booted yet: {some(_names(waiting))}"
        yield Trouble(Reach.NOBODY, sentence, certain=False)


def _names(allocations: list[Allocation]) -> list[str]:
    return list(dict.fromkeys(each.instance for each in allocations))


def _of_groups(status: Status) -> Iterator[Trouble]:
    """Nobody is cut off: what they say is that nobody is kept out."""
    groups = [each for each in status.security_groups if each.lets_everything_in]
    named = [f"{each.name} of {each.project}" for each in groups]
    if len(groups) == 1:
        sentence = f"security group {named[0]} lets everything in"
        yield Trouble(Reach.NOBODY, sentence, certain=False)
    elif groups:
        sentence = f"{count(len(groups), 'security group')} let everything in: {some(named)}"
        yield Trouble(Reach.NOBODY, sentence, certain=False)
