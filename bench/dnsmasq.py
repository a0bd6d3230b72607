"""Claims: dnsmasq knows a new instance at once, and 10,000 others do not have to be read again.

At 10,000 hosts the DISCOVER of a new instance is answered within 100 ms of its creation, and no
SIGHUP is sent; 200 deletions in a burst cause at most two reloads. Reloads are counted by what
dnsmasq itself writes into its log.
"""

import select
import socket
import statistics
import struct
import time
from dataclasses import replace
from pathlib import Path

from enclosed import inside

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.service.service import Service
from netconsole.backend.store import Store, allocations, instances, networks

HOSTS = 10_000
NEW = 5
"""Instances created, one after the other."""
DELETED = 200
PATIENCE = 5.0
"""Seconds to wait for an answer, or for a reload that may still come."""
EVERY_FRAME = 0x0003
COOKIE = b"\x63\x82\x53\x63"


class Cloud:
    """A host whose dnsmasq serves the guests of another."""

    def __init__(self, options: Options) -> None:
        self._log = Path(options.state_path, "dnsmasq.log")
        configuration = Path(options.state_path, "dnsmasq.conf")
        configuration.write_text(f"log-facility={self._log}\n")
        options = replace(options, dnsmasq_config_file=str(configuration), quota_fixed_ips=-1)
        self.service = Service(options)
        self.service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/16", bridge="br100"))
        self._fill(Store(options.connection))
        self.service.do(Converge())

    def _fill(self, store: Store) -> None:
        with store.transaction() as connection:
            (network,) = networks.every(connection)
            for number in range(HOSTS):
                uuid = f"instance-{number}"
                name = f"web{number}"
                instances.insert(connection, Instance(uuid, name, "demo", "compute", name))
                port = Port(
                    0, f"port-{number}", mac_of(number), network.id, uuid, "tap", f"tap{number}"
                )
                made = instances.insert_port(connection, port)
                allocations.allocate(connection, network, uuid, made.id)

    def reloads(self) -> int:
        """How often dnsmasq has read its options so far."""
        lines = self._log.read_text().splitlines()
        return sum(line.endswith("/nova-br100.opts") for line in lines)

    def settled(self) -> int:
        """Return `reloads` once no more come."""
        seen, since = self.reloads(), time.monotonic()
        while time.monotonic() - since < PATIENCE:
            time.sleep(0.1)
            if self.reloads() != seen:
                seen, since = self.reloads(), time.monotonic()
        return seen


def mac_of(number: int) -> str:
    """The MAC address of one of the hosts."""
    return f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"


def discover(mac: str) -> bytes:
    """An Ethernet frame with a DHCPDISCOVER (RFC 2131)."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    fixed = struct.pack("!BBBBIHH16x", 1, 1, 6, 0, 0x6E657463, 0, 0x8000)
    dhcp = fixed + hardware + bytes(10 + 64 + 128) + COOKIE + bytes((53, 1, 1, 255))
    udp = struct.pack("!HHHH", 68, 67, 8 + len(dhcp), 0) + dhcp
    head = (
        struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + bytes(4) + b"\xff" * 4
    )
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    packet = head[:10] + struct.pack("!H", checksum) + head[12:] + udp
    return b"\xff" * 6 + hardware + struct.pack("!H", 0x0800) + packet


def answer(guest: socket.socket, mac: str) -> str | None:
    """Ask until an address is offered; None where none is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        guest.send(discover(mac))
        again = time.monotonic() + 0.05
        while (left := again - time.monotonic()) > 0:
            if not select.select([guest], [], [], left)[0]:
                break
            frame = guest.recv(2048)
            if frame[12:14] == b"\x08\x00" and frame[34:38] == b"\x00\x43\x00\x44":
                return socket.inet_ntoa(frame[58:62])
    return None


def create(cloud: Cloud, number: int) -> tuple[float, str]:
    """Create an instance; return how long its first address takes, in seconds, and its end."""
    change = CreateInstance(f"new{number}", "demo", ("vmnet",), port_kind="veth")
    made = cloud.service.do(change).result.ports[0]
    returned = time.perf_counter()
    peer = made.port.peer
    assert peer is not None
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_FRAME)) as guest:
        up(guest, peer)
        guest.bind((peer, EVERY_FRAME))
        address = answer(guest, made.port.mac)
        taken = time.perf_counter() - returned
    assert address == made.fixed_ips[0].address, f"offered {address}"
    return taken, peer


def offered(peer: str, number: int) -> str | None:
    """What is offered to a host that asks at this end of an instance's port."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_FRAME)) as guest:
        guest.bind((peer, EVERY_FRAME))
        return answer(guest, mac_of(number))


def up(handle: socket.socket, interface: str) -> None:
    """Set a link up without the milliseconds that a program takes to start (netdevice(7))."""
    import fcntl

    name = interface.encode().ljust(16, b"\0")
    flags = struct.unpack_from("16xH", fcntl.ioctl(handle, 0x8913, name + bytes(24)))[0]
    fcntl.ioctl(handle, 0x8914, name + struct.pack("H22x", flags | 1))


def main(options: Options) -> None:
    cloud = Cloud(options)
    before = cloud.settled()
    made = [create(cloud, number) for number in range(NEW)]
    times, peer = [taken for taken, _ in made], made[-1][1]
    slowest = max(times) * 1000
    print(f"at {HOSTS:,} hosts a new instance has its offer {slowest:.0f} ms after its creation")
    print(f"at the latest (median {statistics.median(times) * 1000:.0f} ms), ", end="")
    print(f"{slowest / 100:.2f} times the 100 ms claimed, ", end="")
    print(f"and {cloud.settled() - before} reloads; none is claimed")
    before = cloud.settled()
    began = time.perf_counter()
    for number in range(DELETED):
        cloud.service.do(DeleteInstance(f"web{number}"))
    taken = (time.perf_counter() - began) / DELETED
    assert offered(peer, DELETED) is not None
    assert offered(peer, 0) is offered(peer, DELETED - 1) is None
    reloads = cloud.settled() - before
    print(f"{DELETED} deletions, {taken * 1000:.0f} ms each: {reloads} reloads, ", end="")
    print(f"{reloads / 2:.2f} times the 2 claimed; the deleted are offered nothing")


if __name__ == "__main__":
    inside(main)
