"""The packet filter through iptables-save(8), iptables-restore(8) and their ebtables twins.

Whichever of the two kinds, nft or legacy, the machine's `iptables` is, these are its own.
"""

import shutil
import socket
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from netconsole.backend.filtering import bridge_words, rules
from netconsole.backend.filtering.native_rules import is_native, maps_of_verdicts
from netconsole.backend.kernel import iptables_save
from netconsole.backend.kernel.mixed_tables import FAMILIES, Saved
from netconsole.backend.kernel.nf_tables import NfTables
from netconsole.backend.model.errors import NetconsoleError, StepFailed
from netconsole.backend.model.hoststate import ChainKey, Observed, Rule, SavedTables
from netconsole.backend.model.subject import GuestChain
from netconsole.backend.model.table_names import Family
from netconsole.backend.model.text import decoded
from netconsole.backend.plan import standing_rules
from netconsole.backend.plan.portions import MOST, portions
from netconsole.backend.steps import ChangeRules
from netconsole.backend.system import privileges
from netconsole.backend.system.programs import PATH, run
from netconsole.backend.wording.groups import ways_to_guests

_IP_FAMILIES: tuple[Literal["ipv4", "ipv6"], ...] = ("ipv4", "ipv6")

_ETHERTYPES: Final = Path("/etc/ethertypes")

LOCK_SECONDS = "10"
"""How long to wait for another program that holds the legacy kind's lock."""


def observe(known: Observed) -> Observed:
    """Return every chain of the IPv4 tables with its rules, and the generation of which they are.

    What is known is true as long as its generation is the kernel's: then nothing is run. The
    answer has no generation where iptables is the legacy kind, or the rules moved meanwhile.
    """
    if known.generation is not None and known.generation == _generation():
        chains = {key: found for key, found in known.chains.items() if key.family == "ipv4"}
        return Observed(chains=chains, generation=known.generation)
    kind = iptables_save.kind_of("ipv4")
    saved = iptables_save.saved("ipv4", kind, own=True)
    listing = SavedTables("ipv4", kind, saved.text, time.monotonic())
    return replace(_state(saved, "ipv4"), saved=(listing,))


def observe_ipv6(*, needed: bool) -> Observed:
    """Return every chain of the IPv6 table filter, where there are chains of ours, or where
    `needed`.

    Elsewhere no program is run: most hosts have no IPv6 network, and some no ip6tables.
    """
    if not needed and not _has_ipv6():
        return Observed()
    kind = iptables_save.kind_of("ipv6")
    return _state(iptables_save.saved("ipv6", kind, own=True, table="filter"), "ipv6")


def observe_guests() -> Observed:
    """Return every chain of the tables in which guests are filtered, with its rules."""
    kind = iptables_save.kind_of("ipv4")
    ipv4 = _state(iptables_save.saved("ipv4", kind, own=True, table="filter"), "ipv4")
    ipv6 = observe_ipv6(needed=False)
    chains = {
        key: found for key, found in {**ipv4.chains, **ipv6.chains}.items() if key.table == "filter"
    }
    return Observed(chains=chains, unreadable={**ipv6.unreadable, **ipv4.unreadable})


def observe_chains(chains: Collection[GuestChain]) -> Observed:
    """Return those of some chains that are there, and those that lead to guests.

    Of the legacy kind, and where rules of nftables are among theirs, their whole tables.
    """
    found = Observed()
    for family in sorted({family for family, _ in chains}):
        kind = iptables_save.kind_of(family)
        names = (*ways_to_guests(), *sorted(name for each, name in chains if each == family))
        saved = iptables_save.saved_chains(family, kind, "filter", names)
        named = {ChainKey(family, "filter", name) for name in names}
        seen = _state(saved, family)
        kept = {key: rules for key, rules in seen.chains.items() if key in named}
        unreadable = {**found.unreadable, **seen.unreadable}
        found = Observed(chains={**found.chains, **kept}, unreadable=unreadable)
    return found


