"""What the checks of bridges and their ports conclude, each from evidence of its own kind."""

from dataclasses import replace

import pytest
from bridge_samples import (
    LINKS,
    PORT,
    QUEUES,
    TABLE,
    VLANS,
    WEB2,
    WIRED,
    bridge_set,
    bridged,
    changed,
    port_set,
)

from netconsole.backend.model.subject import network, port
from netconsole.backend.steps import AddLink, Plan, SetLink, SetSysctl
from netconsole.backend.survey.status import Status
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.model.target import Target, resolve
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.forwarding import ForwardingEntry, Move, PortVlan, PortVlans
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.pings import Ping, SizePings
from netconsole.diagnostics.parts.queues import Queue, Queues
from netconsole.diagnostics.parts.settings import Sysctls

OF_BRIDGES = (
    *("bridge", "stp", "fdb", "hairpin", "vlan", "promiscuity"),
    *("offload", "multicast", "drops", "saturation"),
)
QUIET = ("ok", "info", "not-applicable")


def judged(check: str, seen: Snapshot) -> Finding:
    """Return a finding, having shown that no other check of bridges has one."""
    found = {name: CHECKS[name].examine(seen) for name in OF_BRIDGES}
    others = [name for name in found if name != check and found[name].verdict not in QUIET]
    assert others == []
    return found[check]


def commands(plan: Plan | None) -> tuple[str, ...]:
    return plan.commands if plan else ()


@pytest.mark.parametrize("check", OF_BRIDGES)
def test_a_healthy_bridge_is_in_order(check: str) -> None:
    assert judged(check, bridged()).verdict == "ok"


@pytest.mark.parametrize("check", [name for name in OF_BRIDGES if name != "saturation"])
def test_without_networks_there_is_nothing_to_look_at(check: str) -> None:
    empty = Status(WIRED.host, (), (), (), (), (), ())
    seen = bridged(links=Links(())).with_parts(Backend(empty, Plan()))
    assert judged(check, seen).verdict == "not-applicable"


@pytest.mark.parametrize(
    "check", [name for name in OF_BRIDGES if name not in ("bridge", "saturation")]
)
def test_links_that_could_not_be_read_are_unknown(check: str) -> None:
    assert CHECKS[check].examine(bridged().without(Links, "no ip")).verdict == "unknown"


def test_a_port_out_of_its_bridge_is_named_with_its_instance() -> None:
    seen = bridged(SetLink("tap1", "master", "br100", ""), links=changed("tap1", master=""))
    found = judged("bridge", seen)
    assert found.verdict == "fail"
    assert "the port of web1" in found.because


def test_a_port_that_is_out_of_its_bridge_is_not_named_for_its_hairpin() -> None:
    steps = SetLink("tap1", "master", "br100", ""), SetLink("tap1", "hairpin", "1", "0")
    assert judged("bridge", bridged(*steps, links=changed("tap1", master="", port=None))).found


def test_a_port_without_carrier_is_a_fault_of_the_instance_asked_about_only() -> None:
    seen = bridged(links=changed("tap1", carrier=False))
    assert judged("bridge", seen).verdict == "info"
    aimed = replace(seen, target=resolve("web1", WIRED))
    assert judged("bridge", aimed).verdict == "warn"
    other = replace(seen, target=resolve("web2", WIRED))
    assert judged("bridge", other).verdict == "info"


def test_a_spanning_tree_is_switched_off_around_the_port_that_waits() -> None:
    links = Links(
        tuple(
            replace(each, port=replace(PORT, state="listening")) if each.name == "tap2" else each
            for each in bridge_set(stp=True, forward_delay=1500).links
        )
    )
    delay = SetLink("br100", "forward_delay", "0", "1500")
    found = judged("stp", bridged(delay, links=links))
    assert found.verdict == "fail"
    assert commands(found.fix) == (
        "ip link set dev tap2 down",
        "ip link set dev br100 type bridge stp_state 0",
        "ip link set dev br100 type bridge forward_delay 0",
        "ip link set dev tap2 up",
    )
    assert found.fix is not None
    assert commands(found.fix.inverse)[-1] == "ip link set dev tap2 up"


