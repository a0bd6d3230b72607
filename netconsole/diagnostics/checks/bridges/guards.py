"""Does every guest send as itself alone?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model import kernel_settings
from netconsole.backend.model.guards import BY_EBTABLES, NO_GUARDS
from netconsole.backend.model.phrases import capitalized, some
from netconsole.backend.plan.standing_rules import change
from netconsole.backend.steps import Plan
from netconsole.backend.survey.guard_bypass import JUMP
from netconsole.backend.survey.status import Allocation, Bypass, HostStatus
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.settings import Sysctls
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_instances, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "guards"
TITLE = "Every guest sends as itself alone"
REMEDY = (
    "`netconsole instance guard NAME` guards an instance; what it needs beside its own addresses, "
    "`netconsole instance allow-address NAME CIDR` allows."
)
APPLY = "`netconsole apply` puts it right, in one transaction."
SHOWN: Final = 8
"""Commands listed of what is not as it should be."""
JUMP_MOVES = (
    "Our jump moves right before the first of these rules, which stay where they are and are asked "
    "of what the guards let through. What put them there may do so again."
)
NOT_KEPT = "the program that made the rule may put it above our jump again at its next start"
KERNEL = "A kernel with CONFIG_NF_TABLES_NETDEV, and the program nft (Debian: nftables), hold them."


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Ask what keeps guests from passing for others, and who is not kept."""
    host = snapshot.part(Backend).status.host
    open_ports = sorted({each.instance for each in _here(snapshot) if not each.guarded})
    rows = (
        *(Evidence(f"guard of {name}", "none", "one") for name in open_ports),
        *_heard(snapshot, everywhere=host.guards_off or NO_GUARDS in host.unsupported),
    )
    if host.guards_off:
        return _switched_off(host, rows)
    if steps := claimed(snapshot.part(Backend).plan, ID):
        done = tuple(Evidence("not yet done", each) for each in steps.commands[:SHOWN])
        because = (
            f"What guards the ports is not as it should be: {steps.commands[0]}. A port without "
            "its rules lets its guest pass for any other, one with others drops what is true."
        )
        fix = snapshot.part(Backend).fix
        return Finding(ID, TITLE, "fail", because, (*done, *rows), (), fix, remedy=APPLY)
    if host.guards_bypassed:
        return _bypassed(host.guards_bypassed, snapshot.part(Backend).prerouting, rows)
    if not any(True for _ in _here(snapshot)):
        return Finding(ID, TITLE, "not-applicable", "No instance has a port on this host.")
    if reason := host.unsupported.get(NO_GUARDS):
        because = f"This kernel holds no guards, any guest can pass for any other: {reason}."
        return Finding(ID, TITLE, "warn", because, rows, remedy=KERNEL)
    if open_ports:
        because = (
            f"No guard is wanted for {some(open_ports)}: a guest there can pass for every other on "
            "its networks, and for their gateway."
        )
        return Finding(ID, TITLE, "warn", because, rows, remedy=REMEDY)
    if reason := host.unsupported.get(BY_EBTABLES):
        because = f"Not every lie of a guest is stopped: {reason}."
        return Finding(ID, TITLE, "warn", because, rows, remedy=KERNEL)
    return Finding(ID, TITLE, "ok", "Each port lets its guest's own addresses through alone.")


def _bypassed(
    found: tuple[Bypass, ...], asked: tuple[str, ...], rows: tuple[Evidence, ...]
) -> Finding:
    """Name what is asked before the guards of ebtables; where it takes all, our jump moves."""
    seen = (
        Evidence(each.place, "takes all" if each.whole else "takes what it picks", note=each.rule)
        for each in found
    )
    rows = (*seen, *rows, Evidence(AT_BOOT, NOT_KEPT))
    worst = next((each for each in found if each.whole), found[0])
    first, move = found[0], "ebtables -t nat"
    by_hand = f"{move} -D {first.chain} {JUMP} && {move} -I {first.chain} {first.entry} {JUMP}"
    if not worst.whole:
        because = (
            f"{capitalized(worst.place)} takes some of what comes in by guarded ports, before the "
            f"guards are asked: {worst.rule}. It depends on the frame."
        )
        remedy = f"Where that was not meant, move our jump before it by hand: `{by_hand}`."
        return Finding(ID, TITLE, "warn", because, rows, remedy=remedy, confidence="possible")
    because = (
        f"{capitalized(worst.place)} takes whatever comes in by guarded ports, before the guards "
        f"are asked: {worst.rule}. Every guest can pass for any other."
    )
    goal = [spec for spec in asked if spec != JUMP]
    goal.insert(first.entry - 1, JUMP)
    step = change("bridge", "nat", {first.chain: asked}, {first.chain: goal})
    return Finding(
        ID, TITLE, "fail", because, rows, (), Plan((step,)) if step else None, None, JUMP_MOVES
    )


