"""Rules on the way to instances, read for packets that may come in by any interface. Pure."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from netconsole.backend.filtering.interface_conditions import iptables_conditions, nft_conditions
from netconsole.backend.filtering.matches import Flow, RuleReading
from netconsole.backend.filtering.native_rules import is_native, native_text
from netconsole.backend.filtering.nft_matches import read_rule
from netconsole.backend.wording.groups import LOCAL


def read_any_way_in(spec: str, flow: Flow) -> RuleReading:
    """Read a rule for packets that may come from anywhere, also by the same bridge.

    At our jump the way ends here: the groups decide about all that gets so far.
    """
    reading = read_rule(spec, flow)
    if reading.aim == LOCAL:
        return replace(reading, action="drop")
    if reading.fit is None or not reading.asks & {"into", "bridged"}:
        return reading
    sources = ("", *_sources(spec)) if "into" in reading.asks else ("",)
    flows = (replace(flow, into=name, bridged=way) for name, way in product(sources, (False, True)))
    fits = {read_rule(spec, each).fit for each in flows}
    return replace(reading, fit=None if fits != {False} else False)


def _sources(spec: str) -> Iterator[str]:
    """The interfaces by which a rule asks for packets to come in."""
    conditions = nft_conditions(native_text(spec)) if is_native(spec) else iptables_conditions(spec)
    for condition in conditions:
        if condition.way == "in":
            yield from (each.name.removesuffix("*") for each in condition.names)
