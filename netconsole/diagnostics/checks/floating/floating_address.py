"""D1: is each floating address in use on its interface, and no other one?"""

from typing import Final

from netconsole.backend.survey.status import FloatingIPStatus
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.misnamed_uplink import misnamed_uplink
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_floating, of_plan
from netconsole.diagnostics.reasoning.unplanned import by_plan

ID: Final = "floating_address"
TITLE = "Floating addresses are on their interface"
REMEDY = "`netconsole apply` puts the addresses back and announces them to the neighbours."


@by_plan(ID, TITLE)
def judge(snapshot: Snapshot) -> Finding:
    """Compare the addresses in use with those on the interfaces."""
    host = snapshot.part(Backend)
    in_use = [each for each in host.status.floating_ips if each.carried]
    steps = claimed(host.plan, ID)
    missing = [each for each in in_use if each.address_present is False]
    unknown = [each for each in in_use if each.address_present is None]
    rows = tuple(_row(each) for each in in_use)
    if missing:
        first = missing[0]
        others = f", nor are {len(missing) - 1} more where they belong" if missing[1:] else ""
        because = (
            f"{first.address} is not on {first.interface}{others}: the host answers no ARP "
            f"request for it, so that nobody outside can send {first.instance} a packet."
        )
        if (uplink := misnamed_uplink(snapshot)) and uplink.holds_floating:
            because += f" {uplink.said}"
            return Finding(ID, TITLE, "fail", because, rows, remedy=uplink.remedy)
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if steps:
        because = f"The addresses on the interfaces are not those in use: {steps.commands[0]}."
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=REMEDY)
    if unknown:
        because = f"Whether {unknown[0].address} is on {unknown[0].interface} could not be read."
        return Finding(ID, TITLE, "unknown", because, rows)
    if not in_use:
        return Finding(ID, TITLE, "not-applicable", "No floating address is associated.")
    because = f"All {len(in_use)} in use are there." if in_use[1:] else "The one in use is there."
    return Finding(ID, TITLE, "ok", because, rows)


def _row(each: FloatingIPStatus) -> Evidence:
    value = {True: "present", False: "missing", None: "not known"}[each.address_present]
    return Evidence(f"{each.address} on {each.interface}", value, "present", f"for {each.instance}")


PAGE = Explanation(
    symptom="A floating address is dead from everywhere; its neighbours see no answer to ARP.",
    cause="A host answers ARP only for addresses that it has. The NAT rules translate what "
    "arrives, but nothing arrives for an address that is on no interface.",
    evidence="The addresses of the interfaces against the floating addresses in use: each must be "
    "on its public interface as a /32, and on no other.",
    look_alikes=(
        (
            "rp_filter",
            "the address is there and packets arrive, ARP requests too, but the host "
            "stays silent towards some sources.",
        ),
        ("floating_nat", "ARP is answered, packets arrive and are not translated."),
    ),
    cure="`netconsole apply` puts the address on and announces it by gratuitous ARP. The store "
    "wants it, so that every later apply keeps it.",
    source="ip-address(8); RFC 826; RFC 5227 section 3",
)

CHECK = Check(
    ID,
    ("D1",),
    TITLE,
    frozenset({Backend}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Routing}),
    narrow=narrowed(of_plan, of_floating),
    shown_by_status=True,
    wrong="A floating address is not where it belongs",
)