def _switched_off(host: HostStatus, rows: tuple[Evidence, ...]) -> Finding:
    """Say since when, and what ends it."""
    source = host.guards_off_source
    since = f", {source.since}" if source else ""
    because = (
        f"The option guard is False{since}: no port has a guard, and every guest can pass for any "
        "other, and for the gateway. That helps to tell whether a guard is to blame, and leaves "
        "the networks open to each of their guests."
    )
    remedy = (
        "When the search is over, take the line guard out of "
        f"{source.path if source else 'the configuration file'} and run `netconsole apply`."
    )
    rows = (Evidence("guard", "False", "True"), *rows)
    return Finding(ID, TITLE, "warn", because, rows, remedy=remedy)


def _here(snapshot: Snapshot) -> Iterator[Allocation]:
    for each in snapshot.part(Backend).status.allocations:
        if each.device and each.device_state != "not here":
            yield each


def _heard(snapshot: Snapshot, *, everywhere: bool) -> Iterator[Evidence]:
    """The bridges at which the host takes a guest for its router, where nothing stops the guest."""
    status, sysctls = snapshot.part(Backend).status, snapshot.part(Sysctls)
    exposed = {each.network for each in _here(snapshot) if everywhere or not each.guarded}
    for bridge in sorted({each.bridge for each in status.networks if each.label in exposed}):
        conf = f"net/ipv6/conf/{bridge}"
        value = sysctls.get(f"{conf}/accept_ra", "0")
        if value == "2" or (value == "1" and sysctls.get(f"{conf}/forwarding") != "1"):
            note = "a guest that advertises itself becomes the host's IPv6 router"
            yield Evidence(kernel_settings.accept_ra(bridge), value, "0", note)


PAGE = Explanation(
    symptom="A guest answers for another's address, for the gateway's or for a floating one; "
    "connections go astray or are cut off, and the bridge learns a MAC address at a wrong port. Or "
    "nobody hears a guest though its interface is up, perhaps over IPv6 alone.",
    cause="The table netdev netconsole, which lets each port's own addresses through alone, is not "
    "as it should be, the option guard takes it off, an instance was exempted (--no-guard, "
    "instance unguard, a VPN), or the kernel cannot hold such a table. ebtables guards the ports "
    "then, if the kernel has that, and does not see every lie, nor what a rule of others takes "
    "that is asked first in nat PREROUTING. A guest that nobody hears sends by an address that is "
    "not its own: of IPv6 those that change or are made up (RFC 8981, RFC 7217) are none of its "
    "own.",
    evidence="The plan's steps on the table, or on the table nat of ebtables, what stands there "
    "before our jump, the ports that are exempt, and where the host itself hears router "
    "advertisements of guests that nothing stops.",
    look_alikes=(
        ("address_conflict", "two machines have one address, and neither lies."),
        ("dhcp_rogue", "another DHCP server is on the wire, beyond the ports."),
        ("fdb", "a MAC address is known at a wrong port, whoever sent by it."),
    ),
    cure="`netconsole apply` puts the guards back, in one transaction; in PREROUTING our jump "
    "moves before what takes all. `netconsole instance guard` guards an exempt "
    "instance, `netconsole instance allow-address` allows it what it needs. `netconsole guards` "
    "says what was stopped, by kind, and how a guest gets to use the IPv6 "
    "address that it makes of its MAC address.",
    source="nft(8), netdev family; RFC 6105 (RA guard), RFC 7039 (source address validation)",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend, Sysctls}),
    0.1,
    judge,
    PAGE,
    narrow=narrowed(of_plan, of_instances),
    shown_by_status=True,
    wrong="A guest can send as another",
)
