"""The cloud of a lab, built through the same verbs as on any host."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from netconsole.lab.clouds import metadata_service, told, wires
from netconsole.lab.clouds.guests import INTERFACE
from netconsole.lab.clouds.kinds import KINDS, NETWORK
from netconsole.lab.sandbox import ground
from netconsole.lab.sandbox.commands import LabFailed, require_programs, run
from netconsole.lab.sandbox.members import Member, last_words, start

if TYPE_CHECKING:
    from netconsole.backend.model.records import InstanceView
    from netconsole.backend.service.service import Service

POOL: Final = "public"
FLOATING_RANGE: Final = "203.0.113.128/28"

LEASE_SECONDS: Final = 20.0
"""How long all guests together may take to get their addresses."""


class Guest(NamedTuple):
    """An instance of the lab."""

    name: str
    project: str


GUESTS: Final = (Guest("web1", "demo"), Guest("web2", "demo"), Guest("db1", "other"))
WITH_FLOATING: Final = GUESTS[0]

Progress = Callable[[str], None]
"""Says in a few words what is being done."""


def build(kind_name: str, programs: str, progress: Progress) -> int:
    """Build a lab of a kind in the namespaces of the calling process; answer 0 when it is ready.

    `programs` is the directory of netconsole's program, for the PATH of login shells.

    It is ready when the world outside answers and every instance has its address.
    Raises Unavailable or LabFailed, saying what is missing or what did not come about.
    """
    require_programs()
    kind = KINDS[kind_name]
    progress("laying out")
    ground.lay(programs, kind.settings)
    outside = wires.start_outside()
    wires.connect(outside)
    kind.prepare(outside)
    members = {guest.name: start(guest.name, partial(kind.boot, guest.name)) for guest in GUESTS}
    service = _service()
    _let_in(service)
    progress(f"network {NETWORK}")
    kind.create_networks(service)
    metadata_service.start()
    for guest in GUESTS:
        progress(f"instance {guest.name}")
        view = _create_instance(service, guest)
        kind.inject(service, guest.name)
        _boot(members[guest.name], view)
    if kind.floating:
        progress(f"floating address on {WITH_FLOATING.name}")
        _give_floating_address(service)
    wires.wait_for_outside()
    progress("addresses")
    _wait_for_leases(service) if kind.leases else _wait_for_answers(service)
    metadata_service.wait()
    progress("ready")
    return 0


def _service() -> "Service":
    from netconsole.backend.configuration.loading import load
    from netconsole.backend.service.service import Service

    return Service(load())


def _let_in(service: "Service") -> None:
    """Let ping, SSH and HTTP in to every project, as the guide's reader would."""
    from netconsole.backend.changes.default_rules import AddDefaultRule
    from netconsole.backend.changes.group_rules import TypedTraffic

    for traffic in (
        TypedTraffic("icmp", icmp="-1"),
        TypedTraffic("tcp", "22"),
        TypedTraffic("tcp", "80"),
    ):
        service.do(AddDefaultRule(traffic))


def _create_instance(service: "Service", guest: Guest) -> "InstanceView":
    from netconsole.backend.changes.instances import CreateInstance

    change = CreateInstance(
        guest.name, guest.project, port_kind="veth", told=told.details(guest.project)
    )
    return service.do(change).result


def _give_floating_address(service: "Service") -> None:
    from netconsole.backend.changes.floating import AssociateFloating, CreateFloating

    created = service.do(CreateFloating(pool=POOL, ip_range=FLOATING_RANGE)).result
    service.do(AssociateFloating(address=created[0].address, instance=WITH_FLOATING.name))


def _boot(member: Member, view: "InstanceView") -> None:
    """Plug the guest into its port, as a hypervisor would, and let it begin."""
    peer = view.ports[0].port.peer
    if peer is None:
        raise LabFailed(f"the port of {member.name} has no guest's end")
    run("ip", "link", "set", "dev", peer, "netns", str(member.pid), "name", INTERFACE)
    member.begin()


def _wait_for_leases(service: "Service") -> None:
    deadline = time.monotonic() + LEASE_SECONDS
    while without := [a.instance for a in service.status().allocations if not a.leased]:
        if time.monotonic() > deadline:
            raise LabFailed(
                f"no lease for {', '.join(without)} within {LEASE_SECONDS:.0f} s: "
                f"{last_words(without[0])}"
            )
        time.sleep(0.05)


def _wait_for_answers(service: "Service") -> None:
    """Wait until the network's router, which is outside, has an answer from every guest."""
    deadline = time.monotonic() + LEASE_SECONDS
    for found in service.status().allocations:
        while not wires.reached_outside(found.address):
            if time.monotonic() > deadline:
                raise LabFailed(f"no answer from {found.instance}: {last_words(found.instance)}")
