"""Dialogs: a text to read, a list to choose from, a plan to agree to."""

from collections.abc import Callable, Iterable
from typing import ClassVar, Generic

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from netconsole.backend.model import errors
from netconsole.backend.model.errors import NetconsoleError
from netconsole.backend.model.phrases import count
from netconsole.backend.plan.agreement import PlanDifference, Preview, plan_difference
from netconsole.backend.steps import Plan
from netconsole.backend.survey.status import Status
from netconsole.screens.pages.console import Console
from netconsole.screens.pages.page import Page, Result
from netconsole.screens.panes.live import View
from netconsole.screens.rows.listing import Listing
from netconsole.screens.rows.marks import BOLD, DIM, STYLES
from netconsole.screens.rows.pane import Column, Entry, Row, command, heading
from netconsole.screens.widgets.buttons import Buttons
from netconsole.screens.widgets.footer import Hint
from netconsole.screens.widgets.lines import LineView
from netconsole.screens.widgets.moving import moving_keys
from netconsole.screens.widgets.table import LiveTable

WAYS: list[BindingType] = [
    Binding("escape", "back", show=False),
    Binding("q,ctrl+c", "quit", show=False),
    Binding("ctrl+z", "app.suspend_process", show=False),
    Binding("question_mark", "help", show=False),
]

Text = Callable[[], tuple[Entry, ...]]


class TextPage(Page[None], inherit_bindings=False):
    """A text that follows the host while it is read."""

    BINDINGS: ClassVar[list[BindingType]] = [*WAYS, Binding("y", "copy", show=False)]

    def __init__(self, console: Console, title: str, text: Text) -> None:
        super().__init__(console, title)
        self._text = text
        self.lines = LineView(console.glyphs)

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.lines)

    def on_mount(self) -> None:
        self.footer.show((Hint("esc", "back"), Hint("y", "copy")))
        self.lines.take_focus()
        self.lines.set_entries(self._text())

    def show_picture(self, picture: View | None, error: str) -> None:
        super().show_picture(picture, error)
        self.lines.set_entries(self._text() or (Entry("It is not there any more.", DIM),))

    def action_copy(self) -> None:
        self.bar.say(self.console.copy(self.lines.text))


