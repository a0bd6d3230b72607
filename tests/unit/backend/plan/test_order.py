"""The plan: what others depend on comes first, and goes last."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from core_samples import (
    EMPTY,
    FLOATING,
    OF_METADATA,
    WANTED,
    WHOLE,
    mac,
    options,
    records,
    wanted,
)

from netconsole.backend.intent import intent
from netconsole.backend.model.hoststate import Address, Lease, Observed, ObservedLink, Wanted
from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.steps import (
    AddAddress,
    AddDhcpHosts,
    AddLink,
    ChangeRules,
    EndConnections,
    MakeDirectory,
    RemoveAddress,
    RemoveDirectory,
    RemoveFile,
    RemoveLink,
    SetSysctl,
    StartDnsmasq,
    Step,
    StopDnsmasq,
    WriteFile,
)


def _kinds(observed: Observed, goal: Wanted) -> list[str]:
    return [type(step).__name__ for step in plan(observed, goal).steps]


def _order(steps: tuple[Step, ...], *chosen: Callable[[Step], bool]) -> list[int]:
    """The position of the first step that each of the conditions chooses."""
    return [next(place for place, step in enumerate(steps) if choose(step)) for choose in chosen]


def test_what_others_depend_on_comes_first() -> None:
    steps = plan(EMPTY, WANTED).steps

    order = _order(
        steps,
        lambda step: isinstance(step, MakeDirectory),
        lambda step: isinstance(step, WriteFile),
        lambda step: isinstance(step, ChangeRules) and step.table == "filter",
        lambda step: isinstance(step, AddLink) and step.kind == "bridge",
        lambda step: isinstance(step, AddLink) and step.kind != "bridge",
        lambda step: isinstance(step, ChangeRules) and step.table != "filter",
        lambda step: isinstance(step, AddAddress) and step.interface == "br100",
        lambda step: isinstance(step, AddDhcpHosts),
        lambda step: isinstance(step, StartDnsmasq),
    )
    assert order == sorted(order)
    rules, floating = _order(
        steps,
        lambda step: isinstance(step, ChangeRules) and step.table == "nat",
        lambda step: isinstance(step, AddAddress) and step.interface == "eth0",
    )
    assert rules < floating


def test_a_bridge_comes_before_its_ports_and_goes_after_them_whatever_their_names() -> None:
    reverse = replace(WANTED, links=dict(reversed(list(WANTED.links.items()))))
    made = [step.name for step in plan(EMPTY, reverse).steps if isinstance(step, AddLink)]
    gone = plan(replace(WHOLE, links=dict(WHOLE.links)), wanted(Records())).steps

    assert made[0] == "br100"
    assert [step.name for step in gone if isinstance(step, RemoveLink)][-1] == "br100"


def test_what_others_depend_on_goes_last() -> None:
    observed = replace(WHOLE, leases={"br100": (Lease(0, mac(0), "10.0.0.3", ""),)})
    gone = replace(records(2), networks=())
    floating = Address("eth0", f"{FLOATING}/32")
    order = _order(
        plan(observed, wanted(gone, frozenset({floating}))).steps,
        lambda step: isinstance(step, StopDnsmasq),
        lambda step: isinstance(step, RemoveAddress),
        lambda step: isinstance(step, ChangeRules) and step.table != "filter",
        lambda step: isinstance(step, EndConnections),
        lambda step: isinstance(step, RemoveLink) and step.kind != "bridge",
        lambda step: isinstance(step, RemoveLink) and step.kind == "bridge",
        lambda step: isinstance(step, RemoveFile),
        lambda step: isinstance(step, RemoveDirectory),
    )
    assert order == sorted(order)


def test_a_lease_is_given_back_after_the_host_has_lost_its_address() -> None:
    """Otherwise the guest would be given the same address again."""
    observed = replace(WHOLE, leases={"br100": (Lease(0, mac(1), "10.0.0.4", ""),)})

    assert _kinds(observed, wanted(records(1)))[-8:] == [
        "RetireDhcpHosts",
        "ReleaseLease",
        *("SetLink", "SetLink", "SetLink"),
        "ChangeGuards",
        "RemoveLink",
        "ChangeRules",
    ]


def test_without_force_a_lease_is_given_back_only_when_another_port_has_its_address() -> None:
    """dnsmasq gives no address to a guest that the lease of another one still holds."""
    observed = replace(WHOLE, leases={"br100": (Lease(0, mac(1), "10.0.0.4", ""),)})
    patient = options(force_dhcp_release=False)
    gone = intent(records(1), patient)
    given = replace(records(1), fixed_ips=(replace(records(1).fixed_ips[0], address="10.0.0.4"),))

    assert "ReleaseLease" not in _kinds(observed, gone)
    assert "ReleaseLease" in _kinds(observed, intent(given, patient))


# Addresses of others on a bridge

OURS = Address("br100", "10.0.0.1/24", "10.0.0.255")
ELDER = Address("br100", "10.0.0.5/24")
YOUNGER = Address("br100", "10.0.0.6/24")
OTHER = Address("br100", "192.0.2.1/24")
FLOAT = Address("eth0", f"{FLOATING}/32")
PROMOTE = "net/ipv4/conf/br100/promote_secondaries"


@pytest.mark.parametrize("here", [(OTHER,), (ELDER, YOUNGER), (ELDER, OTHER)])
def test_a_gateway_is_put_beside_the_addresses_of_others(here: tuple[Address, ...]) -> None:
    found = plan(replace(WHOLE, addresses=(*here, FLOAT, OF_METADATA)), WANTED)
    moved = [step for step in found.steps if isinstance(step, AddAddress | RemoveAddress)]

    assert moved == [AddAddress("br100", "10.0.0.1/24", "10.0.0.255")]
    assert not plan(replace(WHOLE, addresses=(*here, OURS, FLOAT, OF_METADATA)), WANTED)


@pytest.mark.parametrize(
    ("here", "promotes", "kept"),
    [
        ((OURS, OTHER, YOUNGER), "0", True),
        ((OURS, OTHER, YOUNGER), "1", False),
        ((ELDER, OURS), "0", False),
        ((OURS, OTHER), "0", False),
    ],
)
def test_a_gateway_goes_without_the_addresses_of_others_in_its_subnet(
    here: tuple[Address, ...], promotes: str, kept: bool
) -> None:
    """The kernel would take those behind it along, unless it is told to promote them."""
    observed = Observed(
        sysctls={PROMOTE: promotes},
        addresses=here,
        links={"br100": ObservedLink("br100", "bridge")},
    )
    found = plan(observed, wanted(Records(), frozenset({OURS})))
    off = RemoveAddress("br100", "10.0.0.1/24", "10.0.0.255")
    on = SetSysctl(PROMOTE, "1", "0")

    steps = [step for step in found.steps if isinstance(step, RemoveAddress | SetSysctl)]
    assert steps == ([on, off, on.inverse] if kept else [off])


def test_the_address_of_the_metadata_service_goes_with_the_last_network() -> None:
    goal = wanted(Records())
    found = plan(WHOLE, goal)
    off = RemoveAddress("lo", OF_METADATA.address, "", "link")
    assert off in found.steps
    (undone,) = (step.inverse for step in found.steps if step == off)
    assert undone is not None
    assert undone.commands == ("ip address add 169.254.169.254/32 scope link dev lo",)


def test_whose_host_serves_nothing_may_have_the_address_of_the_metadata_service() -> None:
    """It is another's, as nothing else of ours is there; or it was there before our networks."""
    assert not plan(Observed(addresses=(OF_METADATA,)), wanted(Records()))
    former = frozenset({OF_METADATA[:2]})
    goal = wanted(Records(former_addresses=former))
    assert OF_METADATA[:2] not in {each[:2] for each in goal.released}


@pytest.mark.parametrize("length", [16, 32])
def test_the_address_of_the_metadata_service_may_be_there_with_a_wider_mask(length: int) -> None:
    there = Address("lo", f"169.254.169.254/{length}")
    assert not plan(replace(WHOLE, addresses=(OURS, FLOAT, there)), WANTED)


def test_an_address_is_known_whatever_its_broadcast_address() -> None:
    """An admin who put it back by hand may have left that out, or put it in."""
    by_hand = (OURS._replace(broadcast=None), FLOAT._replace(broadcast="203.0.113.10"), OF_METADATA)

    assert not plan(replace(WHOLE, addresses=by_hand), WANTED)
    idle = wanted(records(2, floating=False))
    removed = RemoveAddress("eth0", f"{FLOATING}/32", "203.0.113.10")
    assert removed in plan(replace(WHOLE, addresses=by_hand), idle).steps
