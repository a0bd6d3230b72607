"""A6: do packets fit none of the connections that the kernel tracks?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import ReversePaths
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.conntrack import LIBERAL, make_permanent
from netconsole.diagnostics.reasoning.reverse_path import asymmetric

ID: Final = "conntrack_invalid"
TITLE = "Packets fit the connections that are tracked"
COUNTER = "conntrack.invalid"
STRAY = 5
"""Packets within a reading that any host on the internet sees: late ones, and scans."""
REMEDY = (
    "A stop-gap: packets outside of the window of their connection pass. It does not mend a path "
    "that shows this host one direction only, nor checksums; to see which packets they are, set "
    "net.netfilter.nf_conntrack_log_invalid to 6 (TCP) for ten seconds and read the kernel's log."
)


def judge(snapshot: Snapshot) -> Finding:
    """See whether the count rises now, and whether a rule drops what it counts."""
    sysctls, counters = snapshot.part(Sysctls), snapshot.part(Counters)
    if COUNTER not in counters.after:
        return Finding(ID, TITLE, "not-applicable", "The kernel tracks no connections here.")
    rise, total = counters.rise(COUNTER), counters.total(COUNTER)
    dropping = tuple(_dropping(snapshot.part(PacketFilter)))
    rows = (
        Evidence(COUNTER, str(total), note=f"{rise} of them within {counters.seconds:.1f} s"),
        *(Evidence(text, f"{count} dropped just now") for text, count in dropping),
        *_uneven(snapshot),
    )
    if not rise:
        return Finding(ID, TITLE, "ok", "None that does not has come just now.", rows)
    if rise < STRAY and not dropping:
        because = f"{rise} that do not came just now, no more than stray ones anywhere."
        return Finding(ID, TITLE, "info", because, rows)
    because = (
        f"{rise} packets within {counters.seconds:.1f} s belong to no connection as the kernel "
        "knows it: outside of the window, out of turn, or with a wrong checksum. They are not "
        "translated: one that comes in for a floating address goes to the host itself, which "
        "answers with a reset, and one that goes out keeps the fixed address."
    )
    if dropping:
        because += f" A rule drops them besides: {dropping[0][0]}."
    value = sysctls.get(LIBERAL)
    if value != "0":
        remedy = "The window is not the reason, as it is not checked. Look for a path that differs."
        return Finding(ID, TITLE, "fail", because, rows, remedy=remedy, confidence="likely")
    plan, permanence = make_permanent(snapshot, {LIBERAL: "1"})
    owner = snapshot.part(DropIns).says_who(LIBERAL, value)
    rows = (*rows, Evidence(name_of(LIBERAL), value, note=owner), Evidence(AT_BOOT, permanence))
    fix = Plan((SetSysctl(name_of(LIBERAL), "1", value),))
    rules_out = (
        "conntrack_full: what is dropped there begins a connection, these are of one",
        "forward_filter: its rules and policies drop new connections as well",
    )
    return Finding(ID, TITLE, "fail", because, rows, rules_out, fix, plan, REMEDY, "likely")


def _dropping(seen: PacketFilter) -> Iterator[tuple[str, int]]:
    """Return the rules that drop what is INVALID, and have just done so."""
    for chain in seen.chains:
        for rule in chain.rules:
            if rule.rise and "INVALID" in rule.spec.upper() and rule.target in ("DROP", "REJECT"):
                yield f"-A {chain.chain} {rule.spec}", rule.rise
    for table in seen.foreign_tables:
        for nft in table.chains:
            for each in nft.rules:
                if each.rise and "invalid" in each.text and "drop" in each.text:
                    yield f"{table.family} {table.name} {nft.name}: {each.text}", each.rise


def _uneven(snapshot: Snapshot) -> Iterator[Evidence]:
    paths = snapshot.get(ReversePaths)
    for interface in paths.interfaces if paths else ():
        for path in asymmetric(interface):
            if path.known_as != "beyond":
                yield Evidence(
                    f"{path.source}, in at {path.interface}",
                    f"answered through {path.returns_by or 'no interface'}",
                    note="a path that differs each way",
                )


PAGE = Explanation(
    symptom="TCP connections stall or are reset in the middle, large transfers first; a rule that "
    "drops the state INVALID counts.",
    cause="The kernel follows every TCP connection and takes a packet for INVALID that is outside "
    "of the window, comes out of turn, or has a wrong checksum. NAT leaves such a packet as it is. "
    "The usual reasons: the host sees one direction only, as the other takes another path; a box "
    "on the way changes sequence numbers but not the SACK option; a connection was forgotten. "
    "Measured on Linux 6.18: for a packet outside of the window that is sent to a floating address "
    "the host's own TCP answers with a reset, which ends the connection outside; one that is "
    "behind the window is taken for late, passes, and is not counted.",
    evidence="The counter invalid of /proc/net/stat/nf_conntrack, read twice, and the counters of "
    "rules that drop the state INVALID. Fewer than five in 0.6 s are stray ones, as any host sees. "
    "Replies that leave by another interface are listed.",
    look_alikes=(
        ("conntrack_full", "connections that are under way go on, new ones fail."),
        ("rp_filter", "one direction is dropped for its path before it is tracked at all."),
        (
            "a path with a smaller MTU",
            "only full packets are lost, and ICMP says so or is filtered.",
        ),
    ),
    cure="Mend the path, so that both directions pass here. As a stop-gap "
    "nf_conntrack_tcp_be_liberal=1: only resets outside of the window are INVALID then. It makes "
    "blind injection into a connection easier, as the kernel did before it tracked windows.",
    source="Linux Documentation/networking/nf_conntrack-sysctl.rst, nf_conntrack_tcp_be_liberal; "
    "Linux net/netfilter/nf_conntrack_proto_tcp.c; measured",
)

CHECK = Check(
    ID,
    ("A6",),
    TITLE,
    frozenset({Sysctls, Counters, PacketFilter, DropIns, Modules}),
    0.6,
    judge,
    PAGE,
    frozenset({ReversePaths}),
    wrong="Packets do not fit the connections that are tracked",
)
