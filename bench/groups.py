"""Claims: security groups of 1,000 guests are built, changed and asked in little time.

1,000 ports whose groups have 20 rules each: observed, planned and applied at most 2 s later than a
bare iptables-restore has loaded the same rules. In a running process one more rule of a group of
1,000 members, and one more member of a group that 1,000 others let in, takes less than 200 ms end
to end, at most 12 and 30 times what its one command takes. A packet to the last of the guests costs
at most 1.2 times what one to the first does, where the last rule of its group lets it in.
"""

import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from enclosed import HOST, inside
from floating import Taken, given, say, taken

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.group_rules import TypedTraffic
from netconsole.backend.changes.memberships import AddSecurityGroup, RemoveSecurityGroup
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.changes.security_groups import AllowTraffic, RevokeTraffic
from netconsole.backend.configuration.options import Options
from netconsole.backend.host import Host
from netconsole.backend.host.parts import together
from netconsole.backend.intent import intent
from netconsole.backend.model.group_rules import SecurityGroupRule
from netconsole.backend.model.kernel_settings import IP_FORWARD
from netconsole.backend.model.records import Instance, Membership, Port, SecurityGroup
from netconsole.backend.plan import plan
from netconsole.backend.service.service import Service
from netconsole.backend.steps import ChangeRules
from netconsole.backend.store import (
    Store,
    allocations,
    instances,
    networks,
    records,
    security_groups,
)
from netconsole.backend.transaction.apply import apply
from netconsole.backend.transaction.journal import Journal

GUESTS = 1_000
RULES = 20
"""Of the group that each guest has for itself; one of them lets in the members of `all`."""
ROUNDS = 9
PACKETS = 20_000
"""Sent to a guest in a round."""
PROJECT = "demo"
ALL = "all"
"""The group in which every guest is, and which every guest's own group lets in."""
EMPTY = "*filter\nCOMMIT\n"
FIRST_PORT = 5000
BEYOND = 0.2
"""Seconds that a change of one rule or member takes at most."""


class Cloud:
    """A host with its guests, each in a group of its own and in one with all others."""

    def __init__(self, options: Options) -> None:
        self.service = Service(options)
        self._options = options
        self._store = Store(options.connection)
        self._journal = Journal(f"{options.state_path}/journal")
        self._host = Host(options.networks_path, (IP_FORWARD,))
        self.service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/16", bridge="br100"))
        self.addresses = self._fill()
        self.service.do(Converge())

    def _fill(self) -> list[str]:
        """Write the store at once; return the addresses of the guests."""
        with self._store.transaction() as connection:
            (network,) = networks.every(connection)
            everybody = security_groups.insert(connection, SecurityGroup(0, ALL, ALL, PROJECT))
            found = []
            for number in range(GUESTS + 1):
                uuid, name = f"instance-{number}", f"web{number}"
                instances.insert(connection, Instance(uuid, name, PROJECT, HOST, name))
                port = Port(
                    0, f"port-{number}", mac(number), network.id, uuid, "tap", f"tap{number}"
                )
                made = instances.insert_port(connection, port)
                fixed_ip = allocations.allocate(connection, network, uuid, made.id)
                found.append(fixed_ip.address)
                own = security_groups.insert(connection, SecurityGroup(0, name, name, PROJECT))
                security_groups.add_member(connection, Membership(own.id, uuid))
                if number < GUESTS:
                    security_groups.add_member(connection, Membership(everybody.id, uuid))
                    for rule in rules(own, everybody):
                        security_groups.insert_rule(connection, rule)
        return found

    def converge(self) -> None:
        """Observe, plan and apply; nothing but rules may be missing."""
        with self._host.looking() as seen, self._store.reading() as connection:
            wanted = intent(records(connection, HOST), self._options)
            observed = together(seen())
            steps = plan(observed, self._host.possible(wanted, observed))
        assert {type(step) for step in steps.steps} == {ChangeRules}, steps.commands[:3]
        apply(steps, self._journal, "bench").keep()


def mac(number: int) -> str:
    return f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"


