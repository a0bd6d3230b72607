"""Asks the DHCP servers of each network's bridge, as a guest on a port of its own would.

The port is a TAP device that is not persistent: the kernel takes it away with the descriptor, so
that nothing is left behind however this process ends (Linux Documentation/networking/tuntap.rst).
The question is a DISCOVER in an instance's name: a dnsmasq with static hosts answers nobody else,
and keeps nothing of it. Guests see the answer, which is broadcast, and drop it: its transaction
is not theirs (RFC 2131 section 4.4.1).
"""

import fcntl
import os
import secrets
import select
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, cast

from netconsole.backend.model.errors import NetconsoleError, Unavailable
from netconsole.backend.model.text import decoded, from_json
from netconsole.backend.survey.status import Allocation, NetworkStatus
from netconsole.backend.system import files
from netconsole.backend.system.programs import run
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dhcp import DhcpAnswer, DhcpAnswers, Discover
from netconsole.diagnostics.probes.dhcp_message import Message, discover, read
from netconsole.diagnostics.probes.server_ear import ServerEar

SECONDS = 4.5
"""Answers are awaited: a dnsmasq that may offer any address pings one for 3 s first, by a clock of
whole seconds; others take 1 or 2."""
OPEN_SECONDS = 10.0
"""A bridge without a carrier lets nothing out, also not at once when it gets a port that has one:
the kernel tells of carriers up to a second later (link_watch), and later where others keep it busy
with links of theirs."""
MOST_NETWORKS = 16
MOST_ASKED = 4
"""Instances of each network in whose name is asked."""
NAME = "ncprobe%d"
"""Of the port; the kernel puts a number in."""

_TUN = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_TAP_WITHOUT_HEADER = 0x1002
_FRAME = 2048


class _FdbEntry(TypedDict, total=False):
    mac: str
    ifname: str


@dataclass(frozen=True, slots=True)
class _Port:
    """A port of a bridge that this process made."""

    name: str
    bridge: str
    descriptor: int
    mac: str


def ask(snapshot: Snapshot) -> DhcpAnswers:
    """Ask on every bridge at once. Raises OSError where no TAP device can be made."""
    host = snapshot.get(Backend)
    questions = tuple(_questions(host, snapshot)) if host else ()
    if host is None or not questions:
        return DhcpAnswers(0.0)
    problems: dict[str, str] = {}
    with ExitStack() as ports_open:
        ports: list[_Port] = []
        for bridge in dict.fromkeys(each.bridge for each in questions):
            port = _make_port(bridge, len(ports))
            ports_open.callback(os.close, port.descriptor)
            try:
                _plug_in(port)
            except NetconsoleError as error:
                problems[bridge] = str(error)
                continue
            ports.append(port)
        shut = _await(ports)
        problems |= {each.bridge: f"no carrier on {each.bridge}" for each in shut}
        ear = ports_open.enter_context(ServerEar(_guests(host)))
        told = _Conversation([each for each in ports if each not in shut], questions, ear)
        told.listen(SECONDS)
        return DhcpAnswers(
            SECONDS,
            tuple(each for each in questions if each.bridge not in problems),
            *told.placed(),
            tuple(told.held_off),
            problems,
        )


def _guests(host: Backend) -> Iterator[str]:
    """Return the ports of the instances of this host."""
    return (each.device for each in host.status.allocations if each.device)


def _questions(host: Backend, snapshot: Snapshot) -> Iterator[Discover]:
    target = snapshot.target
    served = {each.bridge for each in host.status.dnsmasq if each.state != "foreign"}
    networks = [
        each
        for each in host.status.networks
        if each.bridge in served
        and each.bridge_state in ("up", "no carrier")
        and (target is None or target.bridge in ("", each.bridge))
    ]
    for network in networks[:MOST_NETWORKS]:
        known = [
            each
            for each in host.status.allocations
            if each.network == network.label
            and each.allocated
            and each.mac
            and each.device_state != "missing"
            and not (network.multi_host and each.device_state == "not here")
        ]
        if target is not None and target.mac:
            known = [each for each in known if each.mac == target.mac]
        yield from _on(network, known[:MOST_ASKED])


def _on(network: NetworkStatus, known: Iterable[Allocation]) -> Iterator[Discover]:
    for each in known:
        yield Discover(network.label, network.bridge, each.mac, each.instance, each.address)
    yield Discover(network.label, network.bridge, _own_mac())


def _own_mac() -> str:
    """Return a hardware address that nobody has: locally administered (IEEE 802, clause 8)."""
    return bytes((0x02, 0x6E, 0x63, *secrets.token_bytes(3))).hex(":")


def _make_port(bridge: str, number: int) -> _Port:
    descriptor = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        request = struct.pack("16sH22x", NAME.encode(), _TAP_WITHOUT_HEADER)
        told = fcntl.ioctl(descriptor, _TUNSETIFF, request)
    except OSError:
        os.close(descriptor)
        raise
    return _Port(decoded(told[:16].rstrip(b"\0")), bridge, descriptor, _own_mac())


