"""C8: are names resolved, and where is the time lost?"""

from collections.abc import Iterable
from typing import Final

from netconsole.backend.model.phrases import capitalized
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.dhcp import dhcp_firewall, dnsmasq_load, dnsmasq_processes
from netconsole.diagnostics.checks.filters import forward_filter
from netconsole.diagnostics.checks.host import kernel_settings, own_address
from netconsole.diagnostics.checks.path import arp_answers, gateway, neighbours, routes, uplink
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dns import LATE, DnsAnswer, DnsAnswers
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles
from netconsole.diagnostics.parts.journeys import Journeys
from netconsole.diagnostics.parts.log import SystemLog
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.lost_paths import dropped_by_rules, led_astray
from netconsole.diagnostics.reasoning.lost_words import remedy_of, rows_of, sentence
from netconsole.diagnostics.reasoning.server_questions import drops_of_questions, refusing_rule

ID: Final = "dns"
TITLE = "Names are resolved, and soon"
_REFUSALS = ("SERVFAIL", "REFUSED")
_CAUSES = (dnsmasq_processes.CHECK, dnsmasq_load.CHECK, dhcp_firewall.CHECK, gateway.CHECK)
"""Checks that name the cause of a silent or slow dnsmasq."""
_CAUSES_ASKING = (kernel_settings.CHECK, routes.CHECK)
"""Checks that name why a dnsmasq can ask nobody, though another program of this host can."""
_CAUSES_BEYOND = (
    *(uplink.CHECK, arp_answers.CHECK, own_address.CHECK, routes.CHECK, forward_filter.CHECK),
    *(neighbours.CHECK, kernel_settings.CHECK),
)
"""Checks that name why this host reaches nobody outside."""


def judge(snapshot: Snapshot) -> Finding:
    """Compare the answers of each dnsmasq with those of the servers that it asks."""
    told = snapshot.part(DnsAnswers)
    rows = tuple(_row(each) for each in told.answers)
    if not told.answers:
        because = "No dnsmasq of a network runs here that could be asked for a name."
        return Finding(ID, TITLE, "not-applicable", because)
    verdicts = (_network(snapshot, name, rows) for name in dict.fromkeys(_networks(told)))
    found = [each for each in verdicts if each is not None]
    if found:
        return min(found, key=lambda each: ("fail", "warn", "info").index(each.verdict))
    slowest = max(each.milliseconds for each in told.answers)
    because = f"Every server answered, the slowest after {slowest} ms."
    return Finding(ID, TITLE, "ok", because, rows)


def _networks(told: DnsAnswers) -> Iterable[str]:
    return (each.network for each in told.answers)


def _network(snapshot: Snapshot, network: str, rows: tuple[Evidence, ...]) -> Finding | None:
    told = snapshot.part(DnsAnswers)
    (own, *_) = told.of(network, upstream=False)
    upstream = told.of(network, upstream=True)
    dead = [each for each in upstream if not each.code]
    refusing = [each for each in upstream if each.code in _REFUSALS]
    slow = [each for each in upstream if each.milliseconds > LATE]
    if dead or refusing:
        return _upstream(snapshot, own, (*dead, *refusing), rows)
    if not own.code or own.code in _REFUSALS:
        return _silent(snapshot, own, rows)
    beyond = {address for each in upstream for address in each.addresses}
    if own.addresses and upstream and beyond.isdisjoint(own.addresses):
        return _made_up(own, rows)
    if slow:
        because = (
            f"{slow[0].server}, which the dnsmasq of {network} asks, took {slow[0].milliseconds} "
            f"ms to answer, {own.milliseconds} ms passed for a guest: the time is lost between "
            "dnsmasq and that server."
        )
        remedy = "Give a nearer server in dns_server, then `netconsole apply`."
        return Finding(ID, TITLE, "warn", because, rows, remedy=remedy)
    if own.milliseconds > LATE:
        because = (
            f"The dnsmasq of {network} took {own.milliseconds} ms to answer, though the servers "
            "that it asks answer at once: the time is lost in dnsmasq itself."
        )
        if cause := _named(snapshot, _CAUSES, ("warn", "fail")):
            return Finding(ID, TITLE, "info", f"{because} {cause} says why.", rows)
        return Finding(ID, TITLE, "warn", because, rows, remedy="See dnsmasq_load.")
    return None


