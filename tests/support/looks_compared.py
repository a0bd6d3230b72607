"""Runs on a private host: happens to it what may, and compares two ways to look at it.

Each time some commands are chosen and run, those of netconsole in forks of a process that has it
loaded, as loading takes longer than what they do. Then what is heard of them is looked at over the
look before, and all is looked at anew. It prints one line of JSON for each time: `commands`, and
`differing`, what of the two surveys is not the same.
"""

import json
import multiprocessing
import random
import subprocess
from dataclasses import fields
from multiprocessing.connection import Connection

from changed_host import run

from netconsole.backend.configuration.loading import load
from netconsole.backend.model.facility import NOTHING, Again, Facility
from netconsole.backend.model.hoststate import Dnsmasq
from netconsole.backend.service.service import Service
from netconsole.backend.survey.differences import differing
from netconsole.backend.survey.survey import Survey
from netconsole.watch.ears import Ears

TRIES = 10
QUIET_SECONDS = 0.2
TOLD_SECONDS = 3.0
"""The kernel tells up to a second later that a carrier is gone (net/core/link_watch.c)."""
HOSTS = "/var/lib/netconsole/networks/nova-br100.hosts"
COMMANDS = (
    "ip link set dev {link} down",
    "ip link set dev {link} up",
    "ip link set dev {link} mtu {number}",
    "ip link set dev {tap} nomaster",
    "ip link set dev {tap} master br100",
    "ip link set dev {tap} alias other",
    "ip address add 192.0.2.4/32 dev {tap}; ip link set dev {tap} name named{port}",
    "ip link add dev br8 type bridge; ip link set dev {tap} master br8; ip link del dev br8",
    "ip link del dev {tap}",
    "ip link add tap1{port} type veth peer name far1{port}",
    "ip link add dev br7 type bridge",
    "ip link set dev eth0 master br7",
    "ip link set dev eth0 nomaster",
    "ip link del dev br7",
    "ip address add 192.0.2.{port}/32 dev {link}",
    "ip address del 192.0.2.{port}/32 dev {link}",
    "ip address del 10.0.0.1/24 dev br100",
    "ip address add 10.0.0.1/24 broadcast 10.0.0.255 dev br100",
    "iptables -A {chain} -d 192.0.2.{port}/32 -j ACCEPT",
    "iptables -D {chain} 1",
    "iptables -t nat -F POSTROUTING",
    "iptables -t mangle -N other{port}",
    "nft delete table netdev netconsole",
    "echo '#' >> {hosts}/{file}",
    "rm -f {hosts}/{file}",
    "echo 0 > /proc/sys/net/ipv4/ip_forward",
    "netconsole instance create late{number} --project demo --port-kind tap",
    "netconsole instance delete late{number}",
    "netconsole floating associate 203.0.113.129 web{port}",
    "netconsole floating disassociate 203.0.113.129",
    "netconsole apply",
)


def happening(chance: random.Random, ports: list[str]) -> list[str]:
    """Some commands, each of which may fail."""
    return [
        each.format(
            link=chance.choice(("br100", "eth0", *ports)),
            tap=chance.choice(ports or ["br100"]),
            port=chance.randint(1, 3),
            number=chance.choice((1400, 1450)),
            chain=chance.choice(("INPUT", "FORWARD")),
            hosts=HOSTS,
            file="$(ls -A " + HOSTS + " | head -n1)",
        )
        for each in chance.choices(COMMANDS, k=chance.randint(1, 2))
    ]


def unequal(one: Survey, other: Survey) -> list[str]:
    """Name what of two surveys is not the same; counters go on, and generations with them."""
    found = [each.value for each in differing(one, other) - {Facility.COUNTERS}]
    for side in ("wanted", "observed"):
        mine, theirs = getattr(one, side), getattr(other, side)
        names = (field.name for field in fields(mine) if field.name != "generation")
        found += [f"{side}.{n}" for n in names if getattr(mine, n) != getattr(theirs, n)]
    if [*one.observed.links] != [*other.observed.links]:
        found.append("order of links")
    if repr(one.plan) != repr(other.plan):  # with what equality passes over
        found.append("plan")
    return found + [each for each in ("obstacles", "another") if _of(one, each) != _of(other, each)]


def _of(survey: Survey, name: str) -> object:
    return getattr(survey, name)


class Happenings:
    """Runs commands, each of which may fail."""

    def __init__(self) -> None:
        """Begin the process that forks: before this one has a store, which no fork may share."""
        forking = multiprocessing.get_context("fork")
        self._asked, theirs = forking.Pipe()
        forking.Process(target=_serve, args=(theirs,), daemon=True).start()

    def happen(self, command: str) -> None:
        program, *words = command.split()
        if program != "netconsole":
            subprocess.run(["sh", "-c", command], check=False, capture_output=True)
            return
        self._asked.send(words)
        self._asked.recv()


def _serve(asked: "Connection[int, list[str]]") -> None:
    while True:
        asked.send(run(*asked.recv()))


class Comparison:
    """The two ways to look, from one time to the next."""

    def __init__(self, happenings: Happenings, service: Service) -> None:
        self._happenings = happenings
        self._service = service
        self._ears = Ears(service.places)
        self._look = service.look()
        self._listen()

    def after(self, commands: list[str]) -> list[str]:
        """Run commands, and return what the two ways do not agree on.

        Where something is heard while they look, it is for the next look: they look once more.
        """
        for each in commands:
            self._happenings.happen(each)
        for _ in range(TRIES):
            self._look = self._service.look(self._look, self._heard())
            self._listen()
            found = unequal(self._look.survey, self._service.look().survey)
            more = self._heard(TOLD_SECONDS if found else QUIET_SECONDS)
            if not more:
                return found
            self._look = self._service.look(self._look, more)
        raise AssertionError("something goes on happening")

    @property
    def ports(self) -> list[str]:
        """The guests' ports that there are."""
        links = self._look.survey.observed.links.values()
        return sorted(each.name for each in links if each.ours and each.kind != "bridge")

    def _listen(self) -> None:
        if not self._ears.listen_to(pid for each in self._observed for pid in each.pids):
            self._look = self._service.look(self._look, Again.of(Facility.DNSMASQ))

    @property
    def _observed(self) -> tuple[Dnsmasq, ...]:
        return self._look.survey.observed.dnsmasq

    def _heard(self, seconds: float = QUIET_SECONDS) -> Again:
        """All that is told, until it is quiet for a moment."""
        heard = NOTHING
        while more := self._ears.wait(QUIET_SECONDS if heard else seconds):
            heard |= more
        return heard


def main(seed: str, times: int) -> None:
    """Compare so many times."""
    chance = random.Random(seed)  # noqa: S311  the same each time
    comparison = Comparison(Happenings(), Service(load()))
    for _ in range(times):
        commands = happening(chance, comparison.ports)
        answer = {"commands": commands, "differing": comparison.after(commands)}
        print(json.dumps(answer), flush=True)
