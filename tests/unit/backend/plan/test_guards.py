"""Guards in a plan: before a port is bridged, until it has left, and put right in one step."""

from dataclasses import replace

import pytest
from core_samples import EMPTY, WANTED, WHOLE, mac, records, wanted

from netconsole.backend.model.guards import GuardObject
from netconsole.backend.model.hoststate import Observed
from netconsole.backend.plan import plan
from netconsole.backend.steps import AddLink, ChangeGuards, RemoveLink, SetLink, Step
from netconsole.backend.wording.guards import guards_in

CHAIN = next(each for each in WHOLE.guard_table if each.name == "from_arp")


def place(steps: tuple[Step, ...], *wanted: str | type[Step]) -> list[int]:
    """Where steps on tap0 are in a plan: by their kind, or what they set."""
    found: dict[str | type[Step], int] = {}
    for number, step in enumerate(steps):
        match step:
            case SetLink(name="tap0"):
                found[step.attribute] = number
            case AddLink(name="tap0") | RemoveLink(name="tap0") | ChangeGuards():
                found[type(step)] = number
    return [found[each] for each in wanted]


def test_a_port_is_bridged_when_its_guard_is_there_and_goes_up_last() -> None:
    order = place(plan(EMPTY, WANTED).steps, AddLink, "alias", ChangeGuards, "master", "up")

    assert order == sorted(order)


def test_a_port_has_left_its_bridge_when_its_guard_goes() -> None:
    steps = plan(WHOLE, wanted(replace(records(2), ports=(), fixed_ips=()))).steps
    order = place(steps, "up", "hairpin", "master", ChangeGuards, RemoveLink)

    assert order == sorted(order)


def test_the_way_back_bridges_a_port_after_its_guard() -> None:
    gone = plan(WHOLE, wanted(replace(records(2), ports=(), fixed_ips=())))
    order = place(gone.inverse.steps, AddLink, ChangeGuards, "master", "hairpin", "up")
    removed = next(step for step in gone.steps if isinstance(step, RemoveLink))

    assert order == sorted(order)
    assert not {"master", "hairpin", "up"} & {name for name, _, _ in removed.attributes}


@pytest.mark.parametrize(
    "held",
    [
        frozenset(),
        WHOLE.guard_table - {CHAIN},
        WHOLE.guard_table - {CHAIN} | {CHAIN._replace(lines=("accept",))},
        WHOLE.guard_table | {GuardObject("chain", "more", ("accept",))},
        frozenset(each for each in WHOLE.guard_table if each.device != "tap0"),
        WHOLE.guard_table | {GuardObject("element", "macs", (f'"tap0" . {mac(1)}',), "tap0")},
    ],
    ids=[
        "all gone",
        "a chain gone",
        "a chain opened",
        "a chain more",
        "a port's gone",
        "a MAC more",
    ],
)
def test_what_is_amiss_is_put_right_in_one_step(held: frozenset[GuardObject]) -> None:
    (step,) = plan(replace(WHOLE, guard_table=held), WANTED).steps

    assert isinstance(step, ChangeGuards)
    assert held - frozenset(step.gone) | frozenset(step.new) == WANTED.guard_table


def test_a_set_of_another_type_is_replaced_with_its_table() -> None:
    other = frozenset(
        each._replace(lines=("type ifname",)) if (each.kind, each.name) == ("set", "macs") else each
        for each in WHOLE.guard_table
    )
    (step,) = plan(replace(WHOLE, guard_table=other), WANTED).steps

    assert step.commands[:2] == (
        "nft 'delete table netdev netconsole'",
        "nft 'add table netdev netconsole'",
    )


def test_nothing_is_planned_of_what_could_not_be_read() -> None:
    unread = replace(WHOLE, guards={}, guard_table=frozenset(), unreadable={"guards": "no nft"})

    assert not plan(unread, WANTED)


def test_without_networks_there_is_no_table() -> None:
    last = plan(Observed(guard_table=WHOLE.guard_table), wanted(replace(records(0), networks=())))

    assert last.commands == ("nft 'delete table netdev netconsole'",)


def test_a_table_tells_what_it_lets_guests_be() -> None:
    assert guards_in(WHOLE.guard_table) == WANTED.guards
