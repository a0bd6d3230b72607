"""When bridged frames have to meet iptables, so that groups and dmz_cidr hold between guests."""

from dataclasses import replace

from core_samples import options, records

from netconsole.backend.intent import intent
from netconsole.backend.intent.bridged import WITHIN_BRIDGES, bridged
from netconsole.backend.model.hoststate import Observed, ObservedLink, Wanted

UNFILTERED = replace(options(), firewall_driver="nova.virt.firewall.NoopFirewallDriver")
DMZ = replace(UNFILTERED, dmz_cidr=("203.0.113.0/24",))
WANTED = intent(records(1), DMZ)
"""With an associated floating address of the range."""


def kept(state: Wanted) -> bool:
    return any("--ctorigdst" in rule.spec for rules in state.chains.values() for rule in rules)


def test_our_bridge_has_its_own_switch_where_that_for_all_is_off() -> None:
    found = bridged(WANTED, Observed(), "0")
    assert (found.links["br100"].nf_call_iptables, kept(found)) == (True, True)


def test_nothing_is_set_where_all_bridges_frames_meet_iptables() -> None:
    found = bridged(WANTED, Observed(), "1")
    assert (found.links["br100"].nf_call_iptables, kept(found)) == (None, True)


def test_without_br_netfilter_the_source_is_translated_and_that_is_said() -> None:
    found = bridged(WANTED, Observed(), None)
    assert (found.links["br100"].nf_call_iptables, kept(found)) == (None, False)
    assert "modprobe br_netfilter" in found.unsupported["dmz_cidr between guests"]


def test_an_admins_bridge_is_left_as_it_is() -> None:
    theirs = Observed(links={"br100": ObservedLink("br100", "bridge", nf_call_iptables=False)})
    found = bridged(WANTED, theirs, "0")
    assert (found.links["br100"].nf_call_iptables, kept(found)) == (None, False)
    assert (
        "dev br100 type bridge nf_call_iptables 1" in found.unsupported["dmz_cidr between guests"]
    )


def test_a_range_without_floating_addresses_needs_no_switch() -> None:
    plain = intent(records(1), replace(UNFILTERED, dmz_cidr=("10.128.0.0/24",)))
    assert bridged(plain, Observed(), "0").links["br100"].nf_call_iptables is None
    assert not bridged(plain, Observed(), None).unsupported


FILTERED = intent(records(1), options())


def test_where_guests_are_filtered_their_bridge_has_its_own_switch() -> None:
    assert bridged(FILTERED, Observed(), "0", "0").links["br100"].nf_call_iptables
    assert bridged(FILTERED, Observed(), "1", "1").links["br100"].nf_call_iptables is None
    without = bridged(FILTERED, Observed(), None, None)
    assert without.links["br100"].nf_call_iptables is None
    assert "modprobe br_netfilter" in without.unsupported[WITHIN_BRIDGES]


def test_on_an_admins_bridge_it_is_said_what_sets_it() -> None:
    theirs = ObservedLink("br100", "bridge", nf_call_iptables=False)
    found = bridged(FILTERED, Observed(links={"br100": theirs}), "0")
    assert found.links["br100"].nf_call_iptables is None
    assert "dev br100 type bridge nf_call_iptables 1" in found.unsupported[WITHIN_BRIDGES]
    done = replace(theirs, nf_call_iptables=True)
    assert not bridged(FILTERED, Observed(links={"br100": done}), "0").unsupported


def test_of_ipv6_it_is_said_as_well_where_guests_have_it() -> None:
    few = records(1)
    both = replace(few, networks=(replace(few.networks[0], cidr_v6="fd00::/64"),))
    filtered, done = intent(both, options()), ObservedLink("br100", "bridge", nf_call_iptables=True)
    found = bridged(filtered, Observed(links={"br100": done}), "0", "0")
    assert found.unsupported[WITHIN_BRIDGES].endswith("dev br100 type bridge nf_call_ip6tables 1")
    neither = bridged(
        filtered, Observed(links={"br100": replace(done, nf_call_iptables=False)}), "0", "0"
    )
    assert "nf_call_iptables 1 nf_call_ip6tables 1" in neither.unsupported[WITHIN_BRIDGES]


def test_without_guests_nothing_is_asked_for() -> None:
    assert not bridged(intent(records(0), options()), Observed(), None).unsupported
