"""What vhost_net and the modules are judged by: open descriptors, not arguments; who blocks."""

from evidence_samples import snapshot

from netconsole.backend.steps import Plan, RunProgram, WriteFile
from netconsole.diagnostics.checks.bridges import vhost_net
from netconsole.diagnostics.checks.host import modules as modules_check
from netconsole.diagnostics.model.finding import Finding
from netconsole.diagnostics.parts.modules import Module, Modules
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.parts.virtual_machines import (
    VhostDevice,
    VirtualMachine,
    VirtualMachines,
)
from netconsole.diagnostics.reasoning.module_drop_ins import OURS

DEVICE = VhostDevice(present=True, owner="root", group="kvm", mode=0o660)
NO_DEVICE = VhostDevice(present=False)
AVAILABLE = Module("vhost_net", "available")
LOADED = Module("vhost_net", "loaded")
BLOCK = "/etc/modprobe.d/policy.conf:1 install vhost_net /bin/false"


def guest(vhost: int, asks: bool = True, user: str = "libvirt-qemu") -> VirtualMachine:
    return VirtualMachine(7, "web1", user, ("tap1",), asks, vhost)


def vhost(
    *machines: VirtualMachine, module: Module = LOADED, device: VhostDevice = DEVICE
) -> Finding:
    seen = snapshot().with_parts(VirtualMachines(machines, device), Modules((module,)))
    return vhost_net.CHECK.examine(seen)


def test_without_virtual_machines_there_is_nothing_to_look_at() -> None:
    assert vhost().verdict == "not-applicable"


def test_virtual_machines_that_may_not_be_looked_into_are_unknown() -> None:
    seen = snapshot().with_parts(VirtualMachines((), NO_DEVICE, unread=2), Modules((LOADED,)))
    assert vhost_net.CHECK.examine(seen).verdict == "unknown"


def test_descriptors_prove_it_and_arguments_do_not() -> None:
    assert vhost(guest(vhost=1, asks=False)).verdict == "ok"
    assert vhost(guest(vhost=0, asks=True)).verdict == "info"


def test_a_module_that_is_not_loaded_is_loaded_now_and_at_boot() -> None:
    found = vhost(guest(0), module=AVAILABLE, device=NO_DEVICE)
    assert found.verdict == "warn"
    assert found.fix == Plan((RunProgram(("modprobe", "vhost_net")),))
    assert found.persist is not None
    (step,) = found.persist.steps
    assert isinstance(step, WriteFile)
    assert (step.path, step.content.splitlines()[-1]) == (OURS, "vhost_net")
    assert "no effect on instances that run" in found.remedy


def test_a_blocked_or_missing_module_is_not_forced() -> None:
    blocked = vhost(guest(0), module=Module("vhost_net", "available", BLOCK), device=NO_DEVICE)
    assert (blocked.verdict, blocked.fix) == ("warn", None)
    assert BLOCK in blocked.remedy
    missing = vhost(guest(0), module=Module("vhost_net", "missing"), device=NO_DEVICE)
    assert (missing.verdict, missing.fix) == ("info", None)


def test_a_device_that_qemu_may_not_open_is_named() -> None:
    closed = VhostDevice(present=True, owner="root", group="root", mode=0o600)
    found = vhost(guest(0), device=closed)
    assert (found.verdict, found.fix) == ("warn", None)
    assert "0600" in found.because
    assert vhost(guest(0, user="root"), device=closed).verdict == "info"


def examine(*modules: Module, disabled: str = "0") -> Finding:
    seen = snapshot().with_parts(Modules(modules), Sysctls({"kernel/modules_disabled": disabled}))
    return modules_check.CHECK.examine(seen)


def test_only_a_module_that_could_be_loaded_is_blocked() -> None:
    line = "/etc/modprobe.d/x.conf:3 blacklist tun"
    assert examine(Module("tun", "available")).verdict == "ok"
    assert examine(Module("tun", "loaded", line)).verdict == "ok"
    found = examine(Module("tun", "available", line))
    assert (found.verdict, found.fix) == ("warn", None)
    assert line in found.because
    assert examine(Module("vhost_net", "available", line)).verdict == "info"


def test_no_module_at_all() -> None:
    found = examine(Module("br_netfilter", "available"), Module("tun", "built-in"), disabled="1")
    assert found.verdict == "warn"
    assert "modules_disabled" in found.because
