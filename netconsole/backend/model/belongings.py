"""Belongings: everything that hangs on one interface and has to go along with its addresses. Pure.

Each is kept in the words in which ip(8) prints it and takes it again. What has no word here is
named, so that nobody moves it by half: the kernel would drop the rest without a sound.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_interface

Words = tuple[str, ...]

HERE = ""
"""Stands in a rule or a nexthop for the interface itself."""
FOREVER = 0xFFFFFFFF

_ADDRESS_FLAGS = ("noprefixroute", "nodad", "mngtmpaddr", "home", "autojoin")
_ADDRESS_STATES = frozenset(
    {"dynamic", "secondary", "tentative", "dadfailed", "deprecated", "permanent", "optimistic"}
    | {"temporary", "stable-privacy"}
)
"""What the kernel makes of an address; a temporary one (RFC 8981) goes along as an ordinary."""
_ADDRESS_VALUES = frozenset(
    {"family", "local", "address", "prefixlen", "metric", "broadcast", "scope", "label"}
    | {"valid_life_time", "preferred_life_time", "protocol"}
)

_ROUTE_TYPES = frozenset(
    {"unicast", "local", "broadcast", "multicast", "anycast", "blackhole", "unreachable"}
    | {"prohibit", "throw"}
)
_ROUTE_VALUES = frozenset(
    {"via", "dev", "table", "proto", "scope", "src", "metric", "realm", "realms", "tos", "from"}
    | {"mtu", "advmss", "initcwnd", "initrwnd", "window", "rtt", "rttvar", "reordering", "cwnd"}
    | {"hoplimit", "ssthresh", "rto_min", "quickack", "congctl", "features", "pref", "weight"}
    | {"expires", "fastopen_no_cookie", "error"}
)
_ROUTE_STATES = frozenset(
    {"linkdown", "dead", "pervasive", "offload", "trap", "offload_failed", "rt_offload", "rt_trap"}
)
_RULE_VALUES = frozenset(
    {"from", "to", "tos", "dsfield", "fwmark", "iif", "oif", "ipproto", "sport", "dport", "goto"}
    | {"uidrange", "lookup", "suppress_prefixlength", "suppress_ifgroup", "realms", "proto"}
    | {"tun_id"}
)
_RULE_FLAGS = frozenset({"not", "nop", "blackhole", "unreachable", "prohibit"})


@dataclass(frozen=True, slots=True)
class Belongings:
    """What hangs on an interface; routes and rules of IPv6 begin with `-6`."""

    addresses: tuple[Words, ...] = ()
    """Of both families, as ip-address(8) takes them, each family in the order in which adding them
    anew gives the same list. A label is without the interface's name: `:web`."""
    routes: tuple[Words, ...] = ()
    """Of all tables, those on the link before those by a gateway, as ip-route(8) takes them."""
    later_routes: tuple[Words, ...] = ()
    """Routes behind another one of the same destination, TOS and metric."""
    connected_routes: tuple[Words, ...] = ()
    """Routes in the place of one that the kernel makes with an address."""
    rules: tuple[Words, ...] = ()
    """As ip-rule(8) takes them."""
    neighbours: tuple[Words, ...] = ()
    """Permanent, managed and proxy ones, as ip-neighbour(8) takes them."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Kernel settings of the interface by their path below net: ipv4/conf/*/rp_filter."""
    usual_settings: Mapping[str, str] = field(default_factory=dict)
    """The same as a new interface gets them."""
    master: str = ""
    unworded: tuple[str, ...] = ()
    """What cannot be said in words, and so not be moved."""

    @property
    def hang(self) -> bool:
        """Whether there is anything."""
        moved = (self.addresses, self.routes, self.later_routes, self.connected_routes)
        return any((*moved, self.rules, self.neighbours, self.unworded))


class _NoWord(Exception):
    """Something that ip prints and does not take again, or that is new to us."""


def lasting(words: Words) -> Words:
    """Return words without those that count down."""
    timed = {place for place, word in enumerate(words) if word in _COUNTING}
    return tuple(
        word for place, word in enumerate(words) if place not in timed and place - 1 not in timed
    )


_COUNTING = frozenset({"valid_lft", "preferred_lft", "expires"})


def is_v6(words: Words) -> bool:
    """Whether an address, a route or a rule is of IPv6."""
    return words[:1] == ("-6",) or ":" in words[0]


def place_of(address: Words) -> Words:
    """Return what makes an address another one for the kernel: itself, its prefix length and
    peer."""
    return address[:3] if address[1:2] == ("peer",) else address[:1]


def _pairs(words: Words) -> dict[str, str]:
    return dict(itertools.pairwise(words))


# Addresses


