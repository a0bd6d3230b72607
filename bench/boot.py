"""Claim: a host comes up from an empty kernel in at most 3 times what the bare commands take.

1,000 instances have their ports, addresses and lines for dnsmasq in the store, and the kernel has
nothing of it: as after a reboot. `apply` observes, plans, writes its journal, takes the steps and
verifies them; one `ip -batch` makes the same links, and nothing else. Each round has both.
"""

import os
import signal
import statistics
import subprocess
import time

from enclosed import HOST, inside

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import Instance, Port
from netconsole.backend.service.service import Service
from netconsole.backend.steps import AddLink, Plan, SetLink
from netconsole.backend.store import Store, allocations, instances, networks

GUESTS = 1_000
ROUNDS = 5
CLAIMED = 3


def fill(options: Options) -> None:
    """Write the store at once."""
    with Store(options.connection).transaction() as connection:
        (network,) = networks.every(connection)
        for number in range(GUESTS):
            uuid = f"instance-{number}"
            instances.insert(
                connection, Instance(uuid, f"web{number}", "demo", HOST, f"web{number}")
            )
            mac = f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
            port = Port(0, f"port-{number}", mac, network.id, uuid, "tap", f"tap{number}")
            made = instances.insert_port(connection, port)
            allocations.allocate(connection, network, uuid, made.id)


def empty(service: Service) -> None:
    """Leave the kernel as a reboot does; the store and its files stay."""
    for server in service.status().dnsmasq:
        for pid in server.pids:
            os.kill(pid, signal.SIGKILL)
    subprocess.run(["iptables-restore"], input="*nat\nCOMMIT\n*filter\nCOMMIT\n", text=True)
    lines = "".join(f"link delete dev tap{number}\n" for number in range(GUESTS))
    batch(f"{lines}link delete dev br100\n", "-force")


def batch(lines: str, *options: str) -> None:
    """Run one `ip -batch`, as an admin's own script would."""
    subprocess.run(["ip", *options, "-batch", "-"], input=lines, text=True, stderr=subprocess.PIPE)


def links_of(plan: Plan) -> str:
    """The lines of a plan that make links."""
    return "".join(
        f"{command.removeprefix('ip ')}\n"
        for step in plan.steps
        if isinstance(step, AddLink | SetLink)
        for command in step.commands
    )


def main(options: Options) -> None:
    service = Service(options)
    service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/21", bridge="br100"))
    fill(options)
    service.do(Converge())
    ours, bare = [], []
    for _ in range(ROUNDS):
        empty(service)
        lines = links_of(service.plan())
        start = time.perf_counter()
        batch(lines)
        bare.append(time.perf_counter() - start)
        empty(service)
        start = time.perf_counter()
        service.do(Converge())
        ours.append(time.perf_counter() - start)
        assert not service.plan()
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    print(f"{GUESTS:,} guests from an empty kernel: {statistics.median(ours):.2f} s,")
    print(f"{ratio:.2f} times an ip -batch of their {lines.count(chr(10)):,} lines,", end=" ")
    print(f"{statistics.median(bare):.2f} s; at most {CLAIMED} times is claimed")


if __name__ == "__main__":
    inside(main)