def _plug_in(port: _Port) -> None:
    """Make it a port, under the highest address: a bridge may take the lowest of its ports'.

    Raises Unavailable where the spanning tree keeps each new port waiting.
    """
    tail = secrets.token_bytes(2).hex(":")
    lines = (
        f"link set dev {port.name} address fe:ff:ff:ff:{tail}",
        f"link set dev {port.name} master {port.bridge} up",
    )
    run(["ip", "-batch", "-"], text="\n".join(lines))
    if _read(f"{port.bridge}/bridge/forward_delay") in ("0", ""):
        return
    # A new port would be deaf for that long; what sets its state is a spanning tree, where one is.
    if _read(f"{port.bridge}/bridge/stp_state") == "0":
        run(["bridge", "link", "set", "dev", port.name, "state", "3"])
    else:
        raise Unavailable(f"the spanning tree of {port.bridge} keeps each new port waiting")


def _await(ports: Iterable[_Port]) -> tuple[_Port, ...]:
    """Wait until answers can come out of the bridges; return the ports of those that stay shut.

    A port that its bridge blocks is asked from after a while all the same.
    """
    began = time.monotonic()
    while waiting := tuple(each for each in ports if not (_is_up(each) and _forwards(each))):
        waited = time.monotonic() - began
        if waited > OPEN_SECONDS or (waited > SECONDS and all(map(_is_up, waiting))):
            break
        time.sleep(0.01)
    return tuple(each for each in waiting if not _is_up(each))


def _is_up(port: _Port) -> bool:
    """Whether its bridge has a carrier, as far as the kernel has told."""
    return _read(f"{port.bridge}/operstate") != "down"


def _forwards(port: _Port) -> bool:
    return _read(f"{port.name}/brport/state") in ("3", "")


def _read(name: str) -> str:
    """Return what the kernel says of a link (sysfs-class-net); nothing where it does not."""
    try:
        return files.read_text(Path("/sys/class/net") / name).strip()
    except OSError:
        return ""


class _Conversation:
    """The questions, and the answers to them, until the time is over."""

    def __init__(
        self, ports: Iterable[_Port], questions: Iterable[Discover], ear: ServerEar
    ) -> None:
        self._ports = {port.descriptor: port for port in ports}
        self._ear = ear
        by_bridge = {port.bridge: port for port in self._ports.values()}
        self._asked: dict[int, tuple[Discover, float]] = {}
        self._at_ports: dict[tuple[int, str], DhcpAnswer] = {}
        self._came: set[tuple[int, str]] = set()
        self.answers: list[DhcpAnswer] = []
        self.overheard: list[DhcpAnswer] = []
        for each in questions:
            if port := by_bridge.get(each.bridge):
                number = secrets.randbits(32)
                self._asked[number] = (each, time.monotonic())
                os.write(port.descriptor, discover(port.mac, each.mac, number))

    def listen(self, seconds: float) -> None:
        """Hear what comes in on all ports."""
        deadline = time.monotonic() + seconds
        while self._ports and (left := deadline - time.monotonic()) > 0:
            ready = select.select([*self._ports, self._ear.fileno()], [], [], left)[0]
            self._hear_at_ports()
            self._hear(each for each in ready if each in self._ports)
        self._hear_at_ports()
        self._hear(self._ports)  # what was heard at a port is there by now, if it ever comes

    @property
    def held_off(self) -> list[DhcpAnswer]:
        """Answers to questions of ours, which are to everybody, that came no further than a
        guest's port."""
        return [each for key, each in self._at_ports.items() if key not in self._came]

    def _hear(self, descriptors: Iterable[int]) -> None:
        for each in descriptors:
            with suppress(BlockingIOError):
                while True:
                    message = read(os.read(each, _FRAME))
                    if message is not None:
                        self._note(self._ports[each].bridge, message)

    def _hear_at_ports(self) -> None:
        for port, message in self._ear.heard():
            asked, _ = self._asked.get(message.transaction, (None, 0.0))
            if asked is not None:
                answer = replace(self._answer(asked.bridge, message), port=port)
                self._at_ports.setdefault((message.transaction, message.source), answer)

    def _note(self, bridge: str, message: Message) -> None:
        asked, _ = self._asked.get(message.transaction, (None, 0.0))
        answer = self._answer(bridge, message)
        self._came.add((message.transaction, message.source))
        if asked is not None and asked.bridge == bridge:
            self.answers.append(answer)
        else:
            self.overheard.append(answer)

    def _answer(self, bridge: str, message: Message) -> DhcpAnswer:
        _, moment = self._asked.get(message.transaction, (None, time.monotonic()))
        return DhcpAnswer(
            bridge,
            message.mac,
            message.kind,
            message.address,
            message.server,
            message.source,
            "",
            round((time.monotonic() - moment) * 1000),
            message.text,
        )

    def placed(self) -> tuple[tuple[DhcpAnswer, ...], tuple[DhcpAnswer, ...]]:
        """Return the answers, and what was overheard, each with the port of the bridge behind which
        it was sent."""
        heard = {each.bridge for each in (*self.answers, *self.overheard)}
        places = {bridge: _places(bridge) for bridge in heard}

        def with_ports(answers: Iterable[DhcpAnswer]) -> tuple[DhcpAnswer, ...]:
            found = ((each, places[each.bridge].get(each.source, "")) for each in answers)
            return tuple(replace(each, port=port) for each, port in found)

        return with_ports(self.answers), with_ports(self.overheard)


def _places(bridge: str) -> Mapping[str, str]:
    """Return the port behind which each hardware address is (bridge(8), fdb)."""
    try:
        told = from_json(run(["bridge", "-json", "fdb", "show", "br", bridge]))
    except NetconsoleError:
        return {}
    return {entry.get("mac", ""): entry.get("ifname", "") for entry in cast(list[_FdbEntry], told)}
