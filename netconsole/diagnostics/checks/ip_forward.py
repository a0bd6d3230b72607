"""A2: does the host forward packets for its guests?"""

from collections.abc import Mapping
from typing import Final

from netconsole.backend.steps import Plan, SetSysctl
from netconsole.diagnostics.check import Check
from netconsole.diagnostics.drop_ins import DropIns, name_of
from netconsole.diagnostics.finding import AT_BOOT, Evidence, Finding
from netconsole.diagnostics.snapshot import Snapshot

ID: Final = "ip_forward"
TITLE = "The host forwards packets"
KEY = "net/ipv4/ip_forward"
REMEDY = "`netconsole apply` sets it to 1, which switches forwarding on at every interface."


def judge(snapshot: Snapshot) -> Finding:
    """Read the switch of the host, and those of the interfaces that carry guests' packets."""
    status = snapshot.backend().status
    sysctls, drop_ins = snapshot.sysctls, snapshot.drop_ins
    if not isinstance(sysctls, Mapping) or not isinstance(drop_ins, DropIns):
        raise TypeError("judged without its evidence")
    if not status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    names = [*(each.bridge for each in status.networks), status.host.public_interface]
    keys = [key for name in names if (key := f"net/ipv4/conf/{name}/forwarding") in sysctls]
    off = [key for key in (KEY, *keys) if sysctls.get(key) == "0"]
    rows = tuple(
        Evidence(name_of(key), sysctls.get(key, "?"), "1", drop_ins.says_who(key, sysctls[key]))
        for key in (KEY, *keys)
        if key in sysctls
    )
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
        fix = Plan((SetSysctl(name_of(KEY), "1", "0"),))
        return Finding(ID, TITLE, "fail", because, rows, (), fix, plan, REMEDY)
    interfaces = ", ".join(key.split("/")[3] for key in off)
    because = (
        f"Forwarding is switched off at {interfaces}: packets that come in there go no further "
        "than this host, though net.ipv4.ip_forward is 1."
    )
    fix = Plan(tuple(SetSysctl(name_of(key), "1", "0") for key in off))
    return Finding(ID, TITLE, "fail", because, rows, (), fix)


CHECK = Check(ID, TITLE, frozenset({"host", "sysctls", "drop_ins"}), 0.5, judge)
