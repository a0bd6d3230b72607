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
    from netconsole.diagnostics.parts.journey import Hop, Journey, TracedRule
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
    shown = [hop for hop in journey.hops if _decides(hop)]
    names = [_place(hop) for hop in shown]
    width = max(map(output.width, names), default=0)
    former = ""
    for number, (hop, name) in enumerate(zip(shown, names, strict=True), 1):
        if hop.way != former and hop.way == "back":
            yield "and back"
        former = hop.way
        padded = name + " " * (width - output.width(name))
        mark = "   ← here it ended" if hop.ends else ""
        yield f"{number:>2} {padded}  {_said(hop, journey)}{mark}"
    yield ""
    yield f"{'reached' if journey.reached else 'ended'}: {journey.because}"
    for each in journey.unseen:
        yield f"not seen: {each}"


def _decides(hop: "Hop") -> bool:
    """Whether it is shown: jumps and chains that let everything by are the way to what decides."""
    if hop.kind == "policy":
        return hop.ends
    return hop.kind != "rule" or not hop.verdict.startswith(("jump", "goto", "continue", "return"))


def _place(hop: "Hop") -> str:
    if hop.rule is None:
        return hop.interface
    return f"{hop.rule.family} {hop.rule.table}"


def _said(hop: "Hop", journey: "Journey") -> str:
    addresses = f"{hop.source} → {hop.destination}"
    match hop.kind:
        case "sent":
            what = journey.protocol + (f" port {journey.port}" if journey.port else "")
            return f"sent: {what}, {addresses}"
        case "arrived" | "left":
            reply = f"{_REPLIES[hop.reply]}, " if hop.reply else ""
            return f"{hop.kind}: {reply}{addresses}"
        case _:
            return _rule(hop.rule, hop.verdict) if hop.rule else hop.verdict


_REPLIES = {"answer": "an answer", "refusal": "a refusal", "error": "an error of ICMP"}


def _rule(rule: "TracedRule", verdict: str) -> str:
    whose = "ours" if rule.ours else "of others"
    if not rule.handle:
        return f"chain {rule.chain}, policy: {verdict}"
    where = f"rule {rule.position}" if rule.position else f"handle {rule.handle}"
    text = f": {rule.text}" if rule.text else ""
    return f"chain {rule.chain}, {where} ({whose}), {verdict}{text}"
