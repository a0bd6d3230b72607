"""The manual page holds every command and every option."""

import shutil
import subprocess
from collections.abc import Iterator

import click
import pytest

from netconsole.cli.main import PROGRAM, root
from netconsole.cli.manual import manual


def commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[str, click.Command]]:
    with click.Context(group, info_name=PROGRAM) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            if command.hidden:
                continue
            if isinstance(command, click.Group):
                yield from commands(command, (*path, name))
            else:
                yield " ".join((*path, name)), command


def test_every_command_and_option_is_described() -> None:
    sections = manual().replace("\\-", "-").split(".SS ")
    by_heading = {part.splitlines()[0]: part for part in sections[1:]}
    seen = 0
    for path, command in commands(root, ()):
        heading = next(h for h in by_heading if h.startswith(f"\\fB{path}\\fR"))
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[-1] in by_heading[heading], (path, option.opts)
                assert option.help, f"{path} {option.opts} has no help"
        seen += 1
    assert seen > 15
    for option in root.params:
        assert option.opts[0] in sections[0]


@pytest.mark.parametrize("name", ["network", "instance", "floating", "lab", "nova", "nova-manage"])
def test_no_command_is_listed_with_half_a_sentence(name: str) -> None:
    with click.Context(root, info_name=PROGRAM) as context:
        group = root.get_command(context, name)
    assert isinstance(group, click.Group)
    with click.Context(group, info_name=name, terminal_width=80) as context:
        listed = group.get_help(context).partition("Commands:")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.requires("groff")
def test_the_formatter_finds_nothing_to_warn_of() -> None:
    assert shutil.which("groff")
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z"],
        input=manual(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
