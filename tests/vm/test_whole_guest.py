"""A whole virtual machine as an instance's guest: Debian's kernel under QEMU, at the port's tap."""

from pathlib import Path
from typing import Any

import pytest
from cloud import FLOATING, answer, create_network, netconsole, reaches
from guest_asking import serve
from private_host import PrivateHost, eventually
from vm import emulated
from vm.machine import HERE

pytestmark = pytest.mark.requires(
    *("root", "tap", "dnsmasq", *emulated.PROGRAMS),
    *("dropbear", "dropbearkey", "dbclient"),
)

MODULES = ("virtio_pci", "virtio_net", "virtio_blk", "isofs")
MEMORY = "128M"
SECONDS = 300
"""For it to start, on a machine that is busy with other tests."""
CONSOLE = "/run/console"
DRIVE = "/run/web1.iso"
KEY = "/run/key"
ASKED = "/run/asked"
"""Who asked outside, a line each."""
HOSTNAME = "web1.novalocal"
"""With the domain in which nova has instances, where no other is configured."""
USER_DATA = "echo user data as $(hostname)\n"


@pytest.fixture
def initramfs(tmp_path: Path) -> Path:
    """The guest's only file system, in its memory."""
    kernel = emulated.unpacked_kernel()
    return emulated.pack(tmp_path / "guest", kernel, MODULES, HERE / "guest-init", ["dropbear"])


@pytest.mark.timeout(2 * SECONDS)
def test_it_starts_as_an_instance(host: PrivateHost, initramfs: Path) -> None:
    create_network(host, is_open=False)
    fixed = create_instance(host)
    serve(host)
    listen_outside(host)
    start(host, initramfs)

    def said() -> bool:
        return "ready" in host.read(CONSOLE).splitlines()

    eventually(said, seconds=SECONDS, every=0.5)
    console = host.read(CONSOLE).splitlines()
    assert f"address {fixed}" in console
    assert f"user data as {HOSTNAME}" in console, "by its hostname and its user data"
    assert "the drive has it as well" in console, "the kernel finds its files by their names"
    # The host's address is its own, while it has no other.
    eventually(lambda: comes_from(host, "203.0.113.2"))

    netconsole(host, "floating", "create", "--pool", "public", "--ip-range", "203.0.113.128/28")
    netconsole(host, "floating", "associate", FLOATING, "web1")
    eventually(lambda: comes_from(host, FLOATING))
    assert not reaches(host), "its groups let nobody in"
    allow = ("secgroup", "allow", "default", "--project", "demo", "--protocol")
    netconsole(host, *allow, "icmp", "--icmp=8")
    netconsole(host, *allow, "tcp", "--port", "22")
    eventually(lambda: reaches(host))
    login = ("dbclient", "-y", "-y", "-i", KEY, f"root@{FLOATING}")
    assert host.outside(*login, "hostname").stdout == f"{HOSTNAME}\n", "by the key that it was told"
    addresses = host.outside(*login, "ip -o -4 address show dev eth0").stdout
    assert f"inet {fixed}/24" in addresses


def create_instance(host: PrivateHost) -> str:
    """Create web1, with user data, a key that is made for it, and its config drive.

    Returns its address.
    """
    host.run("dropbearkey", "-t", "ed25519", "-f", KEY)
    told = host.run("dropbearkey", "-y", "-f", KEY).stdout
    (public,) = (line for line in told.splitlines() if line.startswith("ssh-"))
    host.write("/run/key.pub", f"{public}\n")
    host.write("/run/user_data", USER_DATA)
    netconsole(
        *(host, "instance", "create", "web1", "--project", "demo", "--network", "vmnet"),
        *("--key", "mykey=/run/key.pub", "--user-data", "/run/user_data"),
    )
    netconsole(host, "instance", "inject", "web1", "--config-drive", DRIVE)
    return str(port_of(host)["fixed_ips"][0]["address"])


def port_of(host: PrivateHost) -> Any:
    (port,) = answer(host, "instance", "show", "web1")["ports"]
    return port


def start(host: PrivateHost, initramfs: Path) -> None:
    """Start the guest as a hypervisor does, at the tap that was made for it."""
    port = port_of(host)["port"]
    image = emulated.image_of(emulated.unpacked_kernel())
    network = f"tap,id=net,ifname={port['device']},script=no,downscript=no"
    machine = host.spawn(
        *("qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", MEMORY, "-display", "none"),
        *("-no-reboot", "-monitor", "none", "-serial", f"file:{CONSOLE}", "-nodefaults"),
        *("-kernel", str(image), "-initrd", str(initramfs), "-append", emulated.QUIETLY),
        *("-drive", f"file={DRIVE},format=raw,if=virtio,readonly=on"),
        *("-netdev", network, "-device", f"virtio-net-pci,netdev=net,mac={port['mac']}"),
    )

    def speaks() -> bool:
        assert machine.poll() is None, machine.communicate()
        return host.run("test", "-s", CONSOLE, check=False).returncode == 0

    eventually(speaks, seconds=SECONDS)


def listen_outside(host: PrivateHost) -> None:
    """Let the outside answer at port 8000, where the guest asks each second."""
    serving = f"exec python3 -u -m http.server 2> {ASKED}"
    host.spawn("ip", "netns", "exec", "outside", "sh", "-c", serving)


def comes_from(host: PrivateHost, address: str) -> bool:
    """Whether the guest's requests have come outside from an address."""
    return any(line.startswith(f"{address} ") for line in host.read(ASKED).splitlines())