@pytest.mark.parametrize("state", ["disabled", "blocking"])
def test_a_port_that_somebody_shut_is_opened(state: str) -> None:
    found = judged("stp", bridged(links=with_port(state)))
    assert found.verdict == "fail"
    assert f"tap2 (web2) is {state} in its bridge" in found.because
    assert commands(found.fix) == ("bridge link set dev tap2 state 3",)


@pytest.mark.parametrize("lacking", ["up", "carrier", "settled"])
def test_a_port_that_is_disabled_for_lack_of_a_carrier_is_not_shut(lacking: str) -> None:
    assert judged("stp", bridged(links=with_port("disabled", **{lacking: False}))).verdict == "ok"


def test_the_ports_of_a_bridge_that_is_down_are_not_shut() -> None:
    down = (replace(each, up=each.name != "br100") for each in with_port("disabled").links)
    assert CHECKS["stp"].examine(bridged(links=Links(tuple(down)))).verdict == "ok"


def with_port(state: str, **more: bool) -> Links:
    """The links, with tap2 in a state."""
    shut = replace(PORT, state=state)
    return Links(
        tuple(
            replace(each, port=shut, **more) if each.name == "tap2" else each  # type: ignore[arg-type]  # fields of KernelLink that are true or false
            for each in LINKS.links
        )
    )


def test_a_loop_that_the_spanning_tree_holds_back_is_never_let_loose() -> None:
    links = Links(
        tuple(
            replace(each, port=replace(PORT, state="blocking")) if each.name == "tap2" else each
            for each in bridge_set(stp=True, forward_delay=1500).links
        )
    )
    found = judged("stp", bridged(links=links))
    assert (found.verdict, found.fix) == ("warn", None)


def test_a_spanning_tree_alone_is_a_warning_a_forward_delay_drift() -> None:
    assert judged("stp", bridged(links=bridge_set(stp=True, forward_delay=200))).verdict == "warn"
    delay = SetLink("br100", "forward_delay", "0", "1500")
    assert judged("stp", bridged(delay, links=bridge_set(forward_delay=1500))).verdict == "fail"


def test_an_entry_by_hand_behind_the_wrong_port_is_deleted_and_put_back_as_it_was() -> None:
    wrong = ForwardingEntry(WEB2, "tap1", "br100", "static", sticky=True)
    found = judged("fdb", bridged().with_parts(replace(TABLE, entries=(wrong,))))
    assert found.verdict == "fail"
    assert found.fix is not None
    assert commands(found.fix) == (f"bridge fdb delete {WEB2} dev tap1 master",)
    assert commands(found.fix.inverse) == (
        f"bridge fdb replace {WEB2} dev tap1 master static sticky",
    )


def test_a_second_sender_of_a_mac_address_is_named_by_its_port() -> None:
    wrong = ForwardingEntry(WEB2, "tap1", "br100", vlan=1)
    found = judged("fdb", bridged().with_parts(replace(TABLE, entries=(wrong,))))
    assert "tap1 (web1)" in found.because
    assert commands(found.fix) == (
        f"bridge fdb replace {WEB2} dev tap2 vlan 1 master static sticky",
    )


@pytest.mark.parametrize(("times", "verdict"), [(1, "ok"), (3, "fail")])
def test_what_moves_house_once_is_no_loop(times: int, verdict: str) -> None:
    ports = ("tap1", "vlan100", "tap1", "vlan100")[: times + 1]
    move = Move("52:54:00:00:00:77", "br100", ports)
    found = judged("fdb", bridged().with_parts(replace(TABLE, moves=(move,))))
    assert (found.verdict, found.fix) == (verdict, None)


