"""What is wrong in a guest, by what was seen at its port. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Self

from netconsole.backend.model import dnsmasq_arguments
from netconsole.backend.survey.status import Allocation, NetworkStatus, Status
from netconsole.diagnostics.model.finding import Confidence, Verdict
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.arp import ArpAnswers
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.guests import GuestAnswer, GuestAnswers, GuestTalk, UsedAddress
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.routing import Routing

_LINK_LOCAL: Final = IPv4Network("169.254.0.0/16")
_DNS: Final = 53
_SILENT: Final = (
    "Look at the instance itself: is it switched on, is its interface up, did it take its address "
    "(`netconsole playbook run no-address --target {name}`)?"
)
_SILENT_INJECTED: Final = (
    "Look at the instance itself: is it switched on, is its interface up? Its address is injected: "
    "`netconsole instance inject {name} --config-drive FILE`, or --root DIR, writes what it reads "
    "when it boots."
)
_INSIDE: Final = "In the guest: {todo}. Nothing on this host mends it."


@dataclass(frozen=True, slots=True)
class GuestTrouble:
    """One thing that is wrong in a guest."""

    guest: GuestAnswer
    verdict: Verdict
    because: str
    remedy: str
    confidence: Confidence = "certain"


@dataclass(frozen=True, slots=True)
class GuestWorld:
    """What a guest should hold to."""

    status: Status
    routers: Mapping[str, str]
    """By network: the hardware address of its router, where that is this host."""
    claimants: frozenset[str]
    """Hardware addresses of others that answer for a router: a guest that believes one of them is
    not to blame."""

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        """Put together what the store and this host say."""
        status = snapshot.part(Backend).status
        links, routing = snapshot.part(Links), snapshot.part(Routing)
        routers, claimants = {}, set[str]()
        answers = snapshot.get(ArpAnswers) or ArpAnswers()
        for each in status.networks:
            claimed = answers.on(each.bridge, each.gateway) if each.gateway else None
            claimants |= {answer.mac for answer in claimed or ()}
            bridge = links.get(each.bridge)
            if bridge and any(own.address == each.gateway for own in routing.on(each.bridge)):
                routers[each.label] = bridge.mac
        return cls(status, routers, frozenset(claimants))

    def network(self, guest: GuestAnswer) -> NetworkStatus:
        """Return the network of a guest."""
        return next(each for each in self.status.networks if each.label == guest.network)

    def allocation(self, guest: GuestAnswer) -> Allocation | None:
        """Return what the store says of a guest."""
        found = (each for each in self.status.allocations if each.address == guest.address)
        return next(found, None)

    def resolvers(self, guest: GuestAnswer) -> frozenset[str]:
        """Return the name servers that a guest on its network may well ask."""
        network = self.network(guest)
        found = {network.gateway or "", network.dhcp_server or ""}
        for each in self.status.dnsmasq:
            if each.bridge == network.bridge:
                found |= set(dnsmasq_arguments.values(each.argv, "server"))
        return frozenset(found)


def ailing(snapshot: Snapshot) -> frozenset[str]:
    """Return the names of the instances in which something is wrong, as far as they were asked.

    So are those that are silent at their own ports.
    """
    found = snapshot.get(GuestAnswers)
    if found is None:
        return frozenset()
    world = GuestWorld.of(snapshot)
    return frozenset(
        guest.instance
        for guest in found.answers
        for trouble in troubles(guest, world, is_meant=False)
        if trouble.verdict in ("fail", "warn") or guest.is_silent
    )


def troubles(guest: GuestAnswer, world: GuestWorld, *, is_meant: bool) -> Iterator[GuestTrouble]:
    """Return what is wrong in a guest, the surest first.

    What may well be so on purpose is told of the guest that is asked about (`is_meant`) alone.
    """
    if guest.is_veiled and not guest.macs:
        return
    if not guest.macs:
        if trouble := _absent(guest, world, is_meant):
            yield trouble
        return
    if guest.mac not in guest.macs:
        yield _other_mac(guest)
    if trouble := _wrong_mask(guest, world):
        yield trouble
    if trouble := _wrong_way_out(guest, world, is_meant):
        yield trouble
    if is_meant:
        yield from _unheard(guest, world)
    if guest.echoed is False:
        yield _deaf_to_host(guest) if guest.answers_others else _without_echo(guest)


def _without_echo(guest: GuestAnswer) -> GuestTrouble:
    because = (
        f"{guest.instance} ({guest.address}) answers ARP at its port {guest.port}, and no echo "
        "request: it is there, and a filter inside it drops ping. Try the port that it serves "
        "instead."
    )
    return GuestTrouble(guest, "info", because, "")


def _deaf_to_host(guest: GuestAnswer) -> GuestTrouble:
    """Return that a guest takes packets of others, and none of its gateway."""
    because = (
        f"{guest.instance} ({guest.address}) answers echo requests at its port {guest.port} from "
        f"other addresses, and none from {guest.asker}, this host on {guest.network}: a filter "
        "inside it drops what that sends, answers of DHCP, DNS and the metadata service with it."
    )
    todo = (
        f"find what drops {guest.asker} in its own packet filter (`nft list ruleset`, "
        "`iptables -S`), or a route by which its answer is lost (`ip rule`, `ip route`)"
    )
    return GuestTrouble(guest, "warn", because, _INSIDE.format(todo=todo), "likely")


def _absent(guest: GuestAnswer, world: GuestWorld, is_meant: bool) -> GuestTrouble | None:
    name, own = guest.instance, guest.address
    verdict: Verdict = "fail" if is_meant else "info"
    has_dhcp = world.network(guest).has_dhcp
    remedy = (_SILENT if has_dhcp else _SILENT_INJECTED).format(name=name)
    ask = ", or let it ask for one by DHCP" if has_dhcp else ""
    todo = f"give it the address that it has by the store{ask}"
    if not has_dhcp and (guest.asks_for_lease or _is_self_given(guest)):
        because = (
            f"{name} waits at its port {guest.port} for an address by DHCP, and on {guest.network} "
            f"nobody gives any: the addresses of this network are injected. It has not read {own} "
            "from its files or its config drive."
        )
        return GuestTrouble(guest, "fail" if is_meant else "warn", because, remedy)
    if guest.used:
        return _elsewhere(guest, guest.used[0], _INSIDE.format(todo=todo))
    if not guest.has_carrier:
        because = (
            f"{name} ({own}) does not answer ARP: its port {guest.port} is up and has no carrier, "
            "so that nobody is at its other end. The guest is off, or its interface is down."
        )
        return GuestTrouble(guest, verdict, because, remedy)
    if not guest.is_asked:
        return None
    if guest.asks_for_lease:
        because = f"{name} has no address: it asks for one by DHCP at its port {guest.port}."
        finds = f"`netconsole playbook run no-address --target {name}` finds out why."
        return GuestTrouble(guest, "fail" if is_meant else "warn", because, finds)
    return _mute(guest, world, is_meant, remedy)


def _mute(guest: GuestAnswer, world: GuestWorld, is_meant: bool, remedy: str) -> GuestTrouble:
    """Return that nothing comes from a guest, whose port has somebody at its other end.

    One that has a lease took its address once, and is cut off now.
    """
    known = world.allocation(guest)
    has_lease = known is not None and known.leased
    why = (
        "though it has a lease: the guest hangs or is halted, its interface is down, or has ARP off"
        if has_lease
        else "the guest is off, its interface is down, or it has not taken its address"
    )
    because = (
        f"{guest.instance} ({guest.address}) does not answer ARP, asked at its own port "
        f"{guest.port}, where nothing of this host is between{', ' if has_lease else ': '}{why}."
    )
    verdict: Verdict = "fail" if is_meant else "warn" if has_lease else "info"
    return GuestTrouble(guest, verdict, because, remedy, "likely")


def _elsewhere(guest: GuestAnswer, used: UsedAddress, remedy: str) -> GuestTrouble:
    """Return that a guest speaks as another address than its own."""
    name = guest.instance
    if _is_link_local(used):
        because = (
            f"{name} has no address of its network: it speaks at its port {guest.port} as "
            f"{used.address}, which a guest gives itself when DHCP has not answered (RFC 3927)."
        )
        finds = f"`netconsole playbook run no-address --target {name}` finds out why."
        return GuestTrouble(guest, "warn", because, finds)
    by = f" with {used.mac}" if used.mac != guest.mac else ""
    because = (
        f"{name} uses the address {used.address}{by} at its port {guest.port}, and does not "
        f"answer for {guest.address}, by which the store, DHCP, NAT and its guard know it: nobody "
        "reaches it, and what it sends in that name gets no answer."
    )
    return GuestTrouble(guest, "fail", because, remedy)


def _is_self_given(guest: GuestAnswer) -> bool:
    return any(map(_is_link_local, guest.used))


def _is_link_local(used: UsedAddress) -> bool:
    """Whether a guest gave itself the address, because nobody else did (RFC 3927)."""
    return IPv4Address(used.address) in _LINK_LOCAL


def _other_mac(guest: GuestAnswer) -> GuestTrouble:
    used = guest.macs[0]
    because = (
        f"{guest.instance} answers for {guest.address} at its port {guest.port} with the hardware "
        f"address {used}; by the store it has {guest.mac}. DHCP does not know the other one, and "
        "the guard of the port drops what it sends."
    )
    todo = f"set its interface to {guest.mac}, as in a copied image it may be written down"
    return GuestTrouble(guest, "fail", because, _INSIDE.format(todo=todo))


def _wrong_mask(guest: GuestAnswer, world: GuestWorld) -> GuestTrouble | None:
    network = IPv4Network(world.network(guest).cidr)
    seen, wanted = guest.prefix_length, network.prefixlen
    if seen is None or seen == wanted:
        return None
    todo = f"its address is {guest.address}/{wanted}"
    if seen < wanted:
        because = (
            f"{guest.instance} looks by ARP, among its neighbours, for an address that is not of "
            f"{network}, which it never reaches so: its mask is shorter than /{wanted}, or it has "
            "a default route without a router."
        )
    else:
        because = (
            f"{guest.instance} has too long a mask, /{seen} or more instead of /{wanted}: it sends "
            f"to its router what is for neighbours of {network}, and takes the address of one for "
            "that of everybody (broadcast)."
        )
    return GuestTrouble(guest, "fail", because, _INSIDE.format(todo=todo))


def _wrong_way_out(guest: GuestAnswer, world: GuestWorld, is_meant: bool) -> GuestTrouble | None:
    way, network = guest.way_out, world.network(guest)
    router = world.routers.get(guest.network, "")
    if way is None or not network.gateway:
        return None
    name, todo = guest.instance, f"its default route leads by {network.gateway}"
    if way.asks_for == way.destination:
        because = (
            f"{name} looks by ARP, among its neighbours, for {way.destination}, which is of "
            "another network: its mask is too short, or it has a default route without a router."
        )
        return GuestTrouble(guest, "fail", because, _INSIDE.format(todo=todo))
    if way.asks_for not in ("", network.gateway):
        because = (
            f"{name} sends what is for other networks by {way.asks_for}, for which it asks by ARP; "
            f"the router of {network.label} is {network.gateway}."
        )
        return GuestTrouble(guest, "fail", because, _INSIDE.format(todo=todo))
    if router and way.sends_to not in ("", router, *world.claimants):
        verdict: Verdict = "fail" if is_meant else "warn"
        because = (
            f"{name} sends what is for other networks to {way.sends_to}; its router "
            f"{network.gateway} is this host, with {router}. It has another router, or a wrong "
            "neighbour entry for this one."
        )
        return GuestTrouble(guest, verdict, because, _INSIDE.format(todo=todo))
    interfaces = [each for each in world.status.allocations if each.instance == name]
    if not (way.sends_to or way.asks_for) and len(interfaces) == 1:
        because = (
            f"{name} answers on its own network, and nobody beyond: asked from {way.destination} "
            "it sends nothing at all. It has no default route, or a filter of its own refuses "
            "other networks."
        )
        remedy = _INSIDE.format(todo=f"{todo} (`ip route`)")
        return GuestTrouble(guest, "warn", because, remedy, "likely")
    return None


def _unheard(guest: GuestAnswer, world: GuestWorld) -> Iterator[GuestTrouble]:
    """Tell of what the guest asked in vain, and of what was asked of it."""
    resolvers = world.resolvers(guest)
    for talk in guest.talks:
        if talk.begun_by_guest and talk.port == _DNS and talk.outcome != "answered":
            if talk.peer not in resolvers:
                yield _other_resolver(guest, talk, world)
        elif not talk.begun_by_guest and talk.protocol == "tcp" and talk.outcome != "answered":
            yield _closed(guest, talk)


def _other_resolver(guest: GuestAnswer, talk: GuestTalk, world: GuestWorld) -> GuestTrouble:
    network = world.network(guest)
    came = "is refused" if talk.outcome == "refused" else "gets no answer"
    own = network.dhcp_server or network.gateway or ""
    because = (
        f"{guest.instance} asks the name server {talk.peer}, and {came} ({talk.times} questions "
        f"seen at its port {guest.port}). That of its network is {own}."
    )
    remedy = (
        f"In the guest: let /etc/resolv.conf name {own}. Where {talk.peer} is meant, follow a "
        f"question there: `netconsole trace --from {guest.instance} --to {talk.peer} udp 53`."
    )
    return GuestTrouble(guest, "warn", because, remedy, "likely")


def _closed(guest: GuestAnswer, talk: GuestTalk) -> GuestTrouble:
    what = f"connections from {talk.peer} to its TCP port {talk.port}"
    if talk.outcome == "refused":
        because = (
            f"{guest.instance} itself refuses {what}: they arrive at its port {guest.port}, and "
            f"{guest.instance} answers with a reset (RST). Nothing in it listens there on "
            f"{guest.address}; the way to it and back is in order."
        )
        remedy = (
            f"In the guest: `ss -ltn` says whether its program runs, and listens on 0.0.0.0 or "
            f"{guest.address} and not on 127.0.0.1 alone."
        )
    else:
        because = (
            f"{guest.instance} does not answer {what}: they leave by its port {guest.port}, "
            "and nothing comes back, while it answers ARP. A filter inside it drops them."
        )
        remedy = "In the guest: look at its own packet filter (`nft list ruleset`, `iptables -S`)."
    return GuestTrouble(guest, "warn", because, remedy, "likely")
