"""The nat table for the status: whose each rule is, and whether it should be there. Pure."""

from collections import Counter
from collections.abc import Iterator

from netconsole.backend.filtering.rules import is_ours, is_ours_alone, specs, used_by_others
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, Wanted
from netconsole.backend.model.subject import Subject
from netconsole.backend.survey.status import NatRule
from netconsole.backend.wording.rule_subjects import subject_of


def nat_rules(observed: Observed, wanted: Wanted) -> Iterator[NatRule]:
    """Yield every rule of the nat table: those that are there, then those that are missed."""
    nat = {
        key.chain: specs(rules)
        for key, rules in observed.chains.items()
        if key.family == "ipv4" and key.table == "nat"
    }
    shared = used_by_others(nat)
    for key, rules in observed.chains.items():
        if (key.family, key.table) != ("ipv4", "nat"):
            continue
        goal = {rule.spec: rule for rule in wanted.chains.get(key, ())}
        left = Counter(goal.keys())
        for rule in rules:
            match = goal.get(rule.spec)
            expected = match is not None and left[rule.spec] > 0
            left[rule.spec] -= 1
            ours = is_ours_alone(key.chain, rule.spec, goal, shared)
            yield NatRule(
                table=key.table,
                chain=key.chain,
                rule=rule.spec,
                packets=rule.packets,
                bytes=rule.bytes,
                origin="ours" if ours else "foreign",
                state="unexpected" if ours and not expected else "present",
                owner=_owner(match),
                subject=_known(key, rule, match, ours=ours),
            )
    if "rules" not in observed.unreadable:
        yield from _missing_rules(observed, wanted)
    for key, rules in observed.other_chains.items():
        for rule in rules:
            if key.table == "nat":
                yield _other_rule(key, rule)


def _known(key: ChainKey, rule: Rule, wanted: Rule | None, *, ours: bool) -> Subject | None:
    """What a rule that is there is about; one of ours that nothing wants tells it itself."""
    if wanted is not None:
        return wanted.subject
    return subject_of(key.chain, rule.spec) if ours else None


def _other_rule(key: ChainKey, rule: Rule) -> NatRule:
    """A rule in force beside ours. One of ours is left from when iptables was the other kind."""
    ours = is_ours(key.chain, rule.spec)
    return NatRule(
        table=key.table,
        chain=key.chain,
        rule=rule.spec,
        packets=rule.packets,
        bytes=rule.bytes,
        origin="ours" if ours else "foreign",
        state="unexpected" if ours else "present",
        owner="",
        subject=_known(key, rule, None, ours=ours),
        legacy=True,
    )


def _missing_rules(observed: Observed, wanted: Wanted) -> Iterator[NatRule]:
    for key, rules in wanted.chains.items():
        if (key.family, key.table) != ("ipv4", "nat"):
            continue
        present = {rule.spec for rule in observed.chains.get(key, ())}
        for rule in rules:
            if rule.spec not in present:
                yield NatRule(
                    key.table,
                    key.chain,
                    rule.spec,
                    0,
                    0,
                    "ours",
                    "missing",
                    owner=_owner(rule),
                    subject=rule.subject,
                )


def _owner(rule: Rule | None) -> str:
    return rule.subject.name if rule and rule.subject else ""
