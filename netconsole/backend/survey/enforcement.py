"""Enforcement: what the rules on a host make of what is sent to one of its instances. Pure.

The way that packets take through the table `filter` as far as our chains decide, read as it stands
in the kernel: the answer beside that of the records (`admission`), which nothing but a fault parts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Literal

from netconsole.backend.filtering.matches import Flow
from netconsole.backend.filtering.walk import Decision, Outcome, decisions
from netconsole.backend.model.group_rules import Attempt, is_ipv6
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.records import Instance
from netconsole.backend.model.table_names import Family
from netconsole.backend.survey.admission import Judgement, admissions
from netconsole.backend.survey.senders import Source, find_instance, places_of
from netconsole.backend.survey.survey import Survey
from netconsole.backend.survey.ways_in import read_any_way_in
from netconsole.backend.wording.groups import LOCAL, instance_chain

Verdict = Literal["allowed", "denied", "unfiltered", "unknown"]
"""`unfiltered`: no rule of ours leads what is sent there to a chain of an instance, or one of
others before ours accepts it, and all of it goes on. `unknown`: it hangs on what the rules ask for
besides, such as the interface by which it comes in."""

Chains = Mapping[ChainKey, tuple[Rule, ...]]

Place = tuple[str, str]
"""An address of an instance, and the bridge by which packets go to it."""

_FORWARD = "FORWARD"
_OF_OTHERS: Mapping[Outcome, Verdict] = {"accept": "unfiltered", "drop": "denied"}
_DHCP_SERVER, _DHCP_CLIENT = 67, 68


@dataclass(frozen=True, slots=True)
class Answer:
    """Both answers to one question."""

    by_records: Judgement
    by_rules: Verdict | None
    """None where this host filters nothing that is sent to the instance, or cannot be read."""

    @property
    def drift(self) -> bool:
        """Whether the rules do something else than the records say."""
        if self.by_rules in (None, "unknown"):
            return False
        return self.by_records.allowed != (self.by_rules != "denied")


def answers(seen: Survey, source: Source, instance: str, attempt: Attempt) -> tuple[Answer, ...]:
    """Return what records and rules say of an attempt, for each address that `source` means.

    Raises NotFound as `admissions` does.
    """
    guest = find_instance(seen.records, instance)
    reached = tuple(
        (address, network.bridge) for address, network in places_of(seen.records, guest)
    )
    return tuple(
        Answer(each, _by_rules(seen, each, guest, reached, attempt))
        for each in admissions(seen.records, seen.options, source, instance, attempt)
    )


def _by_rules(
    seen: Survey, said: Judgement, guest: Instance, reached: Iterable[Place], attempt: Attempt
) -> Verdict | None:
    chain = ChainKey(_family(said.source), "filter", instance_chain(guest.id))
    if "rules" in seen.observed.unreadable or chain not in seen.wanted.chains:
        return None
    return enforced(seen.observed.chains, said.source, reached, attempt, allowed=said.allowed)


def _family(address: str) -> Family:
    return "ipv6" if is_ipv6(address) else "ipv4"


def enforced(
    chains: Chains,
    source: str,
    destinations: Iterable[Place],
    attempt: Attempt,
    *,
    allowed: bool,
) -> Verdict:
    """Return what becomes of an attempt, sent to whichever of an instance's addresses it may be.

    Of several the one counts at which it is otherwise than the records say (`allowed`).
    """
    family = is_ipv6(source)
    verdicts = {
        _verdict(chains, source, each, attempt)
        for each in destinations
        if is_ipv6(each[0]) == family
    }
    closed: tuple[Verdict, ...] = ("denied", "unknown")
    opened: tuple[Verdict, ...] = ("unfiltered", "allowed")
    order = (*closed, *opened) if allowed else (*opened, *reversed(closed))
    return next((each for each in order if each in verdicts), "unfiltered")


def _verdict(chains: Chains, source: str, destination: Place, attempt: Attempt) -> Verdict:
    family = _family(source)
    flow = _flow(source, destination, attempt)

    def rules_of(chain: str, _: Flow) -> Iterator[tuple[int, str]]:
        return enumerate(rule.spec for rule in chains.get(ChainKey(family, "filter", chain), ()))

    found: set[Verdict] = set()
    for each in decisions(_FORWARD, rules_of, read_any_way_in, flow):
        if each.aim == LOCAL:
            found.add(_by_groups(decisions(LOCAL, rules_of, read_any_way_in, flow)))
        else:
            found.add(_OF_OTHERS.get(each.outcome, "unknown"))
        if each.is_whole:
            break
    else:
        found.add("unfiltered")
    if len(found) == 1:
        return found.pop()
    return "allowed" if found == {"allowed", "unfiltered"} else "unknown"


def _by_groups(found: tuple[Decision, ...]) -> Verdict:
    """What our chains make of it."""
    if not found:
        return "unfiltered"
    first = found[0]
    if not first.is_certain or first.outcome not in ("accept", "drop"):
        return "unknown"
    return "allowed" if first.outcome == "accept" else "denied"


def _flow(source: str, destination: Place, attempt: Attempt) -> Flow:
    protocol: str = attempt.protocol
    icmp = None
    if attempt.protocol == "icmp":
        protocol = "ipv6-icmp" if is_ipv6(source) else "icmp"
        icmp = (attempt.type_from(source), attempt.icmp_code)
    return Flow(
        words=f"{attempt} from {source}",
        bridge=destination[1],
        into="",
        out=destination[1],
        source=ip_network(source),
        destination=ip_network(destination[0]),
        protocol=protocol,
        port=attempt.port or 0,
        source_port=_DHCP_SERVER if attempt.port == _DHCP_CLIENT else 0,
        icmp=icmp,
    )
