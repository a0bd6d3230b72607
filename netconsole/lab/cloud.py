"""The cloud of a lab, built through the same verbs as on any host."""

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from netconsole.lab import ground, wires
from netconsole.lab.commands import LabFailed, require_programs, run
from netconsole.lab.members import Member, last_words, serve_pages, start, start_program

if TYPE_CHECKING:
    from netconsole.backend.records import InstanceView
    from netconsole.backend.service import Service

NETWORK: Final = "vmnet"
FIXED_RANGE: Final = "10.0.0.0/24"
BRIDGE: Final = "br100"
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


def build(programs: str, progress: Progress) -> int:
    """Build the lab in the namespaces of the calling process; answer 0 when it is ready.

    `programs` is the directory of netconsole's program, for the PATH of login shells.

    It is ready when the world outside answers and every instance holds its lease.
    Raises Unavailable or LabFailed, saying what is missing or what did not come about.
    """
    require_programs()
    progress("laying out")
    ground.lay(programs)
    outside = wires.start_outside()
    wires.connect(outside)
    members = {guest.name: start(guest.name, _live_as_guest) for guest in GUESTS}
    service = _service()
    progress(f"network {NETWORK}")
    _create_network(service)
    for guest in GUESTS:
        progress(f"instance {guest.name}")
        _boot(members[guest.name], _create_instance(service, guest))
    progress(f"floating address on {WITH_FLOATING.name}")
    _give_floating_address(service)
    wires.wait_for_outside()
    progress("leases")
    _wait_for_leases(service)
    progress("ready")
    return 0


def _service() -> "Service":
    from netconsole.backend.options import load
    from netconsole.backend.service import Service

    return Service(load())


def _create_network(service: "Service") -> None:
    from netconsole.backend.changes.networks import CreateNetwork

    service.do(CreateNetwork(label=NETWORK, fixed_range_v4=FIXED_RANGE, bridge=BRIDGE))


def _create_instance(service: "Service", guest: Guest) -> "InstanceView":
    from netconsole.backend.changes.instances import CreateInstance

    change = CreateInstance(
        name=guest.name, project=guest.project, networks=(NETWORK,), port_kind="veth"
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
    run("ip", "link", "set", "dev", peer, "netns", str(member.pid), "name", "eth0")
    member.begin()


def _live_as_guest() -> None:
    name = os.uname().nodename
    run("ip", "link", "set", "dev", "lo", "up")
    start_program(
        "busybox",
        "udhcpc",
        "-f",
        *("-i", "eth0"),
        *("-x", f"hostname:{name}"),
        *("-t", "5", "-T", "1", "-A", "1"),
    )
    serve_pages(name)


def _wait_for_leases(service: "Service") -> None:
    deadline = time.monotonic() + LEASE_SECONDS
    while without := [a.instance for a in service.status().allocations if not a.leased]:
        if time.monotonic() > deadline:
            raise LabFailed(
                f"no lease for {', '.join(without)} within {LEASE_SECONDS:.0f} s: "
                f"{last_words(without[0])}"
            )
        time.sleep(0.05)
