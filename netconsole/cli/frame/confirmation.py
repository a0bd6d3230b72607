"""Asking at the terminal whether to keep a change that touched the admin's own connection."""

import select
import sys

import click


def can_ask() -> bool:
    """Whether there is a terminal to ask at."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def names_host(host: str, what: str) -> bool:
    """Ask for the host's name before most of what is ours goes; anything else is a no."""
    click.echo(f"{what}\nType the name of this host, {host}, to go on: ", nl=False, err=True)
    sys.stderr.flush()
    return sys.stdin.readline().strip() == host


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
