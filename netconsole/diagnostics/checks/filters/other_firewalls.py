"""D11: which other programs keep rules on this host, and do they get along?"""

from collections.abc import Mapping
from typing import Final

from netconsole.backend.model.guards import FAMILY, TABLE
from netconsole.backend.model.phrases import some
from netconsole.backend.model.table_names import Kind
from netconsole.backend.steps import ChangeRules
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.owners import Owners
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.reasoning.filter_keepers import keeper_of_table, keepers

ID: Final = "other_firewalls"
TITLE = "Other programs that keep rules get along"
FIREWALLS = ("firewalld", "ufw")
"""Each takes the whole packet filter for its own."""
KEEP_RULES = frozenset(
    {"docker", "firewalld", "incus", "kube-proxy", "libvirt", "lxd", "nova-network", "ufw"}
)


def judge(snapshot: Snapshot) -> Finding:
    """List who runs and what they keep; only what cannot be right is a finding."""
    seen = snapshot.part(PacketFilter)
    running = {
        each.name: each.because for each in snapshot.part(Owners).owners if each.name in KEEP_RULES
    }
    kept = _kept(seen)
    names = sorted({*running, *kept})
    unknown = _unknown(seen)
    if not names and not unknown:
        return Finding(ID, TITLE, "ok", "No other program keeps rules on this host.")
    rows = (
        *(
            Evidence(name, ", ".join(kept.get(name, ())) or "no rules", note=running.get(name, ""))
            for name in names
        ),
        *(Evidence(table, "rules", note="of whom its name does not tell") for table in unknown),
    )
    if not names:
        because = (
            f"Others keep rules here beside ours: {some(unknown)}. Whose they are their names do "
            "not tell: scripts of the admin, most likely. What they drop of the guests' packets is "
            "the matter of forward_filter."
        )
        return Finding(ID, TITLE, "info", because, rows)
    both = [name for name in FIREWALLS if name in running]
    if len(both) > 1:
        because = (
            f"{' and '.join(both)} both manage the packet filter of this host: whichever starts or "
            "reloads last decides, and ours may go with what it clears away."
        )
        remedy = "Switch one of them off: `systemctl disable --now firewalld`, or `ufw disable`."
        return Finding(ID, TITLE, "warn", because, rows, remedy=remedy)
    if "firewalld" in running and "firewalld" not in kept and not seen.foreign_unread:
        because = (
            "firewalld runs, but its rules are gone: somebody flushed them behind its back. What "
            "it should refuse gets in, and its next reload brings all of it back at once."
        )
        remedy = "`firewall-cmd --reload` restores its rules; then run `netconsole doctor` again."
        return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence="likely")
    because = (
        f"{', '.join(names)} keep rules here beside ours.{_more(unknown)} What they drop of the "
        "guests' packets is the matter of forward_filter."
    )
    return Finding(ID, TITLE, "info", because + _missing(snapshot, names), rows)


def _unknown(seen: PacketFilter) -> list[str]:
    """Return the tables of others whose names tell of no program, in words."""
    return [
        f"nftables {table.family} {table.name}"
        for table in seen.foreign_tables
        if not keeper_of_table(table.name) and (table.family, table.name) != (FAMILY, TABLE)
    ]


def _more(unknown: list[str]) -> str:
    return f" So does whoever made {some(unknown)}." if unknown else ""


def _kept(seen: PacketFilter) -> dict[str, tuple[str, ...]]:
    """Return what each program keeps, in words."""
    found: dict[str, list[str]] = {}
    for kind in ("nft", "legacy"):
        for name, words in _chains(seen, kind).items():
            found.setdefault(name, []).append(words)
    for table in seen.foreign_tables:
        if name := keeper_of_table(table.name):
            found.setdefault(name, []).append(f"nftables {table.family} {table.name}")
    return {name: tuple(words) for name, words in found.items()}


def _chains(seen: PacketFilter, kind: Kind) -> Mapping[str, str]:
    return {
        name: f"{chains[0]} and {len(chains) - 1} more ({kind} kind)"
        if len(chains) > 1
        else f"{chains[0]} ({kind} kind)"
        for name, chains in keepers(seen, kind).items()
    }


def _missing(snapshot: Snapshot, names: list[str]) -> str:
    host = snapshot.get(Backend)
    if host is None or not any(isinstance(step, ChangeRules) for step in host.plan.steps):
        return ""
    return (
        f" Rules of ours are missing, and a reload of {' or '.join(names)} is one way to lose "
        "them; `netconsole apply` puts them back."
    )


PAGE = Explanation(
    symptom="Rules vanish when another service starts or reloads, or are there and do not count.",
    cause="Docker, libvirt, firewalld, ufw and others write to the same packet filter. firewalld "
    "and ufw clear away or replace whole tables when they reload; docker and libvirt put their "
    "chains first. None of them knows of ours.",
    evidence="Processes, the chains that carry the names of such programs (DOCKER, LIBVIRT_, ufw-, "
    "KUBE-) in both kinds of tables, and their tables in nftables. A table whose name tells of no "
    "program is named as that.",
    look_alikes=(
        ("forward_filter", "one of them drops what the guests send."),
        ("legacy_filter", "the rules are of the other kind, and nobody's."),
        ("drift", "ours are gone, whoever did it."),
    ),
    cure="Nothing, as long as they get along: netconsole keeps to chains of its own, and "
    "`netconsole apply` restores them. For firewalld, put the bridges into a zone with "
    "`firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE`. Run one firewall, not two.",
    source="firewalld.zones(5); ufw-framework(8); docs.docker.com, Packet filtering and firewalls; "
    "libvirt.org, Firewall and network filtering",
)

CHECK = Check(
    ID,
    ("D11",),
    TITLE,
    frozenset({Owners, PacketFilter}),
    1.0,
    judge,
    PAGE,
    frozenset({Backend}),
    reach=Reach.HOST,
    wrong="Another program that keeps rules is in the way",
)
