"""What the checks on tracked connections, neighbours and the lock of iptables conclude."""

from dataclasses import replace

import pytest
from evidence_samples import (
    ASSOCIATED,
    FLOATING,
    FORWARDING,
    HEALTHY,
    OUR_FILTER,
    packet_filter,
    snapshot,
)

from netconsole.backend.filtering.saved_tables import parse_saved
from netconsole.backend.steps import EndConnections, Plan, SetSysctl
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.evidence.connections import sum_up
from netconsole.diagnostics.evidence.packet_filter import with_rises
from netconsole.diagnostics.evidence.xtables_lock import held
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.connections import Connections, TranslatedFlows
from netconsole.diagnostics.parts.counters import Counters
from netconsole.diagnostics.parts.modules import Module, Modules
from netconsole.diagnostics.parts.owners import Owner, Owners
from netconsole.diagnostics.parts.xtables_lock import XtablesLock
from netconsole.diagnostics.reasoning.conntrack import BUCKETS, COUNT, LIBERAL, MAX

TRACKED = {MAX: "262144", COUNT: "70", BUCKETS: "262144", LIBERAL: "0"}
NEIGHBOURS = {
    f"net/{family}/neigh/default/gc_thresh{number}": value
    for family in ("ipv4", "ipv6")
    for number, value in ((1, "128"), (2, "512"), (3, "1024"))
}
QUIET = {"conntrack.drop": 0, "conntrack.early_drop": 0, "conntrack.invalid": 40}
LISTED = f"""
tcp      6 431999 ESTABLISHED src=203.0.113.1 dst={FLOATING} sport=4000 dport=80 \
src=10.0.0.2 dst=203.0.113.1 sport=80 dport=4000 [ASSURED] mark=0 use=1
tcp      6 119 TIME_WAIT src=203.0.113.1 dst={FLOATING} sport=4001 dport=80 \
src=10.0.0.2 dst=203.0.113.1 sport=80 dport=4001 [ASSURED] mark=0 use=1
udp      17 29 src=10.0.0.2 dst=192.0.2.53 sport=9 dport=53 [UNREPLIED] \
src=192.0.2.53 dst=203.0.113.2 sport=53 dport=9 mark=0 use=1
udp      17 29 src=10.0.0.2 dst=10.0.0.1 sport=68 dport=67 src=10.0.0.1 dst=10.0.0.2 mark=0
"""


def counting(settings: dict[str, str], rises: dict[str, int] | None = None) -> Snapshot:
    after = {name: value + (rises or {}).get(name, 0) for name, value in QUIET.items()}
    seen = snapshot(sysctls={**FORWARDING, **settings})
    return seen.with_parts(Counters(QUIET, after, 0.6))


def judged(check: str, seen: Snapshot) -> Finding:
    return CHECKS[check].examine(seen)


@pytest.mark.parametrize(
    ("settings", "rises", "verdict"),
    [
        ({}, {}, "not-applicable"),
        (TRACKED, {}, "ok"),
        (TRACKED, {"conntrack.invalid": 9}, "ok"),
        ({**TRACKED, COUNT: "250000"}, {}, "fail"),
        (TRACKED, {"conntrack.drop": 1}, "fail"),
        (TRACKED, {"conntrack.early_drop": 3}, "fail"),
    ],
)
def test_a_full_table_is_known_by_its_count_and_by_what_is_lost_now(
    settings: dict[str, str], rises: dict[str, int], verdict: str
) -> None:
    assert judged("conntrack_full", counting(settings, rises)).verdict == verdict


def test_what_was_lost_long_ago_is_worth_a_word_and_no_more() -> None:
    past = {**QUIET, "conntrack.drop": 7}
    seen = counting(TRACKED).with_parts(Counters(past, past, 0.6))
    assert judged("conntrack_full", seen).verdict == "info"


