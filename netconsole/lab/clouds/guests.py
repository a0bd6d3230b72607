"""What a guest does when it boots: it gets its addresses, and serves a page with its name."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from netconsole.lab.sandbox.commands import run
from netconsole.lab.sandbox.members import serve_pages, start_program

INTERFACE: Final = "eth0"


def by_dhcp(name: str) -> None:
    """Boot the guest that the calling process is, as a DHCP client."""
    _boot(name, partial(_ask_for_lease, name))


def by_file(interfaces: Path, name: str) -> None:
    """Boot the guest that the calling process is, with static addresses from interfaces(5)."""
    _boot(name, partial(_configure, interfaces))


def _boot(name: str, configure: Callable[[], None]) -> None:
    run("ip", "link", "set", "dev", "lo", "up")
    configure()
    serve_pages(name)


def _ask_for_lease(name: str) -> None:
    start_program(
        "busybox",
        "udhcpc",
        "-f",
        *("-i", INTERFACE),
        *("-x", f"hostname:{name}"),
        *("-t", "5", "-T", "1", "-A", "1"),
    )


def _configure(interfaces: Path) -> None:
    """Do what ifup(8) would; the ifup of busybox has no static addresses on Debian."""
    told = _told(interfaces.read_text(encoding="utf-8"))
    address = f"{told['address']}/{told['netmask']}"
    lines = [
        f"link set {INTERFACE} address {told['hwaddress'].removeprefix('ether ')} up",
        f"address add {address} broadcast {told['broadcast']} dev {INTERFACE}",
        f"route add default via {told['gateway']}",
    ]
    run("ip", "-batch", "-", text="\n".join(lines))
    servers = told["dns-nameservers"].split()
    Path("/etc/resolv.conf").write_text("".join(f"nameserver {server}\n" for server in servers))


def _told(text: str) -> dict[str, str]:
    """Return the options of the interface's stanza."""
    stanza = text.partition(f"iface {INTERFACE} inet static\n")[2]
    options = {}
    for line in stanza.splitlines():
        if not line.startswith(" "):
            break
        name, _, value = line.strip().partition(" ")
        options[name] = value
    return options