class TablePage(Page[Result], Generic[Result], inherit_bindings=False):
    """A table under a heading, with a filter."""

    BINDINGS: ClassVar[list[BindingType]] = [*WAYS, Binding("slash", "filter", show=False)]

    def __init__(
        self,
        console: Console,
        title: str,
        columns: tuple[Column, ...],
        empty: str,
        way_back: str = "esc goes back ",
        waiting: str = "",
    ) -> None:
        super().__init__(console, title, way_back)
        self.listing = Listing(columns, empty, waiting)
        self.table = LiveTable(self.listing, console.glyphs)

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.table)

    def on_mount(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Say where keys go at first. Textual calls a subclass's `on_mount` before this one's."""
        self.table.take_focus()

    def set_rows(self, rows: tuple[Row, ...]) -> None:
        """Take new rows."""
        if self.listing.set_rows(rows):
            self.table.follow()

    def filter_typed(self, text: str, done: bool) -> None:
        """Show what matches the filter so far."""
        self.listing.filter = text
        self.listing.rearrange()
        self.table.follow()
        self.bar.chips(f"/{text}" if text else "")
        if done:
            self.table.take_focus()

    def action_filter(self) -> None:
        self.bar.type_filter(self.listing.filter, self.filter_typed)


class ChoosePage(TablePage[Result], Generic[Result], inherit_bindings=False):
    """A list of which one row is chosen; its result is what it stands for, or None.

    What there is to choose from is read from the store when the page opens, and again when the
    console sees something else; keys wait for it.
    """

    BINDINGS: ClassVar[list[BindingType]] = TablePage.BINDINGS

    def __init__(
        self,
        console: Console,
        title: str,
        columns: tuple[Column, ...],
        find: Callable[[], Iterable[tuple[Row, Result]]],
    ) -> None:
        empty = "There is nothing to choose from."
        way_back = "enter chooses, esc goes back "
        super().__init__(console, title, columns, empty, way_back, "Reading the store.")
        self._find = find
        self._results: dict[str, Result] | None = None
        self._found_last: tuple[tuple[Row, Result], ...] | None = None
        self._found_again = 0
        """How often in a row the store held the same."""
        self._seen: Status | None = None
        self._finding = False
        self._choosing = False
        """Whether a row was chosen and not taken yet: what is typed then is for what comes."""

    @property
    def takes_keys(self) -> bool:
        return super().takes_keys and self._results is not None and not self._choosing

    async def type_key(self, event: events.Key) -> None:
        on_row = self.focused is self.table and self.listing.current is not None
        self._choosing = event.key == "enter" and on_row
        await super().type_key(event)

    def on_mount(self) -> None:
        self.footer.show((Hint("enter", "choose"), Hint("esc", "back"), Hint("/", "filter")))
        self._look()

    def show_picture(self, picture: View | None, error: str) -> None:
        super().show_picture(picture, error)
        now = picture.status if picture else None
        if now is None or self._finding:
            return
        if self._seen is None or _differ(self._seen, now):
            self._found_again = 0
        # What was read first may be younger than the picture shown then, and the one under way:
        # the second picture from then on was begun after it.
        if self._found_again < 2:
            self._look()

    def _look(self) -> None:
        self._seen, self._finding = self.console.status, True
        self.console.in_background(lambda: tuple(self._find()), self._found)

    def _found(self, result: tuple[tuple[Row, Result], ...] | Exception) -> None:
        self._finding = False
        if not self.is_attached:
            return
        if isinstance(result, Exception):
            self.bar.say(said(result), "bad")
            result = ()
        self._found_again = self._found_again + 1 if result == self._found_last else 0
        self._found_last = result
        self._results = {row.key: chosen for row, chosen in result}
        self.set_rows(tuple(row for row, _ in result))
        self.console.call_later(self.console.type_ahead)

    def on_live_table_chosen(self, message: LiveTable.Chosen) -> None:
        message.stop()
        self._choosing = False
        if self._results is not None and message.row.key in self._results:
            self.take(self._results[message.row.key])
        self.console.call_later(self.console.type_ahead)

    def take(self, chosen: Result) -> None:
        """Leave with what was chosen."""
        self.dismiss(chosen)


UNDONE = "undone if one fails"
GOES_ON = "undone if one fails that filters or guards instances; past any other it goes on"
"""Of a repair."""


class ConfirmPage(Page[Plan], inherit_bindings=False):
    """A plan as the commands it would run. Cancel has the focus; its result is the plan or None.

    When the host changes meanwhile the plan is made once more. Where it is another by then, that
    can be seen instead of applying this one; nothing moves under the eyes of who reads.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *WAYS,
        *moving_keys("lines('{movement}', {by})"),
        Binding("y", "copy", show=False),
    ]

    def __init__(
        self,
        console: Console,
        title: str,
        preview: Callable[[], Plan],
        changed: PlanDifference | None = None,
        if_one_fails: str = UNDONE,
    ) -> None:
        """`changed` is said first where the admin has agreed to another plan before."""
        super().__init__(console, title, "")
        self._preview = preview
        self._changed = changed
        self._if_one_fails = if_one_fails
        self._plan: Plan | None = None
        self._later: Plan | None = None
        """Another plan, made since, that is not shown yet."""
        self._seen: Status | None = None
        self._previewing = False
        self.lines = LineView(console.glyphs)
        self.buttons = Buttons(("Cancel",), console.glyphs)

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.lines, self.buttons)

    def focus_body(self) -> None:
        self.buttons.take_focus()

    def on_mount(self) -> None:
        self.footer.show((Hint("tab", "choose"), Hint("enter", "press"), Hint("esc", "cancel")))
        self.lines.set_entries((Entry("Working out what would be done.", DIM),))
        self._look()
        self.buttons.take_focus()

    def show_picture(self, picture: View | None, error: str) -> None:
        super().show_picture(picture, error)
        now = picture.status if picture else None
        if now and not self._previewing and (self._seen is None or _differ(self._seen, now)):
            self._look()

    def _look(self) -> None:
        self._seen, self._previewing = self.console.status, True
        self.console.in_background(self._preview, self._previewed)

    def _previewed(self, result: Plan | Exception) -> None:
        self._previewing = False
        if not self.is_attached:
            return
        if isinstance(result, Exception):
            self._plan = self._later = None
            reason = Entry(said(result), STYLES["bad"])
            self.lines.set_entries((heading("This cannot be done"), Entry(), reason))
            self.buttons.set_labels(("Cancel",))
        elif self._plan is None:
            self._show(result)
        elif self._plan.commands == result.commands:
            self._later = None
            self.bar.say("")
            self.buttons.set_labels(("Cancel", "Apply"))
        else:
            self._later = result
            self.bar.say("the host has changed: the plan is another by now", "warning")
            self.buttons.set_labels(("Cancel", "Show what differs"))

    def _show(self, plan: Plan) -> None:
        self._plan, self._later = plan, None
        before = (*differing(self._changed), Entry()) if self._changed else ()
        self.lines.set_entries((*before, *plan_entries(plan, self._if_one_fails)))
        self.bar.say("")
        self.buttons.set_labels(("Cancel", "Apply"))

    def action_lines(self, movement: str, by: int) -> None:
        match movement:
            case "move":
                self.lines.action_move(by)
            case "page":
                self.lines.action_page(by)
            case _:
                self.lines.action_edge(by)

    def on_buttons_pressed(self, message: Buttons.Pressed) -> None:
        message.stop()
        if message.index == 1 and self._plan is not None and self._later is not None:
            self._changed = plan_difference(self._plan, self._later)
            self._show(self._later)
            self.buttons.choose_first()
        else:
            self.dismiss(self._plan if message.index == 1 else None)

    def action_copy(self) -> None:
        self.bar.say(self.console.copy(self.lines.text))


