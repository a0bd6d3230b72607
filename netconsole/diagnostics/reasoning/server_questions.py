"""What a dnsmasq asks other name servers, and where rules drop that. Pure."""

import re
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Network
from typing import Final

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model import dnsmasq_arguments
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.dns import DnsAnswers
from netconsole.diagnostics.parts.dnsmasq_files import DnsmasqFiles, DnsmasqReader
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.routing import Routing, RoutingRule
from netconsole.diagnostics.reasoning.filter_walk import Drop
from netconsole.diagnostics.reasoning.inbound import drops_outbound, is_total
from netconsole.diagnostics.reasoning.route_lookup import DEAD_ENDS, lookup
from netconsole.diagnostics.reasoning.socket_owner import as_run, as_started

_UIDS: Final = re.compile(r"\buidrange (\d+)-(\d+)")


def drops_of_questions(snapshot: Snapshot, network: str) -> Iterator[Drop]:
    """Return where rules of others certainly drop what the dnsmasq of a network asks by UDP."""
    seen = snapshot.get(PacketFilter)
    found = _server(snapshot, network)
    if seen is None or found is None:
        return
    server, argv = found
    is_early = bool(dnsmasq_arguments.values(argv, "query-port"))
    sender = as_started(server) if is_early else as_run(server)
    for flow in _questions(snapshot, network, server):
        for drop in drops_outbound(seen, flow, sender):
            if is_total(drop) and not drop.chain.startswith(CHAIN_PREFIX):
                yield drop


def refusing_rule(snapshot: Snapshot, network: str) -> RoutingRule | None:
    """Return the rule of routing for users (ip-rule(8), uidrange) by which a dnsmasq's questions
    are refused; None where none is for the user as whom it asks."""
    routing, found = snapshot.get(Routing), _server(snapshot, network)
    if routing is None or found is None:
        return None
    user = found[0].user
    for rule in sorted(routing.rules, key=lambda each: each.priority):
        words = rule.text.split()
        asked = _UIDS.search(rule.text)
        is_for_it = asked is not None and int(asked[1]) <= user <= int(asked[2])
        if is_for_it and words[:2] == ["from", "all"] and words[-1] in DEAD_ENDS:
            return rule
    return None


def _server(snapshot: Snapshot, network: str) -> tuple[DnsmasqReader, tuple[str, ...]] | None:
    readers = (snapshot.get(DnsmasqFiles) or DnsmasqFiles()).readers
    for each in snapshot.part(Backend).status.dnsmasq:
        if each.network == network and each.state == "running":
            for reader in readers:
                if reader.pid in each.pids:
                    return reader, tuple(each.argv)
    return None


def _questions(snapshot: Snapshot, network: str, server: DnsmasqReader) -> Iterator[Flow]:
    asked = snapshot.part(DnsAnswers).of(network, upstream=True)
    for each in asked:
        address, _, port = each.server.partition("#")
        words = f"what the dnsmasq of {network}, as {server.user_name}, asks {address}"
        with suppress(ValueError):  # a server of IPv6
            end = IPv4Network(address)
            route = lookup(snapshot.get(Routing) or Routing(), address)
            out = route.interface if route else ""
            yield Flow(words, "", "", out, destination=end, protocol="udp", port=int(port or 53))
