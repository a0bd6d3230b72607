"""Runs on a private host: changes its guests, and tells at which moments one of them was open.

It takes commands one after the other, kills each at some of its moments and lets `apply` recover,
until it goes through. At each moment, of recoveries as well, everything stands still while it looks
(at those that a command comes to again, as it begins again, the first time alone)
whether every bridged port has its guard and every instance is filtered, and sends what must not
arrive: datagrams to a closed port, from outside, from the host and from the neighbour, and a lie of
the guest's. So what is told of a moment is what a kill at it leaves.

`tell` prints one JSON object: `lacked`, what was not there at which moment, `leaked`, which packets
got through though all was, and `passed`, how many did that may.
"""

import json
import os
import re
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from typing import Any

from changed_host import at_each, run, told
from sent_frames import within

GUEST, NEIGHBOUR, NOBODY, WORLD = "10.0.0.2", "10.0.0.3", "10.0.0.77", "203.0.113.1"
BROADCAST, OTHER_MAC = "ff:ff:ff:ff:ff:ff", "02:de:ad:be:ef:01"
BRIDGE = "br100"
CLOSED = 9
KINDS = ("nft", "legacy")
_EVERYTHING = 3
MARK = b"at the moment: "
_FOUND = Path("/run/found")
_CONFIGURATION = Path("/etc/netconsole/netconsole.conf")
_LEADS = re.compile(r"^-A (\S+) .*?-[jg] (\S+)", re.M)


@dataclass(frozen=True)
class Port:
    """A port of a guest that is in a bridge, and the guest's end of it."""

    name: str
    peer: str
    peer_mac: str


def ports() -> list[Port]:
    """The ports of guests that are in a bridge and up; their other ends are taken up."""
    found = []
    links = {link["ifname"]: link for link in json.loads(told("ip", "-json", "link"))}
    for name, link in links.items():
        if not link.get("ifalias", "").startswith("netconsole:port:") or "master" not in link:
            continue
        peer = links[link["link"]]
        if "UP" not in peer["flags"]:
            told("ip", "link", "set", peer["ifname"], "up")
        if "UP" in link["flags"]:
            found.append(Port(name, peer["ifname"], peer["address"]))
    return found


def filtered(rules: str) -> list[str]:
    """The chains of instances that are led to, and that drop what is invalid and the rest."""
    leads: dict[str, list[str]] = {}
    for chain, to in _LEADS.findall(rules):
        leads.setdefault(chain, []).append(to)
    if any(leads.get(chain, [""])[0] != "nova-filter-top" for chain in ("FORWARD", "OUTPUT")):
        return []
    reached: set[str] = set()
    waiting = ["nova-filter-top"]
    while waiting:
        chain = waiting.pop()
        reached.add(chain)
        waiting += [each for each in leads.get(chain, ()) if each not in reached]
    return [
        each
        for each in reached
        if each.startswith("nova-network-inst-")
        and f"-A {each} -m conntrack --ctstate INVALID -j DROP" in rules
        and leads.get(each, [""])[-1] == "nova-network-sg-fallback"
    ]


def lacking(bridged: list[Port]) -> list[str]:
    """What the kernel lacks of that by which bridged ports are held."""
    if not bridged:
        return []
    table = told("nft", "list", "table", "netdev", "netconsole")
    hook = 'hook ingress device "{}"'
    found = [f"{port.name}: no guard" for port in bridged if hook.format(port.name) not in table]
    for family in ("iptables", "ip6tables"):
        kinds = (filtered(told(f"{family}-{kind}-save", "-t", "filter")) for kind in KINDS)
        if all(len(chains) < len(bridged) for chains in kinds):
            found.append(f"{family}: not every one of {len(bridged)} ports is filtered")
    return found