def _made_up(own: DnsAnswer, rows: tuple[Evidence, ...]) -> Finding:
    """Return that a dnsmasq has addresses of names that nobody has."""
    because = (
        f"The dnsmasq of {own.network} answers with {own.addresses[0]} for {own.name}, a name that "
        "nobody has, and the servers that it asks do not. Guests are led there for whatever name "
        "is like it, and never to whom they mean."
    )
    remedy = (
        "Look for `address=` in the file that dnsmasq_config_file names, as `address=/#/ADDRESS` "
        "is for every name; take it out, then `netconsole apply`, which restarts dnsmasq."
    )
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence="likely")


def _upstream(
    snapshot: Snapshot, own: DnsAnswer, bad: tuple[DnsAnswer, ...], rows: tuple[Evidence, ...]
) -> Finding:
    first = bad[0]
    count = len(snapshot.part(DnsAnswers).of(own.network, upstream=True))
    what = f"answers {first.code}" if first.code else f"does not answer: {first.problem}"
    said = f"{first.server}, which the dnsmasq of {first.network} asks, {what}"
    if len(bad) < count and own.code and own.code not in _REFUSALS:
        because = (
            f"{said}. Another one does, so that guests get their names, some of them late: with "
            "--strict-order dnsmasq asks the first server first."
        )
        remedy = "Take that server out of dns_server, then `netconsole apply`."
        return Finding(ID, TITLE, "warn", because, rows, _RULES_OUT, remedy=remedy)
    because = (
        f"{said}. The fault is between dnsmasq and that server, not between guests and dnsmasq: "
        "guests resolve the names of other instances, and no others."
    )
    if not first.code and (cause := _named(snapshot, _CAUSES_BEYOND, ("fail",))):
        return Finding(ID, TITLE, "info", f"{because} {cause} says why.", rows, _RULES_OUT)
    if met := dropped_by_rules(snapshot, {"servers"}) or led_astray(snapshot, {"servers"}):
        told = f"{sentence(met[0])} {said}."
        of_rule = (*(row for each in met for row in rows_of(each)), *rows)
        return Finding(ID, TITLE, "fail", told, of_rule, _RULES_OUT, remedy=remedy_of(met[0]))
    remedy = (
        f"See whether this host reaches {first.server} (`ip route get {first.server}`), or give "
        "another one in dns_server, then `netconsole apply`, which restarts dnsmasq."
    )
    return Finding(ID, TITLE, "fail", because, rows, _RULES_OUT, remedy=remedy)


_RULES_OUT = (
    "dhcp_firewall: this host asked that server itself, no rule for guests is on the way",
    "dnsmasq_processes: what dnsmasq asks does not answer this host either",
)


def _silent(snapshot: Snapshot, own: DnsAnswer, rows: tuple[Evidence, ...]) -> Finding:
    what = f"answers {own.code}" if own.code else f"does not answer: {own.problem}"
    because = (
        f"The dnsmasq of {own.network} at {own.server} {what}, though the servers that it asks "
        "answer this host: the fault is in dnsmasq, or on the way to it."
    )
    of_host = _named(snapshot, _CAUSES_ASKING, ("fail",))
    if cause := of_host or _named(snapshot, _CAUSES, ("warn", "fail")):
        return Finding(ID, TITLE, "info", f"{because} {cause} says why.", rows)
    if by_sender := _refused_for_its_user(snapshot, own.network, what, rows):
        return by_sender
    remedy = "See whether it was started with other servers, and what its log says."
    return Finding(ID, TITLE, "fail", because, rows, remedy=remedy, confidence="likely")


