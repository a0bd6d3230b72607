"""E3: can the modules be loaded that this host's networks need?"""

from typing import Final

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.modules import Module, Modules
from netconsole.diagnostics.parts.settings import Sysctls

ID: Final = "modules"
TITLE = "Kernel modules can be loaded"
DISABLED = "kernel/modules_disabled"
_FOR = {
    "tun": "taps of virtual machines",
    "bridge": "bridges",
    "8021q": "VLAN networks",
    "br_netfilter": "filtering between ports of one bridge",
    "nf_conntrack": "NAT",
    "vhost_net": "fast virtual machines",
}
_OPTIONAL = frozenset({"8021q", "vhost_net"})
"""Not every host has VLANs or virtual machines; what needs them says so itself."""


def judge(snapshot: Snapshot) -> Finding:
    """Name each module that is not there and cannot come."""
    modules, sysctls = snapshot.part(Modules), snapshot.part(Sysctls)
    disabled = sysctls.get(DISABLED) == "1"
    blocked = [
        each
        for each in modules.modules
        if each.state == "available" and (each.blocked_by or disabled)
    ]
    rows = tuple(_row(each, disabled) for each in modules.modules)
    if not blocked:
        because = "None that could be loaded is kept from it."
        return Finding(ID, TITLE, "ok", because, rows)
    needed = [each for each in blocked if each.name not in _OPTIONAL]
    first = (needed or blocked)[0]
    reason = (
        "kernel.modules_disabled is 1, which nothing but a reboot takes back"
        if disabled
        else f"{first.blocked_by} forbids it"
    )
    because = (
        f"{first.name} is not loaded and cannot be: {reason}. It serves {_FOR[first.name]}; what "
        "needs it fails, or silently does without."
    )
    remedy = (
        "Reboot without the setting."
        if disabled
        else f"Take the line away if nobody meant it: {first.blocked_by}. It may be somebody's "
        "policy, so that netconsole does not."
    )
    return Finding(ID, TITLE, "warn" if needed else "info", because, rows, remedy=remedy)


def _row(each: Module, disabled: bool) -> Evidence:
    note = each.blocked_by or ("no module can be loaded" if disabled else "")
    return Evidence(each.name, each.state, note=note or f"for {_FOR.get(each.name, 'networks')}")


PAGE = Explanation(
    symptom="A cure that loads a module fails, or a feature is missing that the kernel has.",
    cause="A line `install MODULE /bin/false` or `blacklist MODULE` of modprobe.d keeps a module "
    "from being loaded, by name or for its device; kernel.modules_disabled=1 keeps every module "
    "out until the next boot.",
    evidence="/proc/modules and the lists of the running kernel's modules, the files of modprobe.d "
    "and the setting.",
    look_alikes=(
        ("a module that the kernel does not have", "it is in no list; another kernel is needed."),
        ("a module that is built in", "it is in no /proc/modules, and works all the same."),
    ),
    cure="The line or setting is an admin's decision; netconsole names it and does not undo it.",
    source="modprobe.d(5); Linux Documentation/admin-guide/sysctl/kernel.rst, modules_disabled",
)

CHECK = Check(
    ID,
    ("E3",),
    TITLE,
    frozenset({Modules, Sysctls}),
    0.1,
    judge,
    PAGE,
    reach=Reach.HOST,
    wrong="Kernel modules cannot be loaded",
)
