"""Whether somebody else answered than who a packet was for: this host itself, another instance, or
another machine. Pure."""

from netconsole.backend.model.phrases import command
from netconsole.diagnostics.tracing.outcome import Ending, TraceOutcome


def answered_elsewhere(outcome: TraceOutcome) -> Ending | None:
    """Return who answered in the place of who it was for, by where it went; None where nothing
    tells that it was another.

    Of an instance its port is known, and of the router of the default route that it is not this
    host. What was asked of everybody, by ARP or DHCP, goes to others as well.
    """
    if outcome.reply not in ("answer", "refusal") or outcome.protocol in ("arp", "dhcp"):
        return None
    if (inside := _inside_sender(outcome)) is not None:
        return inside
    if not (outcome.receiver or outcome.is_for_router):
        return None
    left = [hop for hop in outcome.hops if (hop.way, hop.kind) == ("there", "left")]
    does = "answers" if outcome.reply == "answer" else "refuses it"
    where = f"{does} in the place of {outcome.destination}"
    if not left:
        if not outcome.is_handed:
            return None
        why = "it was handed over to this host, and did not leave it"
        address = outcome.receiver_address or outcome.destination
        shown = f"`ip route get {address}`"
        return Ending("elsewhere", f"this host itself {where}", why, remedy=shown)
    last = left[-1]
    is_delivered = any(hop.interface == outcome.receiver for hop in left)
    is_elsewhere = last.destination not in ("", outcome.receiver_address)
    if not outcome.receiver or is_delivered or not is_elsewhere:
        return None
    why = f"it left by {last.interface} as {last.source} → {last.destination}"
    who = "another machine" if last.destination == outcome.destination else last.destination
    return Ending("elsewhere", f"{who} {where}", why, remedy="`nft list ruleset`")


def _inside_sender(outcome: TraceOutcome) -> Ending | None:
    """Of what did not leave the sender, though the address is known to be another's."""
    is_anothers = outcome.receiver not in ("", outcome.first)
    is_anothers |= outcome.is_for_router or outcome.is_for_host
    if not outcome.first or not is_anothers or any(h.kind != "sent" for h in outcome.hops):
        return None
    does = "answers" if outcome.reply == "answer" else "refuses it"
    where = f"{outcome.sender} itself {does} in the place of {outcome.destination}"
    why = f"it never came to {outcome.first}, so that address is one of {outcome.sender} as well"
    return Ending("elsewhere", where, why, remedy=command("explain", "address_conflict"))
