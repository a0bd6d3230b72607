"""What is told to be wrong: one line a kind, what cuts off most first, nothing good unproven."""

from dataclasses import replace

import pytest
from core_samples import HOST, WHOLE, observed_as, options, records, status, wanted, with_link

from netconsole.backend.intent import intent
from netconsole.backend.model.hoststate import Address, ChainKey, Observed, ObservedLink, Rule
from netconsole.backend.model.listens_at import ANY, ListensAt
from netconsole.backend.model.option_source import OptionSource
from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.survey.status import Allocation, LinkState, Status
from netconsole.backend.survey.trouble import Reach, in_order, is_dead, lease_word, troubles
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.reach import troubles_of, worst_first

RP_FILTER = Finding("rp_filter", "No reply is dropped", "fail", "eth0 drops everything")
CLOCK = Finding("clock", "The clock is right", "warn", "it is an hour late")
UNREAD = Finding("mtu", "Packets fit", "unknown", "not read")
FINE = Finding("stp", "No port waits", "ok", "none does")


def sentences(found: Status) -> list[str]:
    return [trouble.sentence for trouble in troubles(found)]


def booted(carrier: bool, leased: bool, instances: int = 1) -> tuple[Observed, Records]:
    """A host whose guests are all there or not, and have all taken up their leases or not."""
    found = records(instances)
    rows = tuple(replace(row, leased=leased) for row in found.fixed_ips)
    found = replace(found, fixed_ips=rows)
    goal = observed_as(wanted(found))
    links = {
        name: replace(link, carrier=carrier or name == "br100") for name, link in goal.links.items()
    }
    return replace(goal, links=links), found


def places(*told: tuple[str, int]) -> frozenset[ListensAt]:
    return frozenset(ListensAt(*each) for each in told)


SERVED_AT = Address("eth0", "192.168.1.10/24")


@pytest.mark.parametrize(
    ("listening", "addresses", "host", "unserved"),
    [
        (places((ANY, 22)), (SERVED_AT,), HOST, "192.168.1.10:8775"),
        (places((ANY, 8775)), (SERVED_AT,), HOST, ""),
        (places(("192.168.1.10", 8775)), (SERVED_AT,), HOST, ""),
        (places(("127.0.0.1", 8775)), (SERVED_AT,), HOST, "192.168.1.10:8775"),
        (None, (SERVED_AT,), HOST, ""),
        (places((ANY, 22)), (), HOST, ""),
        (places((ANY, 22)), (SERVED_AT,), "another", ""),
    ],
    ids=[
        "nobody",
        "everywhere",
        "there",
        "elsewhere",
        "not known",
        "another host's",
        "nobody asks",
    ],
)
def test_a_metadata_service_is_missed_where_guests_are_led_to_this_host(
    listening: frozenset[ListensAt] | None,
    addresses: tuple[Address, ...],
    host: str,
    unserved: str,
) -> None:
    found = records(2)
    found = replace(found, instances=tuple(replace(each, host=host) for each in found.instances))
    goal = wanted(found)
    held = observed_as(goal)
    others = tuple(each for each in held.addresses if each.interface != "eth0")
    held = replace(held, listening=listening, addresses=(*others, *addresses))
    told = status(held, found, goal)
    assert told.host.metadata_unserved == unserved
    said = [each for each in troubles(told) if "no metadata service runs" in each.sentence]
    assert [each.reach for each in said] == ([Reach.NETWORK] if unserved else [])


def test_two_hundred_that_never_booted_are_one_line_and_come_last() -> None:
    observed, found = booted(carrier=False, leased=False, instances=200)
    told = status(observed, found, wanted(found))
    (only,) = troubles(told)
    assert only.sentence.startswith("200 addresses wait for a guest that has not booted yet: ")
    assert only.sentence.endswith(" and 195 more")
    assert not only.certain
    whole = in_order((*troubles(told), *troubles_of((FINE, CLOCK, UNREAD, RP_FILTER))))
    assert [(each.reach, each.certain) for each in whole] == [
        (Reach.HOST, True),
        (Reach.NOBODY, True),
        (Reach.NOBODY, False),
        (Reach.NOBODY, False),
    ]
    assert whole[0].sentence == "rp_filter: eth0 drops everything"


