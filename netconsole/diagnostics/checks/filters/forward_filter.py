"""A3: does a rule, or a policy, of another program drop what the host forwards for its guests?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import EVERYTHING, Flow
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model.phrases import capitalized
from netconsole.backend.survey.status import Status
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.filters.forward_filter_cure import (
    AT_NEXT_START,
    LOCKED,
    REMEDY,
    cure,
)
from netconsole.diagnostics.model.aside import aside
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.journeys import Journeys
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.filter_keepers import (
    keeper_of,
    keeper_of_table,
    keepers,
    other_kind,
)
from netconsole.diagnostics.reasoning.filter_walk import Drop, Ruleset, drops, rulesets
from netconsole.diagnostics.reasoning.lost_paths import LostPaths, dropped_by_rules
from netconsole.diagnostics.reasoning.lost_words import remedy_of, rows_of, sentence
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks

ID: Final = "forward_filter"
TITLE = "No foreign rule drops what is forwarded for guests"
NOT_IN_FORWARD: Final = (
    "The rule is not ours, and does not stand in FORWARD. Who made it has to take it away, or to "
    "leave the guests' packets out."
)
NOT_OURS: Final = "Ask who made the rule, and delete it where that is no longer wanted."
SHOWN = 8
"""Flows listed; of drops the rest are counted."""


def judge(snapshot: Snapshot) -> Finding:
    """Send the flows of every network through every table, on paper.

    Where an instance is asked about, what its own flows do not meet is an aside.
    """
    status, seen = snapshot.part(Backend).status, snapshot.part(PacketFilter)
    sent = tuple(flows(status))
    if not sent:
        return Finding(ID, TITLE, "not-applicable", "Nothing is forwarded for a network here.")
    tables = tuple(_concerned(seen))
    found = [*_foreign(tables, sent)]
    own = _own_flows(snapshot)
    met = _met_by(own, tables, found) if own else found
    if certain := [each for each in met if each.certain]:
        return _dropped(certain, seen, snapshot.part(Owners))
    if elsewhere := tuple(_elsewhere(seen, sent)):
        found_there = _dropped(elsewhere, seen, snapshot.part(Owners))
        return replace(found_there, fix=None, remedy=NOT_IN_FORWARD)
    if traced := dropped_by_rules(snapshot, {"world", "floating"}):
        return _traced(traced)
    if alone := [*_of_it_alone(seen, own, tables)]:
        return _meant(alone)
    if active := [each for each in met if each.named and each.rise]:
        return _picked(active)
    if snapshot.target and (others := [each for each in found if each.certain]):
        return aside(_dropped(others, seen, snapshot.part(Owners)), snapshot.target)
    return _well(seen, sent, tables)


def _well(seen: PacketFilter, sent: Sequence[Flow], tables: Sequence[Ruleset]) -> Finding:
    if reason := seen.foreign_unread:
        because = (
            f"What iptables shows lets every flow of the guests through; {reason}. A table of "
            "nftables besides could drop them all the same."
        )
        return Finding(ID, TITLE, "unknown", because)
    because = (
        f"Every flow of the guests passes the {len(tables)} tables of FORWARD: nothing drops it "
        "before or after our rules."
    )
    return Finding(ID, TITLE, "ok", because, _passed(sent, tables))


def _foreign(tables: Iterable[Ruleset], sent: Sequence[Flow]) -> Iterator[Drop]:
    """Where rules and policies of others drop them."""
    for table in tables:
        for each in drops(table, sent):
            if not each.chain.startswith(CHAIN_PREFIX):
                yield each


def _own_flows(snapshot: Snapshot) -> tuple[Flow, ...]:
    """The flows of the instance that is asked about, by its own addresses; none where none is."""
    status, target = snapshot.part(Backend).status, snapshot.target
    if target is None or not target.instance:
        return ()
    own = tuple(
        replace(network, cidr=f"{each.address}/32")
        for each in status.allocations
        for network in status.networks
        if each.instance == target.instance and each.network == network.label
    )
    return tuple(flows(replace(status, networks=own)))


def _met_by(own: Sequence[Flow], tables: Sequence[Ruleset], found: Iterable[Drop]) -> list[Drop]:
    """Those at which some flow of one instance ends as well, and whether others go around them."""
    ends = {_place(each): each.excepted for each in _foreign(tables, own)}
    return [replace(each, excepted=ends[_place(each)]) for each in found if _place(each) in ends]


def _place(drop: Drop) -> tuple[str, str, str, str, int]:
    table = drop.ruleset
    return table.kind, table.family, table.table, drop.chain, drop.position


def _of_it_alone(
    seen: PacketFilter, own: Sequence[Flow], tables: Sequence[Ruleset]
) -> Iterator[Drop]:
    """What certainly drops flows of one instance, and not all of its network."""
    for each in _foreign(tables, own):
        if each.certain and not each.excepted:
            yield each
    yield from _elsewhere(seen, own)


def flows(status: Status) -> Iterator[Flow]:
    """Yield what is forwarded for each network that has a gateway: other networks are closed
    off."""
    outside = status.host.public_interface
    reachable = any(each.fixed_address for each in status.floating_ips)
    for network in status.networks:
        if network.gateway is None:
            continue
        name, bridge, inside = network.label, network.bridge, IPv4Network(network.cidr)
        sent = Flow(f"what guests of {name} send out", bridge, bridge, outside, source=inside)
        yield sent
        back = replace(sent, into=outside, out=bridge, source=EVERYTHING, destination=inside)
        words = f"the replies to guests of {name}"
        yield replace(back, words=words, states=frozenset({"ESTABLISHED"}))
        if reachable:
            words = f"what comes in for floating addresses of {name}"
            yield replace(back, words=words, states=frozenset({"NEW", "DNAT"}))


def _elsewhere(seen: PacketFilter, sent: Sequence[Flow]) -> Iterator[Drop]:
    """What certainly drops them before FORWARD or after it.

    Before, what comes in has other addresses yet, and after it what goes out may have in nftables.
    """
    out = [each for each in sent if each.into == each.bridge]
    back = [each for each in sent if each.into != each.bridge]
    ways = [(table, out) for table in rulesets(seen, "prerouting")]
    ways += [
        (table, back if table.kind == "native" else [*out, *back])
        for table in rulesets(seen, "postrouting")
    ]
    for table, concerned in ways:
        for each in drops(table, concerned):
            if each.certain and not each.excepted and not each.chain.startswith(CHAIN_PREFIX):
                yield each


def _concerned(seen: PacketFilter) -> Iterator[Ruleset]:
    """Tables whose rules somebody keeps: those of the other kind that nobody does are the matter
    of `legacy_filter`."""
    other = other_kind(seen)
    kept = bool(keepers(seen, other))
    return (each for each in rulesets(seen) if each.kind != other or kept)


def _dropped(found: Sequence[Drop], seen: PacketFilter, owners: Owners) -> Finding:
    first = found[0]
    whole = not all(each.excepted for each in found)
    keeper = _keeper(first, seen, owners)
    rest = f" Other flows fare the same: {len(found) - 1}." if len(found) > 1 else ""
    but = "" if whole else " Only what rules before it let pass gets through."
    because = (
        f"{capitalized(first.flow.words)} ends at {first.place}{keeper}: {first.text}. Each "
        "table that a packet passes decides by itself, and what our chain accepts is lost where "
        f"another drops it, or one rule earlier.{but}{_counted(first)}{rest}"
    )
    rows = (*_rows(found), Evidence(AT_BOOT, AT_NEXT_START))
    if not whole and not keeper and not any(each.rise for each in found):
        remedy = "Somebody has chosen what gets through: look whether that is still right."
        return Finding(ID, TITLE, "info", because, rows, remedy=remedy, confidence="possible")
    fix = cure(found, seen.command)
    return Finding(
        ID,
        TITLE,
        "fail" if whole else "warn",
        because,
        rows,
        _rules_out(first),
        fix,
        None,
        REMEDY if fix else LOCKED,
        "certain" if whole else "likely",
    )


def _keeper(drop: Drop, seen: PacketFilter, owners: Owners) -> str:
    """Say whose it is, where that can be known."""
    if drop.ruleset.kind == "native":
        names = [keeper_of_table(drop.ruleset.table)]
    else:
        names = [keeper_of(drop.chain)]
        names = names if names[0] else list(keepers(seen, drop.ruleset.kind))
    running = {each.name for each in owners.owners}
    known = [f"{name} (running)" if name in running else name for name in names if name]
    return f", probably of {' or '.join(known)}" if known else ""


def _counted(drop: Drop) -> str:
    if drop.rise:
        return f" It dropped {drop.rise} packets while this was looked at."
    return f" It has dropped {drop.packets} packets so far." if drop.packets else ""


def _rows(found: Sequence[Drop]) -> Iterator[Evidence]:
    for each in found[:SHOWN]:
        yield Evidence(each.flow.words, f"dropped by {each.place}", "accepted", each.text)
    if len(found) > SHOWN:
        yield Evidence("more of the kind", str(len(found) - SHOWN))
    for place, each in {each.place: each for each in found[:SHOWN]}.items():
        if each.packets is None:
            yield Evidence(f"dropped by {place}", "not counted")
        else:
            rise = f"{each.rise} of them just now" if each.rise else ""
            yield Evidence(f"dropped by {place}", f"{each.packets} packets", note=rise)


def _rules_out(drop: Drop) -> tuple[str, ...]:
    if not drop.rise:
        return ()
    return (
        "ip_forward: a packet that is not forwarded does not get as far as FORWARD",
        "rp_filter: it drops before FORWARD, and the counter here moves",
    )


def _picked(found: Sequence[Drop]) -> Finding:
    first = found[0]
    because = (
        f"{capitalized(first.place)} picks some of {first.flow.words} and dropped {first.rise} "
        f"packets while this was looked at: {first.text}. It names the guests' interface or "
        "addresses, so somebody meant them."
    )
    remedy = "Where that was not meant, delete the rule; an ACCEPT before it would let in more."
    return Finding(
        ID, TITLE, "warn", because, tuple(_rows(found)), remedy=remedy, confidence="possible"
    )


def _meant(found: Sequence[Drop]) -> Finding:
    first = found[0]
    because = (
        f"{capitalized(first.place)} drops what this instance sends, or what is sent to it, and "
        f"not what others do: {first.text}. Somebody meant it.{_counted(first)}"
    )
    remedy = f"{NOT_OURS} An ACCEPT before it is not offered, as the rule is about this instance."
    return Finding(ID, TITLE, "fail", because, tuple(_rows(found)), remedy=remedy)


def _traced(met: Sequence[LostPaths]) -> Finding:
    """Rules that ask for more than can be told on paper were met by packets that were sent."""
    rows = tuple(row for each in met for row in rows_of(each))
    return Finding(ID, TITLE, "fail", sentence(met[0]), rows, remedy=remedy_of(met[0]))


def _passed(flows: Sequence[Flow], tables: Sequence[Ruleset]) -> tuple[Evidence, ...]:
    return (
        *(Evidence(flow.words, "accepted") for flow in flows[:SHOWN]),
        *(Evidence("table passed", table.name) for table in tables),
    )


PAGE = Explanation(
    symptom="Instances get their addresses and reach the host and each other on the same bridge, "
    "but nothing that is routed gets through, often since docker, firewalld or another firewall "
    "was started or reloaded.",
    cause="A forwarded packet passes the chain FORWARD of each table of iptables, of both kinds, "
    "and every chain that is hooked in at forward in nftables. One that drops it is enough: an "
    "ACCEPT ends only the table that it is in. Docker sets the policy of FORWARD to DROP when it "
    "switches forwarding on; firewalld ends its chain with REJECT; the classic iptables service "
    "has REJECT before everything that is appended later.",
    evidence="Every table is read rule by rule for what guests send out, for the replies, and for "
    "what comes in through floating addresses; the counters are read twice, 0.6 s apart. A rule "
    "that asks for more than interface, addresses and state (a port, a set, a limit) picks only "
    "some packets, and is named only while it counts and names the guests, or where a packet that "
    "was sent to be followed (`doctor --probe`) ended there. Where rules let some "
    "of a flow pass before the rest is dropped, that is a finding while it counts or where a "
    "program is known to keep it; otherwise somebody has chosen so. Measured on Linux 6.18: "
    "DROP as the policy of either kind, or of a chain of nftables at any priority, ends what the "
    "other accepts.",
    look_alikes=(
        ("ip_forward", "no counter of FORWARD moves at all, as nothing gets that far."),
        ("rp_filter", "IPReversePathFilter rises, and no counter of FORWARD."),
        (
            "legacy_filter",
            "the rule is in the tables that `iptables` here does not show, and no "
            "program keeps it there.",
        ),
        ("conntrack_invalid", "only rules for the state INVALID count, and new connections work."),
        ("drift", "our own rules are missing, and `netconsole apply` brings them back."),
        ("bridge_nf", "frames that stay on one bridge are dropped, too."),
    ),
    cure="An ACCEPT for just the networks and directions that are hit (replies by their state, "
    "what comes in for floating addresses by its translation) goes right before the rule that "
    "drops; where a policy does, to the end of the chain. What stands above still decides first, "
    "as a DROP for one guest does. Where docker has DOCKER-USER, which it leaves to the admin, "
    "the ACCEPT goes behind the admin's rules there, unless it would come too late, or too soon "
    "for a rule further on that drops some of the guests' packets. Where our own jumps stand "
    "behind the rule, they move before it, as an ACCEPT there would let in what security groups "
    "keep out. It lasts until the program "
    "that keeps the table makes it anew: for good it has to be said in that program's words "
    "(`firewall-cmd --permanent`, `ip-forward-no-drop` in docker's daemon.json, libvirt's "
    "and ufw's own files).",
    source="nft(8), chains and their hooks; iptables(8); docs.docker.com, Packet filtering and "
    "firewalls; firewalld.zones(5)",
)

CHECK = Check(
    ID,
    ("A3",),
    TITLE,
    frozenset({Backend, PacketFilter, Owners}),
    1.0,
    judge,
    PAGE,
    uses=frozenset({Journeys, Routing}),
    narrow=narrowed(of_networks),
    reach=Reach.HOST,
    wrong="A foreign rule drops what is forwarded for guests",
)
