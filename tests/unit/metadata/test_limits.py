"""How many connections each guest may have, and make."""

import pytest

from netconsole.metadata.limits import FEWEST_A_SECOND, OF_ONE_ADDRESS, ConnectionLimits


def limits(most: int = 1000, rate: int = 100, trusted: str = "") -> ConnectionLimits:
    return ConnectionLimits(most, rate, lambda address: address == trusted)


def test_one_address_has_so_many_and_another_its_own() -> None:
    counted = limits()
    admitted = [counted.admits("one", 0.0) for _ in range(OF_ONE_ADDRESS + 5)]
    assert sum(admitted) == OF_ONE_ADDRESS
    assert counted.admits("two", 0.0)
    counted.lost("one")
    assert counted.admits("one", 0.0)
    assert not counted.admits("one", 0.0)


def test_all_together_have_no_more_than_the_process_has_room_for() -> None:
    counted = limits(most=3)
    assert [counted.admits(str(each), 0.0) for each in range(4)] == [True, True, True, False]
    counted.lost("0")
    assert counted.admits("4", 0.0)


@pytest.mark.parametrize(("rate", "a_second"), [(100, 100), (2, FEWEST_A_SECOND)])
def test_who_connects_and_leaves_may_as_often_as_it_may_ask(rate: int, a_second: int) -> None:
    counted = limits(rate=rate)

    def made(now: float) -> int:
        admitted = 0
        for _ in range(2000):
            if counted.admits("one", now):
                counted.lost("one")
                admitted += 1
        return admitted

    assert made(0.0) == 2 * a_second
    assert [made(now) for now in (0.0, 1.0, 1.5)] == [0, a_second, a_second // 2]
    assert counted.admits("two", 1.5)


def test_a_proxy_has_many_guests_behind_it() -> None:
    counted = limits(trusted="proxy")
    assert all(counted.admits("proxy", 0.0) for _ in range(1000))
    assert not counted.admits("proxy", 0.0), "there is room for so many"


def test_without_a_rate_only_those_at_once_are_counted() -> None:
    counted = limits(rate=0)
    for _ in range(5000):
        assert counted.admits("one", 0.0)
        counted.lost("one")