def _refused_for_its_user(
    snapshot: Snapshot, network: str, what: str, rows: tuple[Evidence, ...]
) -> Finding | None:
    """Return that rules for the user as whom dnsmasq runs keep it from asking."""
    told = f"The dnsmasq {what}, and this host is answered itself: the rule asks for who sends."
    if drop := next(iter(drops_of_questions(snapshot, network)), None):
        because = f"{capitalized(drop.place)} drops {drop.flow.words}: {drop.text}. {told}"
        row = Evidence(drop.flow.words, f"dropped by {drop.place}", "accepted", drop.text)
        return Finding(ID, TITLE, "fail", because, (row, *rows), remedy=_OF_OTHERS)
    if rule := refusing_rule(snapshot, network):
        because = (
            f"The routing rule `{rule.priority}: {rule.text}` refuses what the dnsmasq of "
            f"{network} asks. {told}"
        )
        row = Evidence(f"ip rule {rule.priority}", rule.text, "none for dnsmasq's user")
        remedy = f"`ip rule delete priority {rule.priority}` takes it away. {_OF_OTHERS}"
        return Finding(ID, TITLE, "fail", because, (row, *rows), remedy=remedy)
    return None


_OF_OTHERS: Final = (
    "The rule is not ours. Who made it has to take it away, or to leave out what dnsmasq asks."
)


def _named(snapshot: Snapshot, causes: tuple[Check, ...], verdicts: tuple[Verdict, ...]) -> str:
    found = (each.id for each in causes if each.examine(snapshot).verdict in verdicts)
    return next(found, "")


def _row(each: DnsAnswer) -> Evidence:
    way = "that it asks" if each.upstream else "of the network"
    value = f"{each.code}, {each.milliseconds} ms" if each.code else each.problem
    return Evidence(f"{each.server} {way}", value, f"within {LATE} ms", f"asked for {each.name}")


PAGE = Explanation(
    symptom="Logging in, package installs and web pages of guests take seconds to begin, or names "
    "are not found.",
    cause="A guest asks the network's dnsmasq, which answers the names of instances itself and "
    "passes all others on. Either half can be lost or slow: the guest waits 5 s before it asks "
    "again (resolv.conf(5)).",
    evidence="A random name below example.com, which is in no cache, asked of each network's "
    "dnsmasq from this host and of each server that dnsmasq asks, at the same moment. Both slow: "
    "the time is lost behind dnsmasq; dnsmasq alone: in it. Who answers late is asked for two more "
    "names, and the soonest answer counts. NXDOMAIN is the answer expected, and an address from "
    "dnsmasq alone is one that it makes up.",
    look_alikes=(
        ("dnsmasq_processes", "no dnsmasq is there, or it is stopped."),
        ("dnsmasq_load", "dnsmasq is too busy to answer."),
        (
            "a rule that asks for dnsmasq's user (iptables' owner, nft's skuid)",
            "this host itself is answered by the server; it is named here.",
        ),
        ("dhcp_firewall", "this host is answered, and guests are not: port 53 is dropped."),
        (
            "a fourth nameserver in the guest",
            "the C library asks the first three of resolv.conf alone.",
        ),
    ),
    cure="Other servers in dns_server, which `netconsole apply` gives dnsmasq: it is restarted, "
    "about 20 ms. No plan can mend a server that is not ours.",
    source="RFC 1035; resolv.conf(5); dnsmasq(8), --strict-order, --server",
)

CHECK = Check(
    ID,
    ("C8",),
    TITLE,
    frozenset({Backend, DnsAnswers}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({SystemLog, DnsmasqFiles, Journeys, PacketFilter, Routing}).union(
        *(each.needs | each.uses for each in (*_CAUSES, *_CAUSES_BEYOND))
    ),
    reach=Reach.NETWORK,
    wrong="Names are not resolved, or late",
)