def test_the_table_is_doubled_where_that_can_be_done_and_for_good_with_its_module() -> None:
    full = {**TRACKED, COUNT: "262144"}
    elsewhere = judged("conntrack_full", counting(full))
    assert (elsewhere.fix, "on the machine itself" in elsewhere.remedy) == (None, True)
    many = Connections(262144, (), {"10.0.0.9": 200000})
    modules = Modules((Module("nf_conntrack", "loaded"),))
    seen = counting({**full, **NEIGHBOURS}).with_parts(many, modules)
    found = judged("conntrack_full", seen)
    assert found.fix == Plan(
        (
            SetSysctl("net.netfilter.nf_conntrack_max", "524288", "262144"),
            SetSysctl("net.netfilter.nf_conntrack_buckets", "524288", "262144"),
        )
    )
    assert "10.0.0.9 began more than half" in found.remedy
    assert found.persist
    commands = " ".join(found.persist.commands)
    assert "modules-load.d" in commands
    assert "nf_conntrack_max = 524288" in commands


@pytest.mark.parametrize(
    ("tracked", "room"), [("198", "400"), ("200", "400"), ("203", "400"), ("400", "800")]
)
def test_the_cure_follows_from_the_bound_not_from_a_count_that_moves(
    tracked: str, room: str
) -> None:
    seen = counting({**TRACKED, **NEIGHBOURS, MAX: "200", COUNT: tracked})
    fix = judged("conntrack_full", seen.with_parts(Modules(()))).fix
    assert fix is not None
    assert f"sysctl -w net.netfilter.nf_conntrack_max={room}" in fix.commands


@pytest.mark.parametrize(
    ("settings", "rise", "verdict"),
    [
        (TRACKED, 0, "ok"),
        (TRACKED, 4, "info"),
        (TRACKED, 30, "fail"),
        ({**TRACKED, LIBERAL: "1"}, 30, "fail"),
    ],
)
def test_stray_packets_are_told_from_a_path_that_breaks_connections(
    settings: dict[str, str], rise: int, verdict: str
) -> None:
    found = judged("conntrack_invalid", counting(settings, {"conntrack.invalid": rise}))
    assert found.verdict == verdict
    stop_gap = Plan((SetSysctl("net.netfilter.nf_conntrack_tcp_be_liberal", "1", "0"),))
    assert found.fix == (stop_gap if verdict == "fail" and settings[LIBERAL] == "0" else None)


def test_a_rule_that_drops_the_invalid_makes_few_of_them_matter() -> None:
    rule = "-A FORWARD -m conntrack --ctstate INVALID -j DROP"
    saved = OUR_FILTER.replace("COMMIT", f"{rule}\nCOMMIT")
    before = tuple(parse_saved(saved, "nft", "ipv4"))
    after = tuple(parse_saved(saved.replace(rule, f"[2:80] {rule}"), "nft", "ipv4"))
    dropping = replace(packet_filter(saved), chains=with_rises(before, after))
    seen = counting(TRACKED, {"conntrack.invalid": 2}).with_parts(dropping)
    found = judged("conntrack_invalid", seen)
    assert found.verdict == "fail"
    assert rule in found.because


@pytest.mark.parametrize(
    ("settings", "entries", "refused", "verdict"),
    [
        ({}, 5000, 0, "not-applicable"),
        (NEIGHBOURS, 100, 0, "ok"),
        (NEIGHBOURS, 1000, 0, "warn"),
        (NEIGHBOURS, 100, 2, "fail"),
    ],
)
def test_room_for_neighbours(
    settings: dict[str, str], entries: int, refused: int, verdict: str
) -> None:
    after = {"arp_cache.entries": entries, "arp_cache.table_fulls": refused}
    seen = snapshot(sysctls={**FORWARDING, **settings})
    counters = Counters({**after, "arp_cache.table_fulls": 0}, after, 0.6)
    found = judged("neighbour_table", seen.with_parts(counters))
    assert found.verdict == verdict
    if found.found:
        assert found.fix
        assert found.fix.steps[0] == SetSysctl("net.ipv4.neigh.default.gc_thresh3", "2048", "1024")
        assert len(found.fix.steps) == 6
        assert found.persist


