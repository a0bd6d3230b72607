"""Frames from port to port of a bridge: whether they meet iptables, and what drops them there."""

from dataclasses import replace

import pytest
from bridge_samples import BRIDGE
from evidence_samples import HEALTHY, OUR_FILTER, packet_filter, snapshot

from netconsole.backend.steps import ChangeRules, Plan, RunProgram, SetSysctl
from netconsole.diagnostics.checks import CHECKS
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.links import KernelLink, Links
from netconsole.diagnostics.parts.modules import Module, Modules
from netconsole.diagnostics.parts.settings import Sysctls

CALL = "net/bridge/bridge-nf-call-iptables"
WITHIN = "-A FORWARD -i br100 -o br100 -j DROP\n"
BRIDGED = "-A FORWARD -m physdev --physdev-is-bridged -j DROP\n"
OF_A_PORT = "-A FORWARD -m physdev --physdev-in tap1 --physdev-is-bridged -j DROP\n"
NO_MODULES = Modules(())
ALL = "-A FORWARD -j DROP\n"


def found(
    first: str = "",
    *,
    whole: str = "1",
    own: bool = False,
    modules: Modules = NO_MODULES,
    others: tuple[KernelLink, ...] = (),
) -> Finding:
    text = OUR_FILTER.replace("-A FORWARD", f"{first}-A FORWARD", 1)
    link = KernelLink(
        4, "br100", "bridge", True, True, "fa:16:3e:00:00:01", 1500,
        bridge=replace(BRIDGE, nf_call_iptables=own),
    )  # fmt: skip
    values = {CALL: whole} if whole else {}
    parts = packet_filter(text), Sysctls(values), Links((link, *others)), modules
    seen = snapshot(HEALTHY).with_parts(*parts)
    return CHECKS["bridge_nf"].examine(seen)


def test_ours_alone_lets_them_pass() -> None:
    assert found().verdict == "ok"


@pytest.mark.parametrize("rule", [WITHIN, BRIDGED])
def test_a_rule_for_bridged_frames_is_named_and_preceded_by_an_accept(rule: str) -> None:
    finding = found(rule)
    assert finding.verdict == "fail"
    assert "rule 1 of FORWARD" in finding.because
    accept = "-i br100 -o br100 -m physdev --physdev-is-bridged -j ACCEPT"
    assert finding.fix == Plan(
        (ChangeRules("ipv4", "filter", (f"-I FORWARD 1 {accept}",), (f"-D FORWARD {accept}",)),)
    )
    assert "anti-spoofing" in finding.remedy


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ("-A FORWARD -m physdev --physdev-in tap1 ! -s 10.0.0.2 -j DROP\n" + WITHIN, "FORWARD 2"),
        (
            ":apart - [0:0]\n-A apart -p tcp -j RETURN\n-A apart -i br100 -o br100 -j DROP\n"
            "-A FORWARD -j apart\n",
            "apart 2",
        ),
    ],
)
def test_what_stands_before_the_rule_that_drops_still_decides(rules: str, place: str) -> None:
    finding = found(rules)
    assert finding.fix
    (command,) = finding.fix.commands
    assert command.startswith(f"iptables -t filter -I {place} -i br100 -o br100 -m physdev ")


def test_what_drops_routed_packets_too_is_another_checks() -> None:
    assert found(ALL).verdict == "ok"


def test_either_of_the_two_settings_is_enough_and_neither_is_said() -> None:
    assert found(WITHIN, whole="0", own=True).verdict == "fail"
    assert found(WITHIN, whole="0").verdict == "info"
    unloaded = found(WITHIN, whole="")
    assert unloaded.verdict == "info"
    assert [row.value for row in unloaded.evidence if row.label == "br_netfilter"] == ["not loaded"]


def test_a_rule_about_a_port_that_sees_no_frame_is_named_and_enforced_for_good() -> None:
    finding = found(OF_A_PORT, whole="0")
    assert finding.verdict == "warn"
    assert finding.fix == Plan((SetSysctl("net.bridge.bridge-nf-call-iptables", "1", "0"),))
    assert finding.persist
    assert found(OF_A_PORT).verdict == "ok"
    assert found(OF_A_PORT, whole="0", own=True).verdict == "ok"


def test_the_bridges_of_others_are_not_led_through_a_forward_that_may_drop() -> None:
    bridge = KernelLink(5, "virbr0", "bridge", True, True, "52:54:00:00:00:01", 1500, bridge=BRIDGE)
    port = KernelLink(6, "vnet0", "tun", True, True, "fe:54:00:00:00:01", 1500, master="virbr0")
    finding = found(OF_A_PORT, whole="0", others=(bridge, port))
    assert (finding.verdict, finding.fix, finding.persist) == ("warn", None, None)
    assert "nf_call_iptables 1" in finding.remedy


def test_a_rule_about_everything_but_bridged_frames_misses_nothing() -> None:
    not_bridged = "-A FORWARD -m physdev ! --physdev-is-bridged -j ACCEPT\n"
    assert found(not_bridged, whole="0").verdict == "info"


@pytest.mark.parametrize(
    ("module", "fix"),
    [
        (Module("br_netfilter", "available"), Plan((RunProgram(("modprobe", "br_netfilter")),))),
        (Module("br_netfilter", "available", blocked_by="/etc/modprobe.d/a:1 install"), None),
        (Module("br_netfilter", "missing"), None),
    ],
)
def test_the_module_is_loaded_where_that_can_be_done(module: Module, fix: Plan | None) -> None:
    finding = found(OF_A_PORT, whole="", modules=Modules((module,)))
    assert (finding.verdict, finding.fix) == ("warn", fix)
