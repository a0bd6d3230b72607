"""Under which source packets leave: rules of others that decide before ours are asked. Pure."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Network

from netconsole.backend.filtering import rule_words
from netconsole.backend.filtering.rule_order import target_of
from netconsole.backend.model.hoststate import ChainKey, Observed, Wanted
from netconsole.backend.model.subject import floating

CHAIN = "POSTROUTING"
OUR_JUMP = "-j nova-postrouting-bottom"
"""Leads to the source translation of floating addresses."""
DECIDING = ("SNAT", "MASQUERADE", "ACCEPT", "NETMAP")
"""Targets after which no later rule of the table is asked."""
_DEPTH = 8
"""Chains that are followed; real ones do not nest deeper."""

Specs = Sequence[str]


def deciding(
    spec: str, chain: Callable[[str], Specs], takes: Callable[[str], bool], depth: int = 0
) -> str | None:
    """Return what certainly becomes of some packets by this rule, or one that it leads to.

    `takes` says whether a rule takes all of them. Ours, which exempt what is not to be
    translated, are left out.
    """
    aim = target_of(spec)
    if depth > _DEPTH or aim.startswith("nova-") or not takes(spec):
        return None
    if aim in DECIDING:
        return aim
    for each in chain(aim):
        if target_of(each) == "RETURN" and takes(each):
            return None
        if found := deciding(each, chain, takes, depth + 1):
            return found
    return None


def takes_all(spec: str, source: str, interface: str) -> bool:
    """Whether what is sent from an address out of an interface matches, whatever it is.

    A rule that asks for more takes some of it at most, and is passed over.
    """
    words = iter(rule_words.words(spec))
    wanted = True
    for word in words:
        match word:
            case "-j" | "-g":
                return True
            case "!":
                wanted = False
            case "-m":
                if next(words, "") != "comment":
                    return False
            case "--comment":
                next(words, "")
            case "-s" | "-o" | "-d":
                if _matches(word, next(words, ""), source, interface) != wanted:
                    return False
                wanted = True
            case _:
                return False
    return True


def _matches(option: str, value: str, source: str, interface: str) -> bool:
    if option == "-o":
        return fnmatchcase(interface, value.replace("+", "*"))
    network = IPv4Network(value, strict=False)
    if option == "-d":  # all but a range is most of the world, a range is not
        return network.prefixlen == 0
    return IPv4Network(source).subnet_of(network)


def note_of_association(address: str, observed: Observed, wanted: Wanted) -> tuple[str, ...]:
    """Say that a rule of others takes what a floating address is to send, if one comes first."""
    sent = next(_sent(address, wanted), None)
    rules = [rule.spec for rule in observed.chains.get(_key(CHAIN), ())]
    if sent is None or OUR_JUMP not in rules:
        return ()  # ours come first when they come

    def chain(name: str) -> Specs:
        return [rule.spec for rule in observed.chains.get(_key(name), ())]

    for spec in rules[: rules.index(OUR_JUMP)]:
        if deciding(spec, chain, lambda each: takes_all(each, *sent)):
            return (
                f"what is sent from {sent[0].removesuffix('/32')} does not leave as {address}: in "
                f"nat {CHAIN} the rule `{spec}` comes before ours; `netconsole playbook run "
                "egress_source` has the cure",
            )
    return ()


def _sent(address: str, wanted: Wanted) -> Iterator[tuple[str, str]]:
    """From where and by which interface an association's packets leave, by its own rule."""
    for rules in wanted.chains.values():
        for rule in rules:
            words = rule_words.words(rule.spec) if rule.subject == floating(address) else []
            if "SNAT" in words and "-s" in words and "-o" in words:
                yield words[words.index("-s") + 1], words[words.index("-o") + 1]


def _key(chain: str) -> ChainKey:
    return ChainKey("ipv4", "nat", chain)
