"""Measures: one more instance, where 10,000 guests are in the store and in dnsmasq's host files.

An instance that is made in a running process, and deleted again, against the commands that it
comes to: the tap by `ip -batch`, its line for dnsmasq in a file of its own, and both taken away.
No ratio is claimed yet: a change of instances is about the whole host (`Scope`), which is looked
at before it and after it.
"""

import statistics
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from enclosed import inside
from floating import given, seconds

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.service.service import Service
from netconsole.backend.store import Store, fixed_ips, instances, networks

GUESTS = 10_000
"""On another host, as a bridge has 1,023 ports at most; this one gives them their addresses."""
ROUNDS = 5
BRIDGE = "br100"


def cloud(options: Options) -> Service:
    """A host that is the gateway and the DHCP server of all guests."""
    service = Service(options)
    service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/16", bridge=BRIDGE))
    with Store(options.connection).transaction() as connection:
        (network,) = networks.every(connection)
        for number in range(GUESTS):
            uuid, name = f"instance-{number}", f"web{number}"
            instances.insert(connection, Instance(uuid, name, "demo", "compute", name))
            mac = f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
            port = Port(0, f"port-{number}", mac, network.id, uuid, "tap", f"tap{number}")
            made = instances.insert_port(connection, port)
            fixed_ips.allocate(connection, network, uuid, made.id)
    service.do(Converge())
    return service


def created(service: Service, number: int) -> None:
    service.do(CreateInstance(name=f"more{number}", project="demo"))


def deleted(service: Service, number: int) -> None:
    service.do(DeleteInstance(instance=f"more{number}"))


def typed_in(hosts: Path, number: int) -> None:
    """Make a port with the commands that an admin would type."""
    tap = f"bench{number}"
    lines = (
        f"tuntap add {tap} mode tap",
        f"link set {tap} address fe:16:3e:ff:ff:{number:02x} master {BRIDGE}",
        f"link set {tap} type bridge_slave hairpin on",
        f"link set {tap} up",
        "",
    )
    given("ip", "-batch", "-", text="\n".join(lines))
    line = f"fa:16:3e:ff:ff:{number:02x},bench{number},10.0.250.{number}\n"
    (hosts / f"bench{number}").write_text(line)


def typed_out(hosts: Path, number: int) -> None:
    given("ip", "link", "delete", f"bench{number}")
    (hosts / f"bench{number}").unlink()


def main(options: Options) -> None:
    service = cloud(replace(options, quota_fixed_ips=-1))
    hosts = next(path for path in Path(options.networks_path).iterdir() if path.is_dir())
    # Ours first: ports and files that were typed in would be taken for drift.
    made = median(partial(created, service))
    gone = median(partial(deleted, service))
    say("created", made, median(partial(typed_in, hosts)))
    say("deleted", gone, median(partial(typed_out, hosts)))


def median(action: Callable[[int], None]) -> float:
    """The seconds that an action takes, of one round for each number."""
    return statistics.median(seconds(partial(action, number)) for number in range(ROUNDS))


def say(word: str, ours: float, bare: float) -> None:
    print(f"an instance {word} among {GUESTS:,}: {ours * 1000:.0f} ms, ", end="")
    print(f"{ours / bare:.1f} times its commands, {bare * 1000:.0f} ms")


if __name__ == "__main__":
    inside(main)
