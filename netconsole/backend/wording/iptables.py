"""The iptables wording: nova's chains and rules, in the form in which iptables-save prints them.

Pure. Frames are the business of ebtables, which is worded beside it.
"""

from collections.abc import Iterable, Mapping

from netconsole.backend.filtering.rules import CHAIN_PREFIX
from netconsole.backend.model import subject
from netconsole.backend.model.hoststate import ChainKey, Rule
from netconsole.backend.model.meaning import (
    Admission,
    FilledChecksums,
    Lead,
    Meaning,
    SourceTranslation,
    Translation,
    Untranslated,
)
from netconsole.backend.model.subject import HOST
from netconsole.backend.model.table_names import Family, TableName
from netconsole.backend.wording import ebtables
from netconsole.backend.wording.groups import (
    LOCAL,
    filtering_chains,
    group_chains,
    leading_chains,
    ways_to_guests,
)

FLOATING_CHAINS = ("PREROUTING", "OUTPUT", "POSTROUTING", "floating-snat")
"""Where the rules of a floating address are, without the prefix of our chains."""

_Chains = Mapping[str, Iterable[Rule]]


class IptablesWording:
    """A Wording; it has no state."""

    def chains(self, meaning: Meaning, refusal: str) -> dict[ChainKey, tuple[Rule, ...]]:
        """As in Wording."""
        if not meaning.serves:
            return _filtering(meaning) if meaning.guests else {}
        return {
            **_table("filter", _filter(meaning.admissions, refusal)),
            **_filtering(meaning),
            **_table("nat", _nat(meaning)),
            **_table("mangle", _mangle(meaning.filled_checksums)),
            **ebtables.fence(meaning.fences),
            **ebtables.redirection(meaning.reroutings),
        }

    def filtering(self, meaning: Meaning) -> dict[ChainKey, tuple[Rule, ...]]:
        """Return the chains of guests and groups alone, and none that leads there."""
        ipv6 = filtering_chains(meaning, "ipv6") if meaning.filters_ipv6 else {}
        return {
            **_table("filter", filtering_chains(meaning, "ipv4")),
            **_table("filter", ipv6, "ipv6"),
        }

    def leading(self, meaning: Meaning) -> dict[ChainKey, tuple[Rule, ...]]:
        """Return the chains that lead to guests, and the one where what nobody lets in ends."""
        ipv6 = leading_chains(meaning.guests, "ipv6") if meaning.filters_ipv6 else {}
        return {
            **_table("filter", leading_chains(meaning.guests, "ipv4")),
            **_table("filter", ipv6, "ipv6"),
        }


IPTABLES = IptablesWording()


def floating_rules(translation: Translation) -> tuple[tuple[str, Rule], ...]:
    """Return the rules of one floating address, each with its chain (without the prefix)."""
    floating, fixed = translation.floating, translation.fixed
    about = subject.floating(floating)
    to_fixed = Rule(f"-d {floating}/32 -j DNAT --to-destination {fixed}", about)
    to_floating = f"-j SNAT --to-source {floating}"
    of_either = (
        ("PREROUTING", to_fixed),
        ("OUTPUT", to_fixed),
        ("POSTROUTING", Rule(f"-s {fixed}/32 -m conntrack --ctstate DNAT {to_floating}", about)),
    )
    if not translation.interface:
        return (*of_either, ("floating-snat", Rule(f"-s {fixed}/32 {to_floating}", about)))
    device = translation.interface
    leaving = f"-s {fixed}/32 -o {device} {to_floating}"
    return (
        *of_either,
        ("floating-snat", Rule(f"-s {fixed}/32 -d {fixed}/32 {to_floating}", about)),
        ("floating-snat", Rule(leaving, about, interfaces=(device,))),
    )


def _filtering(meaning: Meaning) -> dict[ChainKey, tuple[Rule, ...]]:
    """The chains of instances, and those that lead there."""
    ipv4 = group_chains(meaning, "ipv4")
    if not meaning.serves:
        ipv4 = {**ways_to_guests(), **ipv4}
    ipv6 = group_chains(meaning, "ipv6") if meaning.filters_ipv6 else {}
    if ipv6:
        ipv6 = {**ways_to_guests(), **ipv6}
    return {**_table("filter", ipv4), **_table("filter", ipv6, "ipv6")}


def _table(
    table: TableName, chains: _Chains, family: Family = "ipv4"
) -> dict[ChainKey, tuple[Rule, ...]]:
    return {ChainKey(family, table, name): tuple(rules) for name, rules in chains.items()}


def _once(rules: Iterable[Rule]) -> list[Rule]:
    """Rules of networks; one asked for twice, as by a range named twice, is one rule."""
    return list(dict.fromkeys(rules))


