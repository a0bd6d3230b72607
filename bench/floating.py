"""Claims: 50,000 rules cost little more than the programs that load and list them.

10,000 floating addresses are 50,000 rules. To observe, plan and apply them all takes at most 2.5
times as long as a bare iptables-restore of the same rules; to find that nothing is left to do, at
most four times as long as a bare iptables-save. Both look afresh, as a new process does, and at
several things at once: where others keep the processor busy they take longer. One more association
in a running process, which knows the rules of the present generation and looks at nothing but the
address, takes at most 3.5 times as long as the two commands that it comes to: a bare
iptables-restore of its five rules, and `ip address add`. Of processor time, which is the same on a
busy machine, it takes less than 70 ms beside its programs.
"""

import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from resource import RUSAGE_CHILDREN, getrusage
from typing import NamedTuple

from enclosed import HOST, PUBLIC_INTERFACE, inside

from netconsole.backend.changes.converge import Converge
from netconsole.backend.changes.floating import AssociateFloating
from netconsole.backend.changes.networks import CreateNetwork
from netconsole.backend.configuration.options import Options
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.host import Host
from netconsole.backend.host.parts import together
from netconsole.backend.intent import intent
from netconsole.backend.model.kernel_settings import IP_FORWARD
from netconsole.backend.model.meaning import Translation
from netconsole.backend.model.records import FloatingIP, Instance, Port
from netconsole.backend.plan import plan
from netconsole.backend.service.service import Service
from netconsole.backend.steps import ChangeRules, EndUntranslated, Plan
from netconsole.backend.store import (
    Store,
    allocations,
    floating_ips,
    instances,
    networks,
    records,
)
from netconsole.backend.system.garbage import at_rest
from netconsole.backend.transaction.apply import apply
from netconsole.backend.transaction.journal import Journal
from netconsole.backend.wording.iptables import floating_rules

ADDRESSES = 10_000
MORE = 5
"""Associations in a running process, one after the other."""
ROUNDS = 9
EMPTY = "*nat\nCOMMIT\n"


class Cloud:
    """A host with its floating addresses in the store and on its interface."""

    def __init__(self, options: Options) -> None:
        self.service = Service(options)
        self._options = options
        self._store = Store(options.connection)
        self._journal = Journal(f"{options.state_path}/journal")
        self._host = Host(options.networks_path, (IP_FORWARD,))
        self.service.do(CreateNetwork(label="vmnet", fixed_range_v4="10.0.0.0/16", bridge="br100"))
        self._associate()
        self.service.do(Converge())

    def _associate(self) -> None:
        """Write the store at once; the guests live on another host, so that no taps are made."""
        with self._store.transaction() as connection:
            (network,) = networks.every(connection)
            rows = floating_ips.insert_many(
                connection,
                (
                    FloatingIP(0, floating(number), "public", PUBLIC_INTERFACE)
                    for number in range(ADDRESSES + MORE)
                ),
            )
            for number, row in enumerate(rows):
                uuid = f"instance-{number}"
                name = f"web{number}"
                instances.insert(connection, Instance(uuid, name, "demo", "compute", name))
                mac = f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}"
                port = Port(0, f"port-{number}", mac, network.id, uuid, "tap", f"tap{number}")
                made = instances.insert_port(connection, port)
                fixed_ip = allocations.allocate(connection, network, uuid, made.id)
                if number < ADDRESSES:
                    floating_ips.associate(connection, row, fixed_ip, HOST)

    def plan(self) -> Plan:
        """Look at the store and the host, and say what is to do."""
        with self._host.looking() as seen, self._store.reading() as connection:
            wanted = intent(records(connection, HOST), self._options)
            observed = together(seen())
            return plan(observed, self._host.possible(wanted, observed))

    def converge(self) -> None:
        """Observe, plan and apply; nothing but rules may be missing, and what follows from them."""
        steps = self.plan()
        made = [type(step) for step in steps.steps]
        assert made == [ChangeRules, EndUntranslated], made
        apply(steps, self._journal, "bench").keep()


