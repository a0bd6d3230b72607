"""Claims: one more instance among 10,000 guests costs a few times the commands that it comes to.

In a running process an instance is created, and deleted, in at most 8 times the time of the
commands that an admin would type: the tap is made, put into the bridge and set up by ip(8), a line
comes to a hosts file or goes from it, dnsmasq is sent a SIGHUP. That it reads all 10,000 lines then
is not counted. The commands check nothing, write nothing down and cannot be taken back.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from enclosed import inside
from floating import Taken, given, say, taken

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.instances import CreateInstance, DeleteInstance
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.service.service import Service
from netconsole.backend.store import Store, allocations, instances, networks

GUESTS = 10_000
"""On another host, as a bridge has 1,023 ports at most; this one gives them their addresses."""
ROUNDS = 9
CLAIMED = 8
BRIDGE = "br100"


def mac(number: int) -> str:
    return f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"


def cloud(options: Options) -> Service:
    """A host that is the gateway and the DHCP server of all guests."""
    service = Service(options)
    service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/16", bridge=BRIDGE))
    with Store(options.connection).transaction() as connection:
        (network,) = networks.every(connection)
        for number in range(GUESTS):
            uuid, name = f"instance-{number}", f"web{number}"
            instances.insert(connection, Instance(uuid, name, "demo", "compute", name))
            port = Port(0, f"port-{number}", mac(number), network.id, uuid, "tap", f"tap{number}")
            made = instances.insert_port(connection, port)
            allocations.allocate(connection, network, uuid, made.id)
    service.do(Converge())
    return service


def created(service: Service, number: int) -> None:
    service.do(CreateInstance(name=f"more{number}", project="demo"))


def deleted(service: Service, number: int) -> None:
    service.do(DeleteInstance(instance=f"more{number}"))


class Typed:
    """What an admin would type, who keeps the guests of a network in a hosts file."""

    def __init__(self, options: Options) -> None:
        self._hosts = Path(options.state_path, "typed.hosts")
        lines = (f"{mac(number)},web{number},10.0.0.1\n" for number in range(GUESTS))
        self._hosts.write_text("".join(lines))
        (file,) = Path(options.networks_path).glob("*.pid")
        self._dnsmasq = file.read_text().strip()

    def created(self, number: int) -> None:
        tap, address = f"typed{number}", f"fe:16:3e:ff:ff:{number:02x}"
        given("ip", "tuntap", "add", "dev", tap, "mode", "tap")
        given("ip", "link", "set", "dev", tap, "address", address, "master", BRIDGE)
        given("ip", "link", "set", "dev", tap, "type", "bridge_slave", "hairpin", "on")
        given("ip", "link", "set", "dev", tap, "up")
        with self._hosts.open("a") as file:
            file.write(f"fa:16:3e:ff:ff:{number:02x},typed{number},10.0.250.{number}\n")
        given("kill", "-HUP", self._dnsmasq)

    def deleted(self, number: int) -> None:
        given("ip", "link", "delete", "dev", f"typed{number}")
        given("sed", "-i", f"/,typed{number},/d", str(self._hosts))
        given("kill", "-HUP", self._dnsmasq)


@dataclass
class Times:
    """Of each round."""

    created: list[Taken] = field(default_factory=list)
    deleted: list[Taken] = field(default_factory=list)


def main(options: Options) -> None:
    service = cloud(replace(options, quota_fixed_ips=-1))
    typed = Typed(options)
    created(service, ROUNDS)  # the first one puts the queries together
    ours, bare = Times(), Times()
    for number in range(ROUNDS):
        ours.created.append(taken(partial(created, service, number)))
        bare.created.append(taken(partial(typed.created, number)))
        ours.deleted.append(taken(partial(deleted, service, number)))
        bare.deleted.append(taken(partial(typed.deleted, number)))
    print(f"an instance created among {GUESTS:,}: ", end="")
    say(ours.created, bare.created, "run of its commands", CLAIMED)
    print(f"an instance deleted among {GUESTS:,}: ", end="")
    say(ours.deleted, bare.deleted, "run of its commands", CLAIMED)


if __name__ == "__main__":
    inside(main)