def are_there(chains: Collection[GuestChain]) -> bool:
    """Whether chains of the tables filter are there; of the legacy kind nobody says so."""
    try:
        with NfTables() as kernel:
            return all(
                kernel.chain(FAMILIES[family], "filter", name) is not None
                for family, name in chains
            )
    except OSError:
        return False


def are_used(chains: Mapping[GuestChain, int]) -> bool | None:
    """Whether the kernel counts so many rules in each chain and jumps to it, and no more.

    None of the legacy kind, of which nobody says so.
    """
    try:
        with NfTables() as kernel:
            found = {
                (family, name): kernel.chain(FAMILIES[family], "filter", name)
                for family, name in chains
            }
    except OSError:
        return None
    told = {at: chain.uses for at, chain in found.items() if chain is not None}
    return told == chains if told.keys() == chains.keys() else None


def _has_ipv6() -> bool:
    """Whether there may be chains of ours for IPv6: of the legacy kind its programs alone say."""
    if "filter" in iptables_save.legacy_tables("ipv6"):
        return True
    try:
        with NfTables() as kernel:
            return any(rules.is_own_chain(chain.name) for chain in kernel.chains("ip6"))
    except OSError:
        return False


def observe_bridge() -> Observed:
    """Return every chain of the bridge tables with its rules."""
    kind = iptables_save.kind_of("bridge")
    return _state(iptables_save.saved("bridge", kind, own=True), "bridge")


def observe_other() -> Observed:
    """Return the tables of the kind of which `iptables` is not, in which ours may be left from when
    it was that kind; those of IPv6 as well where there are any."""
    other = iptables_save.other_kind(iptables_save.kind_of("ipv4"))
    chains: dict[ChainKey, tuple[Rule, ...]] = {}
    obstacles: list[str] = []
    listings: list[SavedTables] = []
    for family in _IP_FAMILIES:
        if iptables_save.tables_in_use(family, other):
            saved = iptables_save.saved(family, other, own=False)
            listings.append(SavedTables(family, other, saved.text, time.monotonic()))
            chains |= rules.parse(saved.text, family)
            obstacles += [saved.obstacle] if saved.obstacle else []
    if not chains:
        return Observed(saved=tuple(listings))
    ours = any(rules.is_own_chain(key.chain) for key in chains)
    unreadable = {"rules": obstacles[0]} if obstacles and ours else {}
    program = f"iptables-{other}-restore"
    changes = shutil.which(program, path=PATH) is not None
    return Observed(
        other_kind=other if changes else None,
        other_chains=chains,
        missing_program=program if ours and not changes else "",
        saved=tuple(listings),
        unreadable=unreadable,
    )


def observe_leading_maps(gone: Collection[ChainKey]) -> dict[ChainKey, str]:
    """Return the maps of nftables whose elements lead to one of these chains.

    As long as one does the kernel keeps the chain, and no rule need tell of it.
    """
    found: dict[ChainKey, str] = {}
    for family, words in (("ipv4", "ip"), ("ipv6", "ip6"), ("bridge", "bridge")):
        chains = {(key.table, key.chain): key for key in gone if key.family == family}
        if not chains or shutil.which("nft", path=PATH) is None:
            continue
        for table, name, aims in maps_of_verdicts(run(["nft", "list", "maps", words])):
            found |= {key: name for at, key in chains.items() if at[0] == table and at[1] in aims}
    return found


def _state(saved: Saved, family: Family) -> Observed:
    """What was read; a change that could not be verified is refused before it begins."""
    unreadable = {"rules": saved.obstacle} if saved.obstacle else {}
    chains = rules.parse(saved.text, family)
    if family == "bridge":
        chains = _canonical(chains)
    return Observed(chains=chains, generation=saved.generation, unreadable=unreadable)


