"""Does this host still have the address in whose name guests send, my_ip?"""

from typing import Final

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.checks.path import uplink
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.routing import Routing

ID: Final = "own_address"
TITLE = "The host has the address that guests send under"
REMEDY = (
    "`ip -brief address` shows what the host has, `netconsole config show` which file sets my_ip: "
    "change it there, or take the line out, then `netconsole apply`."
)


def judge(snapshot: Snapshot) -> Finding:
    """Compare my_ip with what the interfaces have."""
    status = snapshot.part(Backend).status
    host = status.host
    if not (status.networks and host.forwarding_wanted):
        because = "No network here has this host as its router."
        return Finding(ID, TITLE, "not-applicable", because)
    rows = (Evidence("my_ip", host.my_ip or "not known"),)
    if host.my_ip is None:
        because = (
            "my_ip is not set and there is no default route to find it by: no rule translates what "
            "guests send, which leaves under their own addresses."
        )
        return Finding(ID, TITLE, "info", because, rows, remedy=REMEDY)
    if uplink.lost_address(snapshot):
        because = f"{host.my_ip} is on no interface of this host; uplink says more."
        return Finding(ID, TITLE, "info", because, rows)
    if host.my_ip_is_lost:
        because = (
            f"{host.my_ip} is on no interface of this host, and the rules put it into what guests "
            "without a floating address send: the answers go to whoever has it now, or to nobody."
        )
        return Finding(ID, TITLE, "fail", because, rows, remedy=REMEDY)
    return Finding(ID, TITLE, "ok", f"{host.my_ip} is on an interface.", rows)


PAGE = Explanation(
    symptom="No guest without a floating address reaches the world, all at once, since the host "
    "was renumbered; guests reach the host and each other.",
    cause="What guests send beyond the host leaves under my_ip, by a rule that names the address. "
    "When the host gets another one and the configuration still says the former, the rule goes on "
    "to use that, and the answers do not come here.",
    evidence="my_ip as the configuration says it, or as found by the default route, against the "
    "addresses of all interfaces.",
    look_alikes=(
        ("ip_forward", "nothing leaves the host at all: a capture at the card shows no packet."),
        ("egress_source", "a rule of others gives the packets another source, which is there."),
        ("uplink", "the host itself does not reach the world either."),
    ),
    cure="The address that the host has now, in the configuration; without my_ip there it is found "
    "by the default route and follows it. Then the rules are made anew.",
    source="nova's option my_ip; iptables-extensions(8), SNAT",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend}),
    0.1,
    judge,
    PAGE,
    uses=frozenset({Routing}),
    reach=Reach.HOST,
    shown_by_status=True,
    wrong="The host has lost the address that guests send under",
)