class NameHostPage(Page[bool], inherit_bindings=False):
    """Has the host's name typed before most of what is ours goes; answers whether it was right."""

    BINDINGS: ClassVar[list[BindingType]] = WAYS

    def __init__(self, console: Console, title: str, because: str, plan: Plan) -> None:
        super().__init__(console, title, "esc cancels ")
        self._host = console.door.host_name
        self._because = because
        self._plan = plan
        self.lines = LineView(console.glyphs)

    def body(self) -> tuple[Widget, ...]:
        return (self.heading, self.lines)

    def on_mount(self) -> None:
        self.footer.show((Hint("enter", "take the name"), Hint("esc", "cancel")))
        reason = Entry(self._because, STYLES["warning"])
        self.lines.set_entries((reason, Entry(), *plan_entries(self._plan, GOES_ON)))
        hint = f"type {self._host} to go on; anything else, and esc, cancels"
        self.bar.type_text("name of this host: ", hint, "", self._typed)

    def focus_body(self) -> None:
        self.bar.take_focus()

    def _typed(self, text: str, done: bool) -> None:
        if done:
            self.dismiss(text.strip() == self._host)


def _differ(former: Status, now: Status) -> bool:
    """Whether something has changed that a plan may hang on."""
    return (former.drift, former.floating_ips, former.security_groups) != (
        *(now.drift, now.floating_ips, now.security_groups),
    )


def said(error: Exception) -> str:
    """Return an error for the admin; one that is neither ours nor the system's with its kind."""
    is_known = isinstance(error, NetconsoleError | OSError)
    return f"{'' if is_known else f'{type(error).__name__}: '}{errors.said(error)}"


def differing(difference: PlanDifference) -> tuple[Entry, ...]:
    """Return what a plan has that the one agreed to had not, and what it lacks of it."""
    said = "Nothing was done: the plan is not the one that you were shown any more."
    entries = [Entry(said, STYLES["warning"])]
    for title, commands in (("Now also", difference.added), ("No longer", difference.gone)):
        if commands:
            entries += [Entry(f"{title}:", BOLD), *(command(text) for text in commands)]
    if not (difference.added or difference.gone):
        entries.append(Entry("The same commands, in another order."))
    return tuple(entries)


def plan_entries(plan: Plan, if_one_fails: str) -> tuple[Entry, ...]:
    """Return a plan to read: what is to say of it, then every command, in the order in which they
    run."""
    notes = plan.notes if isinstance(plan, Preview) else ()
    told = [each for note in notes for each in (Entry(note, STYLES["warning"]), Entry())]
    if not plan:
        return (*told, Entry("Nothing is to be done on the host; only the store changes."))
    said = f"{count(len(plan.commands), 'command')}, run in this order; {if_one_fails}:"
    return (*told, Entry(said, BOLD), Entry(), *(command(text) for text in plan.commands))
