"""How often the watch looks, whatever happens."""

from netconsole.backend.model.facility import EVERYTHING, Facility
from netconsole.watch.pace import BURST, LEAST_UNTOLD, Beats, Pace

UNTOLD = frozenset({Facility.SETTINGS, Facility.DNSMASQ})
WHOLE = EVERYTHING - {Facility.COUNTERS}


def test_what_happens_on_a_quiet_host_is_looked_at_at_once() -> None:
    pace = Pace()
    for number in range(int(BURST)):
        assert pace.pause(100 + number / 100) == 0
        pace = pace.looked(100 + number / 100)


def test_where_things_go_on_happening_looks_come_once_a_second() -> None:
    pace, now, looks = Pace(), 100.0, 0
    while now < 200:
        now += pace.pause(now) + 0.001
        pace = pace.looked(now)
        looks += 1
    assert 100 <= looks <= 100 + BURST + 1


def test_counters_are_read_only_while_somebody_looks() -> None:
    beats = Beats().after(EVERYTHING, UNTOLD, 100.0, 100.1)
    assert Facility.COUNTERS not in beats.again(105.0, None, UNTOLD).facilities
    assert beats.again(105.0, 2.0, UNTOLD).facilities == {Facility.COUNTERS} | UNTOLD
    assert not beats.again(101.0, 2.0, UNTOLD)
    assert beats.due(2.0) == 102.1


def test_a_slow_look_at_what_nothing_tells_of_comes_less_often() -> None:
    beats = Beats().after(WHOLE, UNTOLD, 100.0, 101.0)
    assert beats.due(None) == 101.0 + LEAST_UNTOLD
    beats = beats.after(UNTOLD, UNTOLD, 120.0, 120.05)
    assert 169 < beats.due(None) < 171
    assert beats.again(171.0, None, UNTOLD).facilities == UNTOLD


def test_everything_is_looked_at_in_the_end() -> None:
    beats = Beats().after(WHOLE, UNTOLD, 100.0, 100.1)
    assert beats.again(500.0, None, UNTOLD).facilities >= WHOLE