def addresses(
    interface: str, entries: Iterable[Mapping[str, object]]
) -> tuple[tuple[Words, ...], tuple[str, ...]]:
    """Return the addresses among those that `ip -json` tells, and what of them has no word.

    The link-local address that the kernel makes for every interface stays. IPv6 addresses are
    turned round: the kernel puts a new one before the others.
    """
    old: list[Words] = []
    new: list[Words] = []
    unworded: list[str] = []
    for info in entries:
        if _is_made_link_local(info):
            continue
        try:
            words = _address(interface, info)
        except _NoWord as error:
            unworded.append(f"address {info.get('local')}: {error}")
            continue
        (new if info.get("family") == "inet6" else old).append(words)
    return (*old, *reversed(new)), tuple(unworded)


def _is_made_link_local(info: Mapping[str, object]) -> bool:
    """Whether the kernel made it of a MAC address, perhaps one that the interface had before.

    Such a one has ff:fe in its middle (RFC 4291 appendix A).
    """
    if (info.get("family"), info.get("scope")) != ("inet6", "link"):
        return False
    return "stable-privacy" in info or IPv6Address(str(info["local"])).packed[11:13] == b"\xff\xfe"


def _address(interface: str, info: Mapping[str, object]) -> Words:
    for name in info:
        if name not in _ADDRESS_VALUES | _ADDRESS_STATES and name not in _ADDRESS_FLAGS:
            raise _NoWord(name)
    length = info["prefixlen"]
    words = [f"{info['local']}/{length}"]
    if "address" in info:
        words = [str(info["local"]), "peer", f"{info['address']}/{length}"]
    for name in ("broadcast", "metric"):
        if name in info:
            words += [name, str(info[name])]
    if info.get("family") == "inet":
        words += ["scope", str(info["scope"])] if info.get("scope") != "global" else []
        label = str(info.get("label", interface))
        if not label.startswith(interface):
            raise _NoWord(f"label {label}")
        words += ["label", label.removeprefix(interface)] if label != interface else []
    if info.get("valid_life_time", FOREVER) != FOREVER:
        preferred = info["preferred_life_time"]
        words += ["valid_lft", str(info["valid_life_time"])]
        words += ["preferred_lft", "forever" if preferred == FOREVER else str(preferred)]
    return (*words, *(flag for flag in _ADDRESS_FLAGS if flag in info))


# Routes


def routes(
    interface: str, texts: Iterable[tuple[str, str]], held: Iterable[Words]
) -> tuple[tuple[Words, ...], tuple[Words, ...], tuple[Words, ...], tuple[str, ...]]:
    """Return the routes of an interface among all that `ip -oneline -details` tells.

    `texts` has a family's option, empty or `-6`, and what was printed. Returned are routes, later
    ones, those in the place of a connected one, and what has no word. Those that the kernel makes
    by itself for the addresses `held` are left out.
    """
    made = {route_key(words): words for address in held for words in connected(address)}
    found, later, unworded = _worded(interface, texts)
    plain = {lasting(words) for words in found}
    own = {lasting(words) for words in made.values()}
    rest = [words for words in found if lasting(words) not in own]
    replaced = [
        words
        for words in rest
        if route_key(words) in made and lasting(made[route_key(words)]) not in plain
    ]
    others = sorted((words for words in rest if words not in replaced), key=lambda w: "via" in w)
    return tuple(others), tuple(later), tuple(replaced), tuple(unworded)


def _worded(
    interface: str, texts: Iterable[tuple[str, str]]
) -> tuple[list[Words], list[Words], list[str]]:
    """Return the first route of each key, later ones, and those that have no word."""
    seen: set[Words] = set()
    found: list[Words] = []
    later: list[Words] = []
    unworded: list[str] = []
    for family, text in texts:
        # What a route says of its group of nexthops stands on a line of its own.
        lines = text.replace("\n\t", " ").splitlines()
        places = {_destination(line) for line in lines if f" dev {interface} " in f"{line} "}
        for line in lines:
            if _destination(line) not in places:
                continue  # one of a hundred thousand, perhaps
            tokens = line.replace("\\", " ").split()
            if tokens[0] not in _ROUTE_TYPES:
                continue
            mine = any(pair == ("dev", interface) for pair in itertools.pairwise(tokens))
            if mine and _is_kernels(tokens):
                continue
            try:
                words = _route(family, tokens, interface)
            except _NoWord as error:
                if mine:
                    unworded.append(f"route {' '.join(tokens)}: {error}")
                continue
            key = route_key(words)
            if mine:
                (later if key in seen else found).append(words)
            seen.add(key)
    return found, later, unworded


def _destination(line: str) -> str:
    """Where a route leads to, its second word."""
    return "".join(line.split(maxsplit=2)[1:2])


def connected(address: Words) -> Iterator[Words]:
    """Yield the routes that the kernel makes with an address (fib_add_ifaddr,
    addrconf_prefix_route).

    An IPv6 address with a peer has two: to its own prefix, which `noprefixroute` leaves out, and to
    the peer alone, which is made in any case.
    """
    given = _pairs(address)
    if is_v6(address):
        kept = ("proto", "kernel", "metric", given.get("metric", "256"), "pref", "medium")
        if "peer" in given:
            yield ("-6", given["peer"].partition("/")[0], *kept)
        if "noprefixroute" not in address:
            length = given.get("peer", address[0]).partition("/")[2]
            yield ("-6", _prefix(f"{address[0].partition('/')[0]}/{length}"), *kept)
    elif "noprefixroute" not in address:
        source = address[0].partition("/")[0]
        metric = ("metric", given["metric"]) if "metric" in given else ()
        to = _prefix(given.get("peer", address[0]))
        yield (to, "proto", "kernel", "scope", "link", "src", source, *metric)


