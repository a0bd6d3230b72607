"""Does a rule of others let packets in to instances before their security groups are asked?"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from netconsole.backend.filtering.saved_tables import FilterChain
from netconsole.backend.model.phrases import capitalized, count
from netconsole.backend.plan.standing_rules import change
from netconsole.backend.steps import Plan, Step
from netconsole.backend.survey.status import Bypass
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.parts.packet_filter import PacketFilter

ID: Final = "groups_bypassed"
TITLE = "No foreign rule lets in what security groups keep out"
REMEDY = (
    "Our jump moves right before the first of these rules, which stay where they are and are asked "
    "of whatever else they are for. What put them there may do so again: look at how it starts."
)
NOT_KEPT = "the program that made the rule may put it above our jump again at its next start"
OFFLOADED = (
    "A flowtable of others takes connections past FORWARD once they are established: one that a "
    "group let in goes on there when its rule is taken away, until it ends by itself."
)
NOT_OFFLOADED = "By hand: have that rule ask for packets of other bridges than those of instances."
_OFFLOADS: Final = re.compile(r"\bflow (?:add|offload) @")


def judge(snapshot: Snapshot) -> Finding:
    """Read what stands above our jumps, and is asked before them."""
    host = snapshot.part(Backend).status.host
    if snapshot.part(ConfiguredOptions).filters_nothing:
        return Finding(ID, TITLE, "not-applicable", "firewall_driver switches the groups off.")
    if reason := host.unreadable.get("rules"):
        return Finding(ID, TITLE, "unknown", f"The rules could not be read: {reason}.")
    seen = snapshot.part(PacketFilter)
    offloaded = tuple(_offloading(seen))
    if not host.bypassed and offloaded:
        return Finding(ID, TITLE, "warn", OFFLOADED, offloaded, remedy=NOT_OFFLOADED)
    if not host.bypassed:
        because = "Nothing that is sent to an instance is let in before its groups are asked."
        return Finding(ID, TITLE, "ok", because)
    rows = (*map(_row, host.bypassed), *offloaded, Evidence(AT_BOOT, NOT_KEPT))
    more = f" {count(len(host.bypassed) - 1, 'rule')} more: the rows have them."
    rest = more if host.bypassed[1:] else ""
    if whole := [each for each in host.bypassed if each.whole]:
        because = (
            f"{capitalized(whole[0].place)} lets in whatever is sent to instances of a network, "
            f"before nova-filter-top is asked: {whole[0].rule}. What their groups say counts for "
            f"nothing there.{rest}"
        )
        fix = Plan(tuple(_moved(host.bypassed, seen)))
        return Finding(ID, TITLE, "fail", because, rows, (), fix or None, None, REMEDY)
    first = host.bypassed[0]
    because = (
        f"{capitalized(first.place)} lets in some of what is sent to instances, before "
        f"nova-filter-top is asked: {first.rule}. It depends on the packet.{rest}"
    )
    remedy = f"Where that was not meant, move our jump before it by hand: `{_by_hand(first)}`."
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence="possible")


def _offloading(seen: PacketFilter) -> Iterator[Evidence]:
    """The rules that put connections into a flowtable (nft(8), flowtables)."""
    for table in seen.foreign_tables:
        for chain in table.chains:
            for rule in chain.rules:
                if _OFFLOADS.search(rule.text):
                    place = f"nft {table.family} {table.name} {chain.name}"
                    yield Evidence(place, "takes connections past FORWARD", note=rule.text)


def _row(each: Bypass) -> Evidence:
    what = "lets in everything" if each.whole else "lets in what it picks"
    return Evidence(each.place, what, f"after `{each.jump}`", each.rule)


def _by_hand(bypass: Bypass) -> str:
    program = "ip6tables" if bypass.family == "ipv6" else "iptables"
    return (
        f"{program} -w -D {bypass.chain} {bypass.jump} && "
        f"{program} -w -I {bypass.chain} {bypass.entry} {bypass.jump}"
    )


def _moved(found: Iterable[Bypass], seen: PacketFilter) -> Iterator[Step]:
    """Move our jump in each chain before the first rule that bypasses it."""
    first: dict[tuple[str, str], Bypass] = {}
    for each in found:
        first.setdefault((each.family, each.chain), each)
    for each in first.values():
        chain = _chain(each, seen)
        specs = [rule.spec for rule in chain.rules] if chain else []
        if each.jump in specs[each.entry :]:
            goal = [spec for spec in specs if spec != each.jump]
            goal.insert(each.entry - 1, each.jump)
            step = change(each.family, "filter", {each.chain: specs}, {each.chain: goal})
            if step:
                yield step


def _chain(bypass: Bypass, seen: PacketFilter) -> FilterChain | None:
    wanted = (seen.command, bypass.family, "filter", bypass.chain)
    return next(
        (one for one in seen.chains if (one.kind, one.family, one.table, one.chain) == wanted), None
    )


PAGE = Explanation(
    symptom="Ports of instances are reachable that no rule of their security groups lets in; a "
    "rule of a group that was taken away makes no difference.",
    cause="`netconsole apply` puts our jump to nova-filter-top first in FORWARD and OUTPUT, and "
    "leaves it where it is. A program that starts later, or an admin, has put a rule above it that "
    "accepts (`iptables -I`): the first that decides is the only one of a table.",
    evidence="FORWARD and OUTPUT of the table filter, of iptables and ip6tables of the kind that "
    "our chains are in, read rule by rule and chain by chain for what is sent to each network, new "
    "connections and such as go on. A rule for other ranges or bridges is passed over. One "
    "that asks for more than the way out and the range (the interface in, a port, a state, a set) "
    "lets in some packets: that is a warning, as somebody may have meant it. No other table is "
    "looked at, nor one of the other kind, nor any of nftables: an accept ends its own base chain "
    "alone, and the packet passes ours all the same. But a rule of nftables that puts connections "
    "into a flowtable (`flow add`) takes what follows past FORWARD.",
    look_alikes=(
        (
            "firewall_off",
            "the groups are switched off by an option, and no chain of theirs is there.",
        ),
        ("open_groups", "a rule of a group lets everything in."),
        ("bridge_nf", "bridged frames meet no rules at all."),
        ("drift", "our jump is missing, and `netconsole apply` puts it first."),
    ),
    cure="Our jump moves before the rule; the rule stays. Behind the jump it is asked of all that "
    "is sent to no instance, so that what it was made for goes on. Rules above it that drop still "
    "decide first.",
    source="nft(8), accept and base chains; iptables(8); measured on Linux 6.18",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, ConfiguredOptions, PacketFilter}),
    1.0,
    judge,
    PAGE,
    reach=Reach.NOBODY,
    shown_by_status=True,
    wrong="A foreign rule lets in what security groups keep out",
)
