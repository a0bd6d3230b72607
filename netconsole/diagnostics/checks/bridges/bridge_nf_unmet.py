"""The other side of `bridge_nf`: rules about the ports of a bridge that no frame ever meets."""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.steps import Plan, RunProgram, SetSysctl
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.module_drop_ins import at_boot

CALL: Final = "net/bridge/bridge-nf-call-iptables"
MODULE: Final = "br_netfilter"
SHOWN: Final = 8
"""Rules listed; the rest are counted."""
REMEDY: Final = (
    "For one bridge, as long as that is there, `ip link set dev BRIDGE type bridge "
    "nf_call_iptables 1` does the same; 1 of the host is what Docker and Kubernetes ask for too."
)


def about_ports(seen: PacketFilter) -> Iterator[tuple[str, str]]:
    """Return the rules that only bridged frames can meet, each with its chain."""
    for chain in seen.of("filter"):
        for rule in chain.rules:
            if "--physdev-" in rule.spec and "! --physdev-" not in rule.spec:
                yield chain.chain, rule.spec


def explained(count: int) -> str:
    """Say what becomes of the frames, and why."""
    rules = "a rule about ports of a bridge never sees them"
    if count > 1:
        rules = f"{count} rules about ports of a bridge never see them"
    return (
        "Frames between two ports of one bridge do not meet iptables, as neither the setting of "
        f"the host nor that of a bridge asks for it: {rules}, and what is forbidden there gets "
        "through."
    )


def unmet(rules: tuple[tuple[str, str], ...]) -> Iterator[Evidence]:
    """List the rules."""
    for chain, rule in rules[:SHOWN]:
        yield Evidence(f"never met, in {chain}", rule)
    if len(rules) > SHOWN:
        yield Evidence("more of these", str(len(rules) - SHOWN))


def enforce(snapshot: Snapshot) -> Plan | None:
    """Lead bridged frames through iptables, None where this kernel cannot.

    None as well where the host has bridges of others: the setting is the host's, and a FORWARD
    that drops, such as Docker's, would cut off who is on them. The module begins with it.
    """
    if _foreign(snapshot):
        return None
    sysctls = snapshot.part(Sysctls)
    if CALL in sysctls.values:
        return Plan((SetSysctl(name_of(CALL), "1", sysctls.get(CALL)),))
    module = snapshot.part(Modules).get(MODULE)
    if module.state != "available" or module.blocked_by:
        return None  # `modules` says what keeps it away
    return Plan((RunProgram(("modprobe", MODULE)),))


def _foreign(snapshot: Snapshot) -> bool:
    """Whether a bridge that is no network's carries frames between ports."""
    links = snapshot.part(Links)
    ours = {each.bridge for each in snapshot.part(Backend).status.networks}
    return any(each.name not in ours and links.ports_of(each.name) for each in links.bridges)


def kept(snapshot: Snapshot) -> tuple[Plan | None, Evidence]:
    """Return what keeps it: the setting, and the module, without which the setting is lost."""
    modules = snapshot.part(Modules)
    if _foreign(snapshot):
        return None, Evidence(AT_BOOT, "not kept: the host has bridges of others")
    setting, permanence = snapshot.part(DropIns).make_permanent({CALL: "1"})
    module, loaded = at_boot(modules.get(MODULE), modules.ours)
    row = Evidence(AT_BOOT, f"{permanence}; {MODULE}: {loaded}")
    return (Plan((*module.steps, *setting.steps)) if setting is not None else None), row