def test_what_moves_in_a_bridge_of_others_is_not_ours() -> None:
    move = Move("52:54:00:00:00:77", "docker0", ("a", "b", "a", "b", "a"))
    assert judged("fdb", bridged().with_parts(replace(TABLE, moves=(move,)))).verdict == "ok"


def test_one_isolated_port_speaks_with_all_and_two_do_not_with_each_other() -> None:
    assert judged("hairpin", bridged(links=port_set("tap1", isolated=True))).verdict == "ok"
    both = Links(
        tuple(
            replace(each, port=replace(PORT, isolated=True)) if each.kind == "tun" else each
            for each in LINKS.links
        )
    )
    found = judged("hairpin", bridged(links=both))
    assert found.verdict == "fail"
    assert commands(found.fix) == (
        "bridge link set dev tap1 isolated off",
        "bridge link set dev tap2 isolated off",
    )


@pytest.mark.parametrize(
    ("setting", "value", "verdict"),
    [
        ("locked", True, "fail"),
        ("bcast_flood", False, "fail"),
        ("mcast_flood", False, "warn"),
        ("flood", False, "warn"),
        ("learning", False, "warn"),
    ],
)
def test_what_keeps_frames_back_is_named(setting: str, value: bool, verdict: str) -> None:
    found = judged("hairpin", bridged(links=port_set("tap1", **{setting: value})))
    assert found.verdict == verdict
    usual = "off" if value else "on"
    assert commands(found.fix) == (f"bridge link set dev tap1 {setting} {usual}",)


def test_a_vlan_device_that_is_missing_is_named_by_its_check() -> None:
    step = AddLink("vlan100", "vlan", "", parent="eth1", vlan=100)
    links = Links(tuple(each for each in LINKS.links if each.name != "vlan100"))
    assert judged("vlan", bridged(step, links=links)).verdict == "fail"


def test_a_trunk_without_carrier_and_one_with_other_tags() -> None:
    cut = judged("vlan", bridged(links=changed("eth1", carrier=False)))
    assert "no carrier" in cut.because
    other = judged("vlan", bridged(links=changed("vlan100", vlan_protocol="802.1ad")))
    assert "802.1ad" in other.because


def test_a_port_in_another_vlan_of_its_bridge_is_moved_and_back() -> None:
    members = [each for each in VLANS.members if each.port != "tap1"]
    odd = PortVlans((*members, PortVlan("tap1", 7, True, False)))
    found = judged("vlan", bridged(links=bridge_set(vlan_filtering=True)).with_parts(odd))
    assert found.fix is not None
    assert commands(found.fix) == (
        "bridge vlan delete dev tap1 vid 7",
        "bridge vlan add dev tap1 vid 1 pvid untagged",
    )
    assert commands(found.fix.inverse) == (
        "bridge vlan delete dev tap1 vid 1",
        "bridge vlan add dev tap1 vid 7 pvid",
    )
    assert judged("vlan", bridged().with_parts(odd)).verdict == "ok"  # who does not filter


def test_what_filters_of_tc_drop_is_no_matter_of_a_queue() -> None:
    stop = Queue("tap2", "clsact", "ffff:", False, {}, 9, 5)
    seen = bridged().with_parts(Queues((*QUEUES.queues[:1], stop), 0.6))
    found = judged("drops", seen)
    assert "Filters of tc at tap2 (web2) (clsact) have dropped" in found.because
    assert "`tc filter show dev tap2 ingress`" in found.remedy


def test_frames_that_leave_with_a_tag_are_taken_by_nobody() -> None:
    filtering = bridge_set(vlan_filtering=True)
    tagging = PortVlans(tuple(replace(m, untagged=m.port != "vlan100") for m in VLANS.members))
    found = judged("vlan", bridged(links=filtering).with_parts(tagging))
    assert "leave it by vlan100 with a tag of VLAN 1" in found.because
    assert found.fix is not None
    assert commands(found.fix)[-1] == "bridge vlan add dev vlan100 vid 1 pvid untagged"
    apart = PortVlans(tuple(each for each in VLANS.members if each.port != "br100"))
    found = judged("vlan", bridged(links=filtering).with_parts(apart))
    assert "br100 itself is not in VLAN 1" in found.because
    assert found.fix is not None
    assert commands(found.fix) == ("bridge vlan add dev br100 vid 1 self pvid untagged",)


