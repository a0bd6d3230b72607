"""In which facilities two looks at a host differ, and when time alone brings the next event."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from netconsole.backend.configuration.options import Options
from netconsole.backend.model.facility import Facility
from netconsole.backend.model.hoststate import (
    Address,
    ChainKey,
    Dnsmasq,
    File,
    Lease,
    Observed,
    ObservedLink,
    Rule,
)
from netconsole.backend.model.records import FixedIP, Records
from netconsole.backend.survey.differences import differing_host
from netconsole.backend.survey.leases import next_event

KEY = ChainKey("ipv4", "filter", "INPUT")
RULE = Rule("-j ACCEPT", packets=7)
SEEN = Observed(
    links={"br100": ObservedLink("br100", "bridge")},
    chains={KEY: (RULE,)},
    dnsmasq=(Dnsmasq("br100", ("dnsmasq",), (7,)),),
    files={"/n/nova-br100.pid": File("7"), "/n/nova-br100.opts": File("")},
)


@pytest.mark.parametrize(
    ("changed", "facilities"),
    [
        ({}, set()),
        ({"links": {"br100": ObservedLink("br100", "bridge", carrier=False)}}, {Facility.LINKS}),
        ({"addresses": (Address("lo", "192.0.2.1/32"),)}, {Facility.ADDRESSES}),
        ({"chains": {KEY: (RULE._replace(packets=8),)}}, {Facility.COUNTERS}),
        ({"chains": {KEY: (RULE, RULE)}}, {Facility.RULES}),
        ({"chains": {}}, {Facility.RULES}),
        ({"dnsmasq": (Dnsmasq("br100", ("dnsmasq",), (8,)),)}, {Facility.DNSMASQ}),
        ({"files": {**SEEN.files, "/n/nova-br100.pid": File("8")}}, set()),
        ({"files": {}}, {Facility.FILES}),
        ({"unreadable": {"rules": "no"}}, {Facility.RULES}),
        ({"unreadable": {"/n/nova-br100.opts": "no"}}, {Facility.FILES}),
        ({"leases": {"br100": ()}}, {Facility.LEASES}),
    ],
)
def test_a_difference_is_of_its_facility(
    changed: dict[str, object], facilities: set[Facility]
) -> None:
    now = replace(SEEN, **changed)  # type: ignore[arg-type]  # of several fields, each its own
    assert differing_host(SEEN, now) == facilities
    assert differing_host(now, SEEN) == facilities


def row(at: float, *, allocated: bool) -> FixedIP:
    moment = datetime.fromtimestamp(at, UTC)
    return FixedIP(1, "10.0.0.2", 1, allocated=allocated, updated_at=moment)


def test_the_next_event_is_the_end_of_a_lease_or_of_patience() -> None:
    options = Options(fixed_ip_disassociate_timeout=600)
    lease = Lease(5_000, "02:00:00:00:00:01", "10.0.0.2", "web1")
    waiting = Records(fixed_ips=(row(1_000, allocated=False),))
    held = Records(fixed_ips=(row(1_000, allocated=True),))
    assert next_event(held, {}, options, 1_100) is None
    assert next_event(held, {"br100": (lease,)}, options, 1_100) == 5_000
    assert next_event(waiting, {"br100": (lease,)}, options, 1_100) == 1_600
    assert next_event(waiting, {"br100": (lease,)}, options, 1_700) == 5_000
    assert next_event(waiting, {}, options, 1_700) is None
