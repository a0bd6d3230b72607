"""What the commands of nova and nova-manage print."""

from netconsole.cli.compat.tables import bordered, tabbed

GUIDE = """\
+-----+------------+--------+----------------------------------------+
| ID  | Name       | Status | Networks                               |
+-----+------------+--------+----------------------------------------+
| 124 | Server 124 | ACTIVE | network2=20.20.0.3; private=20.20.10.14 |
+-----+------------+--------+----------------------------------------+
"""


def test_a_table_is_as_in_the_guide() -> None:
    row = (124, "Server 124", "ACTIVE", "network2=20.20.0.3; private=20.20.10.14")
    printed = bordered(("ID", "Name", "Status", "Networks"), [row])
    # The guide's last column is one short of what its own printer leaves on the right.
    assert (
        printed
        == GUIDE.replace("--------+\n", "---------+\n")
        .replace(
            "Networks                               |", "Networks                                |"
        )
        .splitlines()
    )


def test_without_rows_the_columns_are_named() -> None:
    assert bordered(("ID", "Label"), []) == [
        "+----+-------+",
        "| ID | Label |",
        "+----+-------+",
        "+----+-------+",
    ]


def test_nothing_is_a_dash_and_yes_and_no_are_true_and_false() -> None:
    assert bordered(("a", "b", "c"), [(None, True, False)])[3] == "| - | True | False |"


def test_wide_letters_take_two_columns() -> None:
    lines = bordered(("a",), [("日本",), ("ab",)])
    assert lines[0] == "+------+"
    assert lines[3:5] == ["| 日本 |", "| ab   |"]


def test_what_would_steer_a_terminal_is_replaced() -> None:
    assert "\x1b" not in "".join(bordered(("a",), [("\x1b[2J",)]))
    assert "\n" not in tabbed(["a\nb"])


def test_columns_are_padded_and_divided_by_tabs() -> None:
    assert tabbed(["1", None, "c"], (5, 6)) == "1    \tNone  \tc"