@pytest.mark.parametrize(
    ("carrier", "leased", "word", "dead", "said"),
    [
        (True, True, "leased", False, []),
        (True, False, "no lease", False, ["web0 has not taken up 10.0.0.3 by DHCP"]),
        (False, True, "held", True, ["port tap0 of web0 is without carrier: nobody is at the "]),
        (False, False, "waiting", False, ["1 address waits for a guest that has not booted "]),
    ],
)
def test_a_lease_says_nothing_of_who_is_at_the_port(
    carrier: bool, leased: bool, word: str, dead: bool, said: list[str]
) -> None:
    observed, found = booted(carrier, leased)
    told = status(observed, found, wanted(found))
    (allocation,) = told.allocations
    assert (lease_word(allocation), is_dead(allocation)) == (word, dead)
    assert [line[: len(begin)] for line, begin in zip(sentences(told), said, strict=True)] == said


def test_an_address_that_is_injected_is_taken_up_by_no_lease() -> None:
    observed, found = booted(carrier=True, leased=False)
    flat = tuple(replace(network, enable_dhcp=False) for network in found.networks)
    records = replace(found, networks=flat)
    told = status(observed, records, wanted(records))
    assert not any("by DHCP" in line for line in sentences(told))


@pytest.mark.parametrize(
    ("leased", "word", "dead"), [(True, "leased", True), (False, "waiting", True)]
)
def test_a_port_at_which_the_bridge_lets_nothing_through_is_not_up(
    leased: bool, word: str, dead: bool
) -> None:
    observed, found = booted(carrier=True, leased=leased)
    shut = with_link(observed, replace(observed.links["tap0"], forwarding=False))
    told = status(shut, found, wanted(found))
    (allocation,) = told.allocations
    assert allocation.device_state == "blocked"
    assert (lease_word(allocation), is_dead(allocation)) == (word, dead)
    (sentence,) = sentences(told)
    assert sentence.startswith("port tap0 of web0 is blocked: its bridge lets no frame ")
    assert told.drift == ()

    idle = with_link(shut, replace(shut.links["br100"], up=False))
    assert status(idle, found, wanted(found)).allocations[0].device_state == "up"


@pytest.mark.parametrize(
    ("leased", "word", "dead"), [(True, "held", True), (False, "waiting", False)]
)
def test_a_port_whose_other_end_lies_unused_on_this_host_has_no_guest(
    leased: bool, word: str, dead: bool
) -> None:
    observed, found = booted(carrier=True, leased=leased, instances=2)
    observed = with_link(observed, replace(observed.links["veth1"], peer="peer1"))
    host = with_link(observed, ObservedLink("peer1", "veth"))
    told = status(host, found, wanted(found))
    allocation = told.allocations[1]
    assert allocation.device_state == "no guest"
    assert (lease_word(allocation), is_dead(allocation)) == (word, dead)
    assert any("nobody uses it" in each for each in sentences(told)) == dead


@pytest.mark.parametrize(
    "others",
    [
        (),
        (ObservedLink("peer1", "veth", master="br-int"),),
        (ObservedLink("peer1", "veth"), ObservedLink("macvtap0", "macvtap", peer="peer1")),
    ],
    ids=["elsewhere", "in a bridge of others", "under another link"],
)
def test_a_port_whose_other_end_is_in_use_is_up(others: tuple[ObservedLink, ...]) -> None:
    observed, found = booted(carrier=True, leased=True, instances=2)
    for link in (replace(observed.links["veth1"], peer="peer1"), *others):
        observed = with_link(observed, link)
    told = status(observed, found, wanted(found))
    assert [each.device_state for each in told.allocations] == ["up", "up"]


def _one(state: LinkState) -> Allocation:
    return replace(status(WHOLE).allocations[0], device_state=state)


def test_what_is_another_hosts_is_not_missing_here() -> None:
    found = records(1)
    elsewhere = tuple(replace(one, host="net2") for one in found.instances)
    found = replace(found, instances=elsewhere)
    goal = wanted(found)
    told = status(observed_as(goal), found, goal)
    (allocation,) = told.allocations
    assert (allocation.device_state, allocation.host) == ("not here", "net2")
    assert not is_dead(allocation)
    assert sentences(told) == []


def test_a_stopped_dnsmasq_is_no_running_one() -> None:
    (server,) = WHOLE.dnsmasq
    stopped = replace(server, stopped="held up in the kernel")
    told = status(replace(WHOLE, dnsmasq=(stopped,)))
    assert [one.state for one in told.dnsmasq] == ["stopped"]
    (sentence,) = (each for each in sentences(told) if "dnsmasq" in each)
    assert sentence == "dnsmasq of vmnet is stopped (held up in the kernel)"
    assert told.drift == ()


