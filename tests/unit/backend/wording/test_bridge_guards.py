"""Guards in the words of ebtables: their chains, and what is planned of them."""

from dataclasses import replace

import pytest
from core_samples import EMPTY, WANTED, mac, observed_as, records, wanted

from netconsole.backend.intent.bridge_guards import by_ebtables
from netconsole.backend.model.guards import BY_EBTABLES, Guard
from netconsole.backend.model.hoststate import ChainKey, Observed, ObservedLink, Rule
from netconsole.backend.model.subject import HOST, port
from netconsole.backend.plan import plan
from netconsole.backend.plan.exposure import exposed
from netconsole.backend.steps import (
    AddLink,
    ChangeGuards,
    ChangeRules,
    Plan,
    RemoveLink,
    SetLink,
    Step,
)
from netconsole.backend.wording.bridge_guards import (
    CANNOT_STOP,
    GUARDS,
    guard_chains,
    key,
    port_chain,
    state_of_port,
    with_guards,
)
from netconsole.diagnostics.reasoning.claims import claimant

ME = Guard("tap0", mac(0), ("10.0.0.3", "fe80::1:2:3"), ("10.9.0.0/24", "fd00::/64"))
REDIRECTION = {
    key("PREROUTING"): (Rule("-j nova-network-PREROUTING", HOST),),
    key("nova-network-PREROUTING"): (Rule("-p IPv4 --ip-src 10.0.0.3 -j redirect", HOST),),
}
GUARDED = by_ebtables(WANTED, "no netdev")
THERE = observed_as(GUARDED)


def rules_of(guard: Guard, ethertypes: tuple[int, ...] = ()) -> list[str]:
    chains = guard_chains((guard,), ethertypes)
    return [rule.spec for rule in chains[key(port_chain(guard.device))]]


def test_a_port_returns_what_is_its_own_and_drops_all_else() -> None:
    rules = rules_of(ME)
    returned = [rule for rule in rules if rule.endswith(" -j RETURN")]

    assert rules[0] == f"-s ! {mac(0)} -j nova-network-spoofed_mac"
    assert rules[-1] == "-j nova-network-others"
    for address in ("10.0.0.3", "10.9.0.0/24"):
        assert f"-p IPv4 --ip-src {address} -j RETURN" in returned
        assert f"-p ARP --arp-ip-src {address} --arp-mac-src {mac(0)} -j RETURN" in returned
    for address in ("fe80::1:2:3", "fd00::/64"):
        assert f"-p IPv6 --ip6-src {address} -j RETURN" in returned
    asked = [rule for rule in returned if "--ip6-icmp-type 135" in rule]
    assert [rule.split("--ip6-dst ")[1].split()[0] for rule in asked] == [
        "ff02::1:ff00:0/104",
        "ff02::1:ff02:3",
    ]
    assert all(rule.startswith("-p ") for rule in returned)


def test_an_ethertype_passes_that_the_options_name() -> None:
    assert "-p 0x8863 -j RETURN" not in rules_of(ME)
    assert rules_of(ME, (0x8863,))[-2:] == ["-p 0x8863 -j RETURN", "-j nova-network-others"]


def test_names_fit_the_kernel_and_no_shared_chain_is_a_ports() -> None:
    chains = guard_chains((replace(ME, device="tap0123456789ab"),))

    assert max(len(at.chain) for at in chains) <= 28
    assert not [at for at in guard_chains((ME,)) if at.chain.startswith("nova-network-veth")]
    assert guard_chains(()) == {}


def test_every_chain_that_is_led_to_is_there() -> None:
    chains = guard_chains((ME,))
    led = {rule.spec.split("-j ")[1] for rules in chains.values() for rule in rules}

    assert led - {"RETURN", "DROP"} == {at.chain for at in chains if at.chain != "PREROUTING"}


def test_guards_are_asked_before_redirections() -> None:
    chains = with_guards(REDIRECTION, guard_chains((ME,)))

    assert [rule.spec for rule in chains[key("PREROUTING")]] == [
        "-j nova-network-guards",
        "-j nova-network-PREROUTING",
    ]


