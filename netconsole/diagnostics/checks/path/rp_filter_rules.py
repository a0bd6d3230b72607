"""Rules of others that do what reverse-path filtering does: whom they drop."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from netconsole.backend.model.phrases import capitalized, count
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.reverse_paths import ReversePath
from netconsole.diagnostics.reasoning.filter_walk import Drop
from netconsole.diagnostics.reasoning.filtered_paths import drops_of_path
from netconsole.diagnostics.reasoning.reverse_path import Case


@dataclass(frozen=True, slots=True)
class _Refused:
    path: ReversePath
    drop: Drop


def refused_by_rules(case: Case, check: str, title: str) -> Finding | None:
    """Return a failure where rules drop a source that is known to use an interface; None where
    they drop none. What the kernel refuses itself is not asked about."""
    seen = case.snapshot.get(PacketFilter)
    found = tuple(_refused(case, seen)) if seen is not None else ()
    if not found:
        return None
    path, drop = found[0].path, found[0].drop
    rest = len({(each.path.interface, each.path.source) for each in found}) - 1
    others = f" So it is with {count(rest, 'other source')}." if rest else ""
    counted = f" It has dropped {drop.packets} packets so far." if drop.packets else ""
    way = f"leaves by {path.returns_by}" if path.returns_by else "has no route"
    because = (
        f"{capitalized(drop.place)} drops what comes in at {path.interface} from {path.source}, as "
        f"the reply {way}: {drop.text}. It does what rp_filter does, which is "
        f"{case.in_force(path.interface)} here, and IPReversePathFilter does not count it."
        f"{counted}{others}"
    )
    rows = tuple(row for each in found for row in _rows(each))
    out = ("rp_filter itself: the kernel takes these packets, asked for its routes",)
    return Finding(check, title, "fail", because, rows, out, remedy=_remedy(drop, path))


def _refused(case: Case, seen: PacketFilter) -> Iterator[_Refused]:
    for interface in case.paths.interfaces:
        for path in interface.paths:
            is_asked = path.known_as != "beyond" and path.return_route != "other"
            if not is_asked or path.refusal or path.symmetric:
                continue
            for drop in drops_of_path(seen, path):
                yield _Refused(path, drop)
                break


def _rows(refused: _Refused) -> Iterator[Evidence]:
    path, drop = refused.path, refused.drop
    way = f"answered through {path.returns_by}" if path.returns_by else "no route back"
    label = f"{path.source} to {path.destination}, in at {path.interface}"
    yield Evidence(label, f"dropped by {drop.place}", "accepted", f"{way}; {drop.text}")


def _remedy(drop: Drop, path: ReversePath) -> str:
    table, chain = drop.ruleset.table, drop.chain
    if drop.ruleset.kind == "native":
        told = shlex.join(("nft", "--handle", "list", "chain", drop.ruleset.family, table, chain))
    else:
        told = shlex.join(("iptables", "-t", table, "-nvL", chain))
    aim = f"replies to {path.source} out of {path.interface}"
    return (
        f"Route the {aim}, or have whoever keeps the rule make it loose (`fib saddr oif missing`, "
        "`-m rpfilter --loose`; in firewalld.conf IPv6_rpfilter and its like) or take it away: "
        f"`{told}` shows it. Setting rp_filter changes nothing of it."
    )
