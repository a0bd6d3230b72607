"""Security groups in the words of iptables and ip6tables: nova's chains of instances. Pure.

`nova-network-local`, which all meets that is forwarded or sent by the host, leads each address of a
guest to the chain of its instance; that leads to the chains of its groups, in which the rules of a
group stand once, however many are in it. A rule for the members of a group leads to a chain of
these. So the text is as long as members and rules together.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.hoststate import Rule
from netconsole.backend.model.meaning import FilteredGuest, GuestAddress, Meaning, Opening
from netconsole.backend.model.subject import HOST, Subject
from netconsole.backend.wording.dispatch import AddressAction, Tree, ranges

IPFamily = Literal["ipv4", "ipv6"]

LOCAL: Final = f"{CHAIN_PREFIX}local"
FALLBACK: Final = f"{CHAIN_PREFIX}sg-fallback"
_TO_GUESTS: Final = Tree(LOCAL, "to-", "-d")
_DISPATCHING: Final = f"{CHAIN_PREFIX}{_TO_GUESTS.branch}"
_FILTERING: Final = tuple(f"{CHAIN_PREFIX}{begin}" for begin in ("inst-", "s"))
"""Begin the names of chains to which those lead."""
_ADMITTING: Final = re.compile(rf"{CHAIN_PREFIX}(?:sg-|src-|s)[0-9]")
BY_CONNECTION: Final[Mapping[str, str]] = {
    "-m conntrack --ctstate INVALID -j DROP": "what belongs to no connection",
    "-m conntrack --ctstate RELATED -j ACCEPT": "what an answer of it is about, such as an error",
    "-m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT": "answers to what it began",
}
"""Begin the chain of an instance: each rule, and what it is for, in words."""
_NEIGHBOUR_DISCOVERY: Final = (135, 136)
"""Neighbour solicitation and advertisement to a guest's own address (RFC 4861); conntrack does not
follow them. What is sent to a group of hosts meets no chain of an instance."""


def group_chains(meaning: Meaning, family: IPFamily) -> dict[str, list[Rule]]:
    """Return the chains of a family, `nova-network-local` among them; none without guests."""
    if not meaning.guests:
        return {}
    leading = leading_chains(meaning.guests, family)
    fallback = {FALLBACK: leading.pop(FALLBACK)}
    return {**leading, **filtering_chains(meaning, family), **fallback}


def leading_chains(guests: Iterable[FilteredGuest], family: IPFamily) -> dict[str, list[Rule]]:
    """Return the chains that lead to guests, and the one where what nobody lets in ends."""
    return {**_dispatch(guests, family), FALLBACK: [Rule("-j DROP", HOST)]}


def filtering_chains(meaning: Meaning, family: IPFamily) -> dict[str, list[Rule]]:
    """Return the chains of guests, groups and source groups, which others lead to."""
    chains: dict[str, list[Rule]] = {}
    for guest in meaning.guests:
        chains[_chain(guest)] = list(dict.fromkeys(_guest(guest, family)))
    for group in meaning.groups:
        worded = (opening_rule(each, family, group.about) for each in group.openings)
        chains[group_chain(group.id)] = list(dict.fromkeys(each for each in worded if each))
    for source in meaning.source_groups:
        tree = Tree(source_chain(source.id), _source_branch(source.id), "-s")
        entries = (AddressAction(each, "-j ACCEPT", source.about) for each in source.addresses)
        chains |= tree.chains(each for each in entries if _family(each.address) == family)
    return chains


def with_leaving(
    present: Mapping[str, tuple[Rule, ...]], wanted: Mapping[str, tuple[Rule, ...]]
) -> dict[str, tuple[Rule, ...]]:
    """Return wanted chains of a table with what filters guests that are not wanted any more.

    As long as their ports are there that has to stay.
    """
    if FALLBACK not in present:
        return dict(wanted)
    kept = {**{chain: tuple(jumps) for chain, jumps in ways_to_guests().items()}, **wanted}
    for chain, rules in present.items():
        if chain == LOCAL or chain.startswith(_DISPATCHING):
            kept[chain] = _beside(rules, wanted.get(chain, ()))
        elif chain not in wanted and filters_guests(chain):
            kept[chain] = rules
    return kept


def _beside(present: tuple[Rule, ...], wanted: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return a chain with its wanted rules and those that leave; none moves without need."""
    if tuple(rule for rule in present if rule in wanted) == wanted:
        return present
    return (*wanted, *(rule for rule in present if rule not in wanted))


def filters_guests(chain: str) -> bool:
    """Whether a chain of a table `filter` is one of those that filter guests."""
    return chain == LOCAL or chain.startswith((_DISPATCHING, *_FILTERING))


def only_admits(chain: str) -> bool:
    """Whether a chain of a table `filter` has a group's rules, or its members: it drops nothing."""
    return _ADMITTING.match(chain) is not None


