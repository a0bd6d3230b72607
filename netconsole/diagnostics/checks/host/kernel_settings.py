"""Is a kernel setting so small that packets of guests do not pass?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netconsole.backend.filtering.native_tables import NftTable, NftTimeout
from netconsole.backend.model.kernel_settings import name_of
from netconsole.backend.model.phrases import some
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.modules import Modules
from netconsole.diagnostics.parts.packet_filter import PacketFilter
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning import conntrack
from netconsole.diagnostics.reasoning.setting_bounds import (
    BOUNDS,
    TRACKING,
    SettingBound,
    of_timeout,
)

ID: Final = "kernel_settings"
TITLE = "No kernel setting is too small for guests' packets"
LATER: Final = "default"
"""The interface whose settings those have that are made later."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A setting with a value that does harm."""

    bound: SettingBound
    key: str
    value: str

    @property
    def said(self) -> str:
        value = self.value or "empty"
        return f"{name_of(self.key)} is {value}: {self.bound.harm}."

    @property
    def ends_all(self) -> bool:
        return self.bound.ends_all(self.value)


def judge(snapshot: Snapshot) -> Finding:
    """Hold the settings against their bounds, then what files make of them at the next boot."""
    status, sysctls = snapshot.part(Backend).status, snapshot.part(Sysctls)
    if not status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    bounds = _that_matter(snapshot)
    interfaces = _interfaces(snapshot)
    keys = [(each, key) for each in bounds for key in each.keys(interfaces)]
    found = [
        _Found(bound, key, sysctls.get(key))
        for bound, key in keys
        if key in sysctls.values and bound.is_harmful(sysctls.get(key))
    ]
    if found:
        return _harmful(snapshot, sorted(found, key=lambda each: not each.ends_all))
    if forgetting := _forgetting(snapshot):
        return forgetting
    if at_boot := _harmful_at_boot(snapshot, bounds, interfaces):
        return at_boot
    known = sum(key in sysctls.values for _, key in keys)
    because = f"None of {known} settings that packets of guests depend on is too small."
    return Finding(ID, TITLE, "ok", because)


def _that_matter(snapshot: Snapshot) -> tuple[SettingBound, ...]:
    has_v6 = snapshot.part(Backend).status.host.ipv6_forwarding_wanted
    return tuple(each for each in BOUNDS if has_v6 or not each.is_v6)


def _interfaces(snapshot: Snapshot) -> tuple[str, ...]:
    """Return those with guests, and that to the world."""
    status = snapshot.part(Backend).status
    names = (*(each.bridge for each in status.networks), status.host.public_interface)
    return tuple(name for name in dict.fromkeys(names) if name)


def _harmful(snapshot: Snapshot, found: list[_Found]) -> Finding:
    others = [name_of(each.key) for each in found[1:]]
    more = f" Too small as well: {some(others)}." if others else ""
    because = f"{found[0].said}{more}"
    drop_ins = snapshot.part(DropIns)
    wanted = {each.key: each.bound.usual for each in found}
    persist, permanence = _permanent(snapshot, wanted)
    rows = (
        *(
            Evidence(
                name_of(each.key),
                each.value,
                each.bound.usual,
                drop_ins.says_who(each.key, each.value),
            )
            for each in found
        ),
        Evidence(AT_BOOT, permanence),
    )
    fix = Plan(tuple(SetSysctl(name_of(each.key), each.bound.usual, each.value) for each in found))
    verdict: Verdict = "fail" if found[0].ends_all else "warn"
    return Finding(ID, TITLE, verdict, because, rows, _RULES_OUT, fix, persist, _REMEDY)


_RULES_OUT = ("the packet filter and routes: these settings act beside them, and leave no counter",)
_REMEDY = "The fix has what the kernel begins with; where it was meant, set a larger value."


def _permanent(snapshot: Snapshot, wanted: dict[str, str]) -> tuple[Plan | None, str]:
    """Plan that the settings are made at boot; those of connection tracking need its module."""
    if any(key.startswith(TRACKING) for key in wanted) and snapshot.get(Modules) is not None:
        return conntrack.make_permanent(snapshot, wanted)
    return snapshot.part(DropIns).make_permanent(wanted)


def _forgetting(snapshot: Snapshot) -> Finding | None:
    """Of a rule of others that gives connections a timeout which is too small; None where none."""
    seen = snapshot.get(PacketFilter)
    for table in seen.foreign_tables if seen else ():
        for timeout in () if "dormant" in table.flags else table.timeouts:
            rule = _giving(table, timeout)
            for state, seconds in timeout.seconds if rule else ():
                bound = of_timeout(timeout.protocol, state)
                if rule and bound is not None and bound.is_harmful(str(seconds)):
                    return _by_rule(table, timeout, rule, state, seconds, bound)
    return None


