"""When bridged frames have to meet iptables, so that dmz_cidr holds between guests."""

from dataclasses import replace

from core_samples import options, records

from netconsole.backend.intent import intent
from netconsole.backend.intent.bridged import bridged
from netconsole.backend.model.hoststate import Observed, ObservedLink, Wanted

DMZ = replace(options(), dmz_cidr=("203.0.113.0/24",))
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
    plain = intent(records(1), replace(options(), dmz_cidr=("10.128.0.0/24",)))
    assert bridged(plain, Observed(), "0").links["br100"].nf_call_iptables is None
    assert not bridged(plain, Observed(), None).unsupported
