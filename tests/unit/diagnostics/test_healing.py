"""When a cure has healed: what it was for is gone, and nothing came in its place."""

from dataclasses import replace

import pytest

from netconsole.backend.steps import AnnounceAddress, Plan, SetSysctl
from netconsole.diagnostics.model.finding import Finding, Verdict
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.journey import End, Hop, Journey, Reply, TracedRule
from netconsole.diagnostics.parts.journeys import Journeys, PathJourney
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.playbooks.healing import Healing, Investigation
from netconsole.diagnostics.reasoning.lost_paths import LostPaths
from netconsole.diagnostics.reasoning.path_effect import NOTHING_TRIED, PathEffect, path_effect

ROUTER = "203.0.113.1"
RULE = TracedRule("bridge", "zone", "in", 7, 3, "ip protocol icmp drop")
FIX = Plan((SetSysctl("net/ipv4/ip_forward", "1", "0"),))


def finding(verdict: Verdict, fix: Plan | None = None, check: str = "guards") -> Finding:
    return Finding(check, "a question", verdict, "an answer", fix=fix)


def healing(before: Finding, after: Finding, *others: Finding) -> Healing:
    """`others` are what other stages of the playbook say afterwards."""
    return Healing("1", FIX, Investigation((after, *others)), before)


def test_what_nothing_takes_back_is_told_apart() -> None:
    told = AnnounceAddress("eth0", "203.0.113.129")
    assert Plan((*FIX.steps, told)).lasting == Plan((told,))
    assert not FIX.lasting


def test_a_fault_that_is_gone_is_healed() -> None:
    done = healing(finding("fail", FIX), finding("ok"), finding("fail", check="another"))
    assert done.verified
    assert done.remains is None


def test_a_warning_that_no_cure_takes_away_remains_and_it_is_healed() -> None:
    done = healing(finding("fail", FIX), finding("warn"))
    assert done.verified
    assert done.remains == finding("warn")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (finding("fail", FIX), finding("fail")),
        (finding("fail", FIX), finding("warn", FIX)),
        (finding("warn", FIX), finding("warn")),
        (finding("fail", FIX), finding("unknown")),
    ],
    ids=["fails still", "more to do", "as it was", "not known"],
)
def test_anything_else_is_not(before: Finding, after: Finding) -> None:
    done = healing(before, after)
    assert not done.verified


def test_what_it_broke_is_no_healing() -> None:
    found = Investigation((finding("warn"),))
    assert not Healing("1", FIX, found, finding("fail", FIX), (finding("fail"),)).verified


def test_a_path_that_ends_is_no_healing_whatever_the_check_says() -> None:
    path = PathJourney("world", "web1", "vmnet", journey("dropped"))
    found = Investigation((finding("ok"),))
    cured = finding("fail", FIX)
    for paths in (PathEffect(severed=(path,)), PathEffect(lost=lost(journey("dropped")))):
        assert not Healing("1", FIX, found, cured, paths=paths).verified
    for remains in ((), lost(journey("dropped"))):
        effect = PathEffect(healed=(path,), lost=remains)
        assert Healing("1", FIX, found, cured, paths=effect).verified


def journey(end: End, rule: TracedRule | None = RULE) -> Journey:
    """An echo request of web1 to the router beyond, dropped by a rule where it ended so."""
    is_dropped = end == "dropped"
    drop = Hop("there", "rule", "veth1", "10.0.0.2", ROUTER, rule, "drop")
    sent = Hop("there", "sent", "web1", "10.0.0.2", ROUTER)
    reply: Reply = "answer" if end == "answered" else ""
    by = ROUTER if reply else ""
    hops = (sent, drop) if is_dropped else (sent,)
    who = ("web1", "10.0.0.2", ROUTER)
    return Journey(*who, "icmp", 0, hops, reply, by, f"because of {end}", end=end)


def seen(*journeys: Journey) -> Snapshot:
    paths = tuple(PathJourney("world", "web1", "vmnet", each) for each in journeys)
    return Snapshot.of(Journeys(paths, reached_by_host=(ROUTER,)), Routing())


WORLD = PathJourney("world", "web1", "vmnet", journey("answered"))


def lost(*journeys: Journey) -> tuple[LostPaths, ...]:
    return path_effect(seen(*journeys), seen(*journeys)).lost


def test_what_a_cure_makes_of_a_path() -> None:
    fine, gone = journey("answered"), journey("dropped")
    healed = path_effect(seen(gone), seen(fine))
    assert (len(healed.healed), healed.severed, healed.lost) == (1, (), ())
    assert healed.told == (
        "Ended on this host before, and answered now: web1 → 203.0.113.1 (icmp).",
    )
    severed = path_effect(seen(fine), seen(gone))
    assert (severed.healed, len(severed.severed), severed.lost) == ((), 1, ())
    (still,) = lost(gone)
    assert [each.journey for each in still.paths] == [gone]
    assert path_effect(seen(fine), seen(fine)) == NOTHING_TRIED


def test_a_path_that_gets_further_shows_that_the_cure_had_an_effect() -> None:
    first, second = journey("dropped"), journey("dropped", replace(RULE, chain="out"))
    further = path_effect(seen(first), seen(second))
    assert (further.lost, len(further.moved), further.is_unchanged) == ((), 1, False)
    assert "Got further, and ends on this host by something else: web1" in further.told[0]
    found, cured = Investigation((finding("ok"),)), finding("fail", FIX)
    assert Healing("1", FIX, found, cured, paths=further).verified
    same = path_effect(seen(first), seen(journey("dropped", replace(RULE, handle=9))))
    assert (len(same.lost), same.moved, same.is_unchanged) == (1, (), True)


def test_a_floating_address_that_ended_at_the_host_itself_is_healed() -> None:
    before, after = seen(journey("host")), seen(journey("answered"))
    assert len(path_effect(before, after).healed) == 1


@pytest.mark.parametrize(
    ("effect", "is_open"),
    [
        (NOTHING_TRIED, False),
        (PathEffect(severed=(WORLD,)), True),
        (PathEffect(lost=lost(journey("dropped"))), True),
        (PathEffect(healed=(WORLD,), lost=lost(journey("lost"))), True),
        (PathEffect(healed=(WORLD,), lost=lost(journey("dropped"))), False),
    ],
    ids=["all as before", "one ended", "none healed", "perhaps too soon", "a rule drops the rest"],
)
def test_paths_are_tried_again_where_that_may_tell_more(effect: PathEffect, is_open: bool) -> None:
    assert effect.is_open is is_open


def test_one_of_a_burst_that_is_lost_is_a_path_that_ends() -> None:
    fine, gone = journey("answered"), journey("dropped")
    assert path_effect(seen(fine, fine), seen(fine, gone)).severed
    assert not path_effect(seen(fine, gone), seen(gone, gone)).severed, "it was so before"


def test_a_rule_of_ours_and_what_was_not_tried_twice_sever_nothing() -> None:
    fine, barred = journey("answered"), journey("dropped", replace(RULE, ours=True))
    assert path_effect(seen(fine), seen(barred)).severed == ()
    assert path_effect(seen(fine), seen()) == NOTHING_TRIED
    told = path_effect(seen(fine), seen().without(Journeys, "no kernel trace")).told
    assert told == ("No packets could be followed before and after: no kernel trace.",)
