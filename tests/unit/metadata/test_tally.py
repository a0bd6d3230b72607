"""What was asked and answered, counted within bounds."""

from netconsole.metadata.tally import LONGEST_PATH, MOST_INSTANCES, RECENT, Tally


def test_requests_are_counted_by_status_and_by_how_long_they_took() -> None:
    tally = Tally()
    tally.answered("web1", "GET", "/openstack?key=secret", 200, 0.0004)
    tally.answered("web1", "GET", "/nothing", 404, 0.02)
    tally.answered(None, "GET", "/", 404, 20.0)
    tally.impostor()
    tally.turned_away()
    counted = tally.counted(["web1", "db1"])
    assert counted.silent == 1
    assert dict(counted.statuses) == {200: 1, 404: 2}
    assert counted.buckets[0] == (0.001, 1)
    assert counted.buckets[-1] == (float("inf"), 3)
    assert dict(counted.buckets)[0.025] == 2
    assert (counted.requests, counted.impostors, counted.turned_away) == (3, 1, 1)
    web1, db1 = tally.of(["web1", "db1"], frozenset({"web1", "db1"}))
    assert (web1.requests, web1.refused, web1.is_silent) == (2, 1, False)
    assert [each.path for each in web1.recent] == ["/openstack", "/nothing"], "no query is kept"
    assert (db1.requests, db1.last, db1.is_silent) == (0, None, True)


def test_what_is_kept_has_bounds() -> None:
    tally = Tally()
    for number in range(MOST_INSTANCES + 100):
        tally.answered(f"guest{number}", "GET", "/" + "x" * 5000, 200, 0.0)
    for _ in range(3 * RECENT):
        tally.answered("last", "GET", "/", 200, 0.0)
    first, kept, last = tally.of(["guest0", "guest4000", "last"], frozenset())
    assert first.requests == 0, "forgotten for newer ones"
    assert kept.last is not None
    assert len(kept.last.path) == LONGEST_PATH
    assert (last.requests, len(last.recent)) == (3 * RECENT, RECENT)
