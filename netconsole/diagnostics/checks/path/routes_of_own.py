"""What the check `routes` says of what this host itself has to send, and routes or rules refuse."""

from netconsole.diagnostics.checks.path.routes_astray import ID, TITLE, deciding, undoing
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.reasoning.own_packets import RefusedPacket, refused_packets
from netconsole.diagnostics.reasoning.route_lookup import in_words, removals, undoing_by_hand

_OF_OTHERS = "Look for who made it: a VPN, a routing daemon, NetworkManager, netplan."


def refused_finding(snapshot: Snapshot) -> Finding | None:
    """Return what is refused of what routers, name servers and guests are sent; None if nothing."""
    refused = next(refused_packets(snapshot), None)
    if refused is None:
        return None
    by_route = refused.decided.route if refused.marking is None else None
    if by_route is None:
        return _by_rule(refused)
    because = (
        f"The route `{in_words(by_route)}` refuses what this host sends to "
        f"{refused.packet.address}, {refused.packet.use}: guests lose what depends on it."
    )
    label = f"route to {refused.packet.address}"
    rows = (Evidence(label, in_words(by_route), note=f"table {by_route.table}"),)
    remedy = "Delete the route, and take it out of what sets it, or it comes back."
    fix = removals((by_route,))
    if fix is None:
        remedy = f"{undoing_by_hand(by_route)} {remedy}"
    return Finding(ID, TITLE, "fail", because, rows, (), fix, remedy=remedy)


def _by_rule(refused: RefusedPacket) -> Finding:
    packet, decided, marking = refused.packet, refused.decided, refused.marking
    because = (
        f"What this host sends to {packet.address}, {packet.use}, is dropped by "
        f"{deciding(decided)}: guests lose what depends on it."
    )
    if marking is not None:
        because += (
            f" The rule of the packet filter `{marking.rule}` ({marking.place}) gives it the mark "
            f"{marking.mark:#x}."
        )
    told = in_words(decided.route) if decided.route else "refuses by itself"
    rule = f"ip rule {decided.rule.priority}: {decided.rule.text}"
    rows = (
        Evidence(rule, told, note=f"table {decided.rule.table}" if decided.rule.table else ""),
        *(
            (Evidence(f"marks {marking.mark:#x} in {marking.place}", marking.rule),)
            if marking
            else ()
        ),
    )
    out = ("dns: the question does not leave this host, whatever the server does",)
    remedy = f"{undoing(decided)} {_OF_OTHERS}"
    return Finding(ID, TITLE, "fail", because, rows, out, remedy=remedy)
