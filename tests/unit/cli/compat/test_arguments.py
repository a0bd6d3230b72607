"""How nova and nova-manage take their arguments."""

import click
import pytest
from click.testing import CliRunner

from netconsole.cli.compat.arguments import RANGE
from netconsole.cli.compat.nova import nova
from netconsole.cli.compat.nova_manage import nova_manage
from netconsole.cli.compat.nova_servers import PATTERN, Nic, NicType, boot
from netconsole.cli.frame.truth import TrueOrFalse


@pytest.mark.parametrize("word", ["T", "t", "True", "true", "1", "yes"])
def test_true(word: str) -> None:
    assert TrueOrFalse().convert(word, None, None) is True


@pytest.mark.parametrize("word", ["F", "false", "0", "no", "off"])
def test_false(word: str) -> None:
    assert TrueOrFalse().convert(word, None, None) is False


@pytest.mark.parametrize("word", ["", "maybe", "TF", "2", "x" * 1000])
def test_neither(word: str) -> None:
    with pytest.raises(click.BadParameter, match="neither T nor F"):
        TrueOrFalse().convert(word, None, None)


@pytest.mark.parametrize(
    ("text", "nic"),
    [
        ("net-id=abc", Nic("abc", None)),
        ("net-name=vmnet", Nic("vmnet", None)),
        ("net-id=abc,v4-fixed-ip=10.0.0.9", Nic("abc", "10.0.0.9")),
        ("v4-fixed-ip=10.0.0.9,net-id=abc", Nic("abc", "10.0.0.9")),
    ],
)
def test_a_nic(text: str, nic: Nic) -> None:
    assert NicType().convert(text, None, None) == nic


@pytest.mark.parametrize(
    "text",
    ["", "abc", "net-id=", "v4-fixed-ip=10.0.0.9", "net-id=a,net-name=b", "port-id=x", "net-id=a,"],
)
def test_no_nic(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not net-id="):
        NicType().convert(text, None, None)


@pytest.mark.parametrize(
    "words",
    [
        ["--nic", "net-id=", "A", "--nic", "net-id=", "B", "vm"],
        ["vm", "--nic", "net-id=A", "--nic=net-id=", "B"],
        ["--nic=net-id=A", "vm", "--nic=net-id=B"],
    ],
)
def test_a_blank_after_net_id_is_as_the_guide_prints_it(words: list[str]) -> None:
    context = boot.make_context("boot", list(words))
    assert context.params["nics"] == (Nic("A", None), Nic("B", None))
    assert context.params["name"] == "vm"


@pytest.mark.parametrize("spelling", ["--ip_range", "--ip-range"])
def test_both_spellings_of_an_option(spelling: str) -> None:
    done = CliRunner().invoke(nova_manage, ["floating", "create", spelling, "x", "--bad"])
    assert "No such option '--bad'" in done.output.replace("no such", "No such")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["network-create", "vmnet"], "--fixed-range-v4"),
        (["network-disassociate", "vmnet", "--host-only", "--project-only"], "not both"),
        (["network-associate-project", "vmnet"], "--os-project-id"),
    ],
)
def test_what_is_missing_is_asked_for(words: list[str], said: str) -> None:
    done = CliRunner(env=dict.fromkeys(("OS_PROJECT_ID", "OS_TENANT_NAME"), "")).invoke(nova, words)
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.parametrize("group", [nova, nova_manage], ids=["nova", "nova-manage"])
def test_every_command_says_what_it_does(group: click.Group) -> None:
    for name, command in group.commands.items():
        assert command.get_short_help_str(limit=200).endswith("."), name


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10.0.0.7/24", "10.0.0.0/24"),
        ("10.0.0.0/24", "10.0.0.0/24"),
        ("10.0.0.7/255.255.255.0", "10.0.0.0/24"),
        ("fd00::7/64", "fd00::/64"),
        ("203.0.113.129", "203.0.113.129"),
        ("no range/24", "no range/24"),
        ("", ""),
    ],
)
def test_a_range_with_host_bits_is_the_one_around_it(
    text: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert RANGE.convert(text, None, None) == meant
    said = f"{text} has host bits set: taken as {meant}\n" if text != meant else ""
    assert capsys.readouterr().err == said


def test_a_regular_expression_that_is_none_is_named() -> None:
    with pytest.raises(click.BadParameter, match="'\\(' is no regular expression"):
        PATTERN.convert("(", None, None)
