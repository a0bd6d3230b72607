"""The console on a running lab, in a terminal of its own."""

from pseudo_terminal import Terminal
from running_lab import RunningLab


def console(
    lab: RunningLab,
    *prefix: str,
    options: tuple[str, ...] = (),
    columns: int = 80,
    lines: int = 24,
    **environment: str,
) -> Terminal:
    """Return a terminal with the console in it; `prefix` are words before its command."""
    return Terminal(
        lab.entered(*prefix, "netconsole", *options),
        columns=columns,
        lines=lines,
        environment=environment,
    )
