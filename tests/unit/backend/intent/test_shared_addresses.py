"""An address that several guests may have: what is let in there is let in to each of them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from core_samples import instance, options, port, records

from netconsole.backend.intent.groups import with_groups
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.model.meaning import FilteredGuest, Meaning
from netconsole.backend.model.records import (
    AllowedAddress,
    Instance,
    Membership,
    SecurityGroup,
)
from netconsole.backend.wording.groups import group_chains

WEB, BOTH, DB = (SecurityGroup(number, str(number), "", "demo") for number in (1, 2, 3))
GROUPS = (WEB, BOTH, DB)
INSTANCES = (replace(instance(0), id=1), replace(instance(1), id=2))
MEMBERS = (
    *(Membership(group.id, INSTANCES[0].uuid) for group in (WEB, BOTH)),
    *(Membership(group.id, INSTANCES[1].uuid) for group in (DB, BOTH)),
)


SHARED = "10.0.0.50/32"


def meant(
    *allowed: tuple[int, str],
    same_network: bool = False,
    guests: tuple[Instance, ...] = INSTANCES,
    rule: SecurityGroupRule | None = None,
) -> Meaning:
    found = replace(
        records(2),
        instances=guests,
        allowed_addresses=tuple(
            AllowedAddress(number, port(guest).id, cidr)
            for number, (guest, cidr) in enumerate(allowed, start=1)
        ),
        security_groups=GROUPS,
        security_group_rules=(
            *(
                SecurityGroupRule(each.id, each.id, "tcp", each.id, each.id, "0.0.0.0/0")
                for each in GROUPS
            ),
            *([rule] if rule else []),
        ),
        memberships=MEMBERS,
    )
    settings = replace(options(), allow_same_net_traffic=same_network)
    return with_groups(Meaning(), Presence(found, settings))


def ways(meaning: Meaning) -> Mapping[str, FilteredGuest]:
    """By whose groups what is sent to a range is filtered."""
    return {
        each.address: guest
        for guest in meaning.guests
        for each in guest.addresses
        if "/" in each.address
    }


def test_an_address_of_one_guest_is_filtered_by_its_groups() -> None:
    found = ways(meant((0, "10.0.0.50/32"), (1, "10.0.0.51/32")))
    assert {cidr: guest.groups for cidr, guest in found.items()} == {
        "10.0.0.50/32": (1, 2),
        "10.0.0.51/32": (3, 2),
    }


def test_an_address_of_two_is_filtered_by_the_groups_that_both_are_in() -> None:
    found = meant((0, "10.0.0.50/32"), (1, "10.0.0.50/32"), same_network=True)
    shared = ways(found)["10.0.0.50/32"]
    assert (shared.id, shared.groups, shared.neighbours) == (0, (2,), ("10.0.0.0/24",))
    chains = group_chains(found, "ipv4")
    led = [rule.spec for rule in chains["nova-network-local"] if "10.0.0.50" in rule.spec]
    ((*_, chain),) = (each.split() for each in led)
    assert len(chain) <= 28, "no name of a chain is longer"
    assert [rule.spec for rule in chains[chain]][-2:] == [
        "-j nova-network-sg-2",
        "-j nova-network-sg-fallback",
    ]
    assert chains["nova-network-inst-1"] != chains["nova-network-inst-2"] != chains[chain]


def test_who_may_have_a_range_may_have_the_address_in_it_that_another_may_have() -> None:
    found = ways(meant((0, "10.0.0.48/28"), (1, "10.0.0.50/32"), (1, "10.0.0.64/28")))
    assert {cidr: guest.groups for cidr, guest in found.items()} == {
        "10.0.0.48/28": (1, 2),
        "10.0.0.50/32": (2,),
        "10.0.0.64/28": (3, 2),
    }


@pytest.mark.parametrize(("here", "groups"), [(0, (1, 2)), (1, (3, 2))])
def test_each_host_filters_what_is_sent_there_by_the_groups_of_its_own_guest(
    here: int, groups: tuple[int, ...]
) -> None:
    """It cannot be delivered on this host to the guest that runs on another."""
    guests = tuple(
        each if number == here else replace(each, host="elsewhere")
        for number, each in enumerate(INSTANCES)
    )
    found = ways(meant((0, SHARED), (1, SHARED), guests=guests))
    assert found[SHARED].groups == groups


def test_what_a_guest_sends_by_it_is_not_sent_by_its_group() -> None:
    """Somebody else may have it, who is not in the group, on whichever host."""
    rule = SecurityGroupRule(9, DB.id, "tcp", 80, 80, group_id=WEB.id)
    (source,) = meant((0, SHARED), (1, SHARED), rule=rule).source_groups
    assert source.addresses
    assert not any(each.startswith("10.0.0.50") for each in source.addresses)
