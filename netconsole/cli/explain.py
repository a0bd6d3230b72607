"""`netconsole explain`: the page of a check, which is its documentation."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from netconsole.cli import output
from netconsole.cli.names import CHECK

if TYPE_CHECKING:
    from netconsole.diagnostics.check import Check
    from netconsole.diagnostics.playbooks import Playbook

WIDTH = 79


@click.command()
@click.argument("check", required=False, type=CHECK)
@click.option("--all", "everything", is_flag=True, help="Print the page of every check.")
def explain(check: str | None, everything: bool) -> None:
    """Explain a check: symptom, cause, look-alikes, cure, source.

    CHECK is its name, or its code in the catalogue such as A1. Without one, lists them.
    """
    from netconsole.diagnostics import doctor
    from netconsole.diagnostics.checks import CHECKS

    if everything:
        for each in CHECKS.values():
            output.print_lines((*check_page(each), ""))
    elif check is None:
        rows = [(each.id, ", ".join(each.rows), each.title) for each in CHECKS.values()]
        output.print_table(("check", "catalogue", "title"), rows)
    else:
        output.print_lines(check_page(doctor.check(check)))


def check_page(check: "Check") -> Iterator[str]:
    """Answer the whole page of a check."""
    codes = f" ({', '.join(check.rows)})" if check.rows else ""
    yield f"{check.id}{codes}: {check.title}"
    for heading, paragraphs in check.page.sections():
        yield ""
        yield heading
        for paragraph in paragraphs:
            yield from textwrap.wrap(
                paragraph, WIDTH, initial_indent="    ", subsequent_indent="    "
            )


def playbook_page(playbook: "Playbook") -> Iterator[str]:
    """Answer how a playbook proceeds, and the pages of its checks."""
    yield f"{playbook.name}: {playbook.title}"
    for paragraph in (playbook.summary, *playbook.about.split("\n\n")):
        yield ""
        yield from textwrap.wrap(paragraph, WIDTH)
    if playbook.target:
        yield ""
        yield f"--target takes {playbook.target}."
    for stage in playbook.stages:
        yield ""
        if stage.why:
            yield from textwrap.wrap(f"Because {stage.why}:", WIDTH)
        yield from check_page(stage.checked)
