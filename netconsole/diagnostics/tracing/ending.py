"""Where a packet's journey ended: where, then why, then what else is known, and what to type next.
Pure."""

import errno
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from netconsole.backend.filtering.places import rule_in_words
from netconsole.backend.model.phrases import command
from netconsole.diagnostics.parts.journey import Hop, TracedRule, is_rejected
from netconsole.diagnostics.tracing.answered_elsewhere import answered_elsewhere
from netconsole.diagnostics.tracing.drop_words import error_words, given_up
from netconsole.diagnostics.tracing.lost_on_host import answer_ended, there_ended, transport
from netconsole.diagnostics.tracing.outcome import Ending, TraceOutcome

_UNTOLD: Final = "no rule of the packet filter that the kernel traces ended it"
_UNMARKED: Final = "which rules it met was not told"
_UNSENT: Final = {
    errno.EPERM: "its own packet filter drops it",
    errno.ENETUNREACH: "it has no route there",
    errno.EHOSTUNREACH: "a route of type unreachable refuses it",
    errno.EACCES: "a route or rule of type prohibit forbids it",
    errno.EINVAL: "a route or rule of type blackhole takes it",
}
"""What the errors of the sender's kernel mean (ip-route(8), packet filters)."""


def cannot_send(sender: str, refusal: str, error_number: int) -> Ending:
    """Say why it was not sent, by the error of the sender's kernel and its words."""
    meant = _UNSENT.get(error_number)
    words = f"{meant} ({refusal})" if meant else refusal
    return Ending("unsent", f"{sender} cannot send it", words)


def ending(outcome: TraceOutcome) -> Ending:
    """Say where it ended, and by what that is known."""
    there = [hop for hop in outcome.hops if hop.way == "there" and hop.kind != "sent"]
    back = [hop for hop in outcome.hops if hop.way == "back"]
    if (drop := next((hop for hop in (*there, *back) if hop.ends), None)) is not None:
        known = (_counted(drop),) if drop.counted else ()
        return Ending("dropped", _with_drop(drop, outcome), "", known, _rule_remedy(drop, outcome))
    if is_rejected(outcome.reply, outcome.hops, outcome.is_handed):
        found = _explained(there_ended(there, outcome), outcome)
        return replace(found, kind="answered", evidence=(*found.evidence, _rejected(outcome)))
    if outcome.reply:
        return answered_elsewhere(outcome) or Ending("answered", _answered(outcome))
    if (taken := _taken(back or there)) is not None:
        return taken
    found = answer_ended(back, outcome) if back else there_ended(there, outcome)
    return _explained(found, outcome)


def _explained(found: Ending, outcome: TraceOutcome) -> Ending:
    """Say why, where something that stands there or the kernel itself tells it."""
    causes = [each for each in outcome.hindrances if each.is_cause]
    others = [each for each in outcome.hindrances if not each.is_cause]
    why, remedy, evidence = found.why, found.remedy, list(found.evidence)
    if causes and not why:
        first, *causes = causes
        why, remedy = first.says, first.remedy or remedy
    if told := given_up(outcome):
        if why:
            evidence.append(told)
        else:
            why = told
    is_known = bool(found.why) or any(each.is_cause for each in outcome.hindrances)
    if not is_known and (said := _at_its_port(found, outcome)):
        evidence.append(said)
    evidence += (each.says for each in (*causes, *(() if is_known else others)))
    if not why and found.kind == "lost" and not outcome.next_hop.is_silent:
        evidence.append(_UNMARKED if outcome.is_unmarked else _UNTOLD)
    if others and not is_known:
        remedy = others[0].remedy or remedy
    return replace(found, why=why, remedy=remedy, evidence=tuple(evidence))


def _at_its_port(found: Ending, outcome: TraceOutcome) -> str:
    """What the guest that it is for says at its own port, where nobody heard it answer ARP."""
    asked = outcome.asked
    is_sought = found.kind == "unheard" or outcome.next_hop.is_silent
    if asked is None or not is_sought or asked.port != outcome.receiver:
        return ""
    if not asked.macs:
        return f"asked at {asked.port} itself, nobody answers for {asked.address} either"
    macs = " and ".join(asked.macs)
    return f"asked at {asked.port} itself, {macs} answers for {asked.address}"


def _with_drop(drop: Hop, outcome: TraceOutcome) -> str:
    """Say what dropped it, and what came back all the same, as it is sent more than once."""
    said = _dropped(drop)
    if not outcome.reply:
        return said
    if is_rejected(outcome.reply, outcome.hops, outcome.is_handed):
        return f"{said}; {_rejected(outcome)}"
    return f"{_answered(outcome)}, though not each time: {said}"