def place(steps: tuple[Step, ...], *named: str | type[Step]) -> list[int]:
    """Where steps on tap0 and on the bridge's rules are in a plan."""
    found: dict[str | type[Step], int] = {}
    for number, step in enumerate(steps):
        match step:
            case SetLink(name="tap0"):
                found[step.attribute] = number
            case AddLink(name="tap0") | RemoveLink(name="tap0") | ChangeRules(family="bridge"):
                found[type(step)] = number
    return [found[each] for each in named]


def of_bridge(found: Plan) -> list[ChangeRules]:
    """The steps on tables of ebtables."""
    steps = (step for step in found.steps if isinstance(step, ChangeRules))
    return [step for step in steps if step.family == "bridge"]


def test_a_port_is_bridged_when_its_guard_is_there_and_goes_up_last() -> None:
    order = place(plan(EMPTY, GUARDED).steps, ChangeRules, "master", "group_fwd_mask", "up")

    assert order == sorted(order)
    assert BY_EBTABLES in GUARDED.unsupported
    assert all(each in GUARDED.unsupported[BY_EBTABLES] for each in CANNOT_STOP)


def test_a_port_has_left_its_bridge_when_its_guard_goes() -> None:
    without = by_ebtables(wanted(replace(records(2), ports=(), fixed_ips=())), "no netdev")
    gone = plan(THERE, without)
    named = ("up", "group_fwd_mask", "master", RemoveLink, ChangeRules)
    back = (ChangeRules, AddLink, "master", "group_fwd_mask", "up")

    for steps, order in ((gone.steps, named), (gone.inverse.steps, back)):
        assert place(steps, *order) == sorted(place(steps, *order))
    assert len(of_bridge(gone)) == 1


def test_of_two_ports_the_one_that_stays_is_guarded_all_the_time() -> None:
    found = records(2)
    without = by_ebtables(
        wanted(replace(found, ports=found.ports[1:], fixed_ips=found.fixed_ips[1:])), "no netdev"
    )
    (step,) = of_bridge(plan(THERE, without))

    assert step.lines == (
        f"-F {port_chain('tap0')}",
        f"-D {GUARDS} -i tap0 -j {port_chain('tap0')}",
        f"-X {port_chain('tap0')}",
    )


def test_guards_of_nftables_come_before_those_of_ebtables_go() -> None:
    steps = plan(THERE, WANTED).steps
    kinds = [type(step) for step in steps if isinstance(step, ChangeGuards | ChangeRules)]

    assert kinds == [ChangeGuards, ChangeRules]


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "on"),
        ({key(port_chain("tap0")): None}, "missing"),
        ({key(port_chain("tap0")): (Rule("-j ACCEPT"),)}, "different"),
        ({key("nova-network-ipv4"): ()}, "different"),
        ({key("PREROUTING"): ()}, "different"),
        ({key(GUARDS): ()}, "different"),
    ],
    ids=["as wanted", "no chain", "opened", "emptied", "not led to", "its port not led to"],
)
def test_drift_is_seen_and_put_right(
    changed: dict[ChainKey, tuple[Rule, ...] | None], state: str
) -> None:
    held = {**THERE.chains, **changed}
    found = replace(THERE, chains={at: rules for at, rules in held.items() if rules is not None})

    assert state_of_port(found.chains, GUARDED.chains, "tap0") == state
    assert ("tap0" in exposed(found, GUARDED)) is (state != "on")
    assert {claimant(step) for step in plan(found, GUARDED).steps} == (
        {"guards"} if changed else set()
    )


def test_a_port_that_hands_nothing_on_is_put_right_and_so_is_one_without_guard() -> None:
    silent = replace(THERE.links["tap0"], group_fwd_mask=0)
    (step,) = plan(_with(THERE, silent), GUARDED).steps
    assert step == SetLink("tap0", "group_fwd_mask", "65533", "0")
    assert claimant(step) == "guards"

    open_port = by_ebtables(replace(WANTED, guards={}), "no netdev")
    assert SetLink("tap0", "group_fwd_mask", "0", "65533") in plan(THERE, open_port).steps


def _with(state: Observed, link: ObservedLink) -> Observed:
    return replace(state, links={**state.links, "tap0": link})


def test_rules_are_about_their_port() -> None:
    assert {rule.subject for rule in guard_chains((ME,))[key(port_chain("tap0"))]} == {port("tap0")}
