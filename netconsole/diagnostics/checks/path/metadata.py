"""D9: does a guest that asks 169.254.169.254 get to a metadata service?"""

from collections.abc import Iterator
from typing import Final

from netconsole.backend.model.subject import METADATA, METADATA_ADDRESS
from netconsole.backend.steps import AddAddress, ChangeRules, Plan, RemoveAddress
from netconsole.backend.survey.status import NatRule
from netconsole.backend.survey.trouble import Reach
from netconsole.backend.wording.rule_subjects import aim_of
from netconsole.diagnostics.checks.dhcp import dhcp_firewall
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding, Verdict
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend, ConfiguredOptions
from netconsole.diagnostics.parts.journeys import Journeys, Purpose
from netconsole.diagnostics.parts.listeners import Listeners
from netconsole.diagnostics.parts.routing import Routing
from netconsole.diagnostics.reasoning.claims import claimed
from netconsole.diagnostics.reasoning.lost_paths import dropped_by_rules
from netconsole.diagnostics.reasoning.lost_words import remedy_of, rows_of, sentence

ID: Final = "metadata"
TITLE = "The metadata address leads to a service"
REMEDY = "`netconsole apply` puts it right."
SERVICE_REMEDY = (
    "Start the agent, which serves it: `netconsole agent install --now`, or `systemctl start "
    "netconsole-agent`; where no systemd runs, as in a lab or container, `netconsole agent`. Or "
    "start the service alone: `netconsole metadata serve`."
)
OTHER_REMEDY = (
    "`ss -ltnp sport = {}` says which it is. End it and start the agent (`netconsole agent install "
    "--now`), or leave it, where it is the metadata service of others."
)
FAILED_REMEDY = (
    "The agent tries again every few seconds: end the other program, or correct the option and "
    "`systemctl reload netconsole-agent`."
)

_OTHERS: Final[frozenset[Purpose]] = frozenset(
    {"gateway", "lease", "names", "world", "floating", "neighbour"}
)
"""What is dropped along with these is not about metadata, and other checks name it."""


def judge(snapshot: Snapshot) -> Finding:
    """Follow a request: the rule that translates it, then who listens where it leads."""
    host, configuration = snapshot.part(Backend), snapshot.part(ConfiguredOptions)
    steps = claimed(host.plan, ID)
    rules = [rule for rule in host.status.nat if rule.subject == METADATA]
    rows = tuple(
        Evidence(rule.rule, rule.state, "present", f"{rule.packets} packets") for rule in rules
    )
    if reason := host.status.host.unreadable.get("rules"):
        return Finding(ID, TITLE, "unknown", f"The rules could not be read: {reason}.", rows)
    missing = [rule for rule in rules if rule.state != "present"]
    if steps:
        rows = (*rows, *_places(steps))
        return Finding(ID, TITLE, "fail", _because(steps), rows, (), host.fix, remedy=REMEDY)
    if missing:
        because = "The rule is missing among others of its chain, which another check names."
        return Finding(ID, TITLE, "info", because, rows)
    if not rules:
        return Finding(ID, TITLE, "not-applicable", "No network here is led to a metadata service.")
    is_refused = dhcp_firewall.CHECK.examine(snapshot).found
    met = () if is_refused else dropped_by_rules(snapshot, {"metadata"}, but=_OTHERS)
    if met:
        rows = (*rows, *(row for each in met for row in rows_of(each)))
        return Finding(ID, TITLE, "fail", sentence(met[0]), rows, remedy=remedy_of(met[0]))
    return _listening(snapshot, configuration, rules, rows)


def _places(steps: Plan) -> Iterator[Evidence]:
    for step in steps.steps:
        match step:
            case AddAddress():
                yield Evidence(f"{step.address} on {step.interface}", "missing", "present")
            case RemoveAddress():
                yield Evidence(f"{step.address} on {step.interface}", "present", "missing")


def _because(steps: Plan) -> str:
    """Say what is wrong: the rule comes first, as without it no guest is served."""
    kinds = {type(step) for step in steps.steps}
    if ChangeRules in kinds:
        return (
            f"Requests to {METADATA_ADDRESS}:80 are not led to the metadata service: the rule is "
            "not there as it should be. cloud-init in a guest waits two minutes and goes on "
            "without keys."
        )
    if AddAddress in kinds:
        return (
            f"This host does not have {METADATA_ADDRESS}: a guest with a route of its own to "
            "169.254.0.0/16 asks who has that address, and nobody answers. A guest that asks by "
            "its router is served."
        )
    return (
        f"This host has {METADATA_ADDRESS} though it leads nobody to a metadata service any more: "
        "requests of its own to that address stay here."
    )


