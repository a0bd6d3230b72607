"""The chains of guests and groups that a change of groups is about, out of a few records. Pure.

They are as `intent` has them. Whether the host has one at all turns on others, and is not asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from netconsole.backend.configuration.options import Options
from netconsole.backend.intent.groups import part, with_groups
from netconsole.backend.intent.presence import Presence
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.meaning import Meaning
from netconsole.backend.model.records import Membership, Records, Regrouping
from netconsole.backend.model.subject import GuestChain
from netconsole.backend.wording.iptables import IPTABLES

_Chains = Mapping[ChainKey, tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """Some chains as they should be."""

    touched: frozenset[ChainKey] = frozenset()
    """Those that are looked at; others are as they were before the change."""
    chains: _Chains = field(default_factory=dict)
    """Of these, those that should be there."""

    @property
    def names(self) -> frozenset[GuestChain]:
        """What is looked at, by name."""
        return frozenset((k.family, k.chain) for k in self.touched if k.family != "bridge")

    def among(self, names: Collection[GuestChain]) -> "Part":
        """Return what of it concerns some chains, by name."""
        touched = frozenset(key for key in self.touched if (key.family, key.chain) in names)
        chains = {key: rules for key, rules in self.chains.items() if key in touched}
        return Part(touched, chains)


def guest_chains(records: Records, options: Options) -> _Chains:
    """Return the chains by which a host's guests are filtered, and those that lead there."""
    said = with_groups(Meaning(), Presence(records, options))
    return IPTABLES.chains(said, options.iptables_drop_action)


def of_rules(records: Records, options: Options, group: int) -> Part:
    """Return the chain of a group whose rules are others now."""
    chains = IPTABLES.filtering(part(Presence(records, options), groups=(group,)))
    return Part(frozenset(chains), chains)


def of_member(records: Records, options: Options, member: str) -> Part:
    """Return the chain of an instance whose groups are others now; none of one that runs elsewhere.

    `member` is its uuid.
    """
    chains = IPTABLES.filtering(part(Presence(records, options), members=(member,)))
    return Part(frozenset(chains), chains)


def of_sources(records: Records, options: Options, regrouping: Regrouping) -> Part:
    """Return those chains of a group's members that are others, now that one came or went.

    Where all of its addresses are in a tree it is one or two of some eighty for 1,000.
    """
    wanted = _sources(records, options, regrouping)
    before = _sources(_before(records, regrouping), options, regrouping)
    touched = frozenset(
        key for key in wanted.keys() | before.keys() if wanted.get(key) != before.get(key)
    )
    return Part(touched, {key: rules for key, rules in wanted.items() if key in touched})


def together(*parts: Part) -> Part:
    """Return several parts as one."""
    touched = frozenset(key for each in parts for key in each.touched)
    return Part(touched, {key: rules for each in parts for key, rules in each.chains.items()})


def _sources(records: Records, options: Options, regrouping: Regrouping) -> _Chains:
    groups = () if regrouping.group is None else (regrouping.group,)
    return IPTABLES.filtering(part(Presence(records, options), sources=groups))


def _before(records: Records, regrouping: Regrouping) -> Records:
    """The records with the membership that came or went as it was."""
    if regrouping.group is None or regrouping.member is None:
        return records
    changed = Membership(regrouping.group, regrouping.member)
    others = tuple(each for each in records.memberships if each != changed)
    is_new = changed in records.memberships
    return replace(records, memberships=others if is_new else (*others, changed))