def test_a_trunk_that_is_a_port_itself_has_the_vlan_with_its_tag() -> None:
    links = changed("vlan100", among=bridge_set(vlan_filtering=True), kind="", parent="", vlan=None)
    members = [each for each in VLANS.members if each.port != "vlan100"]
    trunk = PortVlans((*members, PortVlan("vlan100", 1, False, False)))
    assert judged("vlan", bridged(links=links).with_parts(trunk)).verdict == "ok"


def test_what_is_down_with_its_trunk_is_named_once() -> None:
    links = changed("vlan100", among=changed("eth1", up=False), up=False)
    steps = (SetLink("eth1", "up", "1", "0"), SetLink("vlan100", "up", "1", "0", kind="vlan"))
    assert judged("bridge", bridged(*steps, links=links)).verdict == "fail"


def test_an_uplink_that_takes_its_own_frames_only() -> None:
    found = judged("promiscuity", bridged(links=changed("eth1", promiscuity=0)))
    assert commands(found.fix) == ("ip link set dev eth1 promisc on",)
    shared = judged("promiscuity", bridged(links=changed("eth1", kind="macvlan", mode="bridge")))
    assert (shared.verdict, shared.fix) == ("fail", None)
    whole = judged("promiscuity", bridged(links=changed("eth1", kind="macvlan", mode="passthru")))
    assert whole.verdict == "ok"


def test_merging_by_hardware_is_a_fault_and_other_offloads_are_not() -> None:
    found = judged("offload", bridged(links=changed("eth1", features=("rx-gro", "rx-lro"))))
    assert commands(found.fix) == ("ethtool -K eth1 lro off",)


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({"mcast_querier": True}, "ok"),
        ({"mcast_membership_interval": 300}, "ok"),  # nobody asks, so that all get all
        ({"mcast_querier": True, "mcast_membership_interval": 300}, "fail"),
        (
            {"mcast_querier": True, "mcast_membership_interval": 300, "mcast_snooping": False},
            "ok",
        ),
    ],
)
def test_listeners_are_forgotten_only_by_who_asks_and_filters(
    settings: dict[str, object], verdict: str
) -> None:
    assert judged("multicast", bridged(links=bridge_set(**settings))).verdict == verdict


def test_of_what_a_full_queue_takes_it_is_not_known_that_it_was_too_large() -> None:
    vanished = SizePings(
        (Ping("10.0.0.3", "br100", "", 0, 2, 2), Ping("10.0.0.3", "br100", "", 1500, 2, 0))
    )
    for seen, verdict in ((bridged(), "warn"), (bridged(tap2_tx_dropped=5), "info")):
        assert CHECKS["mtu"].examine(seen.with_parts(vanished)).verdict == verdict


def test_only_what_is_dropped_now_is_a_fault() -> None:
    assert judged("drops", bridged(tap1_rx_dropped=3)).verdict == "ok"
    assert judged("drops", bridged(eth1_rx_dropped=300)).verdict == "warn"
    found = judged("drops", bridged(tap2_tx_dropped=5))
    assert (found.verdict, found.fix) == ("fail", None)
    assert "tap2 (web2)" in found.because


_BACKLOG = Sysctls({"net/core/netdev_max_backlog": "1000"})
"""As it is read in the network namespace of the machine itself, and nowhere else."""


def test_what_no_processor_had_room_for_is_not_lost_once_more_at_its_interface() -> None:
    seen = bridged(tap2_tx_dropped=5, softnet_dropped=5)
    assert judged("saturation", seen.with_parts(_BACKLOG)).verdict == "fail"
    more = bridged(tap2_tx_dropped=6, softnet_dropped=5)
    assert CHECKS["drops"].examine(more).verdict == "fail"


