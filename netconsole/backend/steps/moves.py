"""The step that takes an interface's addresses to its bridge, and back."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from netconsole.backend.model.belongings import (
    HERE,
    Belongings,
    Words,
    connected,
    is_v6,
    lasting,
    normal,
    place_of,
)
from netconsole.backend.steps.step import Argv, ProgramStep, Step, Thing, argv


@dataclass(frozen=True, slots=True)
class MoveAddresses(ProgramStep):
    """Make an interface a port of a bridge, or no longer one, and take along what hangs on it.

    All in one ip(8) batch: everything is on its new place before it leaves the old one, and routes
    are replaced, not removed. Rules of the port stay and are copied, as they do no harm to a port.
    All fields are worded as in Belongings.
    """

    port: str
    bridge: str
    addresses: tuple[Words, ...]
    """Journals of old have pairs: an address and its broadcast address, or nothing."""
    routes: tuple[Words, ...]
    to_bridge: bool
    later_routes: tuple[Words, ...] = ()
    connected_routes: tuple[Words, ...] = ()
    rules: tuple[Words, ...] = ()
    neighbours: tuple[Words, ...] = ()

    @property
    def needs(self) -> tuple[Thing, ...]:
        return ("link", self.port), ("link", self.bridge)

    @property
    def old(self) -> str:
        """Where everything comes from."""
        return self.port if self.to_bridge else self.bridge

    @property
    def new(self) -> str:
        """Where it goes."""
        return self.bridge if self.to_bridge else self.port

    @property
    def belongings(self) -> Belongings:
        """What the step is about."""
        return Belongings(
            tuple(map(_as_words, self.addresses)),
            tuple(map(normal, self.routes)),
            self.later_routes,
            self.connected_routes,
            self.rules,
            self.neighbours,
        )

    @property
    def argvs(self) -> tuple[Argv, ...]:
        moved, port = self.belongings, Belongings(master="" if self.to_bridge else self.bridge)
        if self.to_bridge:
            return self.left(replace(moved, master=""), Belongings())
        return self.left(moved, port)

    @property
    def inverse(self) -> Step:
        return replace(self, to_bridge=not self.to_bridge)

    def left(self, old: Belongings, new: Belongings) -> tuple[Argv, ...]:
        """Return what is still to be done where the old place and the new one hold this.

        Nothing is taken from the old place that is not on the new one by then. A bridge may have
        another MAC address with the port, at which the kernel forgets its neighbours.
        """
        port = old if self.to_bridge else new
        mastered = port.master == self.bridge
        master = ("master", self.bridge) if self.to_bridge else ("nomaster",)
        link = [argv("ip", "link", "set", "dev", self.port, *master)]
        near = (*self._copied_neighbours(new), *self._uncopied_neighbours(old))
        return (
            *self._copied_rules(new),
            *self._added_addresses(old, new),
            *(() if self.to_bridge else near),
            *(link if mastered != self.to_bridge else ()),
            *(near if self.to_bridge else ()),
            *self._routes(old, new),
            *self._uncopied_rules(old),
            *self._taken_addresses(old),
            *self._taken_routes(old),
            *self._settled_addresses(new),
            *(self._route("replace", each, self.new) for each in self._missing_connected(new)),
        )

    def _copied_rules(self, new: Belongings) -> Iterator[Argv]:
        for rule in self.rules if self.to_bridge else ():
            if rule not in new.rules:
                yield _rule("add", rule, self.new)

    def _copied_neighbours(self, new: Belongings) -> Iterator[Argv]:
        for neighbour in self.neighbours:
            if neighbour not in new.neighbours:
                yield _put(neighbour, self.new)

    def _uncopied_rules(self, old: Belongings) -> Iterator[Argv]:
        for rule in () if self.to_bridge else self.rules:
            if rule in old.rules:
                yield _rule("delete", rule, self.old)

    def _uncopied_neighbours(self, old: Belongings) -> Iterator[Argv]:
        for neighbour in () if self.to_bridge else self.neighbours:
            if neighbour in old.neighbours:
                what = neighbour[:2] if neighbour[0] == "proxy" else neighbour[:1]
                yield argv("ip", "neighbour", "delete", *what, "dev", self.old)

    def _added_addresses(self, old: Belongings, new: Belongings) -> Iterator[Argv]:
        """Add what is not there yet, with the lifetimes that are left to it.

        Without the detection of duplicates (RFC 4862 section 5.4), in which an IPv6 address is of
        no use for a second or two: it is the same host that had it before.
        """
        here = {place_of(each) for each in new.addresses}
        now = {place_of(each): each for each in old.addresses}
        for address in self.belongings.addresses:
            if place_of(address) in here:
                continue
            words = _labelled(now.get(place_of(address), address), self.new)
            sure = ("nodad",) if is_v6(address) and "nodad" not in address else ()
            yield argv("ip", "address", "add", *words, *sure, "dev", self.new)

    def _settled_addresses(self, new: Belongings) -> Iterator[Argv]:
        """Make the detection of duplicates what it was."""
        there = {place_of(each): each for each in new.addresses}
        for address in self.belongings.addresses:
            now = there.get(place_of(address))
            if is_v6(address) and "nodad" not in address and (now is None or "nodad" in now):
                words = _labelled(address, self.new)
                yield argv("ip", "address", "change", *words, "dev", self.new)

    def _taken_addresses(self, old: Belongings) -> Iterator[Argv]:
        """The last first: what goes with the first address of a subnet is gone by then."""
        there = {place_of(each) for each in old.addresses}
        for address in reversed(self.belongings.addresses):
            if place_of(address) in there:
                yield argv("ip", "address", "delete", *place_of(address), "dev", self.old)

    def _taken_routes(self, old: Belongings) -> Iterator[Argv]:
        """Those that the kernel leaves of IPv6 addresses with a limit until that is over.

        The host would go on asking the old place (addrconf.c, ipv6_del_addr).
        """
        moved = set(map(place_of, self.belongings.addresses))
        staying = _made(each for each in old.addresses if place_of(each) not in moved)
        limited = _made(each for each in old.addresses if "valid_lft" in each)
        seen = set(map(lasting, (*old.routes, *old.later_routes)))
        left = (limited | seen) - staying
        for route in sorted(_made(self.belongings.addresses)):
            if route in left:
                where = ("exact", route[1], "dev", self.old, "proto", "kernel")
                yield argv("ip", "-6", "route", "flush", *where)

    def _routes(self, old: Belongings, new: Belongings) -> Iterator[Argv]:
        """Routes are replaced where they are, so that the host is never without one."""
        there = set(map(lasting, (*new.routes, *new.later_routes, *new.connected_routes)))
        here = set(map(lasting, (*old.routes, *old.later_routes)))
        for route in self.belongings.routes:
            if lasting(route) not in there:
                verb = "replace" if lasting(route) in here else "append"
                yield self._route(verb, route, self.new)
        for route in self.later_routes:
            if lasting(route) not in there:
                yield self._route("append", route, self.new)
        for route in (*self.belongings.routes, *self.later_routes):
            doubled = lasting(route) in there or route in self.later_routes
            if doubled and lasting(route) in here:
                yield self._route("delete", lasting(route), self.old)

    def _missing_connected(self, new: Belongings) -> list[Words]:
        there = set(map(lasting, new.connected_routes))
        return [each for each in self.connected_routes if lasting(each) not in there]

    def _route(self, verb: str, route: Words, interface: str) -> Argv:
        family, words = (route[:1], route[1:]) if route[0] == "-6" else ((), route)
        if "nexthop" in words:
            return argv("ip", *family, "route", verb, *_filled(words, interface))
        return argv("ip", *family, "route", verb, *words, "dev", interface)


@dataclass(frozen=True, slots=True)
class PutNeighbours(ProgramStep):
    """Enter neighbours of an interface that are there already, or were a moment ago.

    The kernel forgets them all when the interface goes down or its MAC address changes. So this
    is taken before such a step, for the way back, and after it.
    """

    interface: str
    neighbours: tuple[Words, ...]
    """As in Belongings."""

    @property
    def argvs(self) -> tuple[Argv, ...]:
        return tuple(_put(each, self.interface) for each in self.neighbours)

    @property
    def inverse(self) -> Step:
        return self


def _made(addresses: Iterable[Words]) -> set[Words]:
    """The routes that the kernel makes with IPv6 addresses."""
    return {lasting(route) for each in addresses if is_v6(each) for route in connected(each)}


def _put(neighbour: Words, interface: str) -> Argv:
    return argv("ip", "neighbour", "replace", *neighbour, "dev", interface)


def _rule(verb: str, rule: Words, interface: str) -> Argv:
    family, words = (rule[:1], rule[1:]) if rule[0] == "-6" else ((), rule)
    return argv("ip", *family, "rule", verb, *_filled(words, interface))


def _filled(words: Words, interface: str) -> Words:
    return tuple(interface if word == HERE else word for word in words)


def _labelled(address: Words, interface: str) -> Words:
    """An address with its label as ip takes it: beginning with the interface's name."""
    if "label" not in address:
        return address
    place = address.index("label") + 1
    return (*address[:place], f"{interface}{address[place]}", *address[place + 1 :])


def _as_words(address: Words) -> Words:
    """An address of a journal of old: a pair with its broadcast address, or nothing."""
    if len(address) == 2 and (not address[1] or "." in address[1]):
        return (address[0], *(("broadcast", address[1]) if address[1] else ()))
    return address