def _prefix(place: str) -> str:
    """The network of an address as ip-route(8) prints it: of a single address without length."""
    network = ip_interface(place).network
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if single else str(network)


def route_key(words: Words) -> Words:
    """Return what two routes may not have in common, unless one is appended: all but where they
    lead."""
    family, rest = ("-6", words[1:]) if words[0] == "-6" else ("", words)
    given = _pairs(rest)
    to = rest[1] if rest[0] in _ROUTE_TYPES else rest[0]
    usual = "1024" if family else "0"
    return (family, given.get("table", ""), to, given.get("tos", "0"), given.get("metric", usual))


def _is_kernels(tokens: list[str]) -> bool:
    given = _pairs(tuple(tokens))
    return given.get("proto") == "kernel" and (
        given.get("table") == "local" or tokens[1] in ("fe80::/64", "ff00::/8")
    )


def _route(family: str, tokens: list[str], interface: str) -> Words:
    kind, to, *rest = tokens
    words = [family] if family else []
    words += [to] if kind == "unicast" else [kind, to]
    several = "nexthop" in rest
    left = iter(rest)
    for token in left:
        if token in ("onlink", "nexthop"):
            words.append(token)
        elif token in _ROUTE_STATES:
            continue
        elif token in _ROUTE_VALUES:
            words += _route_value(token, next(left, ""), left, interface, several)
        else:
            raise _NoWord(token)
    return normal(tuple(words))


def _route_value(
    name: str, value: str, left: Iterator[str], interface: str, several: bool
) -> Words:
    if name == "error":
        return ()
    if name == "dev":
        if value != interface:
            return (name, value)
        return (name, HERE) if several else ()
    if name == "expires":
        return (name, value.removesuffix("sec"))
    if value == "lock":
        locked = () if name == "rto_min" else (value,)
        return (name, *locked, next(left, ""))
    if name == "via" and value in ("inet", "inet6"):
        return (name, value, next(left, ""))
    return (name, value)


def normal(route: Words) -> Words:
    """Return a route without the words that ip-route(8) takes for granted."""
    usual = {("table", "main"), ("proto", "boot")}
    if route[0] == "-6" or "via" in route:
        usual.add(("scope", "global"))
    words: list[str] = []
    left = iter(range(len(route)))
    for place in left:
        if route[place : place + 2] in usual:
            next(left)
        else:
            words.append(route[place])
    return tuple(words)


# Rules and neighbours


def rules(
    interface: str, texts: Iterable[tuple[str, str]]
) -> tuple[tuple[Words, ...], tuple[str, ...]]:
    """Return the rules that name an interface, among all that `ip -oneline -details rule` tells."""
    found: list[Words] = []
    unworded: list[str] = []
    for family, text in texts:
        for line in text.splitlines():
            priority, _, rest = line.partition(":\t")
            tokens = [token for token in rest.split() if not token.startswith("[")]
            named = {b for a, b in itertools.pairwise(tokens) if a in ("iif", "oif")}
            if interface not in named:
                continue
            try:
                words = _rule(tokens, interface)
            except _NoWord as error:
                unworded.append(f"rule {priority}: {error}")
                continue
            found.append((*((family,) if family else ()), "priority", priority, *words))
    return tuple(found), tuple(unworded)


def _rule(tokens: list[str], interface: str) -> Words:
    words: list[str] = []
    left = iter(tokens)
    for name in left:
        if name in _RULE_FLAGS:
            words.append(name)
        elif name in _RULE_VALUES:
            value = next(left, "")
            own = name in ("iif", "oif") and value == interface
            words += ["protocol" if name == "proto" else name, HERE if own else value]
        else:
            raise _NoWord(name)
    if "not" in words and HERE in words:
        raise _NoWord("not")  # of two that each name one interface, one is always true
    return tuple(words)


def neighbours(text: str, proxies: str) -> tuple[Words, ...]:
    """Return the neighbours that someone entered, among what `ip neighbour show` tells."""
    found: list[Words] = []
    for line in text.splitlines():
        address, *tokens = line.split()
        if "PERMANENT" not in tokens and "managed" not in tokens:
            continue
        given = _pairs(tuple(tokens))
        mac = ("lladdr", given["lladdr"]) if "lladdr" in given and "managed" not in tokens else ()
        state = ("nud", "permanent") if "PERMANENT" in tokens else ()
        flags = [each for each in ("router", "extern_learn", "managed") if each in tokens]
        protocol = ("protocol", given["proto"]) if "proto" in given else ()
        found.append((address, *mac, *state, *flags, *protocol))
    found += [("proxy", line.split()[0]) for line in proxies.splitlines() if line.strip()]
    return tuple(found)
