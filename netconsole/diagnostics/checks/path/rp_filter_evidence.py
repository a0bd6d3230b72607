"""The evidence on reverse-path filtering, laid out for the finding."""

from collections.abc import Mapping, Sequence

from netconsole.diagnostics.model.finding import AT_BOOT, Evidence
from netconsole.diagnostics.parts.reverse_paths import EchoProbe, ReversePath
from netconsole.diagnostics.reasoning.reverse_path import Case, dropped, key, setting_name

SHOWN = 8
"""Sources listed for each interface; the rest are counted."""

_KNOWN_AS = {
    "neighbour": "a neighbour there",
    "gateway": "a gateway there",
    "given": "as asked",
    "beyond": "stands for all that only the default route covers",
}


def evidence(
    case: Case, paths: Mapping[str, Sequence[ReversePath]], permanence: str
) -> tuple[Evidence, ...]:
    """Return the rows on these interfaces and paths, the counter, and the next boot."""
    rows = [_setting(case, "all")]
    for interface, found in paths.items():
        rows += (_setting(case, interface), _in_force(case, interface, found))
        rows += _answers(case, found)
    rows += [
        Evidence(f"sources on {each.name} not asked about", str(each.unasked), note="too many")
        for each in case.paths.interfaces
        if each.unasked
    ]
    probed = [row for probe in case.probes for row in _probe(probe)]
    rows += probed or [
        Evidence("IPReversePathFilter", str(case.paths.dropped), note="packets dropped so far")
    ]
    if permanence:
        rows.append(Evidence(AT_BOOT, permanence))
    return tuple(rows)


def rules_out(case: Case, path: ReversePath) -> tuple[str, ...]:
    """Return the look-alikes that the evidence on this path excludes."""
    out = [
        f"packet filter and NAT: the kernel refuses {path.source} when it looks up the route, "
        "which no rule of theirs can change",
        f"ip_forward: {path.destination} is an address of this host, nothing is forwarded to it",
    ]
    if path.returns_by:
        out.append(f"a missing route: {path.source} has one, by {path.returns_by}")
    if any(probe.dropped and not probe.replies for probe in case.probes):
        out.append("a silent source: its replies reached this host and were dropped here")
    return tuple(out)


def _setting(case: Case, interface: str) -> Evidence:
    value = case.value(interface)
    note = case.drop_ins.says_who(key(interface), value)
    return Evidence(setting_name(interface), value, note=note)


def _in_force(case: Case, interface: str, found: Sequence[ReversePath]) -> Evidence:
    harmful = any(dropped(path, case.effective(interface)) and path.returns_by for path in found)
    return Evidence(
        f"in force at {interface}",
        case.in_force(interface),
        "2 (loose)" if harmful else "",
        "the larger of the two",
    )


def _answers(case: Case, found: Sequence[ReversePath]) -> list[Evidence]:
    first: dict[str, ReversePath] = {}
    for path in found:
        first.setdefault(path.source, path)
    rows = [_answer(case, path) for path in list(first.values())[:SHOWN]]
    if len(first) > SHOWN:
        rows.append(Evidence("more sources like these", str(len(first) - SHOWN)))
    return rows


def _answer(case: Case, path: ReversePath) -> Evidence:
    way = f"answered through {path.returns_by}" if path.returns_by else "no route back"
    return Evidence(
        f"{path.source} to {path.destination}, in at {path.interface}",
        f"refused ({path.refusal})" if path.refusal else "accepted",
        "accepted" if dropped(path, case.effective(path.interface)) else "",
        f"{_KNOWN_AS[path.known_as]}, {way}",
    )


def _probe(probe: EchoProbe) -> list[Evidence]:
    target = f"{probe.source} through {probe.interface}"
    if probe.problem:
        return [Evidence(f"probe of {target}", "not made", note=probe.problem)]
    before, after = str(probe.dropped_before), str(probe.dropped_after)
    return [
        Evidence(f"probe of {target}", f"{probe.replies} of {probe.sent} answered"),
        Evidence("IPReversePathFilter before the probe", before),
        Evidence("IPReversePathFilter after the probe", after, before, _meaning(probe)),
    ]


def _meaning(probe: EchoProbe) -> str:
    if probe.replies:
        return "the replies came through"
    if probe.dropped:
        return f"{probe.dropped} packets were dropped here meanwhile: the replies"
    return "nothing came back: the source is silent, or something else drops it"
