"""Drift: whatever else `plan` would change on this host, so that nothing goes unsaid."""

from typing import Final

from netconsole.backend.survey.trouble import Reach
from netconsole.diagnostics.model.check import Check
from netconsole.diagnostics.model.finding import Evidence, Finding
from netconsole.diagnostics.model.page import Explanation
from netconsole.diagnostics.model.snapshot import Snapshot
from netconsole.diagnostics.parts.backend import Backend
from netconsole.diagnostics.parts.links import Links
from netconsole.diagnostics.reasoning.claims import claimed, hindered, hindering
from netconsole.diagnostics.reasoning.followed_rules import enslaved, kept, said
from netconsole.diagnostics.reasoning.narrowing import narrowed, of_plan
from netconsole.diagnostics.reasoning.unplanned import unplanned

ID: Final = "drift"
TITLE = "Nothing else differs from the store"
REMEDY = "`netconsole apply` brings the host in line with the store."

CORRECTED = "Correct it (`netconsole config show`), then `systemctl reload netconsole-agent`."
KERNEL = "A kernel with ebtables' nat table, its target redirect and, for nft, NFT_BRIDGE_META."


def judge(snapshot: Snapshot) -> Finding:
    """Return the steps that no other check names."""
    host = snapshot.part(Backend)
    steps = claimed(host.plan, ID)
    if steps:
        count = len(steps.steps)
        because = (
            f"{count} steps lie between the store and this host that no other check names, "
            f"beginning with: {steps.commands[0]}"
            if count > 1
            else f"One step lies between the store and this host: {steps.commands[0]}"
        )
        rows = tuple(Evidence("not yet done", command) for command in steps.commands)
        remedy = REMEDY
        if port := enslaved(steps, snapshot.get(Links) or Links(())):
            because, remedy = f"{said(port)} {because}", f"{REMEDY} {kept(port)}"
        return Finding(ID, TITLE, "fail", because, rows, (), host.fix, remedy=remedy)
    if unknown := unplanned(host):
        return Finding(ID, TITLE, "unknown", unknown)
    if obstacle := hindering(host, ID):
        return Finding(ID, TITLE, "fail", hindered(obstacle), remedy=f"Then {REMEDY}")
    if unreadable := host.status.host.unreadable:
        part, reason = next(iter(unreadable.items()))
        because = f"Not all of the host could be read; {part}: {reason}."
        return Finding(ID, TITLE, "unknown", because)
    if why := host.status.host.configuration_kept:
        because = f"The agent goes by its former configuration; that of now cannot be used: {why}."
        return Finding(ID, TITLE, "warn", because, remedy=CORRECTED)
    if unsupported := host.status.host.unsupported:
        part, reason = next(iter(unsupported.items()))
        because = f"A network wants what this kernel has not, and does without; {part}: {reason}."
        return Finding(ID, TITLE, "warn", because, remedy=KERNEL)
    if not host.status.networks:
        return Finding(ID, TITLE, "not-applicable", "There is no network on this host.")
    return Finding(ID, TITLE, "ok", "The host holds what the store asks for.")


PAGE = Explanation(
    symptom="Something that worked yesterday does not, and no single setting is to blame.",
    cause="Someone, or another program, changed what netconsole had configured: rules flushed, "
    "files removed, addresses taken off.",
    evidence="The difference between the store and the host, as `netconsole plan` prints it, "
    "without the steps that other checks name.",
    look_alikes=(),
    cure="`netconsole apply` takes the steps. Rules, links and processes of others stay as they "
    "are. What changes them may do so again: `netconsole history` says when we last did.",
    source="netconsole-plan, the design of netconsole",
)

CHECK = Check(
    ID,
    (),
    TITLE,
    frozenset({Backend}),
    0.5,
    judge,
    PAGE,
    uses=frozenset({Links}),
    narrow=narrowed(of_plan),
    reach=Reach.NETWORK,
    shown_by_status=True,
    wrong="Something else differs from the store",
)
