"""Actions: everything a key does, in one table: key, title, help, danger, when it is possible.

A changing action is marked `danger`. Where nothing may be changed such an action is not offered:
not by a key, not in the footer, not in the palette; and the backend refuses it by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

from netconsole.backend.survey.status import FloatingIPStatus, SecurityGroupStatus, Status
from netconsole.screens.texts.path import PathEnd, PathSubject

ALL_PANES: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether an action is possible now."""

    pane: str
    row_key: str | None
    status: Status | None
    read_only_because: str | None
    busy: str = ""
    """The change that is being made, if one is."""
    no_capture_because: str | None = None
    """Why no packets can be captured, if they cannot."""
    no_evidence_because: str | None = None
    """Why the host itself cannot be looked at, if it cannot."""

    @property
    def target(self) -> str:
        """The network, instance or floating address under the cursor, as a target is named."""
        key = self.row_key or ""
        match self.pane:
            case "networks" | "floating":
                return key
            case "allocations":
                return key.rpartition(" ")[2]
            case "dnsmasq":
                return key.rsplit(" ", 2)[0]
        return ""

    @property
    def floating(self) -> FloatingIPStatus | None:
        """The floating address under the cursor."""
        if self.status is None or self.pane != "floating":
            return None
        wanted = self.row_key
        return next((f for f in self.status.floating_ips if f.address == wanted), None)

    @property
    def path_subject(self) -> PathSubject | None:
        """The instance's address or the floating address under the cursor."""
        if (floating := self.floating) is not None:
            return PathSubject(PathEnd(floating.address), receives=True)
        if self.status is None or self.pane != "allocations":
            return None
        found = (a for a in self.status.allocations if f"{a.network} {a.address}" == self.row_key)
        return next((PathSubject(PathEnd(a.address, a.instance)) for a in found), None)

    @property
    def group(self) -> SecurityGroupStatus | None:
        """The security group under the cursor."""
        if self.status is None or self.pane != "groups":
            return None
        groups = self.status.security_groups
        return next((each for each in groups if str(each.id) == self.row_key), None)


Reason = Callable[[Situation], str | None]
"""Why an action is not possible now; None where it is."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the console can do."""

    id: str
    key: str
    shown_key: str
    title: str
    help: str
    danger: bool = False
    panes: frozenset[str] = ALL_PANES
    """The panes it belongs to; empty for all."""
    reason: Reason = lambda _situation: None
    footer: bool = True

    def offered(self, situation: Situation) -> bool:
        """Whether it is there at all: in this pane, with this access."""
        if self.danger and situation.read_only_because is not None:
            return False
        return not self.panes or situation.pane in self.panes


def _row(situation: Situation) -> str | None:
    return None if situation.row_key else "no row is under the cursor"


def _changing(situation: Situation) -> str | None:
    if situation.status is None:
        return "the host has not been looked at yet"
    return f"wait: {situation.busy}" if situation.busy else None


def _associate(situation: Situation) -> str | None:
    if (why := _changing(situation)) or situation.status is None:
        return why
    floating = situation.floating
    if floating is None:
        return "no floating address is under the cursor"
    if floating.instance is not None or floating.fixed_address is not None:
        return f"{floating.address} is associated with {floating.instance}; disassociate it first"
    if not situation.status.allocations:
        return "no instance holds an address"
    return None


def _disassociate(situation: Situation) -> str | None:
    if why := _changing(situation):
        return why
    floating = situation.floating
    if floating is None:
        return "no floating address is under the cursor"
    if floating.fixed_address is None:
        return f"{floating.address} is not associated"
    return None


def _path(situation: Situation) -> str | None:
    if (because := situation.read_only_because) is not None:
        return f"refused, this is read-only ({because})"  # it sends packets
    if situation.status is None:
        return "the host has not been looked at yet"
    return None if situation.path_subject else "no address is under the cursor"


def _of_group(situation: Situation) -> str | None:
    if why := _changing(situation):
        return why
    return None if situation.group else "no security group is under the cursor"


def _repair(situation: Situation) -> str | None:
    if (why := _changing(situation)) or situation.status is None:
        return why
    if situation.status.drift:
        return None
    if situation.status.host.unreadable:
        return "not everything could be read; d says why"
    return "nothing to repair: the host is as the store says"


_FLOATING = frozenset({"floating"})
_GROUPS = frozenset({"groups"})
_PATHS = frozenset({"allocations", "floating"})

ACTIONS: tuple[Action, ...] = (
    Action("describe", "enter", "enter", "describe", "everything about the row", reason=_row),
    Action("wrong", "d", "d", "what is wrong", "the drift as commands, and every problem"),
    Action("path", "x", "x", "path", "a packet hop by hop, there and back, and where it ended",
           panes=_PATHS, reason=_path),
    Action(
        "associate", "a", "a", "associate", "give the floating address to an instance",
        danger=True, panes=_FLOATING, reason=_associate,
    ),
    Action(
        "disassociate", "D", "D", "disassociate", "take the floating address back",
        danger=True, panes=_FLOATING, reason=_disassociate,
    ),
    Action(
        "allow", "plus", "+", "allow", "let something in to the security group",
        danger=True, panes=_GROUPS, reason=_of_group,
    ),
    Action(
        "revoke", "minus", "-", "revoke", "take a rule from the security group",
        danger=True, panes=_GROUPS, reason=_of_group,
    ),
    Action(
        "repair", "r", "r", "repair", "bring the host to what the store says",
        danger=True, reason=_repair,
    ),
    Action("filter", "slash", "/", "filter", "rows with a text in any column; !text leaves out"),
    Action("sort", "s", "s", "sort", "by the next column; after the last, as on the host"),
    Action("playbooks", "p", "p", "playbooks", "check the host and heal what is found, guided",
           reason=lambda situation: situation.no_evidence_because),
    Action("capture", "c", "c", "capture", "packets at several interfaces, live and compared",
           reason=lambda situation: situation.no_capture_because),
    Action("metadata", "m", "m", "metadata", "what instances asked for, and who asked nothing",
           footer=False),
    Action("log", "l", "l", "log", "the commands run in this session"),
    Action("attention", "f", "f", "faults only", "only rows that need a look; again for all"),
    Action("copy", "y", "y", "copy", "the row to the clipboard of your terminal (OSC 52)",
           reason=_row),
    Action("reverse", "S", "S", "reverse", "turn the order round", footer=False),
    Action("palette", "colon", ":", "actions", "choose an action from a list", footer=False),
    Action("help", "question_mark", "?", "help", "this text", footer=False),
    Action("quit", "q", "q", "quit", "leave; nothing on the host stops", footer=False),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}
