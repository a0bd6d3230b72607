"""`netconsole secgroup test`: whether something reaches an instance, and by which rule."""

import threading
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.backend.model.errors import ExitStatus, InvalidValue
from netconsole.backend.model.phrases import some
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.cli.trace import journey_lines
from netconsole.diagnostics.parts.journey import journey_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netconsole.backend.model.group_rules import GroupProtocol
    from netconsole.backend.model.records import InstanceView
    from netconsole.backend.survey.admission import Judgement
    from netconsole.backend.survey.enforcement import Answer
    from netconsole.diagnostics.parts.journey import Journey
    from netconsole.diagnostics.tracing.asked import AskedTrace

ANSWER_COLUMNS = ("source", "sender", "instance", "verdict", "because", "on_host")


@click.command()
@click.option(
    "--from",
    "source",
    metavar="SOURCE",
    required=True,
    shell_complete=names.senders,
    help="Who sends: an address, an instance, or a group, each of whose members is asked after.",
)
@click.option(
    "--source-project",
    metavar="PROJECT",
    shell_complete=names.projects,
    help="Whose group it is; default: the instance's own. An id needs none.",
)
@click.option(
    "--to",
    "instance",
    metavar="INSTANCE",
    required=True,
    shell_complete=names.instances,
    help="The instance that it is sent to.",
)
@click.option(
    "--protocol",
    "--proto",
    "protocol",
    type=click.Choice(("tcp", "udp", "icmp")),
    required=True,
    help="What is sent; icmp is a ping where no type is named.",
)
@click.option("--port", type=click.IntRange(1, 65535), help="Of TCP and UDP: where to.")
@click.option("--icmp-type", type=click.IntRange(0, 255), help="Of ICMP, instead of a ping.")
@click.option("--icmp-code", type=click.IntRange(0, 255), default=0, help="Of that. Default: 0.")
@click.option(
    "--trace", "traces", is_flag=True, help="Send it as well, and say what it meets on this host."
)
@as_json
@pass_context
def test(
    context: Context,
    source: str,
    source_project: str | None,
    instance: str,
    protocol: "GroupProtocol",
    port: int | None,
    icmp_type: int | None,
    icmp_code: int,
    traces: bool,
    as_json: bool,
) -> int:
    """Say whether something reaches an instance, and by which rule of which group.

    Of what begins a connection: answers come in whatever the groups say. The verdict is the
    store's; beside it stands what the rules on this host do, where the instance is here, and where
    the two differ that is said; it is `unknown` where that hangs on what is not asked here, such
    as the interface by which it comes in. Exit status 1 where they do, or something is not let in.
    """
    if (port is None) != (protocol == "icmp"):
        raise click.UsageError("Give --port with tcp and udp, and not with icmp.")
    if traces and icmp_type is not None:
        raise click.UsageError("--trace sends a ping: it goes without --icmp-type.")
    if traces and ":" in source:
        raise InvalidValue("source", source, "is no IPv4 address: --trace sends no other packets")
    found = context.door().admissions(
        *(source, instance, protocol),
        source_project=source_project,
        port=port,
        icmp_type=icmp_type,
        icmp_code=icmp_code,
    )
    journeys = _followed(context, found, protocol, port or 0) if traces else {}
    _print(found, journeys, as_json=as_json)
    drift = [each.by_records.source for each in found if each.drift]
    _say(found, drift)
    allowed = all(each.by_records.allowed for each in found) and not drift
    allowed = allowed and all(each.reached for each in journeys.values())
    return ExitStatus.OK if allowed else ExitStatus.FAILED


def _print(found: "Sequence[Answer]", journeys: "Mapping[str, Journey]", *, as_json: bool) -> None:
    """Print the answers, and how what was sent from each source went on."""
    rows = [answer_record(each) for each in found]
    sources = [each.by_records.source for each in found]
    if as_json:
        output.print_json(
            [
                row | {"journey": journey_record(journeys[sender])} if sender in journeys else row
                for row, sender in zip(rows, sources, strict=True)
            ]
        )
    else:
        output.print_table(ANSWER_COLUMNS, [[row[name] for name in ANSWER_COLUMNS] for row in rows])
        for sent_from, journey in journeys.items():
            output.print_lines(("", f"from {sent_from}", *journey_lines(journey)))


def _say(found: "Sequence[Answer]", drift: "Sequence[str]") -> None:
    """Say where the rules on this host do something else, or hang on what is not asked."""
    if drift:
        said = f"drift: the rules on this host do not do what the store says of {some(drift)}"
        output.say(f"{said} (netconsole plan)")
    if any(each.by_rules == "unknown" for each in found):
        told = "unknown: a rule of others before ours asks for more, such as the way in"
        output.say(f"{told} (netconsole doctor --only groups_bypassed)")


def _followed(
    context: Context, found: "Sequence[Answer]", protocol: "GroupProtocol", port: int
) -> "dict[str, Journey]":
    """Send what was asked about, and return what became of it by its source; of IPv4 alone."""
    door = context.door()
    door.refuse_if_read_only("secgroup test --trace")
    instances = door.instances()
    judged = [each.by_records for each in found if ":" not in each.by_records.source]
    asked = [_asked(each, instances, protocol, port) for each in judged]
    followed = door.trace_all(asked, cancel=threading.Event())
    return {each.source: journey for each, journey in zip(judged, followed, strict=True)}


def _asked(
    judged: "Judgement", instances: "Sequence[InstanceView]", protocol: "GroupProtocol", port: int
) -> "AskedTrace":
    """What is sent: from outside to the floating address of the instance, where it has one."""
    from netconsole.diagnostics.tracing.asked import AskedTrace

    ports = [(one.instance.name, each) for one in instances for each in one.ports]
    guests = {fixed.address for _, each in ports for fixed in each.fixed_ips}
    floating = (
        each.address
        for name, own in ports
        if name == judged.instance and judged.source not in guests
        for each in own.floating_ips
    )
    destination = next(floating, judged.instance)
    return AskedTrace(judged.source, destination, protocol, port)


def answer_record(answer: "Answer") -> dict[str, object]:
    """Return what records and rules say of one source."""
    found = answer.by_records
    return record(found) | {
        "verdict": "allowed" if found.allowed else "denied",
        "on_host": answer.by_rules,
        "drift": answer.drift,
    }
