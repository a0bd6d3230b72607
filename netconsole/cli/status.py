"""`netconsole status`: what this host holds, and whether it is as it should be."""

from typing import TYPE_CHECKING

import click

from netconsole.backend.model.phrases import count
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from netconsole.backend.survey.status import Status

Section = tuple[str, "Sequence[str]", "Iterable[object]"]

NETWORK = ("label", "cidr", "bridge", "bridge_state", "allocated", "leased", "total", "state")
ALLOCATION = (
    "address",
    "network",
    "instance",
    "project",
    "mac",
    "leased",
    "floating",
    "device",
    "device_state",
)
FLOATING = ("address", "pool", "interface", "instance", "fixed_address", "state")
DNSMASQ = ("network", "bridge", "state", "pids", "expected_processes", "leases")
NAT = ("chain", "rule", "packets", "origin", "state", "owner")


@click.command()
@as_json
@pass_context
def status(context: Context, as_json: bool) -> None:
    """Say what this host holds and whether it is as it should be.

    The first line is the verdict. With --json everything that is known is in it: every rule of
    the nat table with its counters, every floating address, the reason for what could not be read.
    """
    if as_json:
        output.print_json(context.door().plain_status())
    else:
        output.print_lines(report(context.door().status()))


def report(found: "Status") -> list[str]:
    """Return the lines for people: the verdict, then a table a subject."""
    from netconsole.backend.survey.trouble import troubles

    lines = [f"{found.host.name}: {verdict(found)}", *filter(None, [summary(found)])]
    lines += [f"{'wrong' if each.certain else 'open'}: {each.sentence}" for each in troubles(found)]
    lines += [f"another's: {one}" for one in found.host.anothers]
    for title, columns, rows in _sections(found):
        cells = [[getattr(row, name) for name in columns] for row in rows]
        if cells:
            lines += ["", title, *output.table(columns, cells)]
    if found.drift:
        lines += ["", "to bring it in line (netconsole apply):"]
        if found.host.removes_most:
            lines.append(f"  # {found.host.removes_most}: apply asks for the host's name")
        lines += [f"  {command}" for step in found.drift for command in step.commands]
    return lines


def verdict(found: "Status") -> str:
    """Return in a sentence whether the host is as it should be."""
    if found.host.another:
        return f"another's: {found.host.unreadable['plan']}"
    differs = []
    if found.host.unfinished:
        differs.append(f"{count(len(found.host.unfinished), 'change')} cut off half done")
    if found.drift:
        differs.append(f"{count(len(found.drift), 'step')} away from what the store says")
    if found.host.obstacles:
        differs.append(f"{count(len(found.host.obstacles), 'thing')} not to be had here")
    if differs:
        return "drift: " + "; ".join(differs)
    if found.host.unreadable:
        return "unknown: " + ", ".join(found.host.unreadable) + " could not be read"
    from netconsole.backend.survey.trouble import troubles

    wrong = sum(each.certain for each in troubles(found))
    if wrong:
        return f"as the store says, and {count(wrong, 'problem')}"
    return "ok, as the store says"


def summary(found: "Status") -> str:
    """Return how much there is, in a line; nothing of what could not be read."""
    unread = found.host.unreadable
    leased = sum(one.leased for one in found.allocations)
    used = sum(one.fixed_address is not None for one in found.floating_ips)
    ours = sum(rule.origin == "ours" and rule.state == "present" for rule in found.nat)
    foreign = sum(rule.origin == "foreign" for rule in found.nat)
    parts = []
    if "store" not in unread:
        parts += [
            count(len(found.networks), "network"),
            f"{leased} of {count(len(found.allocations), 'address')} leased",
            f"{used} of {count(len(found.floating_ips), 'floating address')} in use",
        ]
    if "rules" not in unread:
        parts.append(f"{count(ours, 'NAT rule')} of ours and {foreign} of others")
    if found.host.read_only_because:
        parts.append(f"read-only: {found.host.read_only_because}")
    return ", ".join(parts)


def _sections(found: "Status") -> list[Section]:
    return [
        ("networks", NETWORK, found.networks),
        ("allocations", ALLOCATION, found.allocations),
        (
            "floating addresses in use",
            FLOATING,
            [one for one in found.floating_ips if one.state != "free"],
        ),
        ("dnsmasq", DNSMASQ, found.dnsmasq),
        (
            "NAT rules missing or unexpected",
            NAT,
            [rule for rule in found.nat if rule.state != "present"],
        ),
    ]