def floating(number: int) -> str:
    return f"198.18.{number >> 8}.{number & 255}"


def given(*command: str, text: str = "") -> str:
    """Run a program as an admin would, and return what it said."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout


class Taken(NamedTuple):
    """What an action took, in seconds."""

    elapsed: float
    processor: float
    """Of this process and of the programs that it ran: the same on a busy machine."""


def taken(action: Callable[[], object]) -> Taken:
    start, computed = time.perf_counter(), _processor()
    with at_rest():  # as the service does
        action()
    return Taken(time.perf_counter() - start, _processor() - computed)


def _processor() -> float:
    """Finer than times(2), which counts hundredths."""
    of_programs = getrusage(RUSAGE_CHILDREN)
    return time.process_time() + of_programs.ru_utime + of_programs.ru_stime


def loading(cloud: Cloud) -> None:
    saved = given("iptables-save", "-t", "nat")
    ours, bare = [], []
    for _ in range(ROUNDS):
        given("iptables-restore", text=EMPTY)
        ours.append(taken(cloud.converge))
        given("iptables-restore", text=EMPTY)
        bare.append(taken(lambda: given("iptables-restore", text=saved)))
    print(f"{saved.count('-A '):,} rules observed, planned and applied: ", end="")
    say(ours, bare, "iptables-restore", 2.5)


def listing(cloud: Cloud) -> None:
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(taken(lambda: nothing_left(cloud)))
        bare.append(taken(lambda: given("iptables-save")))
    print("an empty plan: ", end="")
    say(ours, bare, "iptables-save", 4)


def nothing_left(cloud: Cloud) -> None:
    left = cloud.plan()
    assert not left, left.commands[:3]


def say(ours: list[Taken], bare: list[Taken], program: str, claimed: float) -> None:
    """The median of the rounds: each has both, so that a slow moment of the machine is in both."""
    (mine, computed), (theirs, least) = (
        map(statistics.median, zip(*rounds, strict=True)) for rounds in (ours, bare)
    )
    ratio = statistics.median(
        one.elapsed / other.elapsed for one, other in zip(ours, bare, strict=True)
    )
    print(f"{mine * 1000:.0f} ms, {ratio:.2f} times a bare {program},")
    print(f"{theirs * 1000:.0f} ms; at most {claimed:g} is claimed. Of processor time")
    print(f"{computed * 1000:.0f} ms and {least * 1000:.0f} ms, {computed / least:.2f} times")


def one_more(cloud: Cloud) -> None:
    numbers = range(ADDRESSES, ADDRESSES + MORE)
    ours, computing = [], []
    for number in numbers:
        begun = time.process_time()
        ours.append(taken(partial(associate, cloud, number)))
        computing.append(time.process_time() - begun)
    bare = [taken(partial(typed, number)) for number in range(numbers.stop, numbers.stop + MORE)]
    print("one more association: ", end="")
    say(ours, bare, "run of its two commands", 3.5)
    print(f"beside its programs {statistics.median(computing) * 1000:.0f} ms of processor time;")
    print("at most 70 is claimed")


def typed(number: int) -> None:
    """Associate an address with the commands that an admin would type."""
    made = floating_rules(Translation(floating(number), "10.0.200.1", PUBLIC_INTERFACE))
    lines = (f"-A {CHAIN_PREFIX}{chain} {rule.spec}" for chain, rule in made)
    given("iptables-restore", "--noflush", text="\n".join(("*nat", *lines, "COMMIT", "")))
    given("ip", "address", "add", f"{floating(number)}/32", "dev", PUBLIC_INTERFACE)


def associate(cloud: Cloud, number: int) -> None:
    cloud.service.do(AssociateFloating(address=floating(number), instance=f"web{number}"))


def main(options: Options) -> None:
    cloud = Cloud(replace(options, quota_floating_ips=-1))
    loading(cloud)
    listing(cloud)
    one_more(cloud)


if __name__ == "__main__":
    inside(main)
