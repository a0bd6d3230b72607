"""Faults of the guards at the ports: flushed, taken away, and one that lost an address."""

import re
from typing import Final

from netconsole.backend.model.errors import Conflict
from netconsole.backend.service.service import Service
from netconsole.backend.steps import ChangeGuards, Step
from netconsole.lab.faults.bridges import guest
from netconsole.lab.faults.fault import Fault
from netconsole.lab.faults.planned import follow_plan, planned
from netconsole.lab.sandbox.commands import run

_TABLE: Final = ("netdev", "netconsole")


def _is_of_guards(step: Step) -> bool:
    return isinstance(step, ChangeGuards)


def _flush(service: Service) -> None:
    run("nft", "flush", "chain", *_TABLE, "guard")


def _take_chain(service: Service) -> None:
    chain = f"port-{guest(service, 0).device}"
    run("nft", "delete", "chain", *_TABLE, chain)


def _take_address(service: Service) -> None:
    """As an admin who tidies up a set."""
    port = guest(service, 0)
    listed = run("nft", "list", "set", *_TABLE, "ipv4")
    found = re.search(rf'"{port.device}" \. [0-9a-f:]+ \. {re.escape(port.address)}\b', listed)
    if found is None:
        raise Conflict(f"the guard of {port.instance} has not {port.address}")
    run("nft", "delete", "element", *_TABLE, "ipv4", f"{{ {found[0]} }}")


FAULTS: Final = (
    Fault(
        "guards_flushed",
        "Someone has emptied the chain that all guards lead to.",
        "No instance reaches anything: a port drops what nothing lets through.",
        planned(_is_of_guards),
        _flush,
        follow_plan(_is_of_guards),
    ),
    Fault(
        "guard_removed",
        "The guard of the first instance's port was deleted.",
        "Nothing, until its guest passes for another.",
        planned(_is_of_guards),
        _take_chain,
        follow_plan(_is_of_guards),
    ),
    Fault(
        "guard_address",
        "The first instance's own address was taken out of its guard.",
        "It reaches nobody, and its ARP is not answered; by DHCP it still gets its address.",
        planned(_is_of_guards),
        _take_address,
        follow_plan(_is_of_guards),
    ),
)
