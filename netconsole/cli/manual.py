"""The manual page, netconsole(1), written from the commands themselves.

`python -m netconsole.cli.manual` prints it in the man(7) language.
"""

import re
import sys
from collections.abc import Iterator

import click

from netconsole import __version__
from netconsole.cli.main import PROGRAM, root

AFTER_THE_COMMANDS = r"""
.SH EXIT STATUS
.TP
.B 0
Done; a check found nothing; \fBplan\fR has nothing to do.
.TP
.B 1
Failed, and what was begun was undone; or a check found something.
.TP
.B 2
Bad input, nothing was changed; or \fBplan\fR has something to do.
.TP
.B 3
It cannot be done or checked here: a privilege, a program or a kernel feature is missing, or
\fB\-\-read\-only\fR was given.
.TP
.B 130
Interrupted.
.SH ENVIRONMENT
.TP
.B NETCONSOLE_CONFIG_FILE
The configuration file, unless \fB\-\-config\-file\fR names one; several, divided by colons, add
up.
.TP
.B NO_COLOR
If set, the console shows no colours. Other commands never do.
.SH FILES
.TP
.I /etc/netconsole/netconsole.conf
The configuration, under nova's own option names; a nova.conf can be used as it stands.
.TP
.I /var/lib/netconsole
The store, the journal and the audit log.
.SH EXAMPLES
.EX
netconsole network create vmnet \-\-fixed\-range\-v4 10.0.0.0/24 \-\-bridge br100
netconsole instance create web1 \-\-project demo \-\-network vmnet
netconsole floating create \-\-pool public \-\-ip\-range 203.0.113.128/28
netconsole floating associate 203.0.113.129 web1
netconsole plan || netconsole apply
netconsole status \-\-json | jq .drift
.EE
.SH SEE ALSO
.BR ip (8),
.BR bridge (8),
.BR iptables (8),
.BR conntrack (8),
.BR dnsmasq (8)
"""


def manual() -> str:
    """Return the whole page."""
    lines = [
        f'.TH {PROGRAM.upper()} 1 "" "{PROGRAM} {__version__}" "User Commands"',
        ".SH NAME",
        rf"{PROGRAM} \- network controller and console for hosts of virtual machines",
        ".SH SYNOPSIS",
        f".B {PROGRAM}",
        r"[\fIoptions\fR] [\fIcommand\fR [\fIarguments\fR]]",
        ".SH DESCRIPTION",
    ]
    with click.Context(root, info_name=PROGRAM) as context:
        lines += [*_prose(root.help), ".SH OPTIONS", *_options(root, context), ".SH COMMANDS"]
        for command, of_it in _leaves(root, context):
            lines += _section(command, of_it)
    return "\n".join(lines) + AFTER_THE_COMMANDS


def _leaves(
    group: click.Group, context: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    """Return every command below a group, with the group itself where it runs alone."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        with click.Context(command, info_name=name, parent=context) as inner:
            if not isinstance(command, click.Group) or command.invoke_without_command:
                yield command, inner
            if isinstance(command, click.Group):
                yield from _leaves(command, inner)


def _section(command: click.Command, context: click.Context) -> list[str]:
    path = context.command_path.removeprefix(f"{PROGRAM} ")
    arguments = " ".join(
        parameter.make_metavar(context)
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    )
    heading = rf".SS \fB{_escape(path)}\fR \fI{_escape(arguments)}\fR" if arguments else None
    return [
        heading or rf".SS \fB{_escape(path)}\fR",
        *_prose(command.help),
        *_options(command, context),
    ]


def _options(command: click.Command, context: click.Context) -> list[str]:
    lines = []
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            lines += [".TP", rf"\fB{_escape(record[0])}\fR", *_prose(record[1])]
    return lines


def _prose(text: str | None) -> list[str]:
    """Return help text as man(7): filled paragraphs, and as they stand those marked by \\b."""
    lines: list[str] = []
    for paragraph in (text or "").strip().split("\n\n"):
        if lines:
            lines.append(".PP")
        rows = [row.strip() for row in paragraph.strip().splitlines()]
        if rows[:1] == ["\b"]:
            lines += [".EX", *map(_escape, rows[1:]), ".EE"]
        else:
            lines.append(_escape(" ".join(rows)))
    return lines


def _escape(text: str) -> str:
    escaped = re.sub(r"`([^`]+)`", r"\\fB\1\\fR", text.replace("\\", r"\e").replace("-", r"\-"))
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(manual())
