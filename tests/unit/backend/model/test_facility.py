"""What is to be looked at again."""

from netconsole.backend.model.facility import EVERYTHING_AGAIN, NOTHING, Again, Facility


def link(*names: str) -> Again:
    return Again(frozenset({Facility.LINKS}), frozenset(names))


def test_names_of_links_come_together() -> None:
    assert link("a") | link("b") == link("a", "b")
    assert (link("a") | NOTHING) == link("a")
    assert (NOTHING | link("a")) == link("a")


def test_where_one_asks_for_all_links_all_are_asked_for() -> None:
    assert (link("a") | Again.of(Facility.LINKS)).links is None
    assert (link("a") | EVERYTHING_AGAIN) == EVERYTHING_AGAIN


def test_other_facilities_say_nothing_of_links() -> None:
    both = link("a") | Again.of(Facility.RULES)
    assert both == Again(frozenset({Facility.LINKS, Facility.RULES}), frozenset({"a"}))


def test_nothing_is_nothing() -> None:
    assert not NOTHING
    assert not NOTHING | NOTHING
    assert link("a")