def _rule_remedy(drop: Hop, outcome: TraceOutcome) -> str:
    """What shows the rule, or for one of ours what it is there for."""
    rule = drop.rule
    if rule is None:
        return ""
    owner = rule.owner
    if owner is not None and owner.part == "guard":
        return command("explain", "guards")
    if owner is not None and owner.part == "groups" and outcome.protocol in ("icmp", "tcp", "udp"):
        port = ("--port", str(outcome.port)) if outcome.port else ()
        asked = ("--from", drop.source, "--to", owner.name, "--protocol", outcome.protocol, *port)
        return command("secgroup", "test", *asked)
    return f"`{shlex.join(rule.listing)}`"


def _taken(hops: Sequence[Hop]) -> Ending | None:
    """Where a rule was the last that it met, and handed it to somebody else."""
    last = hops[-1] if hops else None
    if last is None or last.rule is None:
        return None
    what = "the answer" if last.way == "back" else "it"
    kind, _, number = last.verdict.partition(" ")
    match kind:
        case "queue":
            does = f" hands {what} to queue {number}"
            why = "a program dropped it there, or none takes from that queue (NFQUEUE)"
            said = f"{_with_text(last.rule, does)}; it did not come back"
            return Ending("taken", said, why, remedy="`cat /proc/net/netfilter/nfnetlink_queue`")
        case "stolen":
            return Ending("taken", _with_text(last.rule, f" takes {what} away"))
    return None


def _answered(outcome: TraceOutcome) -> str:
    by = outcome.answered_by
    aside = "" if by == outcome.destination else f", for {outcome.destination}"
    if outcome.first and not any(hop.kind == "arrived" for hop in outcome.hops):
        aside += f": inside {outcome.sender}, as it never came to {outcome.first}"
    match outcome.reply:
        case "refusal":
            return f"{by} refuses it{aside}: {_refused(outcome)}"
        case "error" if by == outcome.destination:
            return f"{by} answers with {error_words(outcome.error)}{aside}"
        case "error":
            words = error_words(outcome.error)
            return f"{by}, on the way to {outcome.destination}, gave it up: {words}"
        case _:
            return f"{by} answers{aside}{_unseen_end(outcome)}"


def _unseen_end(outcome: TraceOutcome) -> str:
    """Of what this host wrote for a guest that says nothing, whether the answer is taken."""
    asked = outcome.asked
    if not outcome.is_written or asked is None or asked.macs:
        return ""
    return (
        f"; this host sent it in the name of {outcome.sender}, which says nothing at "
        f"{outcome.first} (ARP): whether it takes the answer is not seen"
    )


def _refused(outcome: TraceOutcome) -> str:
    listens = f"nothing listens there on {transport(outcome)} port {outcome.port}"
    if outcome.error is None:
        return listens
    words = error_words(outcome.error)
    if outcome.error == (3, 3) and outcome.port:
        return f"{listens} ({words})"
    what = "nobody there takes it" if outcome.error[1] in (2, 3) else "its own firewall forbids it"
    return f"{what} ({words})"


def _rejected(outcome: TraceOutcome) -> str:
    """What this host told the sender that dropped it, in its own or another's name."""
    if outcome.error is not None:
        words = error_words(outcome.error)
        return f"{outcome.answered_by} told {outcome.sender} so: {words}"
    return f"a reset in the name of {outcome.answered_by} told {outcome.sender} so"


def _counted(drop: Hop) -> str:
    """By what a rule is known that the kernel does not trace."""
    return f"the counter of that rose by {drop.counted} meanwhile"


def _dropped(drop: Hop) -> str:
    what = "the answer" if drop.way == "back" else "it"
    rule = drop.rule
    if rule is None:
        return f"{what} was dropped at {drop.interface}"
    if drop.kind == "policy":
        whose = f" ({rule.owner})" if rule.owner else ""
        policy = f"the policy of chain {rule.chain} in {rule.table_words}{whose}"
        return f"{policy} drops {what}: no rule of it lets it by"
    return _with_text(rule, f" drops {what}")


def _with_text(rule: TracedRule, does: str) -> str:
    place = rule_in_words(rule.position, rule.chain, rule.table_words)
    text = f": `{rule.text}`" if rule.text else ""
    whose = f" ({rule.owner})" if rule.owner else ""
    return f"{place}{does}{text}{whose}"
