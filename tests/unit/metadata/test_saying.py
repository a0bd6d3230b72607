"""Sentences that guests can cause."""

from netconsole.metadata.saying import MOST_KNOWN, QUIET_SECONDS, Sparing


def test_the_same_is_said_once_a_minute_and_never_too_much() -> None:
    said: list[str] = []
    now = 0.0
    say = Sparing(said.append, lambda: now)
    for _ in range(1000):
        say("again")
    assert said == ["again"]
    now = QUIET_SECONDS
    say("again")
    assert said == ["again"] * 2
    for number in range(10 * MOST_KNOWN):
        say(f"another {number}")
    assert len(said) <= MOST_KNOWN + 2
