"""A2: does the host forward packets for its guests?"""

from collections.abc import Iterable
from typing import Final

from netconsole.backend.model.kernel_settings import IP_FORWARD, lost, name_of
from netconsole.backend.steps import Plan, SetSysctl
from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.settings import DropIns, Sysctls
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_networks
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "ip_forward"
TITLE = "The host forwards packets"
KEY = "net/ipv4/ip_forward"
ALL = "net/ipv4/conf/all/forwarding"
"""Another name of the same switch."""
DEFAULT = "net/ipv4/conf/default/forwarding"
"""What an interface begins with that is made later."""
REMEDY = "`netconsole apply` sets it to 1, which switches forwarding on at every interface."


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Read the switch of the host, and those of the interfaces that carry guests' packets."""
    status = snapshot.part(Backend).status
    sysctls, drop_ins = snapshot.part(Sysctls).values, snapshot.part(DropIns)
    if not status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    if not status.host.forwarding_wanted:
        because = "No network here has this host as its router."
        return Finding(ID, TITLE, "not-applicable", because)
    names = [*(each.bridge for each in status.networks), status.host.public_interface]
    keys = [key for name in names if (key := f"net/ipv4/conf/{name}/forwarding") in sysctls]
    off = [key for key in (KEY, *keys) if sysctls.get(key) == "0"]
    rows = tuple(
        Evidence(name_of(key), sysctls.get(key, "?"), "1", drop_ins.says_who(key, sysctls[key]))
        for key in (KEY, *keys)
        if key in sysctls
    )
    if not off and (found := _off_at_boot(drop_ins, keys, rows)):
        return found
    if not off:
        return Finding(ID, TITLE, "ok", "Forwarding is on, at the interfaces too.", rows)
    plan, permanence = drop_ins.make_permanent({KEY: "1"})
    rows = (*rows, Evidence(AT_BOOT, permanence))
    if off[0] == KEY:
        because = (
            "net.ipv4.ip_forward is 0: guests reach the host and each other, but every packet "
            "that they send beyond the host, or that is sent to them through a floating address, "
            "is dropped without a word."
        )
        named = {name_of(key): value for key, value in sysctls.items()}
        step = SetSysctl(IP_FORWARD, "1", "0", former_along=lost(IP_FORWARD, "0", named))
        fix = Plan((step,))
        return Finding(ID, TITLE, "fail", because, rows, (), fix, plan, REMEDY)
    interfaces = ", ".join(key.split("/")[3] for key in off)
    because = (
        f"Forwarding is switched off at {interfaces}: packets that come in there go no further "
        "than this host, though net.ipv4.ip_forward is 1."
    )
    fix = Plan(tuple(SetSysctl(name_of(key), "1", "0") for key in off))
    return Finding(ID, TITLE, "fail", because, rows, (), fix)


def _off_at_boot(
    drop_ins: DropIns, keys: Iterable[str], rows: tuple[Evidence, ...]
) -> Finding | None:
    """Of files that switch forwarding off at the next boot; None where none does.

    The switch of the host sets those of all interfaces: what stands before it does not count.
    """
    host = drop_ins.last_of((KEY, ALL))
    wanted = KEY if host == drop_ins.setter(KEY) else ALL
    off = host if host is not None and host.value == "0" else None
    for key in (*keys, DEFAULT) if off is None else ():
        line = drop_ins.setter(key)
        if line is not None and line.value == "0" and line is drop_ins.last_of((KEY, ALL, key)):
            wanted, off = key, line
            break
    if off is None:
        return None
    where = "" if wanted in (KEY, ALL) else f" at {_whom(wanted)}"
    plan, permanence = drop_ins.make_permanent({wanted: "1"})
    because = (
        f"Forwarding is on, and {off.place} switches it off{where} at the next boot: guests are "
        "cut off then from all but this host until `netconsole apply`, or the agent, switches it "
        "on."
    )
    rows = (*rows, Evidence(AT_BOOT, permanence))
    remedy = f"Take the line out of {off.file}, where another program does not need it."
    return Finding(ID, TITLE, "warn", because, rows, persist=plan, remedy=remedy)


def _whom(key: str) -> str:
    name = key.split("/")[3]
    return "interfaces that are made after it, as bridges are" if key == DEFAULT else name


PAGE = Explanation(
    symptom="Instances reach the host and each other, but nothing beyond; floating addresses are "
    "dead.",
    cause="A packet that is for another host is forwarded only while net.ipv4.ip_forward is 1 and "
    "the interface that it came in by has forwarding on. Otherwise the kernel drops it in silence.",
    evidence="The switch of the host, and that of each interface that carries guests' packets, "
    "with the file that sets each, and what files make of them at the next boot.",
    look_alikes=(
        (
            "forward_filter",
            "the switch is on and a rule or policy of FORWARD drops: its counter moves.",
        ),
        (
            "rp_filter",
            "only packets of some sources are dropped, and IPReversePathFilter counts them.",
        ),
    ),
    cure="net.ipv4.ip_forward = 1. Writing it sets every interface's forwarding with it. Docker "
    "that starts on a host where it was 0 sets the policy of FORWARD to DROP: make it permanent in "
    "sysctl.d, so that it is on before.",
    source="Linux Documentation/networking/ip-sysctl.rst, ip_forward; RFC 1812",
)

CHECK = Check(
    ID,
    ("A2",),
    TITLE,
    frozenset({Backend, Sysctls, DropIns}),
    0.5,
    judge,
    PAGE,
    narrow=narrowed(of_networks),
    reach=Reach.HOST,
    shown_by_status=True,
    wrong="The host does not forward packets",
)