def test_what_conntrack_lists_is_summed_up_by_who_stands_for_whom() -> None:
    shown = f"tcp ESTABLISHED src=203.0.113.1 dst={FLOATING} sport=4000 dport=80"
    assert sum_up(LISTED.splitlines()) == Connections(
        4,
        (
            TranslatedFlows(
                *("out", "203.0.113.2", "10.0.0.2", 1, 0),
                "udp src=10.0.0.2 dst=192.0.2.53 sport=9 dport=53 [UNREPLIED] "
                "src=192.0.2.53 dst=203.0.113.2 sport=53 dport=9",
            ),
            TranslatedFlows(
                *("in", FLOATING, "10.0.0.2", 1, 1),
                f"{shown} src=10.0.0.2 dst=203.0.113.1 sport=80 dport=4000 [ASSURED]",
            ),
        ),
        {"203.0.113.1": 2, "10.0.0.2": 2},
    )


MOVED = replace(ASSOCIATED, instance="web2", fixed_address="10.0.0.3")
FREE = replace(ASSOCIATED, instance=None, fixed_address=None, project=None)


@pytest.mark.parametrize(
    ("status", "verdict", "words"),
    [
        (replace(HEALTHY, floating_ips=()), "not-applicable", ""),
        (HEALTHY, "ok", "under way: 1,"),
        (replace(HEALTHY, floating_ips=(MOVED,)), "fail", "now belongs to web2"),
        (replace(HEALTHY, floating_ips=(FREE,)), "fail", "belongs to nobody now"),
    ],
)
def test_connections_that_outlive_their_floating_address(
    status: Status, verdict: str, words: str
) -> None:
    seen = snapshot(status).with_parts(sum_up(LISTED.splitlines()))
    found = judged("conntrack_stale", seen)
    assert found.verdict == verdict
    assert words in found.because
    stale = Plan((EndConnections(FLOATING, "10.0.0.2"),))
    assert found.fix == (stale if verdict == "fail" else None)


def test_a_closed_connection_and_the_address_of_the_host_outlive_nothing() -> None:
    lines = [line for line in LISTED.splitlines() if "ESTABLISHED" not in line]
    seen = snapshot(replace(HEALTHY, floating_ips=(FREE,))).with_parts(sum_up(lines))
    assert judged("conntrack_stale", seen).verdict == "ok"


def test_who_holds_a_lock_and_who_waits() -> None:
    locks = """1: FLOCK  ADVISORY  WRITE 179 00:2d:1276 0 EOF
1: -> FLOCK  ADVISORY  WRITE 180 00:2d:1276 0 EOF
2: POSIX  ADVISORY  WRITE 9 00:2d:77 0 EOF
3: FLOCK  ADVISORY  WRITE 0 00:2d:78 0 EOF
"""
    assert held(locks, "00:2d:1276") == (179, 1)
    assert held(locks, "00:2d:78") == (-1, 0)
    assert held(locks, "00:2d:5") == (0, 0)


LEGACY = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"


@pytest.mark.parametrize(
    ("other", "holder", "verdict", "remedy"),
    [
        ("", 7, "not-applicable", ""),
        (LEGACY, 0, "ok", ""),
        (LEGACY, 7, "fail", "`kill 7`"),
        (LEGACY, 8, "fail", "It is kube-proxy"),
        (LEGACY, -1, "fail", "Look for it there"),
    ],
)
def test_a_held_lock_matters_where_someone_asks_for_it(
    other: str, holder: int, verdict: str, remedy: str
) -> None:
    seen = snapshot().with_parts(
        packet_filter(OUR_FILTER, other),
        XtablesLock(holder, "sleep 300", 2, 1.0),
        Owners((Owner("kube-proxy", "by its process", 8),)),
    )
    found = judged("xtables_lock", seen)
    assert (found.verdict, found.fix) == (verdict, None)
    assert remedy in found.remedy


def test_a_bound_of_no_neighbours_is_not_the_lack_of_a_bound() -> None:
    counters = Counters({"arp_cache.entries": 0}, {"arp_cache.entries": 0}, 0.6)
    none = NEIGHBOURS | {"net/ipv4/neigh/default/gc_thresh3": "0"}
    seen = snapshot(sysctls={**FORWARDING, **none}).with_parts(counters)
    found = judged("neighbour_table", seen)
    assert found.verdict == "fail"
    assert found.fix
    assert found.fix.steps[0] == SetSysctl("net.ipv4.neigh.default.gc_thresh3", "1024", "0")