def _jump(chain: str, at_end: bool = False) -> Rule:
    return Rule(f"-j {chain}", HOST, at_end)


def _own(chain: str) -> str:
    return CHAIN_PREFIX + chain


def _words(*words: str | None) -> str:
    return " ".join(word for word in words if word)


def _named(*interfaces: str | None) -> tuple[str, ...]:
    return tuple(each for each in interfaces if each)


def _filter(admissions: Iterable[Admission], refusal: str) -> _Chains:
    ways = {
        way: _once(_admission(each, refusal) for each in admissions if each.way == way)
        for way in ("to host", "through")
    }
    return {
        "INPUT": (_jump(_own("INPUT")),),
        "FORWARD": (_jump("nova-filter-top"), _jump(_own("FORWARD"))),
        "OUTPUT": (_jump("nova-filter-top"), _jump(_own("OUTPUT"))),
        "nova-filter-top": (_jump(LOCAL),),
        LOCAL: (),
        _own("INPUT"): ways["to host"],
        _own("FORWARD"): ways["through"],
        _own("OUTPUT"): (),
    }


def _nat(meaning: Meaning) -> _Chains:
    chains: dict[str, list[Rule]] = {
        "PREROUTING": [_jump(_own("PREROUTING"))],
        "OUTPUT": [_jump(_own("OUTPUT"))],
        "POSTROUTING": [
            _jump(_own("POSTROUTING")),
            _jump("nova-postrouting-bottom", at_end=True),
        ],
        "nova-postrouting-bottom": [_jump(_own("snat"))],
        _own("PREROUTING"): _once(map(_lead, meaning.leads)),
        _own("OUTPUT"): _once(_lead(each) for each in meaning.leads if each.from_host),
        _own("POSTROUTING"): _once(map(_untranslated, meaning.untranslated)),
        _own("snat"): [
            _jump(_own("floating-snat")),
            *_once(map(_source_translation, meaning.source_translations)),
        ],
        _own("floating-snat"): [],
    }
    of_floating = {chain: chains[_own(chain)] for chain in FLOATING_CHAINS}
    for translation in meaning.translations:
        for chain, rule in floating_rules(translation):
            of_floating[chain].append(rule)
    return chains


def _mangle(filled: Iterable[FilledChecksums]) -> _Chains:
    return {
        "POSTROUTING": (_jump(_own("POSTROUTING")),),
        _own("POSTROUTING"): _once(map(_filled_checksums, filled)),
    }


def _admission(admission: Admission, refusal: str) -> Rule:
    spec = _words(
        admission.destination and f"-d {admission.destination}/32",
        admission.arriving and f"-i {admission.arriving}",
        admission.leaving and f"-o {admission.leaving}",
        admission.protocol and f"-p {admission.protocol} -m {admission.protocol}",
        f"--dport {admission.port}" if admission.port else None,
        f"-j {'ACCEPT' if admission.passes else refusal}",
    )
    return Rule(spec, admission.about, interfaces=_named(admission.arriving, admission.leaving))


def _lead(lead: Lead) -> Rule:
    to_itself = lead.to == "127.0.0.1"
    spec = _words(
        f"-d {lead.address}/32 -p {lead.protocol} -m {lead.protocol} --dport {lead.port}",
        f"-j REDIRECT --to-ports {lead.to_port}" if to_itself else None,
        None if to_itself else f"-j DNAT --to-destination {lead.to}:{lead.to_port}",
    )
    return Rule(spec, lead.about)


def _untranslated(kept: Untranslated) -> Rule:
    asked = kept.asked_for and kept.asked_for.removesuffix("/32")
    spec = _words(
        f"-s {kept.source}",
        kept.destination and f"-d {kept.destination}",
        asked and f"-m conntrack --ctorigdst {asked}",
        "-m conntrack ! --ctstate DNAT" if kept.only_as_asked else None,
        "-j ACCEPT",
    )
    return Rule(spec, kept.about)


def _source_translation(translation: SourceTranslation) -> Rule:
    spec = _words(
        f"-s {translation.source}",
        translation.destination and f"-d {translation.destination}",
        translation.leaving and f"-o {translation.leaving}",
        f"-j SNAT --to-source {translation.to}",
    )
    return Rule(spec, translation.about, interfaces=_named(translation.leaving))


def _filled_checksums(filled: FilledChecksums) -> Rule:
    spec = f"-o {filled.leaving} -p udp -m udp --dport {filled.port} -j CHECKSUM --checksum-fill"
    return Rule(spec, filled.about, interfaces=(filled.leaving,))
