"""`netconsole trace`: one packet is sent and followed, and where it ended is said."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal, cast

import click

from netconsole.backend.model.codec import record
from netconsole.backend.model.errors import ExitStatus, InvalidValue, ReadOnly
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.context import Context, pass_context

if TYPE_CHECKING:
    from netconsole.backend.survey.status import Status
    from netconsole.diagnostics.parts.journey import Journey
    from netconsole.diagnostics.tracing.ends import TraceRequest

_LARGEST_PORT = 65535


@click.command()
@click.option(
    "--from",
    "sender",
    required=True,
    metavar="INSTANCE",
    help="Who sends it; `host`; `outside`, or an address there.",
)
@click.option(
    "--to",
    "destination",
    metavar="ADDRESS",
    help="An address, or an instance; not of dhcp, which asks everybody.",
)
@click.argument("what", nargs=-1, metavar="[icmp | tcp PORT | udp PORT | dns NAME | arp | dhcp]")
@as_json
@pass_context
def trace(
    context: Context, sender: str, destination: str | None, what: tuple[str, ...], as_json: bool
) -> None:
    """Send a packet, and say what it met there and back.

    And where it ended, in a sentence. It is an echo request, the first packet to a port of TCP or
    UDP, or a question of DNS, sent three times at most, from inside the instance where this host
    can enter it. Or what an instance asks on its own network: by ARP who has the address, or a
    DISCOVER of DHCP, by which no lease changes. The kernel itself tells each rule that it meets
    (nft(8), meta nftrace). What it takes to trace is gone when this ends. Exit status 0 when an
    answer or a refusal came back, 1 when none did, 3 where nothing can be traced.
    """
    request = trace_request(sender, destination, what)
    (journey,) = followed(context, "trace", lambda _: (request,))
    if as_json:
        output.print_json(journey_record(journey))
    else:
        output.print_lines(journey_lines(journey))
    click.get_current_context().exit(ExitStatus.OK if journey.reached else ExitStatus.FAILED)


def trace_request(sender: str, destination: str | None, what: tuple[str, ...]) -> "TraceRequest":
    """Return what is to be sent. Raises InvalidValue, and UsageError where an option is missing."""
    from netconsole.diagnostics.tracing.ends import DNS_PORT, TraceRequest

    destination = destination or ""
    if (what == ("dhcp",)) == bool(destination):
        raise click.UsageError(
            "dhcp goes without --to: it asks everybody."
            if destination
            else "Missing option '--to'."
        )
    match what:
        case () | ("icmp",):
            return TraceRequest(sender, destination)
        case ("arp" | "dhcp",):
            return TraceRequest(sender, destination, cast(Literal["arp", "dhcp"], what[0]))
        case ("dns", name):
            return TraceRequest(sender, destination, "dns", DNS_PORT, name=name)
        case ("tcp" | "udp", port):
            protocol = cast(Literal["tcp", "udp"], what[0])
            if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= _LARGEST_PORT:
                raise InvalidValue("port", port, f"is no number from 1 to {_LARGEST_PORT}")
            return TraceRequest(sender, destination, protocol, int(port))
    rule = "is none of icmp, tcp PORT, udp PORT, dns NAME, arp, dhcp"
    raise InvalidValue("packet", " ".join(what), rule)


def followed(
    context: Context, verb: str, asked: "Callable[[Status], Iterable[TraceRequest]]"
) -> "tuple[Journey, ...]":
    """Send what is asked for on a host of this status, and return what became of each.

    Raises ReadOnly, and what makes a trace impossible; `verb` is what was to be done.
    """
    from netconsole.diagnostics.evidence.links import read_links
    from netconsole.diagnostics.evidence.routing import read_routing
    from netconsole.diagnostics.tracing.trace import trace as traced

    if context.read_only:
        raise ReadOnly(f"{verb} sends packets: not with --read-only")
    context.stay_here()
    status = context.service().status()
    links, routing = read_links(), read_routing()
    return tuple(traced(request, status, links, routing) for request in asked(status))


def journey_record(journey: "Journey") -> dict[str, object]:
    """Return a journey as it is told in JSON."""
    return {"reached": journey.reached, **record(journey)}


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
    for unseen in journey.unseen:
        yield f"not seen: {unseen}"