def _listening(
    snapshot: Snapshot,
    configuration: ConfiguredOptions,
    rules: list[NatRule],
    rows: tuple[Evidence, ...],
) -> Finding:
    if failed := snapshot.part(Backend).status.host.metadata_failed:
        because = f"The agent serves no metadata: {failed}."
        return Finding(ID, TITLE, "fail", because, rows, remedy=FAILED_REMEDY)
    address, port = aim_of(rules[0].rule) or ("127.0.0.1", configuration.metadata_port)
    local = {each.address for each in snapshot.part(Routing).addresses} | {"127.0.0.1"}
    if address not in local:
        because = f"The rule is there and leads to {address}:{port}, which is another machine."
        return Finding(ID, TITLE, "info", because, rows)
    listeners = snapshot.part(Listeners)
    listening, ours = listeners.at("tcp", address, port), listeners.metadata_services
    if listening and ours == frozenset():
        rows = (*rows, Evidence(f"{address}:{port}", "another program", "a metadata service"))
        because = (
            f"No metadata service of ours runs: the rule leads to {address}:{port}, where another "
            "program listens. Unless that serves metadata, and knows these guests, they are told "
            "nothing."
        )
        return Finding(ID, TITLE, "warn", because, rows, remedy=OTHER_REMEDY.format(port))
    word = "listening" if listening else "nobody listens"
    rows = (*rows, Evidence(f"{address}:{port}", word, "listening"))
    if listening:
        because = f"The rule is there, and at {address}:{port} a metadata service listens."
        return Finding(ID, TITLE, "ok", because, rows)
    because = (
        f"No metadata service runs: the rule leads to {address}:{port} of this host, where nobody "
        f"listens, so that a guest that asks http://{METADATA_ADDRESS} is refused at once."
    )
    status = snapshot.part(Backend).status
    is_asked = status.host.wanted_unknown is None and any(
        each.device_state != "not here" for each in status.allocations
    )
    verdict: Verdict = "fail" if is_asked else "info"
    return Finding(ID, TITLE, verdict, because, rows, remedy=SERVICE_REMEDY)


PAGE = Explanation(
    symptom="cloud-init waits two minutes at boot; the instance has no SSH key and no host name; "
    "curl http://169.254.169.254 hangs, is refused, or answers 404.",
    cause="A request to 169.254.169.254:80 has to leave the guest by its router, be translated by "
    "this host to metadata_host:metadata_port, and find a service there that knows the guest by "
    "its fixed address, so that no other rule may change the source on the way. A guest that takes "
    "169.254.0.0/16 for its own link (zeroconf) asks by ARP who has the address: the host answers, "
    "as it has it on lo.",
    evidence="The DNAT or REDIRECT rule in nova-network-PREROUTING with its counter, the address "
    "on lo, the sockets that listen, and whether a metadata service of ours is among them. A "
    "request that was sent to be followed (`doctor --probe`) names the rule that ended it.",
    look_alikes=(
        ("gateway", "nothing at all leaves the guest: its router does not answer."),
        (
            "a guest with a route of its own to 169.254.0.0/16",
            "the rule's counter stands still, though the address is on lo: arp_ignore of its "
            "bridge keeps the host from answering.",
        ),
        ("a source that was translated", "the service answers 404: it knows no such guest."),
    ),
    cure="`netconsole apply` restores the rule and the address; metadata_host and metadata_port "
    "say where the rule leads. The agent serves metadata on the host to which it leads, or "
    "`netconsole metadata serve` alone; `netconsole metadata list` says what each instance asked "
    "for, and its log whose requests were refused.",
    source="The operators' guide of nova-network, Metadata service; RFC 3927",
)

CHECK = Check(
    ID,
    ("D9",),
    TITLE,
    frozenset({Backend, ConfiguredOptions, Listeners, Routing}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Journeys}),
    reach=Reach.NETWORK,
    wrong="The metadata address does not lead to a service",
)
