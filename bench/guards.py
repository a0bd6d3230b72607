"""Claims: guards cost a pair of guests little, and a port's guard costs the other ports nothing.

For what two guests on one bridge send each other, in a stream of TCP and in small datagrams, at
least 0.9 times as much passes with guards for each second of processor time as with their table
removed. Among the guards of 1,000 ports one more address of a guest takes at most 10 times as long
as the one command of nft that it comes to.
"""

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field, replace
from functools import partial

import enclosed
from enclosed import HOST, inside
from floating import Taken, given, say, taken

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.guards import AllowAddress, DisallowAddress
from netconsole.backend.changes.instances import CreateInstance
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.changes.security_groups import AllowTraffic
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.service.service import Service
from netconsole.backend.store import Store, allocations, instances, networks

PORTS = 1_000
ROUNDS = 9
LEAST = 0.9
STREAMS = f"{enclosed.__path__[0]}/streams.py"
TABLE = ("netdev", "netconsole")


def cloud(options: Options) -> Service:
    service = Service(options)
    service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/16", bridge="br100"))
    for protocol in ("tcp", "udp"):
        traffic = TypedTraffic(protocol, "1:65535", cidr="0.0.0.0/0")
        service.do(AllowTraffic("demo", "default", traffic))
    return service


def guest(service: Service, name: str) -> str:
    """A guest in a network namespace of its name; return its address."""
    made = service.do(CreateInstance(name, "demo", port_kind="veth")).result
    port, address = made.ports[0].port, made.ports[0].fixed_ips[0].address
    given("ip", "netns", "add", name)
    given("ip", "link", "set", port.peer or "", "netns", name, "name", "eth0")
    given("ip", "-n", name, "address", "add", f"{address}/16", "dev", "eth0")
    given("ip", "-n", name, "link", "set", "eth0", "up")
    return address


def passing(kind: str, address: str) -> float:
    """Bytes from one of the guests to the other for each second that both of them compute.

    Other programs on the machine change that less than what passes in a second of the clock. What
    the kernel does for a frame it does at the cost of who sends it or takes it.
    """
    command = ("ip", "netns", "exec")
    with subprocess.Popen(
        [*command, "two", sys.executable, STREAMS, "receive", kind, address],
        stdout=subprocess.PIPE,
        text=True,
    ) as receiving:
        assert receiving.stdout is not None
        assert receiving.stdout.readline() == "ready\n"
        sent = given(*command, "one", sys.executable, STREAMS, "send", kind, address)
        received, computed = json.loads(receiving.stdout.readline())
    return float(received) / (float(json.loads(sent)) + float(computed))


def throughput(service: Service) -> None:
    guest(service, "one")
    address = guest(service, "two")
    given("ip", "netns", "exec", "one", "ping", "-c1", "-w20", address)  # once there is a carrier
    listed = given("nft", "list", "table", *TABLE)
    for kind, words in (("tcp", "a stream of TCP"), ("udp", "datagrams of 64 bytes")):
        guarded, bare = [], []
        for _ in range(ROUNDS):
            guarded.append(passing(kind, address))
            given("nft", "delete", "table", *TABLE)
            bare.append(passing(kind, address))
            given("nft", "-f", "-", text=listed)
        ratio = statistics.median(
            with_ / without for with_, without in zip(guarded, bare, strict=True)
        )
        print(f"{words} with guards: {statistics.median(guarded) / 1e6:.1f} MB a second computed, ")
        print(f"{ratio:.2f} times that without; at least {LEAST:g} is claimed")


def fill(options: Options, service: Service) -> None:
    """Write the store at once."""
    with Store(options.connection).transaction() as connection:
        (network,) = networks.every(connection)
        for number in range(PORTS):
            uuid, name, device = f"instance-{number}", f"web{number}", f"tap{number}"
            instances.insert(connection, Instance(uuid, name, "demo", HOST, name))
            mac = f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
            port = Port(0, f"port-{number}", mac, network.id, uuid, "tap", device)
            made = instances.insert_port(connection, port)
            allocations.allocate(connection, network, uuid, made.id)
    service.do(Converge())


@dataclass
class Times:
    """Of each round."""

    ours: list[Taken] = field(default_factory=list)
    bare: list[Taken] = field(default_factory=list)


def one_address(service: Service) -> None:
    times = Times()
    for number in range(ROUNDS):
        cidr = f"192.0.2.{number}/32"
        element = f'{{ "tap7" . fa:16:3e:00:00:07 . 198.51.100.{number} }}'
        words = ("element", *TABLE, "ipv4_ranges", element)
        times.ours.append(taken(partial(service.do, AllowAddress("web7", cidr))))
        times.ours.append(taken(partial(service.do, DisallowAddress("web7", cidr))))
        times.bare.append(taken(partial(given, "nft", "add", *words)))
        times.bare.append(taken(partial(given, "nft", "delete", *words)))
    print(f"one more address among {PORTS:,} guarded ports: ", end="")
    say(times.ours, times.bare, "nft command", 10)


def main(options: Options) -> None:
    service = cloud(replace(options, quota_fixed_ips=-1))
    throughput(service)
    fill(options, service)
    one_address(service)


if __name__ == "__main__":
    inside(main)
