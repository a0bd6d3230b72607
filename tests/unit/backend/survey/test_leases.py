"""The life of a fixed address, as the leases of dnsmasq drive it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from core_samples import fixed_ip, instance, mac, network, options, records

from netconsole.backend.model.hoststate import Lease
from netconsole.backend.model.records import FixedIP, FixedIPView, Records
from netconsole.backend.survey.leases import (
    LeaseEvent,
    lease_events,
    lease_of,
    views_with_events,
    with_events,
)

NOW = 1_767_225_600.0
HELD = Lease(int(NOW) + 60, mac(), "10.0.0.3", "web0")
Leases = Mapping[str, tuple[Lease, ...]]


@dataclass(frozen=True)
class Case:
    """A row, what the lease file says, what happens, and what is left of the row."""

    allocated: bool
    leased: bool
    leases: Leases
    event: str | None
    after: tuple[bool, bool] | None
    """Allocated and leased afterwards; None where the address is free."""


CASES = {
    "allocated, no lease yet": Case(True, False, {"br100": ()}, None, (True, False)),
    "the guest takes its lease": Case(True, False, {"br100": (HELD,)}, "leased", (True, True)),
    "the guest renews": Case(True, True, {"br100": (HELD,)}, None, (True, True)),
    "a lease for ever": Case(
        True, False, {"br100": (replace(HELD, expires=0),)}, "leased", (True, True)
    ),
    "the guest gives its lease back": Case(True, True, {"br100": ()}, "released", (True, False)),
    "deallocated, still leased": Case(False, True, {"br100": (HELD,)}, None, (False, True)),
    "deallocated, lease over": Case(False, True, {"br100": ()}, "released", None),
    "deallocated, lease expired": Case(
        False, True, {"br100": (replace(HELD, expires=int(NOW)),)}, "released", None
    ),
    "allocated, lease expired": Case(
        True, True, {"br100": (replace(HELD, expires=int(NOW) - 1),)}, "released", (True, False)
    ),
    "the lease is of an earlier owner": Case(
        True, False, {"br100": (replace(HELD, mac=mac(9)),)}, None, (True, False)
    ),
    "an earlier owner's lease does not stand for ours": Case(
        True, True, {"br100": (replace(HELD, mac=mac(9)),)}, "released", (True, False)
    ),
    "the guest holds another address": Case(
        True, False, {"br100": (replace(HELD, address="10.0.0.30"),)}, None, (True, False)
    ),
    "a lease on another bridge": Case(
        True, False, {"br100": (), "br101": (HELD,)}, None, (True, False)
    ),
    "no lease file": Case(True, True, {}, None, (True, True)),
    "no lease file, deallocated": Case(False, True, {"br101": ()}, None, (False, True)),
}


def _with_row(row: FixedIP) -> Records:
    return replace(records(), fixed_ips=(row,))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_life_of_a_fixed_address(case: Case) -> None:
    row = fixed_ip(allocated=case.allocated, leased=case.leased)
    found = _with_row(row)

    events = lease_events(found, case.leases, options(), NOW)

    assert [event.event for event in events] == ([case.event] if case.event else [])
    left = with_events(found, events).fixed_ips
    assert [(each.allocated, each.leased) for each in left] == ([case.after] if case.after else [])
    assert all(event.frees == (case.after is None) for event in events)
    (view,) = views_with_events((FixedIPView(row, network(), instance()),), events)
    assert (view.fixed_ip.allocated, view.fixed_ip.leased) == (case.after or (False, False))
    assert (view.instance is None) == (case.after is None)


FLAT = "nova.network.manager.FlatManager"
VLAN = "nova.network.manager.VlanManager"


@pytest.mark.parametrize("leases", [{"br100": (HELD,)}, {}], ids=["lease held", "no lease file"])
@pytest.mark.parametrize(
    ("allocated", "age", "manager", "event"),
    [
        (False, 601, VLAN, "stale"),
        (False, 599, VLAN, None),
        (False, 601, FLAT, None),
        (True, 601, VLAN, None),
    ],
    ids=["stale", "too young", "no reaper", "allocated"],
)
def test_an_address_taken_back_is_free_after_a_while_whatever_its_lease(
    leases: Leases, allocated: bool, age: int, manager: str, event: str | None
) -> None:
    changed = datetime.fromtimestamp(NOW - age, UTC)
    found = _with_row(replace(fixed_ip(allocated=allocated, leased=True), updated_at=changed))
    settings = replace(options(fixed_ip_disassociate_timeout=600), network_manager=manager)

    events = lease_events(found, leases, settings, NOW)

    assert [each.event for each in events] == ([event] if event else [])
    assert all(each.frees for each in events)
    assert len(with_events(found, events).fixed_ips) == (0 if event else 1)


@pytest.mark.parametrize(("host", "event"), [("elsewhere", []), ("testhost", ["released"])])
def test_with_many_gateways_each_host_judges_its_own_guests(host: str, event: list[str]) -> None:
    found = replace(
        records(),
        networks=(replace(network(), multi_host=True),),
        instances=(replace(instance(), host=host),),
        fixed_ips=(fixed_ip(leased=True),),
    )

    events = lease_events(found, {"br100": ()}, options(), NOW)

    assert [each.event for each in events] == event


def test_what_was_noted_is_not_noted_again() -> None:
    found = _with_row(fixed_ip())
    leases = {"br100": (HELD,)}
    noted = with_events(found, lease_events(found, leases, options(), NOW))

    assert lease_events(noted, leases, options(), NOW) == ()


def test_a_late_answer_for_an_earlier_owner_frees_nothing() -> None:
    """The address went to a new instance while the old one's lease was still in the file."""
    found = _with_row(fixed_ip(1, address="10.0.0.3"))
    late = {"br100": (HELD,)}

    assert lease_events(found, late, options(), NOW) == ()
    assert lease_events(found, {"br100": ()}, options(), NOW) == ()


def test_each_guest_is_judged_by_its_own_lease() -> None:
    found = records(3)
    leases = {"br100": (replace(HELD, mac=mac(1), address="10.0.0.4"),)}

    events = lease_events(found, leases, options(), NOW)

    assert events == (LeaseEvent(found.fixed_ips[1], "leased"),)


def test_a_row_without_a_mac_address_holds_no_lease() -> None:
    found = _with_row(replace(fixed_ip(leased=True), mac=None))

    events = lease_events(found, {"br100": (HELD,)}, options(), NOW)

    assert [event.event for event in events] == ["released"]


def test_rows_of_networks_that_are_gone_are_left_alone() -> None:
    found = _with_row(fixed_ip(network_id=9, leased=True, address="10.0.0.3"))

    assert lease_events(found, {"br100": ()}, options(), NOW) == ()


def test_the_lease_of_an_address_is_that_of_its_guest() -> None:
    other = replace(HELD, mac=mac(9))

    assert lease_of(fixed_ip(), network(), {"br100": (other, HELD)}) == HELD
    assert lease_of(fixed_ip(), network(), {"br100": (other,)}) is None
    assert lease_of(fixed_ip(), network(), {}) is None
