"""Asking at the terminal whether to keep a change that touched the admin's own connection."""

import select
import sys

import click


def can_ask() -> bool:
    """Whether there is a terminal to ask at."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(seconds: int) -> bool:
    """Ask, and wait so many seconds for a line; only `yes` keeps the change."""
    click.echo(
        "This changed the way that your SSH session comes in. "
        f"Type yes within {seconds} s to keep it: ",
        nl=False,
        err=True,
    )
    sys.stderr.flush()
    if not select.select([sys.stdin], [], [], seconds)[0]:
        click.echo(err=True)
        return False
    return sys.stdin.readline().strip().lower() == "yes"
