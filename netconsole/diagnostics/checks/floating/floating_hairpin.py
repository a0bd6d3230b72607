"""D6: do instances of one network reach each other's floating addresses?"""

from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import ChangeRules, Plan
from netconsole.backend.survey.status import NetworkStatus
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks

ID: Final = "floating_hairpin"
TITLE = "Floating addresses work from the same network"
KEY = "net/bridge/bridge-nf-call-iptables"
REMEDY = (
    "The rule lets such connections come from the host's address on the bridge, so that replies "
    "pass through the host. The instance then sees that address instead of its neighbour's. It "
    "lasts until the next boot. Or let iptables see bridged frames again (bridge_nf)."
)


def judge(snapshot: Snapshot) -> Finding:
    """Find networks where a reply between neighbours does not come back through the host."""
    status = snapshot.part(Backend).status
    owners = {each.address: each.network for each in status.allocations if each.floating}
    populated = [each.network for each in status.allocations if each.allocated]
    concerned = [
        network
        for network in status.networks
        if network.label in owners.values() and populated.count(network.label) > 1
    ]
    if not concerned:
        because = "No instance with a floating address has a neighbour on its network."
        return Finding(ID, TITLE, "not-applicable", because)
    bypassed = [each for each in concerned if not _returns_through_host(snapshot, each)]
    rows = tuple(row for each in concerned for row in _rows(snapshot, each))
    if not bypassed:
        because = "Replies between neighbours pass through NAT, so that floating addresses work."
        return Finding(ID, TITLE, "ok", because, rows)
    first = bypassed[0]
    because = (
        f"On {first.bridge} iptables does not see bridged frames: an instance that reaches a "
        f"neighbour on {first.label} by its floating address is answered directly, from the fixed "
        "address, and takes no such answer. From elsewhere the floating address works."
    )
    rules = tuple(f"-A POSTROUTING {_rule(each)}" for each in bypassed)
    back = tuple(f"-D POSTROUTING {_rule(each)}" for each in reversed(bypassed))
    fix = Plan((ChangeRules("ipv4", "nat", rules, back),))
    out = ("hairpin: that is about an instance and its own floating address",)
    return Finding(ID, TITLE, "info", because, rows, out, fix, remedy=REMEDY)


def _returns_through_host(snapshot: Snapshot, network: NetworkStatus) -> bool:
    return _sees_frames(snapshot, network) or _has_rule(snapshot, network)


def _sees_frames(snapshot: Snapshot, network: NetworkStatus) -> bool:
    """Whether iptables is asked about bridged frames: by the host's setting or the bridge's."""
    bridge = snapshot.part(Links).get(network.bridge)
    everywhere = snapshot.part(Sysctls).number(KEY) > 0
    return everywhere or bool(bridge and bridge.bridge and bridge.bridge.nf_call_iptables)


def _rule(network: NetworkStatus) -> str:
    match = f"-s {network.cidr} -d {network.cidr} -m conntrack --ctstate DNAT"
    return f"{match} -j MASQUERADE"


def _has_rule(snapshot: Snapshot, network: NetworkStatus) -> bool:
    chain = snapshot.part(PacketFilter).chain("nat", "POSTROUTING")
    return chain is not None and any(rule.spec == _rule(network) for rule in chain.rules)


def _rows(snapshot: Snapshot, network: NetworkStatus) -> tuple[Evidence, ...]:
    bridge = snapshot.part(Links).get(network.bridge)
    own = bridge.bridge.nf_call_iptables if bridge and bridge.bridge else False
    value = snapshot.part(Sysctls).get(KEY, "not there: br_netfilter is not loaded")
    rule = "there" if _has_rule(snapshot, network) else "not there"
    return (
        Evidence(name_of(KEY), value, "1", "either of the two is enough"),
        Evidence(f"nf_call_iptables of {network.bridge}", str(int(own)), "1"),
        Evidence(f"or: nat POSTROUTING {_rule(network)}", rule),
    )


PAGE = Explanation(
    symptom="An instance reaches everything but the floating addresses of its neighbours on the "
    "same network; from outside, and from the host, these work.",
    cause="The packet goes to the host, is translated to the neighbour's fixed address and sent "
    "back to the bridge, with its source unchanged. The neighbour answers that source directly "
    "over the bridge. Only if iptables is asked about bridged frames (br_netfilter) does the "
    "answer get its floating address back; else the instance drops an answer from a stranger. "
    "Measured: with 0 it hangs, with 1 it works.",
    evidence="bridge-nf-call-iptables of the host and of the bridge: either is enough. A rule of "
    "NAT that gives such connections the host's address does without.",
    look_alikes=(
        ("hairpin", "an instance does not reach itself by its own floating address."),
        ("floating_nat", "the address does not work from outside either."),
        ("bridge_nf", "is about the setting itself, and what else hangs on it."),
    ),
    cure="One MASQUERADE rule for translated connections within the network, or "
    "bridge-nf-call-iptables 1, which sends all bridged frames through FORWARD. As this is how "
    "hosts without br_netfilter are, it is said and counts as no fault. netconsole does not keep "
    "the rule: set it wherever the host's own rules are kept.",
    source="Linux Documentation/networking/bridge.rst, br_netfilter; nova/network/linux_net.py, "
    "floating_forward_rules",
)

CHECK = Check(
    ID,
    ("D6",),
    TITLE,
    frozenset({Backend, Links, PacketFilter, Sysctls}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_networks),
    wrong="A floating address does not work from its own network",
)
