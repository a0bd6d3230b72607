"""A4: do rules act in the kind of tables that `iptables` does not show on this host?"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from netconsole.backend.filtering.native_rules import is_native, native_handle
from netconsole.backend.filtering.rules import is_ours, is_own_chain
from netconsole.backend.filtering.saved_tables import FilterChain, FilterRule
from netconsole.backend.model.phrases import capitalized
from netconsole.backend.model.table_names import Kind
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.filters.forward_filter import flows
from netconsole.diagnostics.checks.filters.forward_filter_cure import cure
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.acceptance import FILTER_TABLES
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.filter_keepers import keepers, other_kind
from netconsole.diagnostics.reasoning.filter_walk import Drop, drops, rulesets
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks, of_plan

ID: Final = "legacy_filter"
TITLE = "Rules act only where `iptables` shows them"
SHOWN = 12
"""Rules listed; the rest are counted."""

HARMLESS = frozenset({"", "ACCEPT", "CONNMARK", "LOG", "MARK", "NFLOG", "RETURN"})
"""Targets after which a packet is what and where it was."""

TABLES = ("raw", "mangle", "nat", "filter", "security")

NOT_KEPT = (
    "kept unless something loads these rules again: look at iptables-persistent's "
    "/etc/iptables/rules.v4 and at init scripts that call iptables-legacy-restore"
)


def judge(snapshot: Snapshot) -> Finding:
    """Look for rules of the other kind that drop, refuse or translate."""
    host, seen = snapshot.part(Backend), snapshot.part(PacketFilter)
    other = other_kind(seen)
    chains = tuple(each for table in TABLES for each in seen.of(table, other))
    if not chains:
        because = f"Only the {seen.command} kind of tables is in use."
        return Finding(ID, TITLE, "not-applicable", because)
    if left := claimed(host.plan, ID):
        return _left_behind(host, left, seen)
    acting = [(chain, text) for chain in chains for text in _acting(chain, chains)]
    if not acting:
        because = f"There are tables of the {other} kind as well, but nothing in them acts."
        return Finding(ID, TITLE, "ok", because, (Evidence("tables", _names(chains)),))
    rows = _rows(acting)
    if found := keepers(seen, other):
        because = (
            f"{' and '.join(found)} keeps rules in the {other} kind, which `iptables` does not "
            "show here; every packet passes both kinds. Whether they drop what the guests send is "
            "the matter of forward_filter."
        )
        return Finding(ID, TITLE, "info", because, rows)
    if dropping := tuple(_dropping(host, seen)):
        return _dropped(dropping, seen, rows)
    table, text = acting[0][0].table, acting[0][1]
    because = (
        f"Rules and policies of the {other} kind ({len(acting)}) drop or change packets, and "
        f"`iptables` does not show them: the first is in {table}, {text}. None of them certainly "
        "drops what is forwarded for a guest."
    )
    remedy = (
        f"`iptables-{other}-save` prints them. Somebody may need them: look whose they are before "
        f"one is deleted, with `iptables-{other} -D`."
    )
    return Finding(ID, TITLE, "info", because, rows, remedy=remedy)


def _left_behind(host: Backend, left: Plan, seen: PacketFilter) -> Finding:
    """Say that ours are still there from when iptables was of that kind."""
    other = other_kind(seen)
    because = (
        f"Chains of netconsole are left in the {other} kind, from when `iptables` was of that "
        "kind. Packets pass both: what was there goes on translating and filtering, whatever is "
        "changed since."
    )
    remedy = (
        "The fix makes sure that all of ours is in the kind that `iptables` is now, and then takes "
        f"ours out of the {other} kind; rules of others stay where they are."
    )
    rows = tuple(Evidence("left", command, "absent") for command in left.commands[:SHOWN])
    fix: Plan | None = host.fix
    ended = {(each.flow, each.ruleset.table) for each in _dropping(host, seen)}
    bare = _dropping(host, _without_ours(seen, other))
    if held := [each for each in bare if (each.flow, each.ruleset.table) not in ended]:
        fix = _replaced(host.fix, held, seen)
        because += (
            f" Only they keep {held[0].flow.words} from ending there, at {held[0].place}: "
            f"{held[0].text}."
        )
        remedy += " What would end there without them is accepted there then."
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def _replaced(fix: Plan | None, held: Sequence[Drop], seen: PacketFilter) -> Plan | None:
    """Return it with rules that accept what ours alone kept from being dropped; None where that
    cannot be had. Those before a policy come first, so that nothing is lost in between; the places
    of others are right once ours have gone."""
    if fix is None:
        return None
    steps = list(fix.steps)
    if policies := [each for each in held if not each.position]:
        passed = cure(policies, seen.command)
        if passed is None:
            return None
        steps[:0] = passed.steps
    if rules := [each for each in held if each.position]:
        passed = cure(rules, seen.command)
        if passed is None:
            return None
        steps += passed.steps
    return Plan(tuple(steps))


def _without_ours(seen: PacketFilter, kind: Kind) -> PacketFilter:
    """Return it as it is once nothing of ours is in the tables of this kind."""
    chains = (
        replace(
            each,
            rules=tuple(rule for rule in each.rules if not is_ours(each.chain, rule.spec)),
        )
        if each.kind == kind
        else each
        for each in seen.chains
    )
    return replace(seen, chains=tuple(chains))


def _dropping(host: Backend, seen: PacketFilter) -> Iterator[Drop]:
    """Return what certainly drops a flow of the guests, in tables that nobody keeps."""
    sent = tuple(flows(host.status))
    for ruleset in rulesets(seen):
        if ruleset.kind == other_kind(seen):
            for drop in drops(ruleset, sent):
                if drop.certain and not is_own_chain(drop.chain):
                    yield drop


def _dropped(found: Sequence[Drop], seen: PacketFilter, acting: tuple[Evidence, ...]) -> Finding:
    first, other = found[0], other_kind(seen)
    because = (
        f"{capitalized(first.flow.words)} ends at {first.place}: "
        f"{first.text}. `iptables` does not show it: a packet passes both kinds, one after the "
        "other, so that a DROP here ends what an ACCEPT there let through."
    )
    native = next((each for each in found if is_native(each.text)), None)
    if native is not None:
        place = f"ip {native.ruleset.table} {native.chain}"
        remedy = (
            "iptables cannot delete that rule: `nft delete rule "
            f"{place} handle {native_handle(native.text)}` does, if nobody needs it."
        )
        return Finding(ID, TITLE, "fail", because, acting, remedy=remedy)
    remedy = (
        f"`iptables-{other}-save` prints all of the {other} kind. The fix takes away the rules "
        "that drop what is forwarded for the guests, and before a policy that does it lets through "
        "their bridges alone; everything else stays, and undo restores it."
    )
    rows = (*acting, Evidence(AT_BOOT, NOT_KEPT))
    return Finding(ID, TITLE, "fail", because, rows, (), _let_through(found, seen), Plan(), remedy)


def _let_through(found: Sequence[Drop], seen: PacketFilter) -> Plan:
    """Delete each rule that drops them, by its place; of a policy, accept what is theirs."""
    rules = sorted(
        {(each.ruleset.table, each.chain, each.position, each.text) for each in found}
        - {(each.ruleset.table, each.chain, 0, each.text) for each in found}
    )
    steps = []
    for table in dict.fromkeys(table for table, *_ in rules):
        held = [(chain, position, text) for name, chain, position, text in rules if name == table]
        away = tuple(f"-D {chain} {position}" for chain, position, _ in reversed(held))
        back = tuple(f"-I {chain} {position} {text}".rstrip() for chain, position, text in held)
        told = tuple(text for _, _, text in reversed(held))
        steps.append(ChangeRules("ipv4", FILTER_TABLES[table], away, back, other_kind(seen), told))
    policies = cure([each for each in found if not each.position], seen.command)
    return Plan((*steps, *(policies.steps if policies else ())))


def _acting(chain: FilterChain, chains: Sequence[FilterChain]) -> list[str]:
    """Return the rules, and the policy, by which a packet does not stay what and where it was."""
    named = {each.chain for each in chains if each.table == chain.table}
    policy = ["policy DROP"] if chain.policy == "DROP" else []
    return policy + [
        f"-A {chain.chain} {rule.spec}"
        for rule in chain.rules
        if rule.target not in HARMLESS
        and rule.target not in named
        and not is_ours(chain.chain, rule.spec)
    ]


def _rows(acting: Sequence[tuple[FilterChain, str]]) -> tuple[Evidence, ...]:
    rows = [
        Evidence(f"{chain.table} {chain.chain}", text, "no such rule", _counted(chain, text))
        for chain, text in acting[:SHOWN]
    ]
    if len(acting) > SHOWN:
        rows.append(Evidence("more of the kind", str(len(acting) - SHOWN)))
    return tuple(rows)


def _counted(chain: FilterChain, text: str) -> str:
    rule = next((each for each in chain.rules if text.endswith(each.spec)), None)
    counted: FilterRule | FilterChain = rule or chain
    rise = f", {counted.rise} of them just now" if counted.rise else ""
    return f"{counted.packets} packets{rise}"


def _names(chains: Sequence[FilterChain]) -> str:
    return ", ".join(dict.fromkeys(each.table for each in chains))


PAGE = Explanation(
    symptom="A rule is there but is ignored, or packets are dropped and no rule says so; "
    "`iptables -S` warns that legacy tables are present.",
    cause="The kernel holds two kinds of tables, those of nftables and those of the older iptables "
    "(legacy). A packet passes both, whatever /usr/sbin/iptables is; each program shows only its "
    "own. Rules are left in the other kind when a distribution is upgraded, when alternatives are "
    "changed on a running host, or when a container brings its own iptables.",
    evidence="/proc/net/ip_tables_names says which legacy tables exist, and iptables-legacy-save "
    "prints them (iptables-nft-save where `iptables` is the legacy kind). Measured on Linux 6.18: "
    "DROP in either kind ends what the other accepts, and a table stays in that list when it is "
    "empty, which is harmless.",
    look_alikes=(
        (
            "forward_filter",
            "the rule is in the tables that `iptables` shows, in nftables, or a "
            "program such as docker keeps it in the legacy kind.",
        ),
        ("floating_nat", "the translation that is missing or doubled is in `iptables -t nat -S`."),
    ),
    cure="Chains of netconsole that are left in the other kind go, once they are in the one that "
    "`iptables` is; where a policy or a rule of others there would drop then what they let pass, "
    "the guests' bridges are accepted before it. Of others only a rule that drops what is "
    "forwarded for guests goes, and before a policy that drops it their bridges are accepted; "
    "nothing else is touched, and rules that docker or libvirt keep are not. Undo restores what "
    "was there, with counters at zero. The tables stay, empty: the kernel keeps one until its "
    "module is unloaded, which takes it from every container as well. For good: take the rules out "
    "of what loads them at boot, and let `update-alternatives --config iptables` name one kind for "
    "all programs.",
    source="iptables(8), iptables-legacy; wiki.nftables.org, Legacy xtables tools",
)

CHECK = Check(
    ID,
    ("A4",),
    TITLE,
    frozenset({Backend, PacketFilter}),
    1.0,
    judge,
    PAGE,
    narrow=narrowed(of_plan, of_networks),
    reach=Reach.HOST,
    wrong="Rules act where `iptables` does not show them",
)