def _canonical(chains: Mapping[ChainKey, tuple[Rule, ...]]) -> dict[ChainKey, tuple[Rule, ...]]:
    """Chains of ebtables, those of ours in the words in which they are wanted."""
    try:
        ethertypes = bridge_words.ethertypes_in(decoded(_ETHERTYPES.read_bytes()))
    except OSError:
        ethertypes = {}  # then ebtables prints numbers
    return {
        key: tuple(
            rule
            if is_native(rule.spec)
            else rule._replace(spec=bridge_words.canonical(rule.spec, ethertypes, _protocol))
            for rule in found
        )
        if rules.is_own_chain(key.chain)
        else found
        for key, found in chains.items()
    }


def _protocol(name: str) -> int | None:
    try:
        return socket.getprotobyname(name)
    except OSError:
        return None


def _generation() -> int | None:
    """The generation here and now; None where the kernel has no nf_tables or does not tell."""
    try:
        with NfTables() as kernel:
            return kernel.generation()
    except OSError:
        return None


def change(step: ChangeRules) -> None:
    """Make one transaction of the step's lines: all of them happen, or none.

    Many are several transactions where this process cannot make one so large, none of which opens
    anything; where one fails, those before it have happened. The numbers of rules are those that
    they have by now. Raises StepFailed where such a rule is not there any more.
    """
    if step.numbered and (current := table_of(step)) is not None:
        remaining = standing_rules.still(step, current)
        if remaining.left:
            raise StepFailed("; ".join(remaining.left))
        step = remaining.step
    if step.family == "bridge":
        # The legacy kind takes COMMIT for a bad argument; both commit at the end.
        run([f"{step.program}-restore", "--noflush"], text=_text(step.table, step.lines))
        return
    is_bounded = len(step.lines) > MOST and not privileges.sends_any_length()
    transactions = portions(step) if is_bounded else (step.lines,)
    text = "".join(f"{_text(step.table, lines)}COMMIT\n" for lines in transactions)
    run([f"{step.program}-restore", "--noflush", "--wait", LOCK_SECONDS], text=text)


def _text(table: str, lines: Iterable[str]) -> str:
    return "\n".join((f"*{table}", *lines, ""))


def may_stand(step: ChangeRules) -> bool:
    """Whether the step's transaction may have happened: something of it is there."""
    current = table_of(step)
    return current is None or not rules.untouched(current, step.lines, step.inverse_lines)


def table_of(step: ChangeRules) -> Mapping[str, list[str]] | None:
    """Return the rules of each chain of the step's table by now; None of a table that is not
    read."""
    if step.table in ("raw", "security"):
        return None
    if step.family == "bridge":
        seen = observe_bridge()
    elif step.family == "ipv6":
        seen = _ipv6_of(step.kind)
    elif step.kind in ("", iptables_save.kind_of("ipv4")):
        seen = observe(Observed())
    else:
        seen = observe_other()
    return {
        key.chain: rules.specs(found)
        for key, found in {**seen.chains, **seen.other_chains}.items()
        if (key.family, key.table) == (step.family, step.table)
    }


def _ipv6_of(kind: str) -> Observed:
    """The IPv6 tables that a step changes, of the machine's own kind or of the other."""
    own = kind in ("", iptables_save.kind_of("ipv6"))
    return observe_ipv6(needed=True) if own else observe_other()


REDIRECTION: Final = {"PREROUTING": ["-p IPv4 --logical-in lo --ip-src 192.0.2.1 -j redirect"]}
"""A table nat of ebtables with a rule that redirects a bridged frame."""


def refused(table: Mapping[str, list[str]]) -> str:
    """Return why this kernel takes no such table nat of ebtables; empty where it does.

    It is tried out in a network namespace of its own; a process that may not make one learns
    nothing.
    """
    try:
        run(["unshare", "--net", "true"])
    except NetconsoleError:
        return ""
    text = _text("nat", rules.restore_lines({}, table, rules.NEW_CHAIN["bridge"]))
    try:
        run(["unshare", "--net", "ebtables-restore", "--noflush"], text=text)
    except NetconsoleError as error:
        return str(error).removeprefix("unshare --net ")
    return ""
