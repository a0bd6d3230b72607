"""How often each guest may ask."""

from netconsole.metadata.pacing import Pacing


def test_a_guest_may_ask_twice_its_rate_at_once_and_then_its_rate() -> None:
    pacing = Pacing(10)
    assert [pacing.wait("one", 0.0) for _ in range(20)] == [0.0] * 20
    assert 0.0 < pacing.wait("one", 0.0) <= 0.1
    assert pacing.wait("two", 0.0) == 0.0, "another guest's is another's"
    assert [pacing.wait("one", 1.0) for _ in range(10)] == [0.0] * 10
    assert pacing.wait("one", 1.0) > 0.0


def test_asking_too_often_does_not_put_off_the_next_answer() -> None:
    pacing = Pacing(1)
    waits = [pacing.wait("one", 0.0) for _ in range(50)]
    assert max(waits) <= 1.0
    assert pacing.wait("one", 1.0) == 0.0


def test_without_a_rate_nobody_waits() -> None:
    pacing = Pacing(0)
    assert not any(pacing.wait("one", 0.0) for _ in range(1000))
