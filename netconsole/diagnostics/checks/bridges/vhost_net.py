"""B2: do virtual machines move their packets in the kernel?"""

from typing import Final

from netconsole.backend.steps import Plan, RunProgram
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.modules import Module, Modules
from netconsole.diagnostics.parts.virtual_machines import (
    VHOST_DEVICE,
    VhostDevice,
    VirtualMachine,
    VirtualMachines,
)
from netconsole.diagnostics.reasoning.module_drop_ins import at_boot

ID: Final = "vhost_net"
TITLE = "Virtual machines use vhost_net"
MODULE = "vhost_net"
READABLE_BY_GROUP = 0o060
LOAD = RunProgram(("modprobe", MODULE))
RESTART = (
    "Loading the module has no effect on instances that run: stop and start each of these, not "
    "only reboot it inside, as QEMU opens the device when it starts."
)


def judge(snapshot: Snapshot) -> Finding:
    """Look at what each virtual machine holds open; its arguments alone prove nothing."""
    found, modules = snapshot.part(VirtualMachines), snapshot.part(Modules)
    module = modules.get(MODULE)
    bridged = [each for each in found.machines if each.taps]
    without = [each for each in bridged if not each.vhost_descriptors]
    plan, permanence = at_boot(module, modules.ours)
    rows = (
        Evidence(f"module {MODULE}", module.state, "loaded", module.blocked_by),
        _device(found.device),
        *(_machine(each) for each in bridged),
        Evidence(AT_BOOT, permanence),
    )
    if not bridged:
        if found.unread:
            because = f"{found.unread} virtual machines run, and this user may not see into them."
            return Finding(ID, TITLE, "unknown", because, rows)
        return Finding(ID, TITLE, "not-applicable", "No virtual machine with a tap runs here.")
    if not without:
        because = f"All {len(bridged)} with a tap hold {VHOST_DEVICE} open."
        return Finding(ID, TITLE, "ok", because, rows, persist=plan)
    names = ", ".join(each.name for each in without[:4])
    if not found.device.present:
        return _not_loaded(module, names, rows, plan)
    if not _opens(found.device, without):
        because = (
            f"{VHOST_DEVICE} is {found.device.owner}:{found.device.group} {found.device.mode:04o}: "
            f"QEMU, which runs as {without[0].user}, may not open it, and so {names} move every "
            "packet through QEMU itself."
        )
        remedy = (
            "Let its group in by a udev rule: "
            'KERNEL=="vhost-net", GROUP="kvm", MODE="0660", OPTIONS+="static_node=vhost-net"'
        )
        return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence="likely")
    because = (
        f"{names} run without it, though the module is loaded: started before that, or not told to "
        "use it. QEMU itself moves each of their packets, which costs throughput and processor "
        "time; on old kernels such guests have lost their network under load."
    )
    return Finding(ID, TITLE, "info", because, rows, persist=plan, remedy=RESTART)


def _not_loaded(module: Module, names: str, rows: tuple[Evidence, ...], plan: Plan) -> Finding:
    because = (
        f"{names} run without vhost_net: the module is not loaded, so QEMU itself moves each of "
        "their packets. That costs throughput and processor time, and on old kernels such guests "
        "have lost their network under load."
    )
    if module.state == "missing":
        because += " This kernel does not have the module."
        return Finding(ID, TITLE, "info", because, rows)
    if module.blocked_by:
        remedy = f"Take away the line that keeps it from loading: {module.blocked_by}"
        return Finding(ID, TITLE, "warn", because, rows, remedy=remedy)
    return Finding(ID, TITLE, "warn", because, rows, (), Plan((LOAD,)), plan, RESTART)


def _opens(device: VhostDevice, machines: list[VirtualMachine]) -> bool:
    """Whether QEMU may open the device: root always, others by its group or for all."""
    if all(each.user in ("root", device.owner) for each in machines):
        return True
    in_group = device.group != "root" and bool(device.mode & READABLE_BY_GROUP)
    return in_group or device.mode & 0o006 == 0o006


def _device(device: VhostDevice) -> Evidence:
    if not device.present:
        return Evidence(VHOST_DEVICE, "missing", "present")
    return Evidence(VHOST_DEVICE, f"{device.owner}:{device.group} {device.mode:04o}")


def _machine(each: VirtualMachine) -> Evidence:
    value = f"{each.vhost_descriptors} descriptors of {VHOST_DEVICE}"
    asks = "its arguments ask for it" if each.asks_for_vhost else "its arguments do not ask for it"
    note = f"pid {each.pid}, {', '.join(each.taps)}; {asks}"
    return Evidence(each.name, value, "1 a queue", note)


PAGE = Explanation(
    symptom="Low throughput and much processor time of QEMU for little traffic; on old kernels, "
    "guests whose network works at first and then stops under load.",
    cause="Without vhost_net each packet of a guest passes through the QEMU process, which copies "
    "it between the tap and the guest's rings. With it the kernel does that. QEMU opens "
    "/dev/vhost-net when a virtual machine starts, or does without, silently.",
    evidence="The descriptors that each QEMU process holds open: one of /dev/vhost-net a queue is "
    "the proof, its arguments (vhost=on) are only a wish. The taps are those of its open "
    "descriptors of /dev/net/tun.",
    look_alikes=(
        ("drops", "packets are lost on the tap: its tx_dropped rises, with vhost_net or without."),
        ("mtu", "small packets pass at full speed, large ones not at all."),
    ),
    cure="modprobe vhost_net, and a line in /etc/modules-load.d for the next boot. Instances that "
    "run do not change: they have to be stopped and started. The module does no harm where it is "
    "not used. With libvirt, <driver name='vhost'/> insists on it.",
    source="qemu(1), -netdev tap; proc_pid_fdinfo(5); modules-load.d(5)",
)

CHECK = Check(
    ID,
    ("B2",),
    TITLE,
    frozenset({VirtualMachines, Modules}),
    0.1,
    judge,
    PAGE,
    wrong="A virtual machine does without vhost_net",
)
