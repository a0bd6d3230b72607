"""Links of others: what is remembered of them, and what becomes of them when networks leave."""

from dataclasses import replace

import pytest
from core_samples import EMPTY, instance, network, options, port, wanted

from netconsole.backend.intent import intent
from netconsole.backend.model.hoststate import Address, FormerLink, Mark, Observed, ObservedLink
from netconsole.backend.model.records import Records
from netconsole.backend.plan import plan
from netconsole.backend.plan.former import noted
from netconsole.backend.steps import SetLink, Step

VLAN = "nova.network.manager.VlanManager"
MARK = Mark("store", 1, "sqlite:///x")
CARD = ObservedLink("eth1", "", mac="02:00:00:00:00:01", mtu=1500)
DOWN = replace(CARD, up=False)


def holding(*links: ObservedLink, mark: Mark | None = MARK) -> Observed:
    return replace(EMPTY, links={each.name: each for each in links}, mark=mark)


def steps(observed: Observed, former: FormerLink) -> list[Step]:
    asked = Records(former_links={former.name: former})
    return [step for step in plan(observed, wanted(asked)).steps if isinstance(step, SetLink)]


def test_a_card_that_was_down_is_down_again_unless_it_is_used() -> None:
    former = FormerLink("eth1", up=False, used_by=("192.0.2.1", "eth1.5"), bridge="br0")
    lowered = [SetLink("eth1", "up", "0", "1")]
    own = ObservedLink("eth1.5", "vlan", peer="eth1", parent="eth1", vlan=5)
    later = replace(own, name="eth1.6", vlan=6)

    assert steps(holding(CARD), former) == lowered
    assert steps(holding(CARD, own), former) == lowered
    assert steps(holding(CARD, later), former) == []
    assert steps(holding(DOWN), former) == []
    assert steps(holding(CARD), replace(former, up=True)) == []


@pytest.mark.parametrize("count", [2, 1, 0])
def test_vlans_share_a_card_until_the_last_is_gone(count: int) -> None:
    former = FormerLink("eth1", up=False)
    asked = Records(
        networks=tuple(replace(network(each), vlan=100 + each) for each in range(count)),
        instances=tuple(map(instance, range(count))),
        ports=tuple(port(each, each + 1) for each in range(count)),
        former_links={"eth1": former},
    )
    vlans = replace(options(), network_manager=VLAN, vlan_interface="eth1")
    assert intent(asked, vlans).former_links == ({} if count else {"eth1": former})


def test_a_port_leaves_the_bridge_that_it_was_put_in_and_no_other() -> None:
    former = FormerLink("eth1", up=True, bridge="br0")
    bridge = ObservedLink("br0", "bridge", mac="02:00:00:00:00:09")
    inside = replace(CARD, master="br0")

    assert steps(holding(bridge, inside), former) == [SetLink("eth1", "master", "", "br0")]
    assert steps(holding(bridge, replace(inside, master="br1")), former) == []
    assert steps(holding(bridge, inside), replace(former, bridge="")) == []


def test_a_host_that_has_started_since_holds_nothing_of_before() -> None:
    former = FormerLink("eth1", up=False, bridge="br0")
    inside = replace(CARD, master="br0")

    assert steps(holding(ObservedLink("br0", "bridge"), inside, mark=None), former) == []


@pytest.mark.parametrize("mark", [MARK, None])
def test_what_was_noted_first_stays_until_the_host_starts_anew(mark: Mark | None) -> None:
    asked = wanted(Records(networks=(replace(network(), bridge_interface="eth1"),)))
    first = FormerLink("eth1", up=False, used_by=("192.0.2.1",), bridge="br100")
    observed = replace(holding(CARD, mark=mark), addresses=(Address("eth1", "192.0.2.7/24"),))
    found = tuple(noted(observed, asked, plan(observed, asked), {"eth1": first}))
    anew = FormerLink("eth1", up=True, used_by=("192.0.2.7",), bridge="br100")

    assert found == ((anew,) if mark is None else ())