def test_a_bridge_without_ports_is_idle_and_a_port_that_is_down_is_not() -> None:
    bridge = WHOLE.links["br100"]
    idle = status(with_link(WHOLE, replace(bridge, carrier=False)))
    assert idle.networks[0].bridge_state == "no carrier"
    assert not any("bridge" in each for each in sentences(idle))
    assert is_dead(_one("down"))
    assert is_dead(_one("missing"))


@pytest.mark.parametrize("master", [None, "br-of-another"])
def test_a_port_outside_its_bridge_is_not_up(master: str | None) -> None:
    goal = wanted(records(1))
    (device,) = (each.device for each in status(observed_as(goal), records(1), goal).allocations)
    observed = observed_as(goal)
    told = status(with_link(observed, replace(observed.links[device], master=master)), records(1))
    (allocation,) = told.allocations
    assert (allocation.device_state, is_dead(allocation)) == ("unplugged", True)
    (sentence,) = (each for each in sentences(told) if each.startswith("port "))
    assert "not on the bridge of its network" in sentence


def test_the_doctor_tells_the_worst_first() -> None:
    told = worst_first((FINE, UNREAD, CLOCK, replace(RP_FILTER, check="fdb"), RP_FILTER))
    assert [each.check for each in told] == ["rp_filter", "fdb", "clock", "mtu", "stp"]


@pytest.mark.parametrize(
    ("my_ip", "said"),
    [
        ("10.0.0.1", []),
        ("192.168.1.77", ["my_ip 192.168.1.77 is on no interface"]),
        (None, ["my_ip is not known, there is no default route"]),
    ],
)
def test_a_host_without_an_address_of_its_own_is_told(my_ip: str | None, said: list[str]) -> None:
    told = status(WHOLE, settings=replace(options(), my_ip=my_ip))
    lines = [each.partition(":")[0] for each in sentences(told) if each.startswith("my_ip")]
    assert lines == said


def test_who_has_no_guard_is_told_as_long_as_it_is_so_and_is_no_failure() -> None:
    observed, found = booted(carrier=True, leased=True, instances=2)
    open_ports = tuple(replace(port, guarded=port.id != 1) for port in found.ports)
    told = status(observed, replace(found, ports=open_ports), wanted(found))
    assert told.host.unguarded == ("web0",)
    (only,) = troubles(told)
    assert only.sentence.startswith("web0 has no guard: what it sends ")
    assert (only.reach, only.certain) == (Reach.NOBODY, False)
    assert [each.guarded for each in told.allocations] == [False, True]


def test_guards_that_are_switched_off_are_told_of_with_the_file_that_does() -> None:
    source = OptionSource("/etc/nova/nova.conf", 1_000_000_000)
    settings = replace(options(), guard=False, guard_source=source)
    goal = intent(records(2), settings)
    assert (goal.guards, goal.guard_table) == ({}, frozenset())
    told = sentences(status(observed_as(goal), None, goal, settings))
    (said,) = (each for each in told if "guard" in each)
    assert said.startswith(
        "the option guard takes the guards off every port since the change of /etc/nova/nova.conf "
        "at 2001-09-09 01:46 UTC"
    )


def test_groups_that_are_switched_off_are_told_of_with_the_file_that_does() -> None:
    source = OptionSource("/etc/nova/nova.conf", 1_000_000_000)
    noop = "nova.virt.firewall.NoopFirewallDriver"
    settings = replace(options(), firewall_driver=noop, firewall_source=source)
    goal = intent(records(2), settings)
    observed = observed_as(goal)
    told = sentences(status(observed, None, goal, settings))
    (said,) = (each for each in told if "switch" in each)
    assert said.startswith(
        "firewall_driver switches the security groups off since the change of /etc/nova/nova.conf "
        "at 2001-09-09 01:46 UTC"
    )
    assert not any("switch" in each for each in sentences(status(WHOLE)))


def test_a_rule_that_is_asked_before_the_groups_is_told_of() -> None:
    forward = ChainKey("ipv4", "filter", "FORWARD")
    found = records(2)
    goal = wanted(found)
    whole = observed_as(goal)
    above = (Rule("-o br100 -j ACCEPT"), *whole.chains[forward])
    seen = replace(whole, chains={**whole.chains, forward: above})
    (said,) = (each for each in sentences(status(seen, found, goal)) if "groups" in each)
    assert said.startswith("rule 1 of FORWARD (iptables table filter) lets everything in ")
    assert plan(seen, goal).steps == (), "apply leaves our jump where it is"