def _giving(table: NftTable, timeout: NftTimeout) -> str:
    """Return the rule that gives it to connections; empty where none does."""
    given = f'ct timeout set "{timeout.name}"'
    rules = (rule.text for chain in table.chains for rule in chain.rules)
    return next((text for text in rules if given in text), "")


def _by_rule(
    table: NftTable,
    timeout: NftTimeout,
    rule: str,
    state: str,
    seconds: int,
    bound: SettingBound,
) -> Finding:
    because = (
        f"The rule `{rule}` of the table {table.family} {table.name} gives connections the timeout "
        f"{timeout.name}, which is {seconds} s for {state}: {bound.harm}."
    )
    place = f"ct timeout {timeout.name} of {table.family} {table.name}"
    row = Evidence(place, f"{state} : {seconds}", bound.usual, rule)
    remedy = (
        f"Whoever made the table has to take the rule away, or give {timeout.name} more; `nft list "
        f"table {table.family} {table.name}` shows both."
    )
    verdict: Verdict = "fail" if bound.ends_all(str(seconds)) else "warn"
    return Finding(ID, TITLE, verdict, because, (row,), _RULES_OUT, remedy=remedy)


def _harmful_at_boot(
    snapshot: Snapshot, bounds: tuple[SettingBound, ...], interfaces: tuple[str, ...]
) -> Finding | None:
    """Of a file that makes a setting too small at the next boot; None where none does."""
    for found, place, file in _lines(snapshot, bounds, interfaces):
        persist, permanence = _permanent(snapshot, {found.key: found.bound.usual})
        because = (
            f"{place} sets {name_of(found.key)} to {found.value} at the next boot. From then on, "
            f"{found.bound.harm}."
        )
        label = f"{name_of(found.key)} from the next boot on"
        rows = (
            Evidence(label, found.value, found.bound.usual, place),
            Evidence(AT_BOOT, permanence),
        )
        remedy = f"Take the line out of {file}, where it is not meant."
        return Finding(ID, TITLE, "warn", because, rows, persist=persist, remedy=remedy)
    return None


def _lines(
    snapshot: Snapshot, bounds: tuple[SettingBound, ...], interfaces: tuple[str, ...]
) -> Iterator[tuple[_Found, str, str]]:
    """Yield what files will set too small, with line and file."""
    drop_ins = snapshot.part(DropIns)
    for bound in bounds:
        for key in bound.keys((*interfaces, LATER)):
            line = drop_ins.setter(key)
            if line is not None and line.value is not None and bound.is_harmful(line.value):
                yield _Found(bound, key, line.value), line.place, line.file


PAGE = Explanation(
    symptom="One kind of packets gets no answer, names or pings or connections, or only large "
    "ones, or only from those who have not spoken lately; every rule, route and address is in "
    "its place, and no counter of a rule rises.",
    cause="Many kernel settings are bounds: how many seconds connection tracking remembers a "
    "question, how many routers a packet may pass, how often a neighbour is asked for, how many "
    "ports there are. A recipe of hardening or of tuning that sets one of them to 0 or 1 ends "
    "packets where nothing tells of it.",
    evidence="Each setting with a bound of this kind, for the whole host and for the interfaces "
    "with guests and to the world: ip_default_ttl, mcast_solicit of neighbours, every timeout of "
    "nf_conntrack, memory and time for datagrams in pieces, errors of ICMP, ports for what the "
    "host begins, memory of sockets; what rules of nftables give as `ct timeout`. "
    "Those of IPv6 count where a network has it. Where they are well now, what the files of "
    "sysctl.d(5) say for the next boot.",
    look_alikes=(
        ("conntrack_full", "new connections fail at random, and the count is at its bound."),
        ("neighbour_table", "gc_thresh3 is too small: it is named there, for IPv4."),
        (
            "saturation",
            "netdev_max_backlog is too small: it is named there, once packets are lost.",
        ),
        ("arp_answers", "the host does not answer; mcast_solicit is about what it asks."),
        ("forward_filter", "the counter of a rule or policy rises."),
        ("dns", "the server does not answer, and everything else does."),
    ),
    cure="What the kernel begins with. Connections that were forgotten meanwhile have to be begun "
    "anew. For good it takes a drop-in in /etc/sysctl.d, for those of nf_conntrack with the module "
    "loaded before that is read.",
    source="Linux Documentation/networking/ip-sysctl.rst, nf_conntrack-sysctl.rst, "
    "Documentation/admin-guide/sysctl/net.rst; RFC 1122 section 3.2.1.7, RFC 4787, RFC 5382",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Sysctls, DropIns}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Modules, PacketFilter}),
    reach=Reach.HOST,
    wrong="A kernel setting is too small: packets of guests are lost",
)