def test_a_guest_that_is_switched_off_takes_nothing_and_that_is_no_fault() -> None:
    seen = bridged(links=changed("tap2", carrier=False), tap2_tx_dropped=5)
    assert judged("drops", seen).verdict == "ok"


@pytest.mark.parametrize(
    ("queue", "back"),
    [
        (
            Queue("tap2", "tbf", "1:", True, {"rate": 8000, "burst": 1600, "limit": 3000}, 9, 5),
            "tc qdisc add dev tap2 root handle 1: tbf rate 64000bit burst 1600 limit 3000",
        ),
        (
            Queue("tap2", "pfifo", "1:", True, {"limit": 5}, 9, 5),
            "tc qdisc add dev tap2 root handle 1: pfifo limit 5",
        ),
        (Queue("tap2", "tbf", "1:", True, {"rate": 8000}, 9, 5), None),
        (Queue("tap2", "htb", "1:", True, {"default": 1}, 9, 5), None),
        (Queue("tap2", "pfifo", "2:", False, {"limit": 5}, 9, 5), None),
    ],
)
def test_a_limit_of_somebodys_is_left_and_how_to_put_it_back_is_said(
    queue: Queue, back: str | None
) -> None:
    seen = bridged().with_parts(Queues((*QUEUES.queues[:1], queue), 0.6))
    found = judged("drops", seen)
    assert (found.verdict, found.fix) == ("fail", None)
    assert "Somebody has set up" in found.remedy
    assert back in found.remedy if back else "tc qdisc" not in found.remedy


def test_waiting_for_a_processor_is_no_loss() -> None:
    assert judged("saturation", bridged(softnet_squeezed=500)).verdict == "info"


def test_what_another_network_namespace_may_have_lost_is_no_fault_of_this_one() -> None:
    found = judged("saturation", bridged(softnet_dropped=5))
    assert (found.verdict, found.confidence, found.fix) == ("info", "possible", None)
    assert "whole machine" in found.because


def test_a_full_backlog_is_lengthened_where_it_can_be_set() -> None:
    found = judged("saturation", bridged(softnet_dropped=5).with_parts(_BACKLOG))
    assert found.fix == Plan((SetSysctl("net.core.netdev_max_backlog", "2000", "1000"),))
    assert found.persist


@pytest.mark.parametrize("check", ["hairpin", "fdb", "stp"])
def test_what_is_wrong_at_anothers_port_is_an_aside_where_an_instance_is_asked_about(
    check: str,
) -> None:
    links = {
        "hairpin": port_set("tap2", bcast_flood=False),
        "stp": with_port("disabled"),
        "fdb": LINKS,
    }[check]
    seen = bridged(links=links)
    if check == "fdb":
        here = ForwardingEntry(WEB2, "vlan100", "br100")
        seen = seen.with_parts(replace(TABLE, entries=(*TABLE.entries, here)))
    of_web1, of_web2 = (
        judged(check, replace(seen, target=Target(name, name, port=port)))
        for name, port in (("web1", "tap1"), ("web2", "tap2"))
    )
    assert (of_web2.verdict, of_web1.verdict, of_web1.fix) == ("fail", "info", None)
    assert of_web1.because.startswith("Not about web1: ")


def test_the_port_of_another_instance_is_an_aside_of_the_target() -> None:
    step = SetLink("tap1", "master", "br100", "", subjects=(network("vmnet"), port("tap1")))
    seen = bridged(step, links=changed("tap1", master=""))
    assert judged("bridge", replace(seen, target=resolve("web1", WIRED))).verdict == "fail"
    other = judged("bridge", replace(seen, target=resolve("web2", WIRED)))
    assert (other.verdict, other.fix) == ("info", None)
    assert other.because.startswith("Not about web2: ")
