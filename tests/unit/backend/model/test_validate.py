"""Names: whatever is typed, nothing gets through that means something to a program behind."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netconsole.backend.model import validate
from netconsole.backend.model.errors import ExitStatus, InvalidValue

RULES = [validate.name, validate.interface]
EVERY_RULE = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
Validation = Callable[[str, str], str]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (validate.name, "vmnet"),
        (validate.name, "0.a_b-c"),
        (validate.name, "x" * 255),
        (validate.display_name, "Windows 2012 R2"),
        (validate.display_name, "Prüfstand (alt), 50%"),
        (validate.display_name, "x" * 255),
        (validate.interface, "br100"),
        (validate.interface, "br-lan.100"),
        (validate.interface, "abcdefghijklmno"),
    ],
)
def test_ordinary_names_are_returned_as_they_are(rule: Validation, value: str) -> None:
    assert rule("name", value) == value


@EVERY_RULE
@pytest.mark.parametrize(
    "value",
    [
        "",
        "web1\n",
        "\nweb1",
        "web1\r",
        "web 1",
        "web\t1",
        "web1,10.0.0.9",
        "web1'",
        'web1"',
        "web1`id`",
        "$(id)",
        "web1;id",
        "web1|id",
        "web1#",
        "web1/..",
        "../web1",
        "..",
        "-web1",
        "--conf-file=x",
        "web1\0",
        "web1\x1b[2J",
        "web1\x7f",
        "web1\u2028",
        "web1\u202e",
        "wеb1",  # noqa: RUF001  the second letter is Cyrillic
        "web\uff11",
        "web²",
        "wéb1",
        "x" * 256,
        "x" * 300,
    ],
)
def test_names_that_mean_something_elsewhere_are_refused(rule: Validation, value: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        rule("label", value)

    line = str(refused.value)
    assert line.startswith("label ")
    assert line.isascii() or line.isprintable()
    assert "\n" not in line
    assert len(line) < 250
    assert refused.value.exit_status == ExitStatus.REFUSED


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (validate.display_name, ""),
        (validate.display_name, " web1"),
        (validate.display_name, "web1\n"),
        (validate.display_name, "web1\x1b[2J"),
        (validate.display_name, "web1\u202e"),
        (validate.display_name, "web1\x9b"),
        (validate.display_name, "-web1"),
        (validate.display_name, "x" * 256),
        (validate.interface, "x" * 16),
        (validate.interface, "br:1"),
    ],
)
def test_each_kind_of_name_has_its_own_limits(rule: Validation, value: str) -> None:
    with pytest.raises(InvalidValue):
        rule("name", value)


ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_ALMOST = st.text(st.sampled_from("abc0.-_"), max_size=20)


@EVERY_RULE
@given(text=st.text() | st.builds("{}{}{}".format, _ALMOST, st.characters(), _ALMOST))
def test_only_plain_letters_get_through(rule: Validation, text: str) -> None:
    try:
        value = rule("name", text)
    except InvalidValue:
        return
    assert value == text
    assert set(value) <= ALLOWED
    assert value[0].isalnum()
    assert 1 <= len(value) <= 255