def frame(mac: str, source_mac: str, source: str, target: str, mark: bytes) -> bytes:
    """A datagram to a closed port, of IPv4."""
    ether = bytes.fromhex(f"{mac}{source_mac}".replace(":", "")) + b"\x08\0"
    datagram = struct.pack("!HHHH", 4000, CLOSED, 8 + len(mark), 0) + mark
    ends = socket.inet_aton(source) + socket.inet_aton(target)
    head = struct.pack("!BBHHHBBH8s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, ends)
    total: int = sum(struct.unpack("!10H", head))
    total = (total & 0xFFFF) + (total >> 16)
    total = ~(total + (total >> 16)) & 0xFFFF
    return ether + head[:10] + total.to_bytes(2, "big") + head[12:] + datagram


def send(interface: str, sent: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        out.send(sent)


class Watch:
    """What is looked at and sent at moments, and what comes of it on the host's interfaces."""

    def __init__(self) -> None:
        self.during = ""
        """What is under way."""
        self._listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERYTHING))
        self._listener.setsockopt(socket.SOL_SOCKET, 33, 1 << 25)  # SO_RCVBUFFORCE
        self._listener.setblocking(False)
        with within("outside"):
            self._outside = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self._outside.bind(("eth0", 0))
        shown = json.loads(told("ip", "-json", "link", "show", "eth0"))
        self._router: str = shown[0]["address"]
        for address in (GUEST, NOBODY):
            words = ("lladdr", BROADCAST, "nud", "permanent", "dev", BRIDGE)
            told("ip", "neighbour", "replace", address, *words)

    def moment(self) -> None:
        """Look, write down what is lacking, and try where nothing is; in any process."""
        bridged = ports()
        found = lacking(bridged)
        with _FOUND.open("a") as out:
            out.write(f"{json.dumps([self.during, found])}\n")
        if not found:
            self._try(bridged)

    def _try(self, bridged: list[Port]) -> None:
        for kind, address in (("closed", GUEST), ("open", NOBODY)):
            mark = self._mark(kind)
            self._outside.send(frame(self._router, OTHER_MAC, WORLD, address, mark))
            with suppress(PermissionError), socket.socket(type=socket.SOCK_DGRAM) as out:
                out.sendto(mark, (address, CLOSED))  # where no rule drops it
        for port in bridged:
            send(port.peer, frame(BROADCAST, OTHER_MAC, NOBODY, NOBODY, self._mark("lie")))
            mark = self._mark("closed")
            send(port.peer, frame(BROADCAST, port.peer_mac, NEIGHBOUR, GUEST, mark))

    def _mark(self, kind: str) -> bytes:
        return MARK + f"{kind}, {self.during}".encode()

    def arrived(self) -> Iterator[str]:
        """What has left by a guest's port, and which lies have come in at the bridge."""
        while True:
            try:
                seen, (interface, _, way, *_) = self._listener.recvfrom(1 << 16)
            except BlockingIOError:
                return
            kind = seen.partition(MARK)[2].decode(errors="replace")
            leaves = interface.startswith("veth") and way == socket.PACKET_OUTGOING
            comes_in = interface == BRIDGE and way != socket.PACKET_OUTGOING
            if kind and (leaves or (comes_in and kind.startswith("lie"))):
                yield kind

    def take(self, *command: str, seen: int = 0, number: int = -1) -> bool:
        """Take a command, and be killed at a moment; return whether it went through.

        So many of its moments were looked at before.
        """
        moments = iter(range(10_000))

        def moment() -> None:
            now = next(moments)
            if now >= seen:
                self.moment()
            if now == number:
                os.kill(os.getpid(), signal.SIGKILL)

        status = run(*command, before=at_each(moment))
        assert status in (0, 128 + signal.SIGKILL), Path("/run/said").read_text()
        return status == 0


def tell(*asked: dict[str, Any]) -> None:
    """Take commands, each killed at every so-manieth moment, and print what was seen.

    With `before`, what a shell does before each, and with `without` what a line of the
    configuration switched off until then. If that `opens` the host, nothing is told of until the
    host is closed again. Where it is not `alike` each time, every moment is looked at again.
    """
    watch = Watch()
    wrong: list[str] = []
    arrived: list[str] = []
    for each in asked:
        seen, number, has_come_through = 0, each["first"], False
        opens = each["opens"]
        while not has_come_through:
            _FOUND.write_text("")
            told("sh", "-ec", each["before"])
            if each["without"]:
                switch_off(each["without"])
            watch.during = f"{' '.join(each['command'])} killed at {number}"
            has_come_through = watch.take(*each["command"], seen=seen, number=number)
            closes = has_been_closed()
            if not has_come_through:
                watch.during = f"apply after {watch.during}"
                watch.take("apply")
            wrong += lacked(opens=opens)
            arrived += watch.arrived()
            opens = opens and not closes  # of the moments that follow none is open again
            seen, number = each["alike"] * (number + 1), number + each["every"]
    passed = [each for each in arrived if each.startswith("open")]
    leaked = [each for each in arrived if not each.startswith("open")]
    print(json.dumps({"lacked": wrong, "leaked": leaked, "passed": len(passed)}))


def switch_off(line: str) -> None:
    """Let a line of the configuration count for one `apply`, and take it out again."""
    kept = _CONFIGURATION.read_text()
    _CONFIGURATION.write_text(f"{kept}{line}\n")
    assert run("apply") == 0, Path("/run/said").read_text()
    _CONFIGURATION.write_text(kept)


def found_so_far() -> list[tuple[str, list[str]]]:
    """What was under way at each moment that was looked at, and what was lacking."""
    return [json.loads(line) for line in _FOUND.read_text().splitlines()]


def has_been_closed() -> bool:
    """Whether nothing was lacking at one of the moments."""
    return any(not found for _, found in found_so_far())


def lacked(*, opens: bool) -> Iterator[str]:
    """What was lacking at the moments of a command and of its recovery."""
    for during, found in dropwhile(lambda moment: opens and moment[1], found_so_far()):
        yield from (f"{during}: {each}" for each in found)
