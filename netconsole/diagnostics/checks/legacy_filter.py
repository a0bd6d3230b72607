"""A4: do rules act in the kind of tables that `iptables` does not show on this host?"""

from collections.abc import Sequence
from typing import Final, Literal

from netconsole.backend.hoststate import BUILTIN_CHAINS
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.diagnostics.check import Check
from netconsole.diagnostics.filter_keepers import keepers, other_kind
from netconsole.diagnostics.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.page import Page
from netconsole.diagnostics.parts.packet_filter import FilterChain, FilterRule, PacketFilter
from netconsole.diagnostics.snapshot import Snapshot

ID: Final = "legacy_filter"
TITLE = "Rules act only where `iptables` shows them"
SHOWN = 12
"""Rules listed; the rest are counted."""

HARMLESS = frozenset({"", "ACCEPT", "CONNMARK", "LOG", "MARK", "NFLOG", "RETURN"})
"""Targets after which a packet is what and where it was."""

_TableName = Literal["filter", "nat", "mangle", "raw", "security"]
TABLES: tuple[_TableName, ...] = ("raw", "mangle", "nat", "filter", "security")

NOT_KEPT = (
    "kept unless something loads these rules again: look at iptables-persistent's "
    "/etc/iptables/rules.v4 and at init scripts that call iptables-legacy-restore"
)


def judge(snapshot: Snapshot) -> Finding:
    """Look for rules of the other kind that drop, refuse or translate."""
    seen = snapshot.part(PacketFilter)
    other = other_kind(seen)
    chains = tuple(each for table in TABLES for each in seen.of(table, other))
    if not chains:
        because = f"Only the {seen.command} kind of tables is in use."
        return Finding(ID, TITLE, "not-applicable", because)
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
    table, text = acting[0][0].table, acting[0][1]
    because = (
        f"Rules and policies of the {other} kind ({len(acting)}) drop or change packets, and "
        f"`iptables` does not show them: the first is in {table}, {text}. A packet passes both "
        "kinds, one after the other, so that a DROP here ends what an ACCEPT there let through."
    )
    remedy = (
        f"Move what is still wanted to `iptables` first: `iptables-{other}-save` prints all of it. "
        "The fix empties these tables and sets their policies to ACCEPT; undo restores every rule."
    )
    rows = (*rows, Evidence(AT_BOOT, NOT_KEPT))
    fix = Plan(tuple(_emptied(each, seen) for each in TABLES if seen.of(each, other)))
    return Finding(ID, TITLE, "fail", because, rows, (), fix, Plan(), remedy)


def _acting(chain: FilterChain, chains: Sequence[FilterChain]) -> list[str]:
    """Answer the rules, and the policy, by which a packet does not stay what and where it was."""
    named = {each.chain for each in chains if each.table == chain.table}
    policy = ["policy DROP"] if chain.policy == "DROP" else []
    return policy + [
        f"-A {chain.chain} {rule.spec}"
        for rule in chain.rules
        if rule.target not in HARMLESS and rule.target not in named
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


def _emptied(table: _TableName, seen: PacketFilter) -> ChangeRules:
    """Empty one table in one transaction, with the transaction that restores every rule of it."""
    kind = other_kind(seen)
    chains = seen.of(table, kind)
    builtin = [each for each in chains if each.chain in BUILTIN_CHAINS]
    made = [each for each in chains if each.chain not in BUILTIN_CHAINS]
    closed = [each for each in builtin if each.policy == "DROP"]
    filled = [each for each in chains if each.rules]
    return ChangeRules(
        "ipv4",
        table,
        (
            *(f":{each.chain} ACCEPT [0:0]" for each in closed),
            *(f"-F {each.chain}" for each in filled),
            *(f"-X {each.chain}" for each in made),
        ),
        (
            *(f":{each.chain} - [0:0]" for each in made),
            *(f"-A {each.chain} {rule.spec}" for each in filled for rule in each.rules),
            *(f":{each.chain} DROP [0:0]" for each in closed),
        ),
        kind,
    )


PAGE = Page(
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
    cure="The tables of the other kind are emptied, each in one transaction, and their policies "
    "set to ACCEPT. Undo restores them rule by rule, with counters at zero. For good: take them "
    "out of what loads them at boot, and let `update-alternatives --config iptables` name one kind "
    "for all programs.",
    source="iptables(8), iptables-legacy; wiki.nftables.org, Legacy xtables tools",
)

CHECK = Check(ID, ("A4",), TITLE, frozenset({PacketFilter}), 1.0, judge, PAGE)
