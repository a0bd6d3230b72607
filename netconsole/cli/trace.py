"""`netconsole trace`: one packet is sent and followed, and where it ended is said."""

import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.errors import ExitStatus
from netconsole.backend.model.phrases import command
from netconsole.cli.frame import names, output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context
from netconsole.diagnostics.parts.journey import journey_record

if TYPE_CHECKING:
    from netconsole.diagnostics.parts.journey import Journey
    from netconsole.diagnostics.tracing.asked import AskedTrace, AskedWait


USUAL_WAIT = 30
"""Seconds."""


@click.command()
@click.option(
    "--from",
    "sender",
    required=True,
    metavar="INSTANCE",
    shell_complete=names.trace_ends,
    help="Who sends it; `host`; `outside`, or an address there.",
)
@click.option(
    "--to",
    "destination",
    metavar="ADDRESS",
    shell_complete=names.trace_ends,
    help="An address, an instance, `host`, or `outside`, the router there; not of dhcp.",
)
@click.option("--wait", is_flag=True, help="Send nothing: follow real packets of that kind.")
@click.option(
    "--seconds",
    type=int,
    help=f"How long --wait waits for one. Default: {USUAL_WAIT}.",
)
@click.argument(
    "what",
    nargs=-1,
    metavar="[icmp | tcp PORT | udp PORT | dns NAME | arp | dhcp]",
    shell_complete=names.packets,
)
@as_json
@pass_context
def trace(
    context: Context,
    sender: str,
    destination: str | None,
    what: tuple[str, ...],
    wait: bool,
    seconds: int | None,
    as_json: bool,
) -> None:
    """Send a packet, and say what it met there and back.

    And where it ended, in a sentence. It is an echo request, the first packet to a port of TCP or
    UDP, or a question of DNS, sent three times at most, from inside the instance where this host
    can enter it. Or what an instance asks on its own network: by ARP who has the address, or a
    DISCOVER of DHCP, by which no lease changes. The kernel itself tells each rule that it meets
    (nft(8), meta nftrace), and where no rule ended it, why it gave it up, if tracefs is mounted at
    /sys/kernel/tracing. A guest that a packet was handed to, or was to be, and that does not
    answer, is asked by ARP at its own port. What it takes to trace is gone when this ends.

    Exit status 0, and `reached`, when the destination itself answered, be it with a refusal: a
    reset of TCP, or by ICMP that nobody listens at a port of UDP or that its own firewall forbids
    it. 1, and `ended`, for all else, as what a rule rejects or another hop says. 3 where nothing
    can be traced.

    With --wait nothing is sent. The first three real packets that come meanwhile are followed, of
    icmp, tcp PORT or udp PORT: of TCP those that begin a connection. Exit status 0 when all of
    them were answered, 1 when one was not, or none came.
    """
    asked = trace_request(sender, destination, what)
    if wait:
        waits = _wait_request(asked, USUAL_WAIT if seconds is None else seconds)
        click.get_current_context().exit(_waited(context, waits, as_json))
    if seconds is not None:
        raise click.UsageError("--seconds goes with --wait.")
    journey = context.door().trace(asked, cancel=threading.Event())
    if as_json:
        output.print_json(journey_record(journey))
    else:
        output.print_lines(journey_lines(journey))
    click.get_current_context().exit(ExitStatus.OK if journey.reached else ExitStatus.FAILED)


def _waited(context: Context, asked: "AskedWait", as_json: bool) -> ExitStatus:
    """Wait for real packets, and print what became of them."""
    trace, seconds = asked.trace, asked.seconds
    kind = f"{trace.packet} from {trace.sender} to {trace.destination}"
    says = partial(output.say, f"waiting {seconds} s for {kind}; Ctrl-C ends it")
    found = context.door().wait(asked, cancel=threading.Event(), began=says)
    if as_json:
        output.print_json([journey_record(each) for each in found.journeys])
    else:
        for number, journey in enumerate(found.journeys):
            output.print_lines((*([""] if number else []), *journey_lines(journey)))
    if not found.journeys:
        asks = f"; {trace.sender} asks who has {found.unanswered} (ARP), and nobody answers"
        output.say(f"none came in {seconds} s: {kind}{asks if found.unanswered else ''}")
        words = ("--from", trace.sender, "--to", trace.destination, *trace.packet.split())
        output.say(f"next: {command('trace', *words)} sends one")
    are_reached = found.journeys and all(each.reached for each in found.journeys)
    return ExitStatus.OK if are_reached else ExitStatus.FAILED


def trace_request(sender: str, destination: str | None, what: tuple[str, ...]) -> "AskedTrace":
    """Return what is asked for. Raises InvalidValue, and UsageError where an option is missing."""
    from netconsole.diagnostics.tracing.asked import asked_trace

    destination = destination or ""
    if (what == ("dhcp",)) == bool(destination):
        raise click.UsageError(
            "dhcp goes without --to: it asks everybody."
            if destination
            else "Missing option '--to'."
        )
    return asked_trace(sender, destination, what)


def _wait_request(asked: "AskedTrace", seconds: int) -> "AskedWait":
    """Return what is waited for. Raises InvalidValue."""
    from netconsole.diagnostics.tracing.asked import AskedWait

    waits = AskedWait(asked, seconds)
    waits.request()
    return waits


def journey_lines(journey: "Journey") -> Iterator[str]:
    """Yield a journey, a line for each step that decides something, and where it ended."""
    from netconsole.diagnostics.tracing.hop_words import hop_words

    shown = tuple(hop_words(journey))
    width = max((output.width(each.place) for each in shown), default=0)
    former = ""
    for number, each in enumerate(shown, 1):
        if each.hop.way != former and each.hop.way == "back":
            yield "and back"
        former = each.hop.way
        padded = each.place + " " * (width - output.width(each.place))
        mark = "   ← here it ended" if each.hop.ends else ""
        yield f"{number:>2} {padded}  {each.says}{mark}"
    yield ""
    yield f"{'reached' if journey.reached else 'ended'}: {journey.because}"
    if journey.remedy:
        yield f"next: {journey.remedy}"
    for unseen in journey.unseen:
        yield f"not seen: {unseen}"