def rules(own: SecurityGroup, everybody: SecurityGroup) -> list[SecurityGroupRule]:
    """The rules of a guest's own group; the last of them lets in UDP from this host."""
    ranges = [
        SecurityGroupRule(0, own.id, "tcp", FIRST_PORT + number, FIRST_PORT + number, "0.0.0.0/0")
        for number in range(RULES - 2)
    ]
    source = SecurityGroupRule(0, own.id, "tcp", 22, 22, group_id=everybody.id)
    return [*ranges, source, SecurityGroupRule(0, own.id, "udp", 9, 9, "0.0.0.0/0")]


def building(cloud: Cloud) -> None:
    saved = given("iptables-save", "-t", "filter")
    ours, bare = [], []
    for _ in range(ROUNDS):
        given("iptables-restore", text=EMPTY)
        ours.append(taken(cloud.converge))
        given("iptables-restore", text=EMPTY)
        bare.append(taken(lambda: given("iptables-restore", text=saved)))
    pairs = zip(ours, bare, strict=True)
    later = statistics.median(mine.elapsed - theirs.elapsed for mine, theirs in pairs)
    print(f"{saved.count('-A '):,} rules of {GUESTS:,} guests observed, planned and applied: ")
    print(f"{later * 1000:.0f} ms after their bare iptables-restore, of 2,000 claimed; ", end="")
    say(ours, bare, "iptables-restore", 5)


@dataclass
class Times:
    """Of each round."""

    ours: list[Taken] = field(default_factory=list)
    bare: list[Taken] = field(default_factory=list)


def one_rule(cloud: Cloud) -> None:
    traffic = TypedTraffic("tcp", "8443", cidr="198.51.100.0/24")
    changing(
        f"one more rule of a group of {GUESTS:,} members",
        lambda: cloud.service.do(AllowTraffic(PROJECT, ALL, traffic)),
        lambda: cloud.service.do(RevokeTraffic(PROJECT, ALL, traffic)),
        12,
    )


def one_member(cloud: Cloud) -> None:
    name = f"web{GUESTS}"
    changing(
        f"one more member of a group that {GUESTS:,} let in",
        lambda: cloud.service.do(AddSecurityGroup(name, ALL)),
        lambda: cloud.service.do(RemoveSecurityGroup(name, ALL)),
        30,
    )


def changing(
    what: str, there: Callable[[], object], back: Callable[[], object], most: float
) -> None:
    times = Times()
    command = ("iptables", "--wait", "-A", "INPUT", "-s", "198.51.100.0/24", "-j", "ACCEPT")
    for _ in range(ROUNDS):
        times.ours.append(taken(there))
        times.bare.append(taken(lambda: given(*command)))
        times.ours.append(taken(back))
        times.bare.append(taken(lambda: given(*(w.replace("-A", "-D") for w in command))))
    print(f"{what}: ", end="")
    say(times.ours, times.bare, "iptables command", most)
    elapsed = statistics.median(each.elapsed for each in times.ours)
    print(f"{elapsed / BEYOND:.2f} of the {BEYOND * 1000:.0f} ms claimed")


def asking(cloud: Cloud) -> None:
    """What a packet costs on its way to the first guest and to the last of them."""
    last = GUESTS - 1
    for number in (0, last):
        words = ("replace", cloud.addresses[number], "lladdr", mac(number), "dev", "br100")
        given("ip", "neighbour", *words, "nud", "permanent")
    first, later = [], []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        for _ in range(3 * ROUNDS):
            first.append(sent(sending, cloud.addresses[0]))
            later.append(sent(sending, cloud.addresses[last]))
    ratio = statistics.median(b / a for a, b in zip(first, later, strict=True))
    print(f"a packet to the guest number {GUESTS:,}: {statistics.median(later) * 1e6:.2f} µs, ")
    print(f"{ratio:.2f} times one to the first; at most 1.2 is claimed")


def sent(sending: socket.socket, address: str) -> float:
    """Seconds that a packet takes which the last rule of a guest's group lets in."""
    sending.connect((address, 9))
    start = time.process_time()
    for _ in range(PACKETS):
        sending.send(b"x")
    return (time.process_time() - start) / PACKETS


def main(options: Options) -> None:
    cloud = Cloud(replace(options, quota_security_groups=-1, quota_security_group_rules=-1))
    asking(cloud)
    one_rule(cloud)
    one_member(cloud)
    building(cloud)


if __name__ == "__main__":
    inside(main)
