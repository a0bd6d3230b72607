"""Claims: all checks of a host cost little more than the listings that an admin would read.

On a host of 1,000 ports and 10,000 rules `netconsole doctor` takes less than 5 s. Beside it stands
the time of the programs whose output holds the same facts, run one after the other. With its probes
(`--probe`), which send packets and wait for what does not come, it takes less than 15 s.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from enclosed import PUBLIC_INTERFACE, inside

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.model.records import FloatingIP, Instance, Port
from netconsole.backend.service.service import Service
from netconsole.backend.store import (
    Store,
    allocations,
    floating_ips,
    instances,
    networks,
)
from netconsole.diagnostics.collecting import Request
from netconsole.diagnostics.doctor import examine

PORTS = 1_000
FLOATING = 2_000
"""Addresses, five rules each."""
ROUNDS = 3
CLAIMED = 5.0
"""Seconds."""
CLAIMED_WITH_PROBES = 15.0
LISTINGS = (
    ("iptables-save", "--counters"),
    ("ip6tables-save", "--counters"),
    ("ebtables-save",),
    ("ip", "-details", "-statistics", "link", "show"),
    ("ip", "address", "show"),
    ("ip", "route", "show", "table", "all"),
    ("ip", "rule", "show"),
    ("ip", "neighbour", "show"),
    ("bridge", "fdb", "show"),
    ("conntrack", "-S"),
    ("ps", "-eo", "pid,args"),
    ("sysctl", "-a"),
)


def populate(options: Options) -> Service:
    """Make a host with its ports and floating addresses, through the store and one apply."""
    service = Service(options)
    service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/16", bridge="br100"))
    store = Store(options.connection)
    with store.transaction() as connection:
        (network,) = networks.every(connection)
        rows = floating_ips.insert_many(
            connection,
            (
                FloatingIP(0, f"198.18.{number >> 8}.{number & 255}", "public", PUBLIC_INTERFACE)
                for number in range(FLOATING)
            ),
        )
        for number, row in enumerate(rows):
            uuid, here = f"instance-{number}", number < PORTS
            host = options.host if here else "compute"
            name = f"web{number}"
            instances.insert(connection, Instance(uuid, name, "demo", host, name))
            mac = f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
            port = Port(0, f"port-{number}", mac, network.id, uuid, "tap", f"tap{number}")
            made = instances.insert_port(connection, port)
            fixed_ip = allocations.allocate(connection, network, uuid, made.id)
            floating_ips.associate(connection, row, fixed_ip, options.host)
    service.do(Converge())
    return service


def seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def list_all() -> None:
    for command in LISTINGS:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def main(options: Options) -> None:
    service = populate(replace(options, quota_floating_ips=-1))
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    ports = links.count(" master br100 ")
    print(f"{ports:,} ports, {rules.count('-A '):,} rules")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds(lambda: examine(Request(service))))
        theirs.append(seconds(list_all))
    mine, listed = statistics.median(ours), statistics.median(theirs)
    print(
        f"doctor: {mine:.2f} s, {mine / CLAIMED:.2f} times the {CLAIMED:.0f} s claimed, "
        f"{mine / listed:.1f} times the {listed:.2f} s of the listings"
    )
    probed = seconds(lambda: examine(Request(service, probe=True)))
    print(
        f"doctor with probes: {probed:.2f} s, {probed / CLAIMED_WITH_PROBES:.2f} times the "
        f"{CLAIMED_WITH_PROBES:.0f} s claimed"
    )
    if mine > CLAIMED or probed > CLAIMED_WITH_PROBES:
        sys.exit("slower than claimed")


if __name__ == "__main__":
    inside(main)
