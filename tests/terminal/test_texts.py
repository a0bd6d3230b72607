"""What the console writes: nothing a terminal would act on, nothing that pastes wrongly."""

import shlex

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from netconsole.screens.pages.actions import ACTIONS, Situation
from netconsole.screens.panes import PANES
from netconsole.screens.rows.listing import Listing
from netconsole.screens.rows.marks import ASCII, PLAIN, UNICODE, glyphs_for, human_size, mark
from netconsole.screens.rows.pane import Column, Entry, Row
from netconsole.screens.widgets.lines import wrapped
from netconsole.screens.widgets.surface import changed_span, fit, strip_of

WORDS = st.lists(st.text("ab-/.'\" $", min_size=1, max_size=9), min_size=1)


@example("\u0afa\U00018d09", 2)
@given(st.text(), st.integers(1, 60))
def test_a_cell_is_as_wide_as_its_column_and_holds_no_control_character(
    text: str, width: int
) -> None:
    cell = fit(text, width, "…")
    assert cell_len(cell) == width
    assert not any(character < " " or "\x7f" <= character < "\xa0" for character in cell)


def test_a_foreign_name_cannot_write_elsewhere_on_the_screen() -> None:
    assert fit("dns\x1b[2Jmasq\x9b\u202e", 30).rstrip() == r"dns\x1b[2Jmasq\u009b\u202e"


@given(WORDS, st.integers(40, 100))
def test_a_wrapped_command_is_the_same_command_when_pasted(words: list[str], width: int) -> None:
    lines = [
        "".join(text for text, _ in parts)
        for parts in wrapped(Entry(shlex.join(words), command=True), width)
    ]
    pasted = "\n".join(lines).replace("\\\n", " ")
    assert shlex.split(pasted) == words


def test_a_file_in_a_command_keeps_its_lines() -> None:
    command = "printf %s 'a=1\nb=2\n' > /etc/x"
    lines = [
        "".join(text for text, _ in parts) for parts in wrapped(Entry(command, command=True), 60)
    ]
    assert lines == ["  printf %s 'a=1", "b=2", "' > /etc/x"]


def test_a_step_that_is_wrapped_goes_on_below_its_words() -> None:
    step = Entry("FAIL !   dns: whether the names of guests are answered at all", hanging=9)
    lines = ["".join(text for text, _ in parts) for parts in wrapped(step, 40)]
    assert lines == ["FAIL !   dns: whether the names of", "         guests are answered at all"]


def test_only_the_cells_that_differ_are_sent() -> None:
    old = strip_of([("chain ", PLAIN), ("12", PLAIN)], 20)
    new = strip_of([("chain ", PLAIN), ("13", PLAIN)], 20)
    assert changed_span(old, new) == (6, 8)
    assert changed_span(old, strip_of([("chain ", PLAIN)], 18)) == (0, 20)


def listing(*rows: tuple[str, str]) -> Listing:
    made = Listing((Column("address", 15, "address"), Column("packets", 8, "number")), "empty")
    made.set_rows(tuple(Row(key=cells[0], cells=cells) for cells in rows))
    return made


def addresses(shown: Listing) -> list[str]:
    return [row.cells[0] for row in shown.shown]


def test_addresses_and_counters_are_ordered_as_numbers() -> None:
    shown = listing(("10.0.0.10", "9"), ("10.0.0.9", "1.5M"), ("10.0.0.100", "-"))
    shown.cycle_sort([0, 1])
    assert addresses(shown) == ["10.0.0.9", "10.0.0.10", "10.0.0.100"]
    shown.cycle_sort([0, 1])
    assert addresses(shown) == ["10.0.0.10", "10.0.0.9", "10.0.0.100"]
    shown.cycle_sort([0, 1])
    assert addresses(shown) == ["10.0.0.10", "10.0.0.9", "10.0.0.100"]


def test_the_cursor_stays_on_its_row_while_others_come_and_go() -> None:
    shown = listing(("10.0.0.1", "0"), ("10.0.0.2", "0"), ("10.0.0.3", "0"))
    shown.go(1, height=10)
    shown.set_rows(tuple(Row(f"10.0.0.{n}", (f"10.0.0.{n}", "1")) for n in (0, 3, 2)))
    assert shown.current is not None
    assert shown.current.key == "10.0.0.2"
    shown.filter = "!10.0.0.2"
    shown.rearrange()
    shown.go(shown.cursor, height=10)
    assert addresses(shown) == ["10.0.0.0", "10.0.0.3"]
    assert shown.current.key == "10.0.0.3"


@pytest.mark.parametrize(
    ("environment", "glyphs"),
    [
        ({"TERM": "linux", "LANG": "C.UTF-8"}, ASCII),
        ({"TERM": "xterm", "LC_ALL": "C", "LANG": "C.UTF-8"}, ASCII),
        ({"TERM": "xterm", "LANG": "de_DE.ISO-8859-1"}, ASCII),
        ({"TERM": "xterm", "LANG": "de_DE.utf8"}, UNICODE),
    ],
)
def test_glyphs_suit_the_terminal(environment: dict[str, str], glyphs: object) -> None:
    assert glyphs_for(environment) is glyphs


def test_states_differ_in_black_and_white() -> None:
    for glyphs in (UNICODE, ASCII):
        words = ("present", "missing", "unexpected", "foreign")
        assert len({mark(word, glyphs).split()[-1] for word in words}) == len(words)


def test_every_action_can_be_found_and_read_only_offers_none_that_changes() -> None:
    assert len({action.key for action in ACTIONS}) == len(ACTIONS)
    changing = {"allow", "associate", "disassociate", "repair", "revoke"}
    assert {a.id for a in ACTIONS if a.danger} == changing
    for pane in PANES:
        situation = Situation(pane.id, "row", None, read_only_because="no privilege")
        offered = [action for action in ACTIONS if action.offered(situation)]
        assert offered
        assert not any(action.danger for action in offered)
        assert all(action.title and action.help for action in ACTIONS)


def test_sizes_take_five_characters_at_most() -> None:
    assert [human_size(n) for n in (0, 9_999, 10_000, 1_500_000, 999_999, 10**15)] == [
        *("0", "9999", "10.0k", "1.5M", "1.0M", "1.0P")
    ]
    assert all(len(human_size(10**power - 1)) <= 5 for power in range(1, 18))
