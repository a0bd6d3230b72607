"""A virtual machine with Debian's own kernel, emulated by QEMU over this machine's file system.

    PYTHONPATH=tests python tests/vm/emulated.py COMMAND…

runs a command there as root, in the directory where it is called, and gives back its exit status.
Its kernel has modules that can be loaded, vhost_net among them, and both kinds of iptables. The
machine's files are seen as they are and changed in memory only. Slower than user-mode-linux.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from vm.machine import HERE, NOT_ENDED, NOT_RUN, PROJECT, SYSTEM_PATH, put_in_place, watch

PROGRAMS: Final = (
    *("qemu-system-x86_64", "apt-get", "dpkg-deb", "depmod", "busybox"),
    *("bsdtar", "gzip", "ldd"),
)
MODULES: Final = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
"""What it takes to see this machine's files."""
MEMORY: Final = "1G"
_UNPACKED: Final = PROJECT / "build" / "kernel"
QUIETLY: Final = "console=ttyS0 panic=-1 quiet loglevel=3"
_DIRECTORIES: Final = ("bin", "dev", "proc", "sys")
_LIBRARY: Final = re.compile(r"(/\S+) \(0x")


def run(
    command: Sequence[str], seconds: float, say: Callable[[str], object] = sys.stdout.write
) -> int:
    """Run a command in a fresh machine; return its exit status as vm.machine does."""
    kernel = unpacked_kernel()
    with tempfile.TemporaryDirectory(prefix="netconsole-vm-") as name:
        work = Path(name)
        job = f"cd {shlex.quote(str(Path.cwd()))}\n{shlex.join(command)}\n"
        (work / "job").write_text(job)
        pack(work / "first", kernel, MODULES, HERE / "first-init")
        in_time = watch(_launch(work, kernel), seconds, say)
        status = work / "status"
        if status.exists():
            return int(status.read_text())
        return NOT_RUN if in_time else NOT_ENDED


def unpacked_kernel() -> Path:
    """Return the modules' directory of Debian's newest kernel package, fetched where missing.

    Only unpacked: the machine's own kernel and boot loader are left alone.
    """
    present = sorted(_UNPACKED.glob("lib/modules/*/modules.dep"))
    if present:
        return present[-1].parent
    _UNPACKED.parent.mkdir(exist_ok=True)
    told = _output("apt-cache", "depends", "linux-image-amd64")
    package = re.search(r"Depends: (linux-image-\S+)", told)
    assert package, told
    release = package[1].removeprefix("linux-image-")
    with tempfile.TemporaryDirectory(prefix=".kernel-", dir=_UNPACKED.parent) as name:
        _output("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", package[1], cwd=name)
        (file,) = Path(name).glob("*.deb")
        made = Path(name) / "unpacked"
        _output("dpkg-deb", "--extract", str(file), str(made))
        _output("depmod", "--basedir", str(made), release)
        put_in_place(made, _UNPACKED)
    return _UNPACKED / "lib" / "modules" / release


def _output(*command: str, cwd: str | None = None) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        env={"PATH": SYSTEM_PATH, "LC_ALL": "C"},
        cwd=cwd,
        check=False,
    )
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr or done.stdout}"
    return done.stdout


def image_of(kernel: Path) -> Path:
    """Return the kernel of a modules' directory."""
    return _UNPACKED / "boot" / f"vmlinuz-{kernel.name}"


def pack(
    root: Path, kernel: Path, modules: Sequence[str], init: Path, programs: Sequence[str] = ()
) -> Path:
    """Write a machine's first file system beside the directory `root`, which is made: an initramfs.

    In it are busybox and other programs with their libraries, modules, listed in the order in which
    they can be loaded, and its first program. What is in `root` already is in it as well.
    """
    for directory in _DIRECTORIES:
        (root / directory).mkdir(parents=True, exist_ok=True)
    for program in ("busybox", *programs):
        _add_program(root, program)
    needed = _in_order(kernel, modules)
    for module in needed:
        shutil.copy(kernel / module, root)
    (root / "modules").write_text("".join(f"{Path(module).name}\n" for module in needed))
    shutil.copy(init, root / "init")
    archive = root.with_suffix(".cpio")
    _output("bsdtar", "--format=newc", "-cf", str(archive), "-C", str(root), ".")
    _output("gzip", "-1", str(archive))
    return archive.with_suffix(".cpio.gz")


def _add_program(root: Path, program: str) -> None:
    found = shutil.which(program, path=SYSTEM_PATH)
    assert found is not None
    shutil.copy(found, root / "bin" / program)
    for library in _LIBRARY.findall(_output("ldd", found)):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)


def _in_order(kernel: Path, modules: Sequence[str]) -> list[str]:
    """The modules' files, each behind those that it depends on (modules.dep(5))."""
    needs: dict[str, list[str]] = {}
    for line in (kernel / "modules.dep").read_text().splitlines():
        file, _, others = line.partition(":")
        needs[file] = others.split()
    files = _by_name(needs)
    order: list[str] = []
    for name in modules:
        for file in (*reversed(needs[files[name]]), files[name]):
            if file not in order:
                order.append(file)
    return order


def _by_name(needs: Mapping[str, object]) -> dict[str, str]:
    return {Path(file).name.partition(".")[0]: file for file in needs}


def _launch(work: Path, kernel: Path) -> "subprocess.Popen[str]":
    shared = "security_model=none,multidevs=remap"
    return subprocess.Popen(
        [
            *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64"),
            *("-accel", "tcg", "-m", MEMORY, "-display", "none", "-no-reboot", "-nic", "none"),
            *("-serial", f"file:{work / 'console'}", "-serial", "stdio", "-monitor", "none"),
            *("-kernel", str(image_of(kernel)), "-initrd", str(work / "first.cpio.gz")),
            *("-append", f"{QUIETLY} KERNEL={kernel} PROJECT={PROJECT}"),
            *("-virtfs", f"local,path=/,mount_tag=root,readonly=on,{shared}"),
            *("-virtfs", f"local,path={work},mount_tag=work,{shared}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": SYSTEM_PATH},
        start_new_session=True,
        text=True,
        errors="replace",
    )


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(run(sys.argv[1:], seconds=3600))