def ways_to_guests() -> dict[str, list[Rule]]:
    """Return the jumps that lead to `nova-network-local`."""
    top = Rule("-j nova-filter-top", HOST)
    return {"FORWARD": [top], "OUTPUT": [top], "nova-filter-top": [Rule(f"-j {LOCAL}", HOST)]}


def instance_chain(number: int) -> str:
    """Name the chain of an instance, as nova does."""
    return f"{CHAIN_PREFIX}inst-{number}"


def _chain(guest: FilteredGuest) -> str:
    """Name the chain of an instance; that of several is named by what their range comes to."""
    if guest.id:
        return instance_chain(guest.id)
    cidr = guest.addresses[0].address
    return f"{CHAIN_PREFIX}inst-at{hashlib.sha256(cidr.encode()).hexdigest()[:8]}"


def group_chain(number: int) -> str:
    """Name the chain with the rules of a group."""
    return f"{CHAIN_PREFIX}sg-{number}"


def source_chain(number: int) -> str:
    """Name the chain that accepts what the members of a group send."""
    return f"{CHAIN_PREFIX}src-{number}"


def _source_branch(number: int) -> str:
    return f"s{number}-"


def has_members(chain: str, number: int) -> bool:
    """Whether a chain is one of those that accept what the members of this group send."""
    branch = f"{CHAIN_PREFIX}{_source_branch(number)}"
    return chain == source_chain(number) or chain.startswith(branch)


def _dispatch(guests: Iterable[FilteredGuest], family: IPFamily) -> dict[str, list[Rule]]:
    single: list[AddressAction] = []
    wide: list[AddressAction] = []
    for guest in guests:
        action = f"-j {_chain(guest)}"
        for about, address in _of_family(guest.addresses, family):
            (wide if "/" in address else single).append(AddressAction(address, action, about))
    chains = _TO_GUESTS.chains(single)
    chains[LOCAL] += ranges("-d", wide)
    return chains


def _of_family(
    addresses: Iterable[GuestAddress], family: IPFamily
) -> Iterator[tuple[Subject, str]]:
    return ((each.about, each.address) for each in addresses if _family(each.address) == family)


def _family(address: str) -> IPFamily:
    return "ipv6" if ":" in address else "ipv4"


def from_range(cidr: str) -> str:
    """Return the rule in the chain of an instance that lets in what a network of it sends."""
    return f"-s {cidr} -j ACCEPT"


def _guest(guest: FilteredGuest, family: IPFamily) -> Iterator[Rule]:
    """The chain of an instance, in nova's order.

    Of what is established, nova let all pass. Here answers do, and what others send is asked for in
    each packet: so a connection ends with the rule, or the membership, that let it in.
    """

    def rule(spec: str) -> Rule:
        return Rule(spec, guest.about)

    for spec in BY_CONNECTION:
        yield rule(spec)
    for server in guest.dhcp_servers if family == "ipv4" else ():
        yield rule(f"-s {server}/32 -p udp -m udp --sport 67 --dport 68 -j ACCEPT")
    for neighbours in guest.neighbours:
        if _family(neighbours) == family:
            yield rule(from_range(neighbours))
    if family == "ipv6":
        for router in guest.routers:
            yield rule(f"-s {router}/128 -p ipv6-icmp -j ACCEPT")
        for kind in _NEIGHBOUR_DISCOVERY:
            yield rule(f"-p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT")
    for group in guest.groups:
        yield rule(f"-j {group_chain(group)}")
    yield rule(f"-j {FALLBACK}")


def opening_rule(opening: Opening, family: IPFamily, about: Subject) -> Rule | None:
    """Return the rule of a group, in its chain; None where it is none of this family."""
    if opening.source is not None and _family(opening.source) != family:
        return None
    packets = _packets(opening, family)
    if packets is None:
        return None
    aim = "ACCEPT" if opening.group is None else source_chain(opening.group)
    is_anywhere = opening.source is None or opening.source.endswith("/0")
    source = "" if is_anywhere else f"-s {opening.source} "
    return Rule(f"{source}{packets}-j {aim}", about)


def _packets(opening: Opening, family: IPFamily) -> str | None:
    """What a rule asks of packets beside their source.

    The types of ICMP that a rule has for a group's members are those of IPv4: the other family has
    others under the same numbers.
    """
    first, last = opening.first, opening.last
    match opening.protocol:
        case None:
            return ""
        case "icmp" if family == "ipv4":
            return f"-p icmp {_typed('icmp', first, last)}"
        case "icmp" if opening.source is None and first != -1:
            return None
        case "icmp":
            return f"-p ipv6-icmp {_typed('icmp6', first, last)}"
    ports = str(first) if first == last else f"{first}:{last}"
    every = (first, last) == (-1, -1)
    return f"-p {opening.protocol} -m {opening.protocol} {'' if every else f'--dport {ports} '}"


def _typed(module: Literal["icmp", "icmp6"], kind: int, code: int) -> str:
    if kind == -1:
        return ""
    option = "--icmp-type" if module == "icmp" else "--icmpv6-type"
    return f"-m {module} {option} {kind}{'' if code == -1 else f'/{code}'} "
