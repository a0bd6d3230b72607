"""`netconsole explain`: the page of a check, which is its documentation."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from netconsole.backend.model.codec import record
from netconsole.cli.frame import output
from netconsole.cli.frame.changing import as_json
from netconsole.cli.frame.names import CHECK

if TYPE_CHECKING:
    from netconsole.diagnostics.model.check import Check
    from netconsole.diagnostics.playbooks import Playbook

WIDTH = 79
COLUMNS = ("check", "catalogue", "title")


@click.command()
@click.argument("check", required=False, type=CHECK)
@click.option("--all", "everything", is_flag=True, help="Print the page of every check.")
@as_json
def explain(check: str | None, everything: bool, as_json: bool) -> None:
    """Explain a check: symptom, cause, look-alikes, cure, source.

    CHECK is its name, or its code in the catalogue such as A1. Without one, lists them.
    """
    from netconsole.diagnostics import doctor
    from netconsole.diagnostics.checks import CHECKS

    if as_json:
        pages = [check_record(each) for each in CHECKS.values()]
        if check is not None and not everything:
            output.print_json(check_record(doctor.check(check)))
        elif everything:
            output.print_json(pages)
        else:
            output.print_json([{name: page[name] for name in COLUMNS} for page in pages])
    elif everything:
        for each in CHECKS.values():
            output.print_lines((*check_page(each), ""))
    elif check is None:
        rows = [(each.id, ", ".join(each.rows), each.title) for each in CHECKS.values()]
        output.print_table(COLUMNS, rows)
    else:
        output.print_lines(check_page(doctor.check(check)))


def check_record(check: "Check") -> dict[str, object]:
    """Return a check with its page, as JSON has it."""
    look_alikes = [
        {"name": name, "difference": difference} for name, difference in check.page.look_alikes
    ]
    page = record(check.page) | {"look_alikes": look_alikes}
    return {"check": check.id, "catalogue": check.rows, "title": check.title, "page": page}


def check_page(check: "Check") -> Iterator[str]:
    """Return the whole page of a check."""
    codes = f" ({', '.join(check.rows)})" if check.rows else ""
    yield f"{check.id}{codes}: {check.title}"
    for heading, paragraphs in check.page.sections():
        yield ""
        yield heading
        for paragraph in paragraphs:
            yield from textwrap.wrap(
                paragraph, WIDTH, initial_indent="    ", subsequent_indent="    "
            )


def playbook_record(playbook: "Playbook") -> dict[str, object]:
    """Return how a playbook proceeds, with the pages of its checks, as JSON has it."""
    return {
        "name": playbook.name,
        "title": playbook.title,
        "summary": playbook.summary,
        "about": playbook.about,
        "target": playbook.target or None,
        "stages": [
            {"why": stage.why or None, **check_record(stage.checked)} for stage in playbook.stages
        ],
    }


def playbook_page(playbook: "Playbook") -> Iterator[str]:
    """Return how a playbook proceeds, and the pages of its checks."""
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
